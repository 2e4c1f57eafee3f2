"""The form that books a meeting: a time, and rooms from a list that is searched and paged without any script.

All of it is one form. Its buttons search, turn the list's page or book; what was typed and chosen goes along each time.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.deps import CsrfForm, State_
from api.http.routes.meetings import Booker
from api.http.state import WebState
from api.web import meeting_view
from api.web.booking_form import Times, Typed, suggested, times_of_day
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from inventory.public import MEETINGS_BOOK
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, NotFound, VungCaoError
from meetings.public import (
    BadTime,
    BadTitle,
    BookingRequest,
    KeyReused,
    MeetingView,
    RoomTaken,
    Taken,
    book,
    rooms,
    rooms_named,
    taken_between,
)

router = APIRouter(include_in_schema=False)

MOST_LISTED = 20

Line = Annotated[str, Form(max_length=1000)]
Act = Literal["search", "next", "add", "book"]


@router.get("/meetings/new")
async def ask(
    request: Request,
    state: State_,
    actor: Booker,
    _frame: Frame,
    q: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """Show the form, with the rooms to choose from that the address searches for."""
    typed = suggested(state.clock.now(), ZoneInfo(state.settings.timezone))
    return await _page(request, state, actor, typed, query=q, key=_new_key())


@router.post("/meetings/new")
async def send(
    request: Request,
    state: State_,
    actor: Booker,
    _csrf: CsrfForm,
    title: Line = "",
    day: Line = "",
    begin: Line = "",
    end: Line = "",
    room: Annotated[list[str] | None, Form()] = None,
    q: Annotated[str, Form(max_length=100)] = "",
    searched: Annotated[str, Form(max_length=100)] = "",
    here: Line = "",
    after: Line = "",
    key: Annotated[str, Form(max_length=100)] = "",
    act: Annotated[Act, Form()] = "search",
) -> Response:
    """Book all or nothing and show the meeting; or show the form again, with more rooms or with why not."""
    typed = Typed(title, day, begin, end, tuple(dict.fromkeys(room or ())))
    # A cursor belongs to the search that it came from.
    cursor = {"search": "", "next": after}.get(act, here) if q == searched else ""
    mistakes: dict[str, str] = {}
    summary: dict[str, str] | None = None
    if act == "book":
        t = translator_of(request)
        mistakes = {field: t.gettext(sentence) for field, sentence in typed.mistakes().items()}
        times = typed.times(ZoneInfo(state.settings.timezone))
        if not mistakes and times is not None:
            try:
                booked = await _book(state, actor, BookingRequest(typed.title, typed.rooms, *times), key)
            except (BadInput, Conflict, NotFound) as error:
                mistakes = {_field_of(error): Words(t).error(error)}
                if isinstance(error, RoomTaken):  # beside each room stands who has it
                    summary = mistakes
                    mistakes = {"rooms": t.gettext("Choose another time, or leave the taken rooms out.")}
            else:
                return RedirectResponse(f"/meetings/{booked.id}?done=booked", 303)
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
    return await _page(
        request, state, actor, typed, query=q, after=cursor, key=key, mistakes=mistakes, summary=summary or mistakes
    )


async def _book(state: WebState, actor: Actor, request: BookingRequest, key: str) -> MeetingView:
    """Book, and do so once however often the form is sent; what was changed after a booking is another booking."""
    try:
        async with state.database.transaction() as tx:
            return await book(request, actor, tx, key=key)
    except KeyReused:
        async with state.database.transaction() as tx:
            return await book(request, actor, tx, key=_new_key())


def _field_of(error: VungCaoError) -> str:
    """Return the field at which a mistake is told."""
    if isinstance(error, BadTitle):
        return "title"
    return "day" if isinstance(error, BadTime) else "rooms"


def _new_key() -> str:
    return secrets.token_urlsafe(12)


async def _page(
    request: Request,
    state: WebState,
    actor: Actor,
    typed: Typed,
    *,
    key: str,
    query: str = "",
    after: str = "",
    mistakes: dict[str, str] | None = None,
    summary: dict[str, str] | None = None,
) -> HTMLResponse:
    """Draw the form; `mistakes` stand at their fields, and `summary` at its top."""
    t = translator_of(request)
    times = typed.times(ZoneInfo(state.settings.timezone))
    async with state.database.transaction() as tx:
        now = tx.now()
        chosen = await rooms_named(actor, tx, typed.rooms, MEETINGS_BOOK)
        found = await rooms(actor, tx, query=query, limit=MOST_LISTED, after=after or None, permission=MEETINGS_BOOK)
        taken = await _taken(actor, tx, [room.code for room in (*chosen, *found.rooms)], times)
    return page(
        request,
        "meetings/new.html",
        status_code=400 if mistakes else 200,
        typed=typed,
        times_of_day=times_of_day,
        key=key,
        chosen=chosen,
        found=found.rooms,
        query=query,
        next_cursor=found.next_cursor,
        after=after,
        taken=taken,
        begins=times.starts_at if times else now,
        when=f"{meeting_view.span(t, *times)}, {meeting_view.day_name(t, times.starts_at, now)}" if times else "",
        mistakes=mistakes or {},
        summary=summary or {},
    )


async def _taken(actor: Actor, tx: Transaction, codes: list[str], times: Times | None) -> dict[str, list[Taken]]:
    """Return by room what is booked there at that time; nothing while no time can be read."""
    found: dict[str, list[Taken]] = {}
    if times is not None:
        for one in await taken_between(actor, tx, codes, *times):
            found.setdefault(one.room, []).append(one)
    return found
