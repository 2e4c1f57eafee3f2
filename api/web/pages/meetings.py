"""Meetings: what is ahead, and one of them with the readiness of its rooms; and cancelling it."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.deps import CsrfForm, CurrentActor, Language, State_, Tx
from api.http.routes.meetings import Booker
from api.web import meeting_view
from api.web.render import page
from api.web.shell import Frame
from inventory.public import MEETINGS_BOOK
from meetings.public import FARTHEST, cancel, meetings_between

router = APIRouter(include_in_schema=False)

Done = Literal["booked", "cancelled"]
Part = Annotated[int, Query(ge=1, le=1000)]

MOST_LISTED = 30


@router.get("/meetings")
async def meeting_list(
    request: Request, actor: CurrentActor, tx: Tx, t: Language, _frame: Frame, after: str | None = None
) -> HTMLResponse:
    """Return a page of the meetings that are on or ahead, under their days."""
    now = tx.now()
    found = await meetings_between(actor, tx, now, now + FARTHEST, limit=MOST_LISTED, after=after or None)
    days = await meeting_view.listed_by_day(found.meetings, actor, tx, t, now)
    return page(
        request,
        "meetings/list.html",
        days=days,
        answer=meeting_view.answer(days, t, now),
        span=meeting_view.span,
        may_book=actor.may(MEETINGS_BOOK),
        later=after is not None,
        next_cursor=found.next_cursor,
        checked_at=now,
    )


@router.get("/meetings/{meeting_id}")
async def meeting(
    request: Request,
    meeting_id: uuid.UUID,
    state: State_,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    _frame: Frame,
    done: Annotated[Done | None, Query()] = None,
    part: Part = 1,
) -> HTMLResponse:
    """Return the page of one meeting; `done` names what was just done to it."""
    context = await meeting_view.look_at(actor, meeting_id, tx, t, state.settings, part=part)
    return page(request, "meetings/meeting.html", **context, done=done, checked_at=tx.now())


@router.post("/meetings/{meeting_id}/cancel")
async def cancel_meeting(actor: Booker, meeting_id: uuid.UUID, tx: Tx, _csrf: CsrfForm) -> Response:
    """Cancel the meeting: its rooms are free at once."""
    await cancel(actor, meeting_id, tx)
    return RedirectResponse(f"/meetings/{meeting_id}?done=cancelled", 303)
