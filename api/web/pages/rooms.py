"""Rooms: the list, and the calendar of one by day, week and month."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.http.deps import CurrentActor, Language, State_, Tx
from api.web import meeting_view
from api.web.booking_form import YEARS
from api.web.booking_view import noon
from api.web.booking_words import ROOM_KINDS
from api.web.days import DayAsked, day_asked
from api.web.render import page
from api.web.room_calendar import Gap, View, days_of, span_of, weeks_of
from api.web.shell import Frame
from inventory.public import MEETINGS_BOOK, MEETINGS_MANAGE
from kernel.errors import BadInput, NotFound
from meetings.public import room_calendar, rooms, rooms_named

router = APIRouter(include_in_schema=False)

MOST_LISTED: Final = 30


@router.get("/rooms")
async def room_list(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    _frame: Frame,
    q: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[str, Query(max_length=500)] = "",
) -> HTMLResponse:
    """Return a page of the rooms, and whatever else can be booked."""
    found = await rooms(actor, tx, query=q.replace("\x00", " "), limit=MOST_LISTED, after=after or None)
    return page(
        request, "meetings/room_list.html", rooms=found.rooms, next_cursor=found.next_cursor, query=q,
        room_kinds=ROOM_KINDS,
    )  # fmt: skip


@router.get("/rooms/{room}")
async def calendar(
    request: Request,
    room: str,
    actor: CurrentActor,
    state: State_,
    tx: Tx,
    t: Language,
    _frame: Frame,
    view: Annotated[View, Query()] = "week",
    day: DayAsked = "",
) -> HTMLResponse:
    """Return the calendar of one room: a day, a week or a month."""
    found = await rooms_named(actor, tx, [room])
    if not found:
        raise NotFound(kind="room", code=room)
    zone, now = ZoneInfo(state.settings.timezone), tx.now()
    today = now.astimezone(zone).date()
    asked = day_asked(day) or today
    if asked.year not in YEARS:
        raise BadInput(what="The day", why=f"the calendar is shown from {YEARS[0]} to {YEARS[-1]}")
    span = span_of(view, asked)
    begin, end = _midnight(span.first, zone), _midnight(span.last + timedelta(days=1), zone)
    days = days_of(span, await room_calendar(actor, room, tx, begin, end), zone)
    booked = sum(len(one.uses) for one in days)
    return page(
        request,
        "meetings/room.html",
        room=found[0],
        view=view,
        asked=asked,
        today=today,
        before=span.before,
        after=span.after,
        days=[(one, meeting_view.day_name(t, noon(one.day, zone), now)) for one in days],
        weeks=weeks_of(days) if view == "month" else [],
        weekday_names=[t.weekday(noon(one.day, zone)) for one in days[:7]],
        month=f"{asked.month:02}/{asked.year}",
        title=_title(view, span.first, span.last, asked),
        booked=booked,
        is_gap=lambda one: isinstance(one, Gap),
        may_book=actor.may(MEETINGS_BOOK),
        manages=found[0].manager == actor.name or actor.may(MEETINGS_MANAGE),
        room_kinds=ROOM_KINDS,
    )


def _title(view: View, first: date, last: date, asked: date) -> str:
    if view == "day":
        return f"{asked:%d/%m/%Y}"
    return f"{first:%d/%m}\N{EN DASH}{last:%d/%m/%Y}" if view == "week" else f"{asked:%m/%Y}"


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)
