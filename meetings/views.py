"""What others see of meetings."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from meetings.readiness import WORST_FIRST, ReadinessState, Reason
from meetings.recurrence import OnHoliday
from meetings.rooms import RoomView

MeetingState = Literal["booked", "cancelled"]
SeriesState = Literal["running", "ended"]
ReservationState = Literal["held", "confirmed", "released", "waiting"]


@dataclass(frozen=True, slots=True)
class Reservation:
    """A room's part of a meeting.

    Attributes:
        room: Code of the room.
        state: Whether the meeting has it: `waiting` where it was taken and is got as soon as it becomes free, `held`
            where its manager has still to agree.
        required: Whether the meeting was only booked because this room was free.
        checked_in_at: When somebody said there that they are in; None before.
        why: Why it was given back: `denied`, `unanswered`, `no-show`; empty otherwise.
        answer: What its manager wrote when they agreed or refused; often empty.
    """

    room: str
    state: ReservationState
    required: bool
    checked_in_at: datetime | None = None
    why: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Deputy:
    """Who attends for an office, and in whose place; empty if nobody was named."""

    office: str
    office_name: str
    deputy: str
    instead_of: str


@dataclass(frozen=True, slots=True)
class MeetingView:
    """One meeting and its rooms.

    Attributes:
        conference: Its name on the bridge, which nobody can guess.
        organiser: What people call whose meeting it is; or a part of the platform.
        rooms: Those that the reader may see, in the order of their names; also after it was cancelled.
        reservations: What became of each of them, in the same order.
        version: Grows with each change.
        series: Of which series it is a meeting.
        original: Local time that the rule of its series gave it, and by which it is known there.
        kind: Code of its kind; empty if it is of none.
        booked_by: What people call who booked it for the organiser; empty if they did it themselves.
        held_until: The rooms are only held until then, if nobody confirms the meeting; None: it is booked.
        deputies: Who attends in the place of somebody else, in the order of the offices' codes.
    """

    id: uuid.UUID
    title: str
    conference: str
    organiser: str
    starts_at: datetime
    ends_at: datetime
    state: MeetingState
    rooms: tuple[RoomView, ...]
    reservations: tuple[Reservation, ...] = ()
    version: int = 1
    series: uuid.UUID | None = None
    original: datetime | None = None
    kind: str = ""
    booked_by: str = ""
    held_until: datetime | None = None
    deputies: tuple[Deputy, ...] = ()


@dataclass(frozen=True, slots=True)
class RoomPage:
    """A page of rooms in the order of their names; `next_cursor` is None on the last."""

    rooms: list[RoomView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class MeetingPage:
    """A page of meetings in the order of their beginnings; `next_cursor` is None on the last."""

    meetings: list[MeetingView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class MeetingBrief:
    """A meeting in one line; `offices`: how many take part."""

    id: uuid.UUID
    title: str
    starts_at: datetime
    offices: int


@dataclass(frozen=True, slots=True)
class Session:
    """A room in which a meeting is, or is about to begin: its codes and its meeting."""

    room: str
    room_name: str
    office: str
    meeting_id: uuid.UUID
    title: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class RoomReadiness:
    """How ready one room was when it was looked at last.

    Attributes:
        state: `unknown` without a reason where nobody has looked yet.
        stage: Which look it was: `booking`, `t24h`, `t60m`, `t10m`; empty before the first.
        checked_at: When; None before the first.
    """

    room: str
    room_name: str
    office: str
    office_name: str
    state: ReadinessState
    reasons: tuple[Reason, ...]
    stage: str
    checked_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReadinessSummary:
    """How ready the rooms of one meeting are, in numbers.

    Attributes:
        rooms: How many rooms are in each state; a state that no room is in is left out.
        unchecked: How many of the unknown ones nobody has looked at yet.
    """

    rooms: Mapping[ReadinessState, int] = field(default_factory=dict)
    unchecked: int = 0

    @property
    def worst(self) -> ReadinessState:
        """The worst state of any room; unknown where there is none to see."""
        return next((state for state in WORST_FIRST if self.rooms.get(state)), "unknown")


@dataclass(frozen=True, slots=True)
class RoomMeeting:
    """A meeting in one room, and how ready that room was found for it."""

    meeting: uuid.UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    readiness: RoomReadiness


@dataclass(frozen=True, slots=True)
class SeriesView:
    """A meeting that comes again.

    Attributes:
        family: The same for all series that splits have made of one.
        rule: As RFC 5545 writes it (RRULE), in local time.
        zone: Where that time is meant.
        first: Local time of the first meeting.
        until: No meeting at or after this local time, for another series of the family goes on; None: as the rule says.
        minutes: How long each meeting lasts.
        left_out: Local times that the rule gives and at which there is no meeting.
        on_holiday: What becomes of a meeting on a day off.
        booked_until: Its meetings are made up to here; later ones follow by themselves.
        rooms: Codes of the rooms of each meeting that the reader may see, in the order of their names.
        optional: Those of them that a meeting can be without.
        meetings: How many of its meetings are booked and not over.
        next_at: When the next one begins; None after the last.
        organiser: What people call whose meetings they are.
        version: Grows with each change.
        kind: Code of their kind; empty if they are of none.
        booked_by: What people call who booked them for the organiser; empty if they did it themselves.
    """

    id: uuid.UUID
    family: uuid.UUID
    title: str
    rule: str
    zone: str
    first: datetime
    until: datetime | None
    minutes: int
    left_out: tuple[datetime, ...]
    on_holiday: OnHoliday
    booked_until: datetime
    rooms: tuple[str, ...]
    optional: tuple[str, ...]
    meetings: int
    next_at: datetime | None
    organiser: str
    state: SeriesState
    version: int
    kind: str = ""
    booked_by: str = ""


@dataclass(frozen=True, slots=True)
class ToApprove:
    """A room that is held for a meeting until its manager agrees."""

    meeting: uuid.UUID
    title: str
    organiser: str
    starts_at: datetime
    ends_at: datetime
    room: str
    room_name: str


@dataclass(frozen=True, slots=True)
class RoomUse:
    """A meeting in a room's calendar; others are kept out from `busy_from` to `busy_to`, getting ready included.

    `checked_in_at`: when somebody said there that they are in; None before.
    """

    meeting: uuid.UUID
    title: str
    organiser: str
    starts_at: datetime
    ends_at: datetime
    busy_from: datetime
    busy_to: datetime
    state: ReservationState
    checked_in_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A room that a meeting waits for; `place` 1 is the next to get it when its time becomes free."""

    meeting: uuid.UUID
    title: str
    room: str
    room_name: str
    starts_at: datetime
    ends_at: datetime
    asked_at: datetime
    place: int


