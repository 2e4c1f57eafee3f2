"""Reorganisations of the tree: the list, making one step by step, its rehearsal, letting it happen, giving it up."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.glue import followers
from api.http.deps import CurrentActor, State_, Tx
from api.web import reorganise_form
from api.web.render import page, translator_of
from api.web.reorganise_form import FIELDS, MOST_STEPS, Draft, Step
from api.web.reorganise_words import ReorganisationWords
from api.web.shell import Frame, look
from api.web.words import Words
from inventory.public import (
    INVENTORY_CHANGE,
    INVENTORY_READ,
    BadReorganisation,
    LinePage,
    Operation,
    UnitWish,
    cancel_reorganisation,
    day_of,
    levels,
    lines,
    propose,
    reorganisation_for,
    reorganisations,
    schedule,
    units_on,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, VungCaoError
from kernel.sentences import Sentence

router = APIRouter(include_in_schema=False)

A_PAGE: Final = 50
MOST_NAMED: Final = 200
SHOWN_STEPS: Final = 100
ONLY_COUNTED: Final = ("units_created", "units_changed", "units_ended")


async def _reorganiser(actor: CurrentActor) -> Actor:
    actor.require_everywhere(INVENTORY_CHANGE)
    return actor


Reorganiser = Annotated[Actor, Depends(_reorganiser)]
"""Who may change the whole tree; asked before what they sent is looked at."""


@router.get("/reorganisations")
async def reorganisation_list(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    _frame: Frame,
    after: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """Return a page of reorganisations, the latest day first."""
    found = await reorganisations(actor, tx, limit=A_PAGE, after=after or None)
    return page(
        request,
        "tree/reorganisations.html",
        said=ReorganisationWords(translator_of(request)),
        reorganisations=found.reorganisations,
        next_cursor=found.next_cursor,
        may_make=actor.may_everywhere(INVENTORY_CHANGE),
    )


@router.get("/reorganisations/new")
async def new(
    request: Request,
    actor: Reorganiser,
    tx: Tx,
    _frame: Frame,
    unit: Annotated[str, Query(max_length=63)] = "",
    like: uuid.UUID | None = None,
) -> HTMLResponse:
    """Show the form: empty, for one unit, or with the steps of another reorganisation to be changed."""
    draft = Draft(day=day_of(tx.now()).isoformat())
    if like is not None:
        model = await reorganisation_for(actor, tx, like)
        draft = Draft(model.title, model.day.isoformat(), reorganise_form.typed(model.operations))
        if len(model.operations) > MOST_STEPS:
            raise BadInput(
                what="The reorganisation",
                why=Sentence("it has more than {most} steps; send it as a file", most=MOST_STEPS),
            )
    elif unit:
        draft.steps.append(Step("rename", {"unit": unit}))
    return await _form(request, actor, tx, draft)


@router.post("/reorganisations/new")
async def make(request: Request, state: State_, actor: Reorganiser) -> Response:
    """Add or take away a step; or rehearse, keep it as a draft and show what it moves, or what is wrong where."""
    sent = await request.form()
    draft = reorganise_form.read(sent)
    button = str(sent.get("press", ""))
    reorganise_form.press(draft, button)
    error: VungCaoError | None = None
    if button == "rehearse":
        wanted = reorganise_form.operations(draft)
        day = _day(draft.day)
        if wanted is not None and day is not None:
            try:
                async with state.database.transaction() as tx:
                    made = await propose(actor, tx, followers(), title=draft.title, day=day, operations=wanted)
                return RedirectResponse(f"/reorganisations/{made.id}", 303)
            except BadReorganisation as wrong:
                draft.blame(wrong.mistakes)
            except BadInput as wrong:
                error = wrong
        elif day is None:
            error = BadInput(what="The day", why="write it as 2026-11-24")
        elif not draft.steps:
            error = BadInput(what="The reorganisation", why="it has no step yet")
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
        return await _form(request, actor, tx, draft, error, rehearsed=button == "rehearse")


@router.get("/reorganisations/{reorganisation_id}")
async def show(
    request: Request,
    reorganisation_id: uuid.UUID,
    actor: CurrentActor,
    tx: Tx,
    _frame: Frame,
    kind: Annotated[str, Query(max_length=50)] = "offices",
    after: Annotated[str, Query(max_length=500)] = "",
) -> HTMLResponse:
    """Return the page of one reorganisation: what it waits for, what it moves, its steps."""
    return await _page(request, actor, tx, reorganisation_id, kind, after)


@router.post("/reorganisations/{reorganisation_id}/schedule")
async def let_happen(request: Request, state: State_, actor: Reorganiser, reorganisation_id: uuid.UUID) -> Response:
    """Rehearse again and let it be applied on its day; or say why it does not fit any more."""
    try:
        async with state.database.transaction() as tx:
            await schedule(actor, tx, followers(), reorganisation_id)
    except (BadReorganisation, Conflict) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            return await _page(request, actor, tx, reorganisation_id, "offices", "", error)
    return RedirectResponse(f"/reorganisations/{reorganisation_id}", 303)


@router.post("/reorganisations/{reorganisation_id}/cancel")
async def give_up(request: Request, state: State_, actor: Reorganiser, reorganisation_id: uuid.UUID) -> Response:
    """Give it up; or say that it is over already."""
    try:
        async with state.database.transaction() as tx:
            await cancel_reorganisation(actor, tx, reorganisation_id)
    except Conflict as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            return await _page(request, actor, tx, reorganisation_id, "offices", "", error)
    return RedirectResponse(f"/reorganisations/{reorganisation_id}", 303)


async def _page(
    request: Request,
    actor: Actor,
    tx: Transaction,
    which: uuid.UUID,
    kind: str,
    after: str,
    error: VungCaoError | None = None,
) -> HTMLResponse:
    t = translator_of(request)
    view = await reorganisation_for(actor, tx, which)
    may_change = actor.may_everywhere(INVENTORY_CHANGE)
    moves, mistakes = LinePage([], None), list(view.why)
    if isinstance(error, BadReorganisation):
        mistakes = [mistake.why for mistake in error.mistakes]
    if may_change and view.over_at is None and not mistakes:
        try:
            moves = await lines(actor, tx, followers(), which, kind, limit=A_PAGE, after=after or None)
        except BadReorganisation as wrong:
            mistakes = [mistake.why for mistake in wrong.mistakes]
    done = view.applied or view.rehearsed
    shown = view.operations[:SHOWN_STEPS]
    return page(
        request,
        "tree/reorganisation.html",
        status_code=error.http_status if error else 200,
        said=ReorganisationWords(t),
        view=view,
        counts=done.counts,
        kinds=[name for name in done.counts if name not in ONLY_COUNTED],
        kind=kind,
        moves=moves.lines,
        next_cursor=moves.next_cursor,
        mistakes=mistakes,
        error=Words(t).error(error) if error else None,
        steps=shown,
        more_steps=len(view.operations) - len(shown),
        names=await _names(actor, tx, _codes(shown), english=t.language == "en"),
        may_change=may_change,
        may_copy=may_change and len(view.operations) <= MOST_STEPS,
        sees_all=actor.may_everywhere(INVENTORY_READ),
    )


async def _form(
    request: Request,
    actor: Actor,
    tx: Transaction,
    draft: Draft,
    error: VungCaoError | None = None,
    *,
    rehearsed: bool = False,
) -> HTMLResponse:
    t = translator_of(request)
    typed = {code for step in draft.steps for text in step.typed.values() for code in text.split()}
    return page(
        request,
        "tree/reorganise.html",
        status_code=400 if rehearsed else 200,
        said=ReorganisationWords(t),
        draft=draft,
        fields=FIELDS,
        full=len(draft.steps) >= MOST_STEPS,
        most=MOST_STEPS,
        levels=await levels(actor, tx),
        names=await _names(actor, tx, typed, english=t.language == "en"),
        error=Words(t).error(error) if error else None,
        faults=len(draft.wrong) + sum(len(step.wrong) for step in draft.steps),
    )


async def _names(actor: Actor, tx: Transaction, codes: Iterable[str], *, english: bool) -> dict[str, str]:
    """Return the names of those of `codes` that are units today: a code alone is easily mistyped."""
    wanted = sorted(codes)[:MOST_NAMED]
    found = (await units_on(actor, tx, UnitWish(codes=wanted), limit=MOST_NAMED)).units if wanted else []
    return {unit.code: unit.name_en if english else unit.name for unit in found}


def _codes(steps: Iterable[Operation]) -> set[str]:
    found: set[str] = set()
    for step in steps:
        for value in step.model_dump().values():
            found.update([value] if isinstance(value, str) else value or ())
    return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
