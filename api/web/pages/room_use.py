"""How the rooms of each unit were used: a table, and the same as a file for a spreadsheet."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from api.http.deps import CurrentActor, Language, State_, Tx
from api.web.booking_form import YEARS
from api.web.days import DayAsked, day_asked
from api.web.render import page
from api.web.shell import Frame
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput
from kernel.i18n import Translator
from meetings.public import UnitUse, use_by_unit

router = APIRouter(include_in_schema=False)

A_PAGE: Final = 50
USUAL: Final = timedelta(days=30)
MOST_UNITS: Final = 10_000
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@router.get("/room-use")
async def room_use(
    request: Request,
    actor: CurrentActor,
    state: State_,
    tx: Tx,
    _frame: Frame,
    first: DayAsked = "",
    last: DayAsked = "",
    after: Annotated[str, Query(max_length=500)] = "",
) -> HTMLResponse:
    """Return a page of units with the use of their rooms, the last 30 days if none are named."""
    begin, end, start, stop = _days(first, last, tx, state.settings.timezone)
    found = await use_by_unit(actor, tx, start, stop, limit=A_PAGE, after=after or None)
    return page(
        request, "meetings/room_use.html", units=found.units, next_cursor=found.next_cursor, first=begin, last=end
    )


@router.get("/room-use.csv")
async def room_use_file(
    actor: CurrentActor, state: State_, tx: Tx, t: Language, first: DayAsked = "", last: DayAsked = ""
) -> Response:
    """Return all units as CSV, which every spreadsheet opens."""
    begin, end, start, stop = _days(first, last, tx, state.settings.timezone)
    units = await _all(actor, tx, start, stop)
    return Response(
        written(units, t),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="room-use-{begin}-{end}.csv"'},
    )


def written(units: list[UnitUse], t: Translator) -> bytes:
    """Return the units as CSV with the mark by which Excel knows UTF-8; no cell begins as a formula does."""
    heads = (
        t.gettext("Code"), t.gettext("Unit"), t.gettext("Rooms"), t.gettext("Meetings"), t.gettext("Hours booked"),
        t.gettext("Hours used"), t.gettext("Hours given back"), t.gettext("Nobody came"), t.gettext("Waited in vain"),
    )  # fmt: skip
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(heads)
    for one in units:
        name = f"'{one.unit_name}" if one.unit_name.startswith(FORMULA) else one.unit_name
        figures = one.booked_h, one.kept_h, one.released_h, one.no_shows, one.waiting
        table.writerow([one.unit, name, one.rooms, one.meetings, *figures])
    return text.getvalue().encode("utf-8-sig")


async def _all(actor: Actor, tx: Transaction, start: datetime, stop: datetime) -> list[UnitUse]:
    found: list[UnitUse] = []
    after: str | None = None
    while len(found) < MOST_UNITS:
        part = await use_by_unit(actor, tx, start, stop, limit=200, after=after)
        found += part.units
        after = part.next_cursor
        if after is None:
            break
    return found


def _days(first: str, last: str, tx: Transaction, timezone: str) -> tuple[date, date, datetime, datetime]:
    """Return the days that were asked for, and the instants at which they begin and end."""
    zone = ZoneInfo(timezone)
    end = day_asked(last) or tx.now().astimezone(zone).date()
    begin = day_asked(first) or (end - USUAL if end.year in YEARS else end)
    if begin.year not in YEARS or end.year not in YEARS:
        raise BadInput(what="The day", why=f"write one from {YEARS[0]} to {YEARS[-1]}")
    return begin, end, datetime.combine(begin, time(), zone), datetime.combine(end + timedelta(days=1), time(), zone)
