"""Meetings: one's own and all that are ahead, one of them with the readiness of its rooms, and one that comes again."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.deps import CsrfForm, CurrentActor, Language, Person, State_, Tx
from api.http.routes.meetings import Booker
from api.web import meeting_view
from api.web.render import page
from api.web.rule_words import rule_words
from api.web.shell import Frame
from inventory.public import MEETINGS_BOOK
from meetings.public import (
    FARTHEST,
    cancel,
    confirm,
    family_of,
    feed_made_at,
    make_feed,
    meetings_between,
    meetings_of_series,
    revoke_feed,
    series_for,
    to_approve,
    waiting,
)

router = APIRouter(include_in_schema=False)

Done = Literal["booked", "held", "confirmed", "cancelled", "changed", "checked-in", "deputy", "recalled"]
Part = Annotated[int, Query(ge=1, le=1000)]
Whose = Literal["mine", "all"]

MOST_LISTED = 30
MOST_WAITING = 5


@router.get("/meetings")
async def meeting_list(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    _frame: Frame,
    after: str | None = None,
    whose: Annotated[Whose | None, Query()] = None,
) -> HTMLResponse:
    """Return a page of the meetings that are on or ahead, under their days; one's own first who books."""
    now, may_book = tx.now(), actor.may(MEETINGS_BOOK)
    mine = whose == "mine" or (whose is None and may_book)
    found = await meetings_between(actor, tx, now, now + FARTHEST, mine=mine, limit=MOST_LISTED, after=after or None)
    days = await meeting_view.listed_by_day(found.meetings, actor, tx, t, now)
    return page(
        request,
        "meetings/list.html",
        days=days,
        answer=meeting_view.answer(days, t, now),
        span=meeting_view.span,
        may_book=may_book,
        mine=mine,
        approvals=await to_approve(actor, tx, limit=MOST_WAITING + 1) if mine and after is None else [],
        waiting=await waiting(actor, tx) if mine and after is None and may_book else [],
        most=MOST_WAITING,
        later=after is not None,
        next_cursor=found.next_cursor,
        checked_at=now,
    )


@router.get("/calendar-address")
async def calendar_address(request: Request, actor: CurrentActor, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Show whether one's calendar has an address, and let it be made or taken back."""
    return page(request, "meetings/calendar_address.html", made_at=await feed_made_at(actor, tx), address="")


@router.post("/calendar-address")
async def make_address(request: Request, actor: Person, state: State_, _csrf: CsrfForm) -> HTMLResponse:
    """Make a new address and show it, this once."""
    async with state.database.transaction() as tx:
        secret = await make_feed(actor, tx)
        made_at = tx.now()
    base = state.settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    address = f"{base}/feeds/{secret}.ics"
    return page(request, "meetings/calendar_address.html", made_at=made_at, address=address)


@router.post("/calendar-address/revoke")
async def revoke_address(actor: Person, tx: Tx, _csrf: CsrfForm) -> Response:
    """Take the address back: it opens nothing any more."""
    await revoke_feed(actor, tx)
    return RedirectResponse("/calendar-address", 303)


@router.get("/meetings/series/{series_id}")
async def series(
    request: Request,
    series_id: uuid.UUID,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    _frame: Frame,
    done: Annotated[Done | None, Query()] = None,
) -> HTMLResponse:
    """Return the page of a meeting that comes again: its rule in words, and its meetings that are not over."""
    view = await series_for(actor, series_id, tx)
    now = tx.now()
    meetings = await meetings_of_series(actor, series_id, tx)
    return page(
        request,
        "meetings/series.html",
        series=view,
        rule=rule_words(view.rule, view.first.replace(tzinfo=ZoneInfo(view.zone)), t),
        listed=[
            (one, meeting_view.day_name(t, one.starts_at, now), meeting_view.span(t, one.starts_at, one.ends_at))
            for one in meetings
        ],
        family=[one for one in await family_of(actor, view.family, tx) if one.id != view.id],
        may_book=actor.may(MEETINGS_BOOK),
        done=done,
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
    context = await meeting_view.whole_page(actor, meeting_id, tx, t, state.settings, part=part)
    return page(request, "meetings/meeting.html", **context, done=done)


@router.post("/meetings/{meeting_id}/confirm")
async def confirm_meeting(actor: Booker, meeting_id: uuid.UUID, tx: Tx, _csrf: CsrfForm) -> Response:
    """Make a booking of a hold."""
    await confirm(actor, meeting_id, tx)
    return RedirectResponse(f"/meetings/{meeting_id}?done=confirmed", 303)


@router.post("/meetings/{meeting_id}/cancel")
async def cancel_meeting(actor: Booker, meeting_id: uuid.UUID, tx: Tx, _csrf: CsrfForm) -> Response:
    """Cancel the meeting: its rooms are free at once."""
    await cancel(actor, meeting_id, tx)
    return RedirectResponse(f"/meetings/{meeting_id}?done=cancelled", 303)
