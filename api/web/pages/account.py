"""One's own account: what it may do, its sessions, tokens and second factor, password, language."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.auth import close_session, peer_of
from api.http.deps import CurrentActor, State_, Tx, Visitor
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from inventory.public import (
    TokenRequest,
    WrongPassword,
    change_password,
    confirm_password,
    end_session,
    has_password,
    make_token,
    own_account,
    own_factor,
    own_grants,
    own_sessions,
    own_tokens,
    revoke_own_token,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound, TooManyTries, VungCaoError

router = APIRouter(include_in_schema=False)

Password = Annotated[str, Form(max_length=1000)]
Saved = Literal["password", "session", "factor", "token"]


@router.get("/account")
async def show(
    request: Request,
    _frame: Frame,
    actor: CurrentActor,
    visit: Visitor,
    tx: Tx,
    saved: Annotated[Saved | None, Query()] = None,
    failed: Annotated[Literal["wrong-code", "too-many-tries"] | None, Query()] = None,
) -> Response:
    """Show the account; `saved` names what was just done, `failed` why a second factor was not removed."""
    here = visit.session.id if visit.session else None
    return await _page(request, actor, here, tx, saved=saved, failed=failed)


@router.post("/account/password")
async def new_password(
    request: Request, state: State_, actor: CurrentActor, visit: Visitor, current: Password, new: Password
) -> Response:
    """Change the password and end all other sessions; or show the page again, and why."""
    here = visit.session.id if visit.session else None
    try:
        # Before any transaction of ours: while the password is looked at, no connection waits.
        await confirm_password(state.database, actor, current, peer_of(request))
        async with state.database.transaction() as tx:
            await change_password(actor, tx, password=new, keep=here)
    except (WrongPassword, BadInput, TooManyTries) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            return await _page(request, actor, here, tx, error=error)
    return RedirectResponse("/account?saved=password", 303)


@router.post("/account/sessions/{session}/end")
async def finish(actor: CurrentActor, visit: Visitor, tx: Tx, session: uuid.UUID) -> Response:
    """End one of the own sessions; ending this one is signing out."""
    await end_session(actor, session, tx)
    if visit.session is not None and visit.session.id == session:
        response = RedirectResponse("/sign-in", 303)
        close_session(response)
        return response
    return RedirectResponse("/account?saved=session", 303)


@router.post("/account/tokens")
async def new_token(
    request: Request,
    state: State_,
    actor: CurrentActor,
    visit: Visitor,
    title: Annotated[str, Form(max_length=200)],
    days: Annotated[int, Form(ge=1, le=366)],
    permissions: Annotated[list[str] | None, Form(max_length=50)] = None,
    unit: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Make an API token and show it, once; or show the page again, and why."""
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
    wanted = TokenRequest(title, permissions or [], state.clock.now() + timedelta(days=days), unit.strip() or None)
    try:
        async with state.database.transaction() as tx:
            made = await make_token(actor, tx, wanted)
    except (BadInput, NotFound) as error:
        async with state.database.transaction() as tx:
            here = visit.session.id if visit.session else None
            return await _page(request, actor, here, tx, token_error=error)
    return page(request, "account_token.html", made=made)


@router.post("/account/tokens/{token}/revoke")
async def revoke(actor: CurrentActor, tx: Tx, token: uuid.UUID) -> Response:
    """Let one of the own tokens open nothing any more."""
    await revoke_own_token(actor, tx, token)
    return RedirectResponse("/account?saved=token", 303)


async def _page(
    request: Request,
    actor: Actor,
    here: uuid.UUID | None,
    tx: Transaction,
    *,
    saved: Saved | None = None,
    failed: str | None = None,
    error: VungCaoError | None = None,
    token_error: VungCaoError | None = None,
) -> HTMLResponse:
    words = Words(translator_of(request))
    why = error or token_error
    held = {permission for hold in actor.holds for permission in hold.permissions}
    return page(
        request,
        "account.html",
        status_code=why.http_status if why else 200,
        account=await own_account(actor, tx),
        has_password=await has_password(actor, tx),
        grants=await own_grants(actor, tx),
        sessions=await own_sessions(actor, tx),
        this_session=here,
        tokens=await own_tokens(actor, tx),
        permissions=sorted(held),
        factor=await own_factor(actor, tx),
        error=words.error(error) if error else None,
        token_error=words.error(token_error) if token_error else None,
        factor_error=words.failure(failed) if failed else None,
        saved=saved,
    )
