"""What the Jitsi server asks of us and tells us: opening and closing a room, who comes and goes.

Whoever calls has made sure that it is the server who speaks. Everything may be repeated and nothing harms twice: a lost
answer is asked for again, an event is sent again, a room that was closed is opened again while its meeting lasts.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from kernel.actors import Actor, system
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from kernel.ids import new_id
from meetings.bridge.errors import RoomRefused
from meetings.bridge.models import ATTENDANCE_KEPT, ConferenceRow, OccupantRow
from meetings.bridge.reservations import NAME, REMEMBERED, Booking, Closed, answer, as_we_wrote, why_closed
from meetings.models import MeetingRow
from meetings.queries import meeting_for

SERVER: Final = system("jitsi")
CLOCKS_APART: Final = timedelta(minutes=1)
"""How far the server's clock may be from ours when an event is matched to an opening."""


@dataclass(frozen=True, slots=True)
class Running:
    """The room is open already, as the conference of this id: Prosody asks for that next."""

    conflict_id: str


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay in a room, as an event tells it.

    Attributes:
        room_jid: Address of the room.
        occupant_jid: Address of the occupant, new at each connection.
        joined_at: When it began (aware UTC).
        left_at: When it ended; None if the event does not say.
        account: Id from the join token; empty if unknown.
        name: Name shown; empty if unknown.
        moderator: Whether they were moderator.
    """

    room_jid: str
    occupant_jid: str
    joined_at: datetime
    left_at: datetime | None = None
    account: str = ""
    name: str = ""
    moderator: bool = False


@dataclass(frozen=True, slots=True)
class ConferenceView:
    """How a meeting's room on the server is, as far as the server told.

    Attributes:
        open: Whether it is open now.
        opened_at: When it was opened last; None if it never was.
        closed_at: When that ended; None while it is open, and where nobody said so.
        present: How many people are in it now.
    """

    open: bool = False
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    present: int = 0


async def booking_for(actor: Actor, meeting: uuid.UUID, tx: Transaction) -> Booking:
    """Return what the bridge needs of a meeting; NotFound if there is none that `actor` may see."""
    view = await meeting_for(actor, meeting, tx)
    return _booking((await tx.session.execute(select(MeetingRow).where(MeetingRow.id == view.id))).scalar_one())


async def open_conference(
    name: str, asked_start: str, tx: Transaction, before: timedelta
) -> dict[str, str | int] | Running:
    """Return the reservation of the room `name`, opened now if it is not; or which one is running already.

    Args:
        name: What Prosody calls the room. Nothing else that it sends decides: the owner that it names is nobody.
        asked_start: `start_time` as sent. With the one of the running conference this is a repeated question, and gets
            the same answer; with another one the server has forgotten the room, or it is another server.
        tx: The transaction.
        before: How long before the start people may join.

    Raises:
        RoomRefused: The room may not be open now.
    """
    row = None
    if NAME.fullmatch(name):
        # Two questions at once, or a question while the meeting is cancelled, are answered one after the other.
        meeting = select(MeetingRow).where(MeetingRow.conference == name)
        row = await tx.session.scalar(meeting.with_for_update(key_share=True))
    booking = _booking(row) if row else None
    closed = why_closed(booking, tx.now(), before, slack=REMEMBERED)
    if closed is not None or booking is None:
        raise RoomRefused(closed or Closed("unknown"))
    running = await tx.session.scalar(
        select(ConferenceRow).where(ConferenceRow.meeting_id == booking.meeting, ConferenceRow.closed_at.is_(None))
    )
    if running is not None:
        return answer(running.id, booking) if running.asked_start == asked_start else Running(running.id)
    conference = ConferenceRow(
        id=str(new_id()), meeting_id=booking.meeting, asked_start=asked_start, opened_at=tx.now()
    )  # fmt: skip
    tx.session.add(conference)
    tx.audit(SERVER, "conference.opened", f"meeting:{booking.meeting}", after={"conference": conference.id})
    return answer(conference.id, booking)


async def read_conference(conference_id: str, tx: Transaction, before: timedelta) -> dict[str, str | int]:
    """Return the reservation of this id while its room may be open, NotFound otherwise.

    Also of one that was closed: Prosody asks after a conflict, and the room's end may have come in between.
    """
    found = (
        await tx.session.execute(
            select(ConferenceRow.id, MeetingRow)
            .join(MeetingRow, MeetingRow.id == ConferenceRow.meeting_id)
            .where(ConferenceRow.id == as_we_wrote(conference_id))
        )
    ).one_or_none()
    if found is None:
        raise NotFound(kind="conference", code=conference_id)
    booking = _booking(found.MeetingRow)
    if why_closed(booking, tx.now(), before, slack=REMEMBERED) is not None:
        raise NotFound(kind="conference", code=conference_id)
    return answer(found.id, booking)


async def close_conference(conference_id: str, tx: Transaction) -> bool:
    """Note that the room is gone; return whether it was open. It does not mean that the meeting is over."""
    meeting = await tx.session.scalar(
        update(ConferenceRow)
        .where(ConferenceRow.id == as_we_wrote(conference_id), ConferenceRow.closed_at.is_(None))
        .values(closed_at=tx.now())
        .returning(ConferenceRow.meeting_id)
    )
    if meeting is None:
        return False
    tx.audit(SERVER, "conference.closed", f"meeting:{meeting}", after={"conference": as_we_wrote(conference_id)})
    return True


async def open_room_of(meeting: uuid.UUID, tx: Transaction) -> tuple[str, str] | None:
    """Return name and conference id of a cancelled meeting's room that is still open; None if there is none."""
    found = (
        await tx.session.execute(
            select(MeetingRow.conference, ConferenceRow.id)
            .join(MeetingRow, MeetingRow.id == ConferenceRow.meeting_id)
            .where(MeetingRow.id == meeting, MeetingRow.state == "cancelled", ConferenceRow.closed_at.is_(None))
        )
    ).one_or_none()
    return (found.conference, found.id) if found else None


