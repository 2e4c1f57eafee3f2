"""Tables of meetings: rooms, what is booked in them, and how ready they were found."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, Integer, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal

HELD: Final = 1
CONFIRMED: Final = 2
RELEASED: Final = 3

NO_OVERLAP: Final = "reservation_no_overlap"
"""The final guard: whatever the code does, PostgreSQL keeps no two reservations of a room at one time."""

OCCUPIES: Final = f"state IN ({HELD}, {CONFIRMED})"
"""Which reservations keep others out, in words that the planner finds again in the guard: never as a parameter."""


class RoomRow(Base):
    """A room of an office. Its id is an INTEGER: the guard's index has that type, and no other is looked up in it."""

    __tablename__ = "room"
    __table_args__ = (CheckConstraint("capacity > 0", name="capacity"),)

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    name_sort: Mapped[str] = mapped_column(index=True)
    office_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("office.id"), index=True)
    capacity: Mapped[int] = mapped_column(Integer)


class RoomDeviceRow(Base):
    """A device that a meeting in the room needs."""

    __tablename__ = "room_device"

    room_id: Mapped[int] = mapped_column(ForeignKey("room.id"), primary_key=True)
    device_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("device.id"), primary_key=True, index=True)


class MeetingRow(Base):
    """A meeting. `conference` names it on the bridge, and cannot be guessed; `version` grows with each change."""

    __tablename__ = "meeting"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="lasts"),
        CheckConstraint("state IN ('booked', 'cancelled')", name="state"),
        Index("meeting_starts_at_idx", "starts_at", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    title: Mapped[str]
    conference: Mapped[str] = mapped_column(unique=True)
    organiser_id: Mapped[uuid.UUID | None]
    organiser: Mapped[str] = mapped_column(
        info=personal("Whom to ask about the meeting", kept="as long as the meeting", account="organiser_id")
    )
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[str]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer)


class ReservationRow(Base):
    """One room's part of a meeting. `during` is half open, so that one meeting may begin as another ends."""

    __tablename__ = "reservation"
    __table_args__ = (
        ExcludeConstraint(("room_id", "="), ("during", "&&"), name=NO_OVERLAP, using="gist", where=text(OCCUPIES)),
        CheckConstraint("state IN (1, 2, 3)", name="state"),
        Index("reservation_room_begin_idx", "room_id", text("lower(during)")),
    )

    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"), primary_key=True)
    room_id: Mapped[int] = mapped_column(Integer, ForeignKey("room.id"), primary_key=True)
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    state: Mapped[int] = mapped_column(SmallInteger)


class BookingKeyRow(Base):
    """A key under which somebody has booked: the same key again gives the same meeting, and books no second one."""

    __tablename__ = "booking_key"

    actor: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request: Mapped[bytes]
    meeting_id: Mapped[uuid.UUID]
    at: Mapped[datetime]


class ReadinessRow(Base):
    """What a room's last check of one stage found."""

    __tablename__ = "readiness"

    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"), primary_key=True)
    room_id: Mapped[int] = mapped_column(Integer, ForeignKey("room.id"), primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    checked_at: Mapped[datetime]
    state: Mapped[str]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class DueCheckRow(Base):
    """A readiness check still to be made. Whoever makes it first moves `due_at` ahead, and removes the row after."""

    __tablename__ = "due_check"

    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"), primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(index=True)
