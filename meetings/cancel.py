"""Cancels a meeting, and gives its rooms back."""

from __future__ import annotations

import uuid

from sqlalchemy import select

from inventory.public import MEETINGS_BOOK, MEETINGS_MANAGE
from kernel.actors import Actor, system
from kernel.db.transaction import Transaction
from meetings.errors import MeetingOver, NotYourMeeting
from meetings.events import MeetingCancelled
from meetings.models import MeetingRow
from meetings.queries import meeting_for, rooms_of
from meetings.repository import release
from meetings.views import MeetingView


async def cancel(actor: Actor, meeting_id: uuid.UUID, tx: Transaction) -> MeetingView:
    """Cancel the meeting, whether it has begun or not, and return it. Twice is as once.

    Raises:
        Refused: The role may not book.
        NotFound: There is no such meeting that `actor` may see.
        NotYourMeeting: Somebody else booked it, and the role may not change what others booked in all of its offices.
        MeetingOver: It has ended.
    """
    actor.require(MEETINGS_BOOK)
    row = (
        await tx.session.execute(select(MeetingRow).where(MeetingRow.id == meeting_id).with_for_update())
    ).scalar_one_or_none()
    view = await meeting_for(actor, meeting_id, tx)
    if row is None or row.state == "cancelled":
        return view
    if (actor.id is None or row.organiser_id != actor.id) and not await manages(actor, meeting_id, tx):
        raise NotYourMeeting(organiser=row.organiser)
    if row.ends_at <= tx.now():
        raise MeetingOver
    row.state, row.version = "cancelled", row.version + 1
    await release(tx, meeting_id)
    tx.audit(
        actor,
        "meeting.cancelled",
        f"meeting:{meeting_id}",
        before={"title": row.title, "starts_at": row.starts_at.isoformat(), "organiser": row.organiser},
    )
    tx.emit(MeetingCancelled(meeting_id=str(meeting_id)), by=actor)
    await tx.session.flush()
    return await meeting_for(actor, meeting_id, tx)


async def manages(actor: Actor, meeting_id: uuid.UUID, tx: Transaction) -> bool:
    """Return whether `actor` may change what others booked in every office of the meeting, seen or not."""
    if not actor.may(MEETINGS_MANAGE):
        return False
    everyone = await rooms_of(system("guard"), meeting_id, tx)
    return await rooms_of(actor, meeting_id, tx, MEETINGS_MANAGE) == everyone