@dataclass(frozen=True, slots=True)
class Door:
    """What the display at a room's door shows.

    Attributes:
        room: The room.
        at: As it was at this instant.
        until: Up to here `uses` has everything; after it, perhaps one more: the next there is.
        uses: From today on, the first to begin first.
    """

    room: RoomView
    at: datetime
    until: datetime
    uses: list[RoomUse]


@dataclass(frozen=True, slots=True)
class UnitUse:
    """How the rooms of one unit were used in a time.

    Attributes:
        unit: Code of the unit.
        unit_name: Its name.
        rooms: How many rooms its offices have.
        meetings: How many meetings had one of them.
        booked_h: For how many hours they were booked in all, getting ready left out: what was kept, and what was not.
        kept_h: For how many of these the meeting has, or had, its room.
        released_h: For how many it has not: refused, not answered for, or nobody came.
        no_shows: How many were given back because nobody came.
        waiting: How many meetings waited for one in vain.
    """

    unit: str
    unit_name: str
    rooms: int
    meetings: int
    booked_h: float
    kept_h: float
    released_h: float
    no_shows: int
    waiting: int


@dataclass(frozen=True, slots=True)
class UsePage:
    """A page of units in Vietnamese order; `next_cursor` is None on the last."""

    units: list[UnitUse]
    next_cursor: str | None
