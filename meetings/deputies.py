"""Deputies: who attends for an office in the place of somebody else. Named on the meeting and in the audit log."""

from __future__ import annotations

import uuid
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from inventory.public import MEETINGS_BOOK, MEETINGS_READ, day_of, may_in_offices, visible_offices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from kernel.sentences import Sentence
from meetings.cancel import may_change, meeting_to_change
from meetings.errors import MeetingOver, NotYourOffice
from meetings.models import DeputyRow, MeetingRow
from meetings.queries import meeting_for
from meetings.views import MeetingView

MOST_NAME: Final = 200


async def send_deputy(
    actor: Actor, meeting_id: uuid.UUID, office: str, tx: Transaction, *, deputy: str, instead_of: str = ""
) -> MeetingView:
    """Let `deputy` attend for `office` in the place of `instead_of` (empty: its head), and return the meeting.

    Who may book in the office says so, or who may change the meeting. The last word counts.

    Raises:
        NotFound: There is no such meeting, or no such office in it, that `actor` may see.
        NotYourOffice: They may neither book there nor change the meeting.
        MeetingOver: It has ended or was cancelled.
        BadInput: A name is none.
    """
    names = [" ".join(name.split()) for name in (deputy, instead_of)]
    if not 1 <= len(names[0]) <= MOST_NAME or len(names[1]) > MOST_NAME or not "".join(names).isprintable():
        raise BadInput(what="The name", why=Sentence("write one line of 1 to {most} characters", most=MOST_NAME))
    office_id = await _office(actor, meeting_id, office, tx)
    values = {"deputy": names[0], "instead_of": names[1]}
    statement = insert(DeputyRow).values(meeting_id=meeting_id, office_id=office_id, **values)
    await tx.session.execute(
        statement.on_conflict_do_update(index_elements=["meeting_id", "office_id"], set_=values)
    )  # fmt: skip
    tx.audit(actor, "meeting.deputy-sent", f"meeting:{meeting_id}", after={"office": office, **values})
    return await meeting_for(actor, meeting_id, tx)


async def recall_deputy(actor: Actor, meeting_id: uuid.UUID, office: str, tx: Transaction) -> MeetingView:
    """Let no deputy attend for `office`, and return the meeting. Twice is as once; raises as `send_deputy`."""
    office_id = await _office(actor, meeting_id, office, tx)
    gone = await tx.session.execute(
        delete(DeputyRow)
        .where(DeputyRow.meeting_id == meeting_id, DeputyRow.office_id == office_id)
        .returning(DeputyRow.deputy)
    )
    if (deputy := gone.scalar_one_or_none()) is not None:
        before = {"office": office, "deputy": deputy}
        tx.audit(actor, "meeting.deputy-recalled", f"meeting:{meeting_id}", before=before)
    return await meeting_for(actor, meeting_id, tx)


async def offices_to_speak_for(actor: Actor, meeting: MeetingView, tx: Transaction) -> dict[str, str]:
    """Return the offices of a meeting, as `actor` sees it, for which they may send a deputy: names by code.

    Empty after it has ended or was cancelled.
    """
    if not actor.may(MEETINGS_BOOK) or meeting.state != "booked" or meeting.ends_at <= tx.now():
        return {}
    offices = {room.office: room.office_name for room in meeting.rooms}
    organiser = await tx.session.scalar(select(MeetingRow.organiser_id).where(MeetingRow.id == meeting.id))
    if await may_change(actor, meeting.id, organiser, tx):
        return offices
    place = visible_offices(actor, day_of(tx.now()), MEETINGS_BOOK)
    theirs = set(await tx.session.scalars(select(place.c.code).where(place.c.code.in_(offices))))
    return {code: name for code, name in offices.items() if code in theirs}


async def _office(actor: Actor, meeting_id: uuid.UUID, office: str, tx: Transaction) -> uuid.UUID:
    """Return the id of an office of the meeting for which `actor` may speak; the meeting is locked."""
    actor.require(MEETINGS_BOOK)
    row, view = await meeting_to_change(actor, meeting_id, tx)
    if office not in {room.office for room in view.rooms}:
        raise NotFound(kind="office", code=office[:100])
    if not await may_in_offices(actor, MEETINGS_BOOK, [office], tx) and not await may_change(
        actor, meeting_id, row.organiser_id, tx
    ):
        raise NotYourOffice(office=next(room.office_name for room in view.rooms if room.office == office))
    if row.state != "booked" or row.ends_at <= tx.now():
        raise MeetingOver
    place = visible_offices(actor, day_of(tx.now()), MEETINGS_READ)
    found: uuid.UUID = (await tx.session.execute(select(place.c.id).where(place.c.code == office))).scalar_one()
    return found
