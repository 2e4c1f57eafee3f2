"""Booking in three steps: what and who, a time, and a last look at exactly what will be booked.

Each step is a plain form which carries what the steps before it found out; the server keeps nothing before the end.
Its buttons search, add, turn pages, or go on.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from api.http.deps import CsrfForm, State_
from api.http.routes.meetings import Booker
from api.http.state import WebState
from api.web import booking_form, booking_view
from api.web.booking_form import Draft, Need, suggested
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from kernel.actors import Actor
from kernel.errors import BadInput, Conflict, NotFound, VungCaoError
from meetings.public import BadTime, BadTitle, BookingRequest, KeyReused, book, book_series, offices_of_group

router = APIRouter(include_in_schema=False)

HELD_FOR: Final = timedelta(hours=24)
HELD_BEFORE: Final = timedelta(minutes=30)

FORWARD: Final = frozenset({"find", "day", "grid", "pick", "book", "hold"})
"""Buttons that lead on; all others stay in the first step."""


@router.get("/meetings/new")
async def ask(
    request: Request,
    state: State_,
    actor: Booker,
    _frame: Frame,
    q: Annotated[str, Query(max_length=100)] = "",
    office: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """Show the first step, with the office chosen that the address names, or those found that it searches for."""
    draft = replace(suggested(state.clock.now(), ZoneInfo(state.settings.timezone)), key=_new_key())
    draft = draft.with_offices(office.split(), "required")
    return await _what(request, state, actor, draft, query=q.replace("\x00", " "))


@router.post("/meetings/new")
async def send(request: Request, state: State_, actor: Booker, _csrf: CsrfForm) -> Response:
    """Take what was sent, do what its button says, and show the step that follows; or book, and show the meeting."""
    sent = await request.form()
    draft = booking_form.read(sent)
    act, _, what = _text(sent, "act").partition(":")
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
        draft = _with_ticked(draft, sent)
        if act == "group":
            unit, _, level = what.partition("/")
            draft = _added(draft, await offices_of_group(actor, tx, unit, level), sent)
        if act == "kind" and (kind := await booking_view.kind_of(replace(draft, kind=what), tx)) is not None:
            draft = draft.of_kind(kind)
    if act == "clear":
        draft = replace(draft, required=(), vetoes=(), optional=(), groups=(), things=())
    if act not in FORWARD:
        shown = {"list": "chosen", "more": "found"}.get(act, "")
        return await _what(request, state, actor, draft, query=_text(sent, "q"), pages={shown: _number(what)})
    t = translator_of(request)
    mistakes = {field: t.gettext(sentence) for field, sentence in draft.mistakes().items()}
    if not mistakes:
        try:
            return await _go_on(request, state, actor, draft, sent)
        except (BadInput, NotFound) as error:
            mistakes = {_field_of(error): Words(t).error(error)}
    return await _what(request, state, actor, draft, query=_text(sent, "q"), mistakes=mistakes)


async def _go_on(request: Request, state: WebState, actor: Actor, draft: Draft, sent: FormData) -> Response:
    """Show the second step or the third, or book; a time that is gone leads back to the times as they are now."""
    act, _, what = _text(sent, "act").partition(":")
    try:
        if act in {"book", "hold"}:
            return RedirectResponse(await _book(state, actor, draft, sent, hold=act == "hold"), 303)
        if act == "pick":
            return await _confirm(request, state, actor, replace(draft, begin=what or _own_time(sent)))
    except (Conflict, booking_view.NoSuchTime) as error:
        return await _times(request, state, actor, draft, day=None, part=1, error=error)
    day = _day(what if act == "day" else _text(sent, "grid_day"))
    return await _times(request, state, actor, draft, day=day, part=_number(what) if act == "grid" else 1)


async def _what(
    request: Request,
    state: WebState,
    actor: Actor,
    draft: Draft,
    *,
    query: str,
    pages: dict[str, int] | None = None,
    mistakes: dict[str, str] | None = None,
) -> HTMLResponse:
    """Draw the first step; `pages`: which page of the `chosen` and of the `found` offices."""
    async with state.database.transaction() as tx:
        context = await booking_view.what_and_who(draft, actor, tx, query=query, pages=pages or {})
    return page(
        request,
        "meetings/new.html",
        status_code=400 if mistakes else 200,
        **context,
        **booking_view.choices(translator_of(request)),
        mistakes=mistakes or {},
    )


async def _times(
    request: Request,
    state: WebState,
    actor: Actor,
    draft: Draft,
    *,
    day: date | None,
    part: int,
    error: VungCaoError | None = None,
) -> HTMLResponse:
    """Draw the second step: three times, and `part` of one day's grid."""
    t = translator_of(request)
    async with state.database.transaction() as tx:
        context = await booking_view.times(draft, actor, tx, state.busy, state.risks, t, day=day, part=part)
    return page(
        request,
        "meetings/times.html",
        status_code=error.http_status if error else 200,
        **context,
        error=Words(t).error(error) if error else "",
    )


