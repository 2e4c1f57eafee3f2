"""The official calendar of a year: days off, and days swapped for them, which an administrator keeps right."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.deps import CsrfForm, CurrentActor, Language, State_, Tx
from api.http.routes.series import CalendarKeeper
from api.web.booking_form import read_day
from api.web.booking_view import noon
from api.web.render import page
from api.web.shell import Frame
from inventory.public import MEETINGS_MANAGE
from kernel.errors import BadInput
from meetings.public import Calendar, OfficialDay, forget_day, official_days, set_day

router = APIRouter(include_in_schema=False)


@router.get("/working-days")
async def working_days(
    request: Request,
    actor: CurrentActor,
    state: State_,
    tx: Tx,
    t: Language,
    _frame: Frame,
    year: Annotated[int | None, Query(ge=1, le=9999)] = None,
    done: Annotated[str, Query(max_length=10)] = "",
) -> HTMLResponse:
    """Return the days of a year that are off, or worked against the week."""
    zone = ZoneInfo(state.settings.timezone)
    this_year = tx.now().astimezone(zone).year
    shown = year or this_year
    found, law = await official_days(actor, shown, tx), Calendar().official_days(shown)
    return page(
        request,
        "meetings/working_days.html",
        year=shown,
        this_year=this_year,
        days=[(one, t.weekday(noon(one.day, zone)), one not in law) for one in found],
        may_change=actor.may_everywhere(MEETINGS_MANAGE),
        done=done,
    )


@router.post("/working-days")
async def enter_day(
    actor: CalendarKeeper,
    tx: Tx,
    _csrf: CsrfForm,
    day: Annotated[str, Form(max_length=20)] = "",
    name: Annotated[str, Form(max_length=1000)] = "",
    kind: Annotated[str, Form(max_length=10)] = "off",
) -> Response:
    """Enter that a day is off, or worked."""
    read = read_day(day)
    if read is None:
        raise BadInput(what="The day", why="write it as 25/11/2026")
    await set_day(actor, OfficialDay(read, kind != "worked", name), tx)
    return RedirectResponse(f"/working-days?year={read.year}&done=set", 303)


@router.post("/working-days/{day}/forget")
async def forget(actor: CalendarKeeper, day: str, tx: Tx, _csrf: CsrfForm) -> Response:
    """Let the day be again what the law's calendar says."""
    read = read_day(day)
    if read is None:
        raise BadInput(what="The day", why="write it as 25/11/2026")
    await forget_day(actor, read, tx)
    return RedirectResponse(f"/working-days?year={read.year}&done=forgotten", 303)
