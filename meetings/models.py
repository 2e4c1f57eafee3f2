"""Tables of meetings: rooms, what is booked in them, and how ready they were found."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal

HELD: Final = 1
CONFIRMED: Final = 2
RELEASED: Final = 3
WAITING: Final = 4
"""Of a reservation: held until somebody agrees, confirmed, given back, waiting for the room to become free."""

ZONELESS: Final = DateTime(timezone=False)
"""A local time as people said it; the zone stands beside it."""

NO_OVERLAP: Final = "reservation_no_overlap"
"""The final guard: whatever the code does, PostgreSQL keeps no two reservations of a room at one time."""

OCCUPIES: Final = f"state IN ({HELD}, {CONFIRMED})"
"""Which reservations keep others out, in words that the planner finds again in the guard: never as a parameter."""


class RoomRow(Base):
    """Something that can be booked: a room of an office, a virtual one, kit, a recorder, an interpreter, a person.

    One table and one guard for all of them; the name is that of the first kind. The id is an INTEGER: the guard's index
    has that type, and no other is looked up in it.

    `calendar` grows whenever what is booked in the room may have changed: who keeps a copy knows that it is old.
    """

    __tablename__ = "room"
    __table_args__ = (
        CheckConstraint("capacity > 0", name="capacity"),
        CheckConstraint("kind IN ('room', 'virtual', 'kit', 'recorder', 'interpreter', 'person')", name="kind"),
        CheckConstraint("before_min >= 0 AND after_min >= 0", name="buffers"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    name_sort: Mapped[str] = mapped_column(index=True)
    office_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("office.id"), index=True)
    capacity: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(server_default=text("'room'"))
    equipment: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    accessible: Mapped[bool] = mapped_column(server_default=text("false"))
    before_min: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    after_min: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    approval: Mapped[bool] = mapped_column(server_default=text("false"))
    manager: Mapped[str] = mapped_column(server_default=text("''"))
    release_min: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    hours: Mapped[str] = mapped_column(server_default=text("''"))
    bookable_by: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    calendar: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class RoomDeviceRow(Base):
    """A device that a meeting in the room needs."""

    __tablename__ = "room_device"

    room_id: Mapped[int] = mapped_column(ForeignKey("room.id"), primary_key=True)
    device_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("device.id"), primary_key=True, index=True)


class MeetingKindRow(Base):
    """A kind of meeting, with what a booking of it begins with; `hours` as `07:30-11:30,13:30-17:00`."""

    __tablename__ = "meeting_kind"
    __table_args__ = (
        CheckConstraint("minutes > 0 AND capacity > 0", name="sizes"),
        CheckConstraint("on_holiday IN ('keep', 'skip', 'move')", name="on_holiday"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_en: Mapped[str]
    minutes: Mapped[int] = mapped_column(Integer)
    hours: Mapped[str]
    every_day: Mapped[bool]
    on_holiday: Mapped[str]
    capacity: Mapped[int] = mapped_column(Integer)
    equipment: Mapped[list[str]] = mapped_column(ARRAY(Text))
    accessible: Mapped[bool]
    position: Mapped[int] = mapped_column(Integer)


class DelegateRow(Base):
    """That somebody may book, change and cancel in the name of a leader, who said so."""

    __tablename__ = "delegate"
    __table_args__ = (CheckConstraint("leader_id <> delegate_id", name="other"),)

    leader_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    delegate_id: Mapped[uuid.UUID] = mapped_column(primary_key=True, index=True)
    since: Mapped[datetime]


class SeriesRow(Base):
    """A meeting that comes again: the rule as people said it, in local time, with its zone.

    Its meetings are rows of `meeting`, made ahead until `booked_until`. A split at one of them ends this series before
    `until_local` and begins another one of the same family.
    """

    __tablename__ = "series"
    __table_args__ = (
        CheckConstraint("minutes > 0", name="lasts"),
        CheckConstraint("on_holiday IN ('keep', 'skip', 'move')", name="on_holiday"),
        CheckConstraint("state IN ('running', 'ended')", name="state"),
        Index("series_booked_until_idx", "booked_until", postgresql_where=text("state = 'running'")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    family_id: Mapped[uuid.UUID] = mapped_column(index=True)
    title: Mapped[str]
    rule: Mapped[str]
    zone: Mapped[str]
    first_local: Mapped[datetime] = mapped_column(ZONELESS)
    until_local: Mapped[datetime | None] = mapped_column(ZONELESS)
    minutes: Mapped[int] = mapped_column(Integer)
    left_out: Mapped[list[datetime]] = mapped_column(ARRAY(ZONELESS))
    on_holiday: Mapped[str]
    booked_until: Mapped[datetime]
    organiser_id: Mapped[uuid.UUID | None]
    organiser: Mapped[str] = mapped_column(
        info=personal("Whom to ask about the meeting", kept="as long as the series", account="organiser_id")
    )
    state: Mapped[str]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(server_default=text("''"))
    booked_by_id: Mapped[uuid.UUID | None]
    booked_by: Mapped[str] = mapped_column(
        server_default=text("''"),
        info=personal("Who booked it for the organiser", kept="as long as the meeting", account="booked_by_id"),
    )


class SeriesRoomRow(Base):
    """A room that each meeting of a series has, unless the meeting was changed by itself."""

    __tablename__ = "series_room"

    series_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("series.id"), primary_key=True)
    room_id: Mapped[int] = mapped_column(Integer, ForeignKey("room.id"), primary_key=True, index=True)
    required: Mapped[bool]


class CalendarDayRow(Base):
    """A day that is officially off, or worked, against what the calendar of holidays says."""

    __tablename__ = "calendar_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    off: Mapped[bool]
    name: Mapped[str]


class CalendarFeedRow(Base):
    """The one calendar address of an account. `key` is the SHA-256 of its secret: a stolen table opens no calendar."""

    __tablename__ = "calendar_feed"

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[bytes] = mapped_column(unique=True)
    made_at: Mapped[datetime]


class RoomFeedRow(Base):
    """The one calendar address of a room. `key` is the SHA-256 of its secret, as that of an account is."""

    __tablename__ = "room_feed"

    room_id: Mapped[int] = mapped_column(Integer, ForeignKey("room.id"), primary_key=True)
    key: Mapped[bytes] = mapped_column(unique=True)
    made_at: Mapped[datetime]


class MeetingRow(Base):
    """A meeting. `conference` names it on the bridge, and cannot be guessed; `version` grows with each change.

    One of a series is known by `original_local`, the local time that the rule gave it, whatever became of it since: a
    cancelled one keeps its row, and so never comes back; one that was `changed` by itself is left alone by changes of
    the series. Somebody else may have booked it for the organiser (`booked_by`). One with `held_until` is only held:
    confirmed before that, or gone.
    """

    __tablename__ = "meeting"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="lasts"),
        CheckConstraint("state IN ('booked', 'cancelled')", name="state"),
        Index("meeting_starts_at_idx", "starts_at", "id"),
        Index(
            "meeting_held_until_idx",
            "held_until",
            postgresql_where=text("held_until IS NOT NULL AND state = 'booked'"),
        ),
        UniqueConstraint("series_id", "original_local"),
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
    series_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("series.id"))
    original_local: Mapped[datetime | None] = mapped_column(ZONELESS)
    changed: Mapped[bool] = mapped_column(server_default=text("false"))
    kind: Mapped[str] = mapped_column(server_default=text("''"))
    booked_by_id: Mapped[uuid.UUID | None]
    booked_by: Mapped[str] = mapped_column(
        server_default=text("''"),
        info=personal("Who booked it for the organiser", kept="as long as the meeting", account="booked_by_id"),
    )
    held_until: Mapped[datetime | None]


class DeputyRow(Base):
    """Who attends for an office in the place of somebody else."""

    __tablename__ = "meeting_deputy"

    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"), primary_key=True)
    office_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("office.id"), primary_key=True)
    deputy: Mapped[str] = mapped_column(info=personal("Who attends for an office", kept="as long as the meeting"))
    instead_of: Mapped[str] = mapped_column(
        info=personal("In whose place a deputy attends", kept="as long as the meeting")
    )


class ReservationRow(Base):
    """One room's part of a meeting. `during` is half open, so that one meeting may begin as another ends.

    It has the room's time to get ready before and after the meeting in it. A room that is not required and was taken
    waits, since `asked_at`, for its time to become free. One that needs somebody's agreement is held until the meeting
    begins. `why` says why it was given back: `denied`, `unanswered`, `no-show`; empty: with its meeting. `answer` is
    what the room's manager wrote when they agreed or refused.
    """

    __tablename__ = "reservation"
    __table_args__ = (
        ExcludeConstraint(("room_id", "="), ("during", "&&"), name=NO_OVERLAP, using="gist", where=text(OCCUPIES)),
        CheckConstraint("state IN (1, 2, 3, 4)", name="state"),
        Index(
            "reservation_due_idx",
            text("lower(during)"),
            postgresql_where=text(f"state = {HELD} OR (state = {CONFIRMED} AND checked_in_at IS NULL)"),
        ),
        Index("reservation_room_begin_idx", "room_id", text("lower(during)")),
        Index("reservation_waiting_idx", "room_id", postgresql_where=text(f"state = {WAITING}")),
    )

    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"), primary_key=True)
    room_id: Mapped[int] = mapped_column(Integer, ForeignKey("room.id"), primary_key=True)
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    state: Mapped[int] = mapped_column(SmallInteger)
    required: Mapped[bool] = mapped_column(server_default=text("true"))
    asked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    checked_in_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(server_default=text("''"))
    answer: Mapped[str] = mapped_column(server_default=text("''"))


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