async def _confirm(request: Request, state: WebState, actor: Actor, draft: Draft) -> HTMLResponse:
    """Draw the last step: exactly what will be booked."""
    async with state.database.transaction() as tx:
        context = await booking_view.last_look(draft, actor, tx, state.busy, state.risks, translator_of(request))
    return page(request, "meetings/confirm.html", **context)


async def _book(state: WebState, actor: Actor, draft: Draft, sent: FormData, *, hold: bool) -> str:
    """Book what the last step showed, once however often it is sent, and return the address of the meeting.

    With `hold` its rooms are only kept for a day.
    """
    zone = ZoneInfo(state.settings.timezone)
    if draft.begins is None:
        raise booking_view.NoSuchTime
    optional = {code for code in booking_form.codes_in(sent, "rooms_optional") if code in draft.rooms}
    required = [code for code in draft.rooms if code not in optional]
    for name, value in sent.items():
        if name.startswith("instead.") and isinstance(value, str):
            way, _, room = value.partition(":")
            optional |= {room} if way == "wait" and room else set()
            required += [room] if way == "use" and room else []
    wanted = (dict.fromkeys(required), dict.fromkeys(code for code in optional if code not in required))
    for key in (draft.key, _new_key()):
        try:
            async with state.database.transaction() as tx:
                if draft.rule:
                    series = await book_series(draft.series(zone, *wanted), actor, tx, key=key)
                    return f"/meetings/series/{series.id}?done=booked"
                times = draft.times(zone)
                until = min(tx.now() + HELD_FOR, times.starts_at - HELD_BEFORE) if hold else None
                request = BookingRequest(
                    draft.title, tuple(wanted[0]), *times, tuple(wanted[1]), draft.kind, draft.behalf, until
                )  # fmt: skip
                booked = await book(request, actor, tx, key=key)
                return f"/meetings/{booked.id}?done={'held' if hold else 'booked'}"
        except KeyReused:
            continue  # changed after a booking: that is another booking
    raise KeyReused


def _with_ticked(draft: Draft, sent: FormData) -> Draft:
    """Return the draft with the offices and things that are ticked in the list."""
    offices = [code for code in sent.getlist("add") if isinstance(code, str)]
    things = [code for code in sent.getlist("thing") if isinstance(code, str) and " " not in code]
    shown = booking_form.codes_in(sent, "things_shown")
    kept = [code for code in draft.things if code not in shown]
    return replace(_added(draft, offices, sent), things=tuple(dict.fromkeys([*kept, *things])))


def _added(draft: Draft, offices: Sequence[str], sent: FormData) -> Draft:
    """Return the draft with these offices too, as needed as the form says."""
    need = _text(sent, "as")
    if group := re.fullmatch(r"group([1-9])", need):
        return draft.with_group(offices, int(group[1]))
    known: dict[str, Need] = {"veto": "veto", "optional": "optional"}
    return draft.with_offices(offices, known.get(need, "required"))


def _own_time(sent: FormData) -> str:
    """Return the time that somebody wrote instead of choosing one."""
    day, at = booking_form.read_day(_text(sent, "own_day")), booking_form.read_time(_text(sent, "own_time"))
    return f"{day}T{at:%H:%M}" if day and at else ""


def _number(text: str) -> int:
    """Return the number of a page, from 1."""
    return max(1, int(text)) if re.fullmatch(r"\d{1,3}", text, re.ASCII) else 1


def _day(text: str) -> date | None:
    return booking_form.read_day(text) if text else None


def _text(sent: FormData, name: str) -> str:
    value = sent.get(name, "")
    # PostgreSQL takes no NUL in text: nobody types one.
    return value[: booking_form.MOST_LETTERS].replace("\x00", " ") if isinstance(value, str) else ""


def _field_of(error: VungCaoError) -> str:
    """Return the field at which a mistake is told."""
    if isinstance(error, BadTitle):
        return "title"
    return "first" if isinstance(error, BadTime) else "who"


def _new_key() -> str:
    return secrets.token_urlsafe(12)
