"""Webhooks: programs that launch a playbook by a signed call, and addresses that are told what becomes of runs.

A secret is shown once, on the page that made it; that page is not kept by any cache.
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import SecretStr

from api.glue import outside
from api.http.deps import CsrfForm, CurrentActor, Person, State_, Tx
from api.http.state import WebState, web_state
from api.web.launch_form import Sent, argument_fields, read_form, text
from api.web.pages.playbooks import Runner, titles, where
from api.web.render import page, translator_of
from api.web.rollout_words import refusal
from api.web.shell import Frame, look
from inventory.public import CREDENTIALS_SET
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, NotFound, Refused, VungCaoError
from kernel.i18n import N_
from playbooks.public import (
    PLAYBOOKS_READ,
    USUALLY_TOLD,
    BadArgument,
    add_receiver,
    end_hook,
    end_receiver,
    hooks,
    make_hook,
    playbook_of,
    receivers,
)

router = APIRouter(include_in_schema=False)

EVENTS: Final = {
    "playbook.ended": N_("A run is over"),
    "playbook.stopped": N_("A run stopped by itself"),
    "playbook.proposed": N_("A run waits for approval"),
    "playbook.launched": N_("A run was launched"),
    "playbook.wave-ended": N_("A wave is over"),
    "schedule.missed": N_("A scheduled time was missed"),
}


@router.get("/webhooks")
async def webhook_list(request: Request, state: State_, actor: CurrentActor, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Return the webhooks, both ways, that the reader may see."""
    return await _page(request, state, actor, tx)


@router.get("/webhooks/new")
async def new_webhook(request: Request, state: State_, actor: Runner, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Return the form of a webhook that launches; what a launch's form held comes in the address."""
    return await _form(request, state, actor, tx, request.query_params)


@router.post("/webhooks/new")
async def make_webhook(request: Request, state: State_, actor: Runner, _person: Person, _csrf: CsrfForm) -> Response:
    """Make the webhook and show its secret, once; or say what is wrong."""
    sent = await request.form()
    found = playbook_of(web_state(request).playbooks, text(sent, "playbook"))
    error: VungCaoError | None = None
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
        if text(sent, "do") == "make":
            order = read_form(found, sent).order(found)
            try:
                made, secret = await make_hook(
                    text(sent, "name"), order, actor, tx, outside(), state.vault, catalog=state.playbooks
                )
            except (BadInput, Conflict, NotFound, Refused) as refused:
                error = refused
            else:
                return await _page(request, state, actor, tx, made=str(made.id), secret=secret)
        return await _form(request, state, actor, tx, sent, error=error)


@router.post("/webhooks/receivers")
async def add_address(
    request: Request, state: State_, actor: CurrentActor, _person: Person, _csrf: CsrfForm
) -> Response:
    """Let an address be told, and show the secret that messages to it are signed with, once; or say what is wrong."""
    actor.require_everywhere(CREDENTIALS_SET)
    sent = await request.form()
    events = [value for value in sent.getlist("events") if isinstance(value, str)]
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
        try:
            made, secret = await add_receiver(text(sent, "name"), text(sent, "url"), events, actor, tx, state.vault)
        except BadInput as error:
            return await _page(request, state, actor, tx, error=error, typed=dict(sent), chosen=events)
        return await _page(request, state, actor, tx, made=str(made.id), secret=secret)


@router.post("/webhooks/{hook_id}/end")
async def end(hook_id: uuid.UUID, state: State_, actor: Runner, _csrf: CsrfForm) -> Response:
    """Let nothing be launched by it any more."""
    async with state.database.transaction() as tx:
        await end_hook(actor, hook_id, tx)
    return RedirectResponse("/webhooks", 303)


@router.post("/webhooks/receivers/{receiver_id}/end")
async def end_address(receiver_id: uuid.UUID, state: State_, actor: CurrentActor, _csrf: CsrfForm) -> Response:
    """Tell it nothing any more."""
    actor.require_everywhere(CREDENTIALS_SET)
    async with state.database.transaction() as tx:
        await end_receiver(actor, receiver_id, tx)
    return RedirectResponse("/webhooks", 303)


async def _page(
    request: Request,
    state: WebState,
    actor: Actor,
    tx: Transaction,
    *,
    made: str = "",
    secret: SecretStr | None = None,
    error: VungCaoError | None = None,
    typed: dict[str, Any] | None = None,
    chosen: list[str] | None = None,
) -> HTMLResponse:
    t = translator_of(request)
    return page(
        request,
        "playbooks/webhooks.html",
        status_code=error.http_status if error else 200,
        hooks=await hooks(actor, tx),
        receivers=await receivers(actor, tx) if actor.may_everywhere(PLAYBOOKS_READ) else None,
        may_add=actor.may_everywhere(CREDENTIALS_SET),
        events=EVENTS,
        chosen=chosen if chosen is not None else list(USUALLY_TOLD),
        typed=typed or {},
        titles=titles(request),
        base=(state.settings.public_url or str(request.base_url)).rstrip("/"),
        made=made,
        secret=secret.get_secret_value() if secret else "",
        error=refusal(t, error, {}) if error else "",
    )


async def _form(
    request: Request,
    state: WebState,
    actor: Actor,
    tx: Transaction,
    sent: Sent,
    *,
    error: VungCaoError | None = None,
) -> HTMLResponse:
    t = translator_of(request)
    found = playbook_of(web_state(request).playbooks, text(sent, "playbook"))
    form = read_form(found, sent)
    misfits = found.judge_arguments(form.given)[1] if isinstance(error, BadArgument) else {}
    return page(
        request,
        "playbooks/webhook_new.html",
        status_code=error.http_status if error else 200,
        playbook=found,
        title=found.title.of(t.language),
        form=form,
        fields=argument_fields(found, form, misfits, t),
        name=text(sent, "name"),
        error=refusal(t, error, titles(request)) if error else "",
        **await where(state, actor, tx, form, t),
    )
