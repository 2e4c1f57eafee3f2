"""What happened to meetings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events.event import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingBooked(Fact):
    """All rooms of a meeting were booked; times by RFC 3339, UTC."""

    name: ClassVar[str] = "meeting.booked"
    meeting_id: str
    title: str
    rooms: list[str]
    starts_at: str
    ends_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingCancelled(Fact):
    """A meeting will not be, or ended early; its rooms are free again."""

    name: ClassVar[str] = "meeting.cancelled"
    meeting_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesBooked(Fact):
    """All rooms of all meetings of a series were booked, as far ahead as rooms are."""

    name: ClassVar[str] = "series.booked"
    series_id: str
    family_id: str
    title: str
    rule: str
    rooms: list[str]
    meetings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingsChanged(Fact):
    """Meetings have another title, time or rooms; those that a change of their series left out are cancelled."""

    name: ClassVar[str] = "meeting.changed"
    changed: list[str]
    cancelled: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomsGot(Fact):
    """Rooms that meetings waited for became theirs: (meeting, room) each."""

    name: ClassVar[str] = "meeting.rooms-got"
    got: list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomAnswered(Fact):
    """A room's manager agreed to a booking (`confirmed`), or it was given back and `why`; `answer` in their words."""

    name: ClassVar[str] = "meeting.room-answered"
    meeting_id: str
    room: str
    state: str
    why: str
    answer: str = ""
