"""The JSON API on rooms that are held, waited for, and used."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime, Field

from api.http.deps import CurrentActor, Tx
from api.http.paging import After, Limit, Page, Shape
from api.http.routes.meetings import Booker, IfMatch, Meeting, version_of
from api.http.routes.router import api_router, problems
from meetings.public import confirm, held, use_by_unit, waiting

router = api_router("meetings")

COUNTED = timedelta(days=30)


class Waiting(Shape):
    """A room that a meeting waits for."""

    meeting: uuid.UUID
    title: str
    room: str
    room_name: str
    starts_at: datetime
    ends_at: datetime
    asked_at: datetime
    place: int = Field(description="1: the next to get it.")


class UnitUse(Shape):
    """How the rooms of a unit were used."""

    unit: str
    unit_name: str
    rooms: int
    meetings: int = Field(description="That had one of them.")
    booked_h: float = Field(description="Hours in all, getting ready left out: kept or given back.")
    kept_h: float = Field(description="Hours for which meetings have, or had, their rooms.")
    released_h: float = Field(description="Hours given back: refused, not answered for, or nobody came.")
    no_shows: int = Field(description="Given back because nobody came.")
    waiting: int = Field(description="Meetings that waited for one in vain.")


@router.get("/holds", summary="Your meetings whose rooms are only held")
async def list_holds(actor: CurrentActor, tx: Tx) -> list[Meeting]:
    """The first to run out first, at most 200."""
    return [Meeting.model_validate(meeting) for meeting in await held(actor, tx)]


@router.post("/meetings/{meeting_id}/confirm", summary="Book what is held", responses=problems(404, 409, 412))
async def confirm_meeting(actor: Booker, tx: Tx, meeting_id: uuid.UUID, if_match: IfMatch = "") -> Meeting:
    """Twice is as once. A hold that is over is gone: others may have the rooms."""
    return Meeting.model_validate(await confirm(actor, meeting_id, tx, version=version_of(if_match)))


@router.get("/waiting", summary="Rooms that are waited for")
async def list_waiting(actor: CurrentActor, tx: Tx) -> list[Waiting]:
    """By your own meetings, and in rooms that you manage; the first meeting first, at most 200."""
    return [Waiting.model_validate(one) for one in await waiting(actor, tx)]


@router.get("/room-use", summary="How rooms are used, by unit", responses=problems(400))
async def list_use(
    actor: CurrentActor,
    tx: Tx,
    start: Annotated[AwareDatetime | None, Query(description="From; left out: 30 days before the end.")] = None,
    end: Annotated[AwareDatetime | None, Query(description="Until; left out: now.")] = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[UnitUse]:
    """In Vietnamese order; a meeting counts where it begins. At most a year."""
    end = end or tx.now()
    page = await use_by_unit(actor, tx, start or end - COUNTED, end, limit=limit, after=after)
    return Page(items=[UnitUse.model_validate(unit) for unit in page.units], next=page.next_cursor)
