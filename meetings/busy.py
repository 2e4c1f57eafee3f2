"""What keeps others out of rooms, as `find_time` reads it, and a copy of it in memory.

The copy only proposes: each room has a counter that grows under its lock with every booking, and a copy of another
count is read again. Whatever is proposed, the constraint decides when it is booked.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Integer, LargeBinary, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from kernel.db.transaction import Transaction
from meetings.conflicts import LONGEST
from meetings.models import OCCUPIES, ReservationRow, RoomRow
from meetings.rooms import MOST_BUFFER_MIN

LONGEST_RESERVATION: Final = LONGEST + timedelta(minutes=2 * MOST_BUFFER_MIN)
MOST_ROOMS: Final = 20_000
"""Twice the rooms of the country; then the oldest copies go. About 130 MB with a year of bookings in each."""

LONGEST_COPY: Final = timedelta(days=600)
"""All that can be booked."""

NOTHING: Final = np.empty(0, np.int64)
NOBODY: Final = np.empty(0, "V16")


class Times(NamedTuple):
    """When the bookings of a room begin and end, in microseconds since `find_time.EPOCH`, the first to begin first.

    `meetings` are the ids of what they are for, 16 bytes each.
    """

    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    meetings: NDArray[np.void]

    def within(self, begin: int, end: int) -> list[tuple[uuid.UUID, int, int]]:
        """Return meeting, beginning and end of each booking that touches this half-open time."""
        # None overlaps another, so that ends are in order too.
        first, last = self.ends.searchsorted(begin, "right"), self.begins.searchsorted(end, "left")
        return [
            (uuid.UUID(bytes=self.meetings[n].tobytes()), int(self.begins[n]), int(self.ends[n]))
            for n in range(int(first), int(last))
        ]


@dataclass(frozen=True, slots=True)
class Known:
    """What was read of a room."""

    id: int
    code: str
    name: str
    before: timedelta
    after: timedelta
    calendar: int
    hours: str = ""


@dataclass(frozen=True, slots=True)
class _Copy:
    calendar: int
    begin: datetime
    end: datetime
    times: Times


class BusyCache:
    """Copies of rooms and their calendars, one of each, good for the count and the days that they were read for."""

    def __init__(self) -> None:
        self._copies: dict[int, _Copy] = {}
        self._known: dict[int, Known] = {}

    def clear(self) -> None:
        """Forget all."""
        self._copies.clear()
        self._known.clear()

    async def known(self, tx: Transaction, calendars: Mapping[int, int]) -> dict[int, Known]:
        """Return each room of `calendars` (id to count)."""
        have = self._known
        wanted = [
            room
            for room, calendar in calendars.items()
            if (one := have.get(room)) is None or one.calendar != calendar
        ]  # fmt: skip
        if wanted:
            columns = (RoomRow.id, RoomRow.code, RoomRow.name, RoomRow.before_min, RoomRow.after_min, RoomRow.hours)
            rows = await tx.session.execute(select(*columns).where(_one_of(wanted)))
            for room, code, name, before, after, hours in rows:
                lead, rest = timedelta(minutes=before), timedelta(minutes=after)
                have[room] = Known(room, code, name, lead, rest, calendars[room], hours)
        found = {room: have[room] for room in calendars}
        _forget(have)
        return found

    async def read(
        self, tx: Transaction, calendars: Mapping[int, int], begin: datetime, end: datetime
    ) -> dict[int, Times]:
        """Return what is booked in each room of `calendars` (id to count) in this half-open time.

        It may hold more, before and after.
        """
        copies = self._copies
        wanted = [
            room
            for room, calendar in calendars.items()
            if (copy := copies.get(room)) is None
            or copy.calendar != calendar
            or not copy.begin <= begin <= end <= copy.end
        ]
        if wanted:
            # What was asked for before will be asked for again: a copy grows, and is not read anew for each window.
            old = [copies[room] for room in wanted if room in copies and copies[room].calendar == calendars[room]]
            since, until = min([begin, *(copy.begin for copy in old)]), max([end, *(copy.end for copy in old)])
            if until - since > LONGEST_COPY:
                since, until = begin, end
            for room, times in (await _read(tx, wanted, since, until)).items():
                # The counts were read before the bookings: a booking in between makes the copy look old, never new.
                copies.pop(room, None)
                copies[room] = _Copy(calendars[room], since, until, times)
        found = {room: copies[room].times for room in calendars}
        _forget(copies)
        return found


def _forget(copies: dict[int, Known] | dict[int, _Copy]) -> None:
    while len(copies) > MOST_ROOMS:
        del copies[next(iter(copies))]


async def _read(tx: Transaction, rooms: list[int], begin: datetime, end: datetime) -> dict[int, Times]:
    """Return what is booked in `rooms`, one query of the index by room and beginning.

    The rows come as strings of bytes, as PostgreSQL has them inside: as Python objects 6,500 of them cost more than the
    search itself.
    """
    lower, upper = func.lower(ReservationRow.during), func.upper(ReservationRow.during)
    rows = (
        select(
            ReservationRow.room_id.label("room"), lower.label("begin"), upper.label("end"), ReservationRow.meeting_id
        )
        .where(
            _one_of(rooms, ReservationRow.room_id),
            lower > begin - LONGEST_RESERVATION,
            lower < end,
            upper > begin,
            text(f"reservation.{OCCUPIES}"),
        )
        .order_by(ReservationRow.room_id, lower)  # the strings have the order of these rows
        .subquery()
    )
    ids, begins, ends, meetings = (
        await tx.session.execute(
            select(
                packed(func.int4send(rows.c.room)),
                packed(func.timestamptz_send(rows.c.begin)),
                packed(func.timestamptz_send(rows.c.end)),
                packed(func.uuid_send(rows.c.meeting_id)),
            )
        )
    ).one()
    if ids is None:
        return dict.fromkeys(rooms, Times(NOTHING, NOTHING, NOBODY))
    of_room = np.frombuffer(ids, ">i4")
    first, last = (np.frombuffer(sent, ">i8").astype(np.int64) for sent in (begins, ends))
    which, sorted_rooms = np.frombuffer(meetings, "V16"), np.array(rooms)
    low, high = np.searchsorted(of_room, sorted_rooms, "left"), np.searchsorted(of_room, sorted_rooms, "right")
    return {
        room: Times(first[a:b], last[a:b], which[a:b])
        for room, a, b in zip(rooms, low.tolist(), high.tolist(), strict=True)
    }


def packed(value: ColumnElement[bytes]) -> ColumnElement[bytes]:
    """Return the values of all rows, in their order, as one string of bytes; NULL without a row."""
    return func.string_agg(value, literal(b"", LargeBinary), type_=LargeBinary)


def _one_of(rooms: Collection[int], column: InstrumentedAttribute[int] = RoomRow.id) -> ColumnElement[bool]:
    return column == func.any(literal(list(rooms), ARRAY(Integer)))
