"""Decides whether a booking can be: its time, and which bookings of others stand in its way. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from meetings.errors import (
    BadHold,
    BadTime,
    BadTitle,
    EndsBeforeItBegins,
    InThePast,
    NoRooms,
    RoomBusy,
    RoomTaken,
    SeriesRoomBusy,
    SeriesRoomTaken,
    Taken,
    TooFarAhead,
    TooLong,
)

LONGEST: Final = timedelta(hours=24)
FARTHEST: Final = timedelta(days=550)
LATEST: Final = timedelta(minutes=15)
"""A meeting may be booked that began this long ago: people sit down first, and book then."""

LONGEST_HOLD: Final = timedelta(hours=72)
HOLD_ENDS_BEFORE: Final = timedelta(minutes=30)
"""So long before a meeting it is known whether it will be: people have to get there."""

MOST_ROOMS: Final = 1000
MOST_TITLE: Final = 200


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """What somebody wants to book: all of these rooms at this time, or nothing.

    Attributes:
        optional: Rooms that the meeting can be without: one that is taken waits for its time to become free.
        kind: Code of its kind; empty for none.
        on_behalf: Sign-in name of the leader whose meeting it is; empty: of who books.
        hold_until: Only hold the rooms, until then; None: book them.
    """

    title: str
    rooms: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    optional: tuple[str, ...] = ()
    kind: str = ""
    on_behalf: str = ""
    hold_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Booked:
    """A reservation that exists: the room's code, its half-open time, and the meeting that it is for.

    `against` is the beginning of the meeting in whose way it is, where that is one of several.
    """

    room: str
    starts_at: datetime
    ends_at: datetime
    meeting: uuid.UUID
    title: str
    organiser: str
    against: datetime | None = None


def check_request(request: BookingRequest, now: datetime) -> None:
    """Return if `request` makes sense at `now`, whatever others have booked.

    Raises:
        BadTitle: It has no title, or one that is no line of text.
        NoRooms: It has none, or too many.
        BadTime: Why this time cannot be booked, by its subclass.
        BadHold: The rooms cannot be held for so long.
    """
    check_title_and_rooms(request.title, request.rooms, request.optional)
    if request.starts_at.tzinfo is None or request.ends_at.tzinfo is None:
        raise BadTime
    if request.ends_at <= request.starts_at:
        raise EndsBeforeItBegins
    if request.ends_at <= now or request.starts_at < now - LATEST:
        raise InThePast
    if request.ends_at - request.starts_at > LONGEST:
        raise TooLong(hours=LONGEST // timedelta(hours=1))
    if request.starts_at - now > FARTHEST:
        raise TooFarAhead(days=FARTHEST.days)
    if request.hold_until is not None:
        check_hold(request.hold_until, request.starts_at, now)


def check_hold(until: datetime, starts_at: datetime, now: datetime) -> None:
    """Return if rooms can be held until `until` for a meeting that begins at `starts_at`; raise BadHold if not."""
    last = min(now + LONGEST_HOLD, starts_at - HOLD_ENDS_BEFORE)
    if until.tzinfo is None or not now < until <= last:
        raise BadHold(
            hours=LONGEST_HOLD // timedelta(hours=1), minutes=HOLD_ENDS_BEFORE // timedelta(minutes=1)
        )  # fmt: skip


def check_title_and_rooms(title: str, rooms: Collection[str], optional: Collection[str]) -> None:
    """Return if a meeting can have this title and these rooms; raise BadTitle or NoRooms if not."""
    if not 1 <= len(title.strip()) <= MOST_TITLE or not title.strip().isprintable():
        raise BadTitle(most=MOST_TITLE)
    if not rooms or len({*rooms, *optional}) > MOST_ROOMS:
        raise NoRooms(most=MOST_ROOMS)


def served(
    waiting: Iterable[tuple[uuid.UUID, int, datetime, datetime]],
    taken: Iterable[tuple[int, datetime, datetime]],
) -> list[tuple[uuid.UUID, int]]:
    """Return which (meeting, room) get the room that they wait for, first come, first served.

    Args:
        waiting: Meeting, room and half-open time of each that waits, who asked first first.
        taken: Room and time of each reservation that keeps others out.
    """
    of_room: dict[int, list[tuple[datetime, datetime]]] = {}
    for room, begin, end in taken:
        of_room.setdefault(room, []).append((begin, end))
    got = []
    for meeting, room, begin, end in waiting:
        if not any(begin < other_end and other_begin < end for other_begin, other_end in of_room.get(room, ())):
            of_room.setdefault(room, []).append((begin, end))
            got.append((meeting, room))
    return got


def taken_by(found: Iterable[Booked], names: Mapping[str, str], seen: Collection[uuid.UUID]) -> list[Taken]:
    """Return what the reader is told of each of `found`.

    Args:
        found: What is in the way.
        names: Name of each of its rooms, by code.
        seen: Meetings that the reader may know of; of others they learn only until when the room is busy.
    """
    return [
        Taken(one.room, names[one.room], one.ends_at, one.meeting, one.title, one.organiser, one.against)
        if one.meeting in seen
        else Taken(one.room, names[one.room], one.ends_at, at=one.against)
        for one in found
    ]


def room_taken(found: Iterable[Booked], names: Mapping[str, str], seen: Collection[uuid.UUID]) -> RoomTaken:
    """Return the error that tells of `found`, at least one booking; the arguments are those of `taken_by`."""
    taken = taken_by(found, names, seen)
    if taken[0].at is not None:
        return (SeriesRoomBusy if taken[0].meeting is None else SeriesRoomTaken)(taken)
    return (RoomBusy if taken[0].meeting is None else RoomTaken)(taken)
