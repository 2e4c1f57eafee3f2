"""Rooms that wait for their manager to agree, and saying that people are in a room."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.deps import CsrfForm, CurrentActor, Language, Tx
from api.http.routes.meetings import Booker
from api.web import meeting_view
from api.web.render import page
from api.web.shell import Frame
from kernel.i18n import Translator
from meetings.public import answer, check_in, meeting_for, room_calendar, rooms_named, to_approve, waiting

router = APIRouter(include_in_schema=False)

MOST_REASON: Final = 500
SOON: Final = timedelta(minutes=30)
"""So long before a meeting somebody can check in."""


@router.get("/approvals")
async def approvals(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    _frame: Frame,
    done: Annotated[str, Query(max_length=10)] = "",
) -> HTMLResponse:
    """Return what waits for the reader's answer, and who waits for a room to become free."""
    now = tx.now()

    return page(
        request,
        "meetings/approvals.html",
        found=[(one, _when(one.starts_at, one.ends_at, t, now)) for one in await to_approve(actor, tx)],
        waiting=[(one, _when(one.starts_at, one.ends_at, t, now)) for one in await waiting(actor, tx)],
        done=done,
    )


@router.post("/meetings/{meeting_id}/rooms/{room}/answer")
async def answer_booking(
    actor: CurrentActor,
    meeting_id: uuid.UUID,
    room: str,
    tx: Tx,
    _csrf: CsrfForm,
    agreed: Annotated[str, Form(max_length=3)] = "",
    reason: Annotated[str, Form(max_length=MOST_REASON)] = "",
) -> Response:
    """Agree that a meeting has the room, or not, and why."""
    yes = agreed == "yes"
    await answer(actor, meeting_id, room, tx, agreed=yes, reason=reason)
    return RedirectResponse(f"/approvals?done={'agreed' if yes else 'denied'}", 303)


@router.get("/meetings/{meeting_id}/check-in")
async def ask_check_in(
    request: Request,
    meeting_id: uuid.UUID,
    actor: Booker,
    tx: Tx,
    t: Language,
    _frame: Frame,
    room: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """Return the rooms of a meeting in which somebody can say that they are there; the one at whose door one stands."""
    meeting = await meeting_for(actor, meeting_id, tx)
    of_room = {one.room: one for one in meeting.reservations}
    shown = [one for one in meeting.rooms if not room or one.code == room] or list(meeting.rooms)
    return page(
        request,
        "meetings/check_in.html",
        meeting=meeting,
        when=_when(meeting.starts_at, meeting.ends_at, t, tx.now()),
        rooms=[(one, of_room[one.code]) for one in shown if one.code in of_room],
    )


@router.get("/rooms/{room}/check-in")
async def at_the_door(request: Request, actor: Booker, room: str, tx: Tx, t: Language, _frame: Frame) -> Response:
    """Lead from the code at a room's door to the meeting that is in it now, or about to begin."""
    now = tx.now()
    for use in await room_calendar(actor, room, tx, now, now + SOON):
        return RedirectResponse(f"/meetings/{use.meeting}/check-in?room={quote(room)}", 303)
    found = await rooms_named(actor, tx, [room])
    return page(request, "meetings/check_in.html", meeting=None, when=t.time(now), rooms=[(one, None) for one in found])


@router.post("/meetings/{meeting_id}/rooms/{room}/check-in")
async def check_in_room(actor: Booker, meeting_id: uuid.UUID, room: str, tx: Tx, _csrf: CsrfForm) -> Response:
    """Say that people are in the room: it is not given back."""
    await check_in(actor, meeting_id, room, tx)
    return RedirectResponse(f"/meetings/{meeting_id}?done=checked-in", 303)


def _when(starts_at: datetime, ends_at: datetime, t: Translator, now: datetime) -> str:
    return f"{meeting_view.span(t, starts_at, ends_at)} {meeting_view.day_name(t, starts_at, now)}"
