"""Playbooks: what there is, the latest runs, and launching one on an office. A refusal says why, and until when."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from api.glue import rooms_in_session
from api.http.deps import CsrfForm, CurrentActor, State_, Tx
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from inventory.public import (
    OfficePage,
    OfficeView,
    may_in_offices,
    office_for,
    offices,
    offices_over_ssh,
    role_titles,
    ssh_device_counts,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import Conflict, NotFound, Refused, VungCaoError
from kernel.i18n import Translator
from playbooks.public import (
    PLAYBOOKS_READ,
    PLAYBOOKS_RUN,
    Argument,
    ArgumentType,
    LaunchRequest,
    Misfit,
    OfficeBusy,
    PlaybookView,
    Prospect,
    RoomInSession,
    RunState,
    ask_override,
    bundled_catalog,
    catalog,
    launch,
    playbook_of,
    prospect,
    run_for,
    runs,
)

router = APIRouter(include_in_schema=False)

RUNS = 20
OFFICES = 10
MOST_HELD = 5
ARGUMENT = "arg."
"""What a form's fields of arguments begin with: an argument named `office` is then no office."""


async def _runner(actor: CurrentActor) -> Actor:
    actor.require(PLAYBOOKS_RUN)
    return actor


Runner = Annotated[Actor, Depends(_runner)]
"""Who may run playbooks; asked before what they sent is looked at."""

Search = Annotated[str, Query(max_length=100)]
Code = Annotated[str, Query(max_length=100)]


@dataclass(frozen=True, slots=True)
class Filled:
    """What a form holds.

    Attributes:
        office: Code of the office; empty: none is chosen.
        check: Whether the dry run is chosen.
        given: Arguments by name, as they were typed; those left out show their defaults.
        misfits: What is wrong with them.
    """

    office: str = ""
    check: bool = True
    given: Mapping[str, Any] = field(default_factory=dict)
    misfits: Mapping[str, Misfit] = field(default_factory=dict)


@router.get("/playbooks")
async def playbook_list(
    request: Request, actor: CurrentActor, tx: Tx, _frame: Frame, after: Annotated[str | None, Query()] = None
) -> HTMLResponse:
    """Return what playbooks there are, and a page of runs, newest first."""
    offered = catalog(actor)
    found = await runs(actor, tx, limit=RUNS, after=after or None)
    held = (
        await runs(actor, tx, state=RunState.HELD, limit=MOST_HELD, permission=PLAYBOOKS_RUN)
        if actor.may(PLAYBOOKS_RUN)
        else None
    )
    return page(
        request,
        "playbooks/playbooks.html",
        playbooks=offered,
        titles=titles(translator_of(request)),
        runs=found.runs,
        next_cursor=found.next_cursor,
        later=after is not None,
        held=held.runs if held else [],
        offices=await offices_over_ssh(actor, tx, PLAYBOOKS_READ),
    )


@router.get("/playbooks/{name}")
async def playbook(
    request: Request,
    name: str,
    actor: CurrentActor,
    tx: Tx,
    _frame: Frame,
    office: Code = "",
    q: Search = "",
    after: Annotated[str | None, Query()] = None,
    run: uuid.UUID | None = None,
) -> HTMLResponse:
    """Return the form that launches a playbook; `run` is an earlier one, whose office and arguments it begins with."""
    actor.require(PLAYBOOKS_READ)
    found = playbook_of(bundled_catalog(), name)
    filled = Filled(office=office)
    if run is not None:
        earlier = await run_for(actor, run, tx)
        known = {argument: value for argument, value in earlier.arguments.items() if argument in found.arguments}
        filled = Filled(office=office or earlier.office, given=known)
    return await _form(request, actor, tx, found, filled, query=q, after=after or None)


@router.post("/playbooks/{name}")
async def launch_playbook(request: Request, name: str, state: State_, actor: Runner, _csrf: CsrfForm) -> Response:
    """Launch it and lead to its run; or show the form again, and say what is wrong or what stands in the way."""
    found = playbook_of(bundled_catalog(), name)
    form = await request.form()
    given = _given(found, form)
    values, misfits = found.judge_arguments(given)
    filled = Filled(_text(form, "office"), _text(form, "mode") != "real", given, misfits)
    error: VungCaoError | None = None
    if filled.office and not misfits:
        wanted = LaunchRequest(found.name, filled.office, filled.check, values)
        use_case = ask_override if _text(form, "ask") else launch
        try:
            async with state.database.transaction() as tx:
                run = await use_case(wanted, actor, tx, rooms_in_session)
            return RedirectResponse(f"/runs/{run.id}", 303)
        except (Conflict, Refused, NotFound) as refused:
            error = refused
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
        return await _form(request, actor, tx, found, filled, error=error, sent=True)


