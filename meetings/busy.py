"""What keeps others out of rooms, as `find_time` reads it, and a copy of it in memory.

The copy only proposes: each room has a counter that grows under its lock with every booking, and a copy of another
count is read again. Whatever is proposed, the constraint decides when it is booked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Integer, LargeBinary, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from kernel.db.transaction import Transaction
from meetings.conflicts import LONGEST
from meetings.models import OCCUPIES, ReservationRow
from meetings.rooms import MOST_BUFFER_MIN

Times: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
"""When bookings begin and end, in microseconds since `find_time.EPOCH`."""

LONGEST_RESERVATION: Final = LONGEST + timedelta(minutes=2 * MOST_BUFFER_MIN)
MOST_ROOMS: Final = 20_000
"""Twice the rooms of the country; then the oldest copies go. About 60 MB with a year of bookings in each."""

NOTHING: Final = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class _Copy:
    calendar: int
    begin: datetime
    end: datetime
    times: Times


class BusyCache:
    """Copies of rooms' calendars, one of each room, good for the count and the days that they were read for."""

    def __init__(self) -> None:
        self._copies: dict[int, _Copy] = {}

    def clear(self) -> None:
        """Forget all."""
        self._copies.clear()

    async def read(
        self, tx: Transaction, calendars: Mapping[int, int], begin: datetime, end: datetime
    ) -> dict[int, Times]:
        """Return what is booked in each room of `calendars` (id to count) in this half-open time.

        It may hold more, before and after.
        """
        wanted = [
            room
            for room, calendar in calendars.items()
            if (copy := self._copies.get(room)) is None
            or copy.calendar != calendar
            or not copy.begin <= begin <= end <= copy.end
        ]
        if wanted:
            for room, times in (await _read(tx, wanted, begin, end)).items():
                # The counts were read before the bookings: a booking in between makes the copy look old, never new.
                self._copies.pop(room, None)
                self._copies[room] = _Copy(calendars[room], begin, end, times)
        found = {room: self._copies[room].times for room in calendars}
        while len(self._copies) > MOST_ROOMS:
            del self._copies[next(iter(self._copies))]
        return found


async def _read(tx: Transaction, rooms: list[int], begin: datetime, end: datetime) -> dict[int, Times]:
    """Return what is booked in `rooms`, one query of the index by room and beginning.

    The rows come as three strings of bytes, as PostgreSQL has them inside: as Python objects 6,500 of them cost more
    than the search itself.
    """
    lower, upper = func.lower(ReservationRow.during), func.upper(ReservationRow.during)
    rows = (
        select(ReservationRow.room_id.label("room"), lower.label("begin"), upper.label("end"))
        .where(
            ReservationRow.room_id == func.any(literal(rooms, ARRAY(Integer))),
            lower > begin - LONGEST_RESERVATION,
            lower < end,
            upper > begin,
            text(f"reservation.{OCCUPIES}"),
        )
        .order_by(ReservationRow.room_id, lower)  # the three strings have the order of these rows
        .subquery()
    )
    ids, begins, ends = (
        await tx.session.execute(
            select(
                _packed(func.int4send(rows.c.room)),
                _packed(func.timestamptz_send(rows.c.begin)),
                _packed(func.timestamptz_send(rows.c.end)),
            )
        )
    ).one()
    if ids is None:
        return dict.fromkeys(rooms, (NOTHING, NOTHING))
    of_room = np.frombuffer(ids, ">i4")
    first, last = (np.frombuffer(packed, ">i8").astype(np.int64) for packed in (begins, ends))
    sorted_rooms = np.array(rooms)
    low, high = np.searchsorted(of_room, sorted_rooms, "left"), np.searchsorted(of_room, sorted_rooms, "right")
    return {room: (first[a:b], last[a:b]) for room, a, b in zip(rooms, low.tolist(), high.tolist(), strict=True)}


def _packed(value: ColumnElement[bytes]) -> ColumnElement[bytes]:
    return func.string_agg(value, literal(b"", LargeBinary), type_=LargeBinary)
