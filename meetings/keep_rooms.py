"""Keeps rooms for who uses them: agreement of a manager, check-in, and giving back what nobody answered or used."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import func, select, text

from inventory.public import MEETINGS_BOOK, MEETINGS_READ, day_of, persons, visible_offices
from kernel.actors import Actor, system
from kernel.db.transaction import Database, Transaction
from kernel.errors import BadInput, DatabaseUnavailable, NotFound
from kernel.sentences import Sentence
from meetings.cancel import meeting_to_change
from meetings.errors import CheckInLater, NothingHeld, NotYourRoom
from meetings.events import RoomAnswered
from meetings.hold import end_holds
from meetings.models import CONFIRMED, HELD, RELEASED, MeetingRow, ReservationRow, RoomRow
from meetings.queries import meeting_for
from meetings.repository import lock_rooms
from meetings.reserving import hand_on, managed_by
from meetings.room_queries import rooms_by_code
from meetings.use_queries import managed
from meetings.views import MeetingView, ToApprove

EARLY: Final = timedelta(minutes=30)
LOOK_EVERY_S: Final = 20.0
AT_ONCE: Final = 100
FULL: Final = 50
"""Where so much was due there may be more: the next look is at once."""

MOST_A_PAGE: Final = 200
MOST_REASON: Final = 500
ACTOR: Final = system("rooms")

log = structlog.get_logger(__name__)


async def to_approve(actor: Actor, tx: Transaction, *, limit: int = MOST_A_PAGE) -> list[ToApprove]:
    """Return the rooms whose booking waits for `actor` to agree, the first meeting first; at most `limit`."""
    actor.require(MEETINGS_READ)
    place = visible_offices(actor, day_of(tx.now()), MEETINGS_READ)
    statement = (
        select(
            MeetingRow.id,
            MeetingRow.title,
            persons.called(MeetingRow.organiser_id, MeetingRow.organiser),
            MeetingRow.starts_at,
            MeetingRow.ends_at,
            RoomRow.code,
            RoomRow.name,
        )
        .join(ReservationRow, ReservationRow.meeting_id == MeetingRow.id)
        .join(RoomRow, RoomRow.id == ReservationRow.room_id)
        .join(place, place.c.id == RoomRow.office_id)
        .where(ReservationRow.state == HELD, MeetingRow.held_until.is_(None))
        .order_by(MeetingRow.starts_at, MeetingRow.id, RoomRow.code)
        .limit(min(limit, MOST_A_PAGE))
    )
    return [ToApprove(*row) for row in await tx.session.execute(statement.where(managed(actor, day_of(tx.now()))))]


async def answer(
    actor: Actor, meeting_id: uuid.UUID, room: str, tx: Transaction, *, agreed: bool, reason: str = ""
) -> MeetingView:
    """Agree that a meeting has the room, or give it back, and return the meeting. The same answer twice is as once.

    `reason` is read by whoever sees the meeting.

    Raises:
        BadInput: The reason is no line of at most 500 characters.
        NotFound: There is no such meeting, or no such room of it, that `actor` may see.
        NotYourRoom: Somebody else manages it.
        NothingHeld: It waits for no answer.
    """
    actor.require(MEETINGS_READ)
    reason = " ".join(reason.split())
    if len(reason) > MOST_REASON or not reason.isprintable():
        raise BadInput(what="The reason", why=Sentence("write one line of at most {most} characters", most=MOST_REASON))
    row, held = await _reservation(actor, meeting_id, room, tx)
    if room not in await managed_by(actor, tx, await rooms_by_code(actor, tx, [room])):
        raise NotYourRoom(room=row.name)
    wanted = (CONFIRMED, "") if agreed else (RELEASED, "denied")
    if (held.state, held.why) == wanted:
        return await meeting_for(actor, meeting_id, tx)
    if held.state != HELD:
        raise NothingHeld(room=row.name)
    (held.state, held.why), held.answer = wanted, reason
    await _tell(tx, actor, held, room, reason)
    if not agreed:
        await hand_on(tx, actor, [row.id])
    return await meeting_for(actor, meeting_id, tx)


async def check_in(actor: Actor, meeting_id: uuid.UUID, room: str, tx: Transaction) -> MeetingView:
    """Say that people are in the room, so that it is not given back, and return the meeting. Twice is as once.

    Raises:
        Refused: The role may not book.
        NotFound: There is no such meeting, or no such room of it, that `actor` may see.
        CheckInLater: It is too early, too late, or the meeting has not got the room.
    """
    actor.require(MEETINGS_BOOK)
    _, reservation = await _reservation(actor, meeting_id, room, tx)
    meeting = await meeting_for(actor, meeting_id, tx)
    if reservation.state != CONFIRMED or not meeting.starts_at - EARLY <= tx.now() < meeting.ends_at:
        raise CheckInLater(minutes=EARLY // timedelta(minutes=1))
    if reservation.checked_in_at is None:
        reservation.checked_in_at = tx.now()
        tx.audit(actor, "meeting.checked-in", f"meeting:{meeting_id}", after={"room": room})
        await tx.session.flush()
    return await meeting_for(actor, meeting_id, tx)


async def run_keeping(database: Database, stop: asyncio.Event) -> None:
    """Give back what is due and end holds that are over, every 20 seconds until `stop` is set.

    A database away is waited for.
    """
    while not stop.is_set():
        given_back = 0
        try:
            given_back = max(await give_back(database), await end_holds(database))
        except DatabaseUnavailable as error:
            log.warning("rooms_wait", why=str(error))
        if given_back < FULL:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await stop.wait()
            except TimeoutError:
                continue


async def give_back(database: Database) -> int:
    """Give back rooms held without an answer when the meeting begins, and those of no-shows; return how many."""
    async with database.transaction() as tx:
        unused = MeetingRow.starts_at + func.make_interval(0, 0, 0, 0, 0, RoomRow.release_min) <= tx.now()
        due = (
            select(ReservationRow.meeting_id, ReservationRow.room_id)
            .join(MeetingRow, MeetingRow.id == ReservationRow.meeting_id)
            .join(RoomRow, RoomRow.id == ReservationRow.room_id)
            .where(
                text(f"(reservation.state = {HELD} OR (reservation.state = {CONFIRMED} AND checked_in_at IS NULL))"),
                func.lower(ReservationRow.during) <= tx.now(),
                MeetingRow.ends_at > tx.now() - timedelta(days=1),
                (MeetingRow.starts_at <= tx.now()) & (ReservationRow.state == HELD)
                | (ReservationRow.state == CONFIRMED) & (RoomRow.release_min > 0) & unused,
            )
            .order_by(ReservationRow.room_id)
            .limit(AT_ONCE)
        )
        found = [(meeting, room) for meeting, room in await tx.session.execute(due)]
        rooms = sorted({room for _, room in found})
        await lock_rooms(tx, rooms)
        codes = {row.id: row.code for row in await tx.session.scalars(select(RoomRow).where(RoomRow.id.in_(rooms)))}
        for key in found:
            # Looked at again under the lock: somebody may have answered, or come in, meanwhile.
            reservation = await tx.session.get_one(ReservationRow, key, populate_existing=True)
            if reservation.state == HELD:
                reservation.state, reservation.why = RELEASED, "unanswered"
            elif reservation.state == CONFIRMED and reservation.checked_in_at is None:
                reservation.state, reservation.why = RELEASED, "no-show"
            else:
                continue
            await _tell(tx, ACTOR, reservation, codes[key[1]], "")
        if found:
            await hand_on(tx, ACTOR, rooms)
        return len(found)


async def _reservation(
    actor: Actor, meeting_id: uuid.UUID, room: str, tx: Transaction
) -> tuple[RoomRow, ReservationRow]:
    """Return the room and its part of the meeting; the meeting and the room are locked."""
    await meeting_to_change(actor, meeting_id, tx)
    seen = await meeting_for(actor, meeting_id, tx)
    if room not in {one.code for one in seen.rooms}:
        raise NotFound(kind="room", code=room)
    row = (await tx.session.execute(select(RoomRow).where(RoomRow.code == room))).scalar_one()
    await lock_rooms(tx, [row.id])
    return row, await tx.session.get_one(ReservationRow, (meeting_id, row.id), populate_existing=True)


async def _tell(tx: Transaction, actor: Actor, reservation: ReservationRow, room: str, reason: str) -> None:
    state = "confirmed" if reservation.state == CONFIRMED else "released"
    meeting = str(reservation.meeting_id)
    tx.audit(
        actor, "meeting.room-answered", f"meeting:{meeting}",
        after={"room": room, "state": state, "why": reservation.why}, reason=reason,
    )  # fmt: skip
    tx.emit(
        RoomAnswered(meeting_id=meeting, room=room, state=state, why=reservation.why, answer=reason), by=actor
    )  # fmt: skip
    await tx.session.flush()