async def note_room_created(name: str, created_at: datetime, tx: Transaction) -> None:
    """Note when the server made the room; nothing if it is none of ours."""
    conference = await _conference(name, created_at, tx)
    if conference is not None:
        await tx.session.execute(
            update(ConferenceRow)
            .where(ConferenceRow.id == conference)
            .values(room_created_at=func.least(ConferenceRow.room_created_at, created_at))  # least leaves null out
        )


async def note_room_destroyed(
    name: str, created_at: datetime, destroyed_at: datetime, stays: Sequence[Stay], tx: Transaction
) -> None:
    """Note when the server took the room away, and everybody who was in it: joined and left may have been lost."""
    conference = await _conference(name, created_at, tx)
    if conference is not None:
        await tx.session.execute(
            update(ConferenceRow)
            .where(ConferenceRow.id == conference)
            .values(
                room_created_at=func.least(ConferenceRow.room_created_at, created_at),
                room_destroyed_at=func.greatest(ConferenceRow.room_destroyed_at, destroyed_at),
            )
        )
        for stay in sorted(stays, key=lambda stay: (stay.occupant_jid, stay.joined_at)):
            await _save(conference, stay, tx)
    await tx.session.execute(delete(OccupantRow).where(OccupantRow.joined_at < tx.now() - ATTENDANCE_KEPT))


async def note_stay(name: str, stay: Stay, tx: Transaction) -> None:
    """Note that somebody came or went; nothing if the room is none of ours."""
    conference = await _conference(name, stay.joined_at, tx)
    if conference is not None:
        await _save(conference, stay, tx)


async def conference_of(actor: Actor, meeting: uuid.UUID, tx: Transaction) -> ConferenceView:
    """Return how the meeting's room on the server is; NotFound if there is no such meeting that `actor` may see.

    A server that died tells of no end: after the booked one no room is open, whatever we heard.
    """
    booking = await booking_for(actor, meeting, tx)
    here = select(func.count()).where(OccupantRow.conference_id == ConferenceRow.id, OccupantRow.left_at.is_(None))
    last = (
        await tx.session.execute(
            select(ConferenceRow.opened_at, ConferenceRow.closed_at, here.scalar_subquery())
            .where(ConferenceRow.meeting_id == meeting)
            .order_by(ConferenceRow.opened_at.desc())
            .limit(1)
        )
    ).one_or_none()
    if last is None:
        return ConferenceView()
    opened_at, closed_at, present = last
    is_open = closed_at is None and tx.now() < booking.ends_at
    return ConferenceView(is_open, opened_at, closed_at, present if is_open else 0)


async def attendance(actor: Actor, meeting: uuid.UUID, tx: Transaction, *, limit: int = 500) -> list[Stay]:
    """Return the stays in a meeting's room, in the order of arrival; the first `limit`.

    A stay has ended at the latest when its conference was closed: the event that tells so may have been lost.

    Raises:
        NotFound: There is no such meeting that `actor` may see.
    """
    await booking_for(actor, meeting, tx)
    rows = await tx.session.execute(
        select(OccupantRow, func.coalesce(OccupantRow.left_at, ConferenceRow.closed_at))
        .join(ConferenceRow, ConferenceRow.id == OccupantRow.conference_id)
        .where(ConferenceRow.meeting_id == meeting)
        .order_by(OccupantRow.joined_at, OccupantRow.id)
        .limit(limit)
    )
    return [
        Stay(row.room_jid, row.occupant_jid, row.joined_at, left_at, row.account, row.name, row.moderator)
        for row, left_at in rows
    ]


def _booking(row: MeetingRow) -> Booking:
    return Booking(
        meeting=row.id,
        title=row.title,
        conference=row.conference,
        organiser_id=row.organiser_id,
        organiser=row.organiser,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        cancelled=row.state == "cancelled",
    )


async def _conference(name: str, at: datetime, tx: Transaction) -> str | None:
    """Return the conference of the room `name` that an event of `at` belongs to: the last opened before, if any is."""
    if not NAME.fullmatch(name):
        return None
    statement: Select[Any] = (
        select(ConferenceRow.id)
        .join(MeetingRow, MeetingRow.id == ConferenceRow.meeting_id)
        .where(MeetingRow.conference == name)
        .order_by((ConferenceRow.opened_at <= at + CLOCKS_APART).desc(), ConferenceRow.opened_at.desc())
        .limit(1)
    )
    found = await tx.session.scalar(statement)
    return str(found) if found is not None else None


async def _save(conference: str, stay: Stay, tx: Transaction) -> None:
    new = insert(OccupantRow).values(
        id=new_id(),
        conference_id=conference,
        room_jid=stay.room_jid,
        occupant_jid=stay.occupant_jid,
        joined_at=stay.joined_at,
        left_at=stay.left_at,
        account=stay.account,
        name=stay.name,
        moderator=stay.moderator,
    )
    await tx.session.execute(
        new.on_conflict_do_update(
            index_elements=["room_jid", "occupant_jid", "joined_at"],
            set_={
                "left_at": func.coalesce(new.excluded.left_at, OccupantRow.left_at),
                "account": func.coalesce(func.nullif(new.excluded.account, ""), OccupantRow.account),
                "name": func.coalesce(func.nullif(new.excluded.name, ""), OccupantRow.name),
                "moderator": OccupantRow.moderator | new.excluded.moderator,
            },
        )
    )