def titles(t: Translator) -> dict[str, str]:
    """Return the titles of all playbooks by name. One of an earlier release may be missing."""
    return {name: found.title.of(t.language) for name, found in bundled_catalog().items()}


async def _form(
    request: Request,
    actor: Actor,
    tx: Transaction,
    found: PlaybookView,
    filled: Filled,
    *,
    query: str = "",
    after: str | None = None,
    error: VungCaoError | None = None,
    sent: bool = False,
) -> HTMLResponse:
    t = translator_of(request)
    # An office that was sent and is not there: its error is shown, and another can be chosen.
    chosen, ahead = await _chosen(actor, "" if isinstance(error, NotFound) else filled.office, tx)
    choice: OfficePage | None = None
    if chosen is None:
        # Those where it can run; who looks for another one finds it as well, and why it cannot run there.
        choice = await offices(
            actor, tx, query=query, over_ssh=not query, limit=OFFICES, after=after, permission=PLAYBOOKS_READ
        )
    status = error.http_status if error else 400 if sent else 200
    return page(
        request,
        "playbooks/playbook.html",
        status_code=status,
        playbook=found,
        may_run=chosen is not None and await may_in_offices(found.runner(actor), PLAYBOOKS_RUN, [chosen.code], tx),
        run_by=await role_titles(tx, found.roles),
        title=found.title.of(t.language),
        limit=timedelta(seconds=found.limit_s),
        fields=[_field(name, argument, filled, t) for name, argument in found.arguments.items()],
        filled=filled,
        office=chosen,
        prospect=ahead,
        hindrance=_in_words(ahead.hindrance, t, chosen) if ahead and ahead.hindrance else "",
        titles=titles(t),
        query=query,
        offices=choice.offices if choice else [],
        next_cursor=choice.next_cursor if choice else None,
        reachable=await _reachable(actor, choice, tx),
        refusal=None if error is None else _in_words(error, t, chosen),
        held=isinstance(error, RoomInSession),
        busy=error.fields.get("run") if isinstance(error, OfficeBusy) else None,
        no_office=sent and not filled.office,
    )


async def _chosen(actor: Actor, office: str, tx: Transaction) -> tuple[OfficeView | None, Prospect | None]:
    if not office:
        return None, None
    view = await office_for(actor, office, tx, PLAYBOOKS_READ)
    return view, await prospect(actor, office, tx, rooms_in_session)


async def _reachable(actor: Actor, choice: OfficePage | None, tx: Transaction) -> dict[str, int]:
    codes = [office.code for office in choice.offices] if choice else []
    return await ssh_device_counts(actor, tx, codes, PLAYBOOKS_READ) if codes else {}


def _in_words(error: VungCaoError, t: Translator, office: OfficeView | None) -> str:
    """Return why it is refused, with names where the error has codes."""
    names: dict[str, object] = {}
    if "playbook" in error.fields:
        names["playbook"] = titles(t).get(str(error.fields["playbook"]), error.fields["playbook"])
    if "office" in error.fields and office is not None:
        names["office"] = office.name
    if "kind" in error.fields:
        names["kind"] = t.gettext(str(error.fields["kind"]))
    return t.gettext(type(error).message, **{**error.fields, **names})


def _given(found: PlaybookView, form: FormData) -> dict[str, Any]:
    """Return what was typed, by argument. A flag that is off is not sent; nothing typed is no answer to a question."""
    given: dict[str, Any] = {}
    for name, argument in found.arguments.items():
        field_name = f"{ARGUMENT}{name}"
        if argument.type is ArgumentType.FLAG:
            given[name] = field_name in form
        elif field_name in form:
            typed = _text(form, field_name)
            if typed or not argument.required:
                given[name] = typed
    return given


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Field:
    """An argument on the form."""

    name: str
    argument: Argument
    title: str
    hint: str
    value: str
    on: bool
    wrong: str


def _field(name: str, argument: Argument, filled: Filled, t: Translator) -> Field:
    value = filled.given.get(name, argument.default)
    misfit = filled.misfits.get(name)
    hints = [argument.help.of(t.language)] if argument.help else []
    if argument.type is ArgumentType.LIST:
        hints.append(t.gettext("Separated by commas."))
    return Field(
        name=f"{ARGUMENT}{name}",
        argument=argument,
        title=argument.title.of(t.language),
        hint=" ".join(hints),
        value=_shown(value),
        on=value is True,
        wrong="" if misfit is None else t.gettext(misfit.template, **misfit.fields),
    )


def _shown(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(one) for one in value)
    return "" if value is None else str(value)
