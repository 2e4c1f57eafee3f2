"""What others see of meetings."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from meetings.readiness import WORST_FIRST, ReadinessState, Reason
from meetings.rooms import RoomView

MeetingState = Literal["booked", "cancelled"]


@dataclass(frozen=True, slots=True)
class MeetingView:
    """One meeting and its rooms.

    Attributes:
        conference: Its name on the bridge, which nobody can guess.
        organiser: Sign-in name of who booked it, or a part of the platform.
        rooms: Those that the reader may see, in the order of their names; also after it was cancelled.
    """

    id: uuid.UUID
    title: str
    conference: str
    organiser: str
    starts_at: datetime
    ends_at: datetime
    state: MeetingState
    rooms: tuple[RoomView, ...]


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
