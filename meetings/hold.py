"""Holds: rooms kept for a meeting that is not sure yet, until somebody confirms it or the time is over."""

from __future__ import annotations

import uuid
from typing import Final

from sqlalchemy import select

from inventory.public import MEETINGS_BOOK
from kernel.actors import Actor, system
from kernel.db.transaction import Database, Transaction
from meetings.cancel import call_off, check_change, meeting_to_change
from meetings.errors import HoldOver
from meetings.events import MeetingBooked
from meetings.models import MeetingRow
from meetings.queries import meeting_for
from meetings.room_queries import rooms_of_meeting
from meetings.views import MeetingView

AT_ONCE: Final = 50
ACTOR: Final = system("rooms")


async def confirm(actor: Actor, meeting_id: uuid.UUID, tx: Transaction, *, version: int | None = None) -> MeetingView:
    """Book the meeting whose rooms are held, and return it. Twice is as once.

    Raises:
        HoldOver: It was held until now, or somebody cancelled it.
        Refused, NotFound, NotYourMeeting, MeetingOver, ChangedMeanwhile: As `cancel`.
    """
    actor.require(MEETINGS_BOOK)
    row, view = await meeting_to_change(actor, meeting_id, tx)
    if row.held_until is None and row.state == "booked":
        return view
    if row.state != "booked" or row.held_until is None or row.held_until <= tx.now():
        raise HoldOver(until=row.held_until or row.starts_at)
    await check_change(actor, row, tx, version)
    row.held_until, row.version = None, row.version + 1
    await tx.session.flush()
    tx.audit(actor, "meeting.confirmed", f"meeting:{meeting_id}", after={"title": row.title})
    tx.emit(
        MeetingBooked(
            meeting_id=str(meeting_id),
            title=row.title,
            rooms=await rooms_of_meeting(meeting_id, tx),
            starts_at=row.starts_at.isoformat(),
            ends_at=row.ends_at.isoformat(),
        ),
        by=actor,
    )
    return await meeting_for(actor, meeting_id, tx)


async def end_holds(database: Database) -> int:
    """Give the rooms back whose hold is over, to who waits for them; return for how many meetings."""
    async with database.transaction() as tx:
        due = (
            select(MeetingRow)
            .where(MeetingRow.held_until <= tx.now(), MeetingRow.state == "booked")
            .order_by(MeetingRow.id)
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        rows = list(await tx.session.scalars(due))
        await call_off(tx, ACTOR, rows, "hold over")
        return len(rows)
