"""What keeps others out of rooms, as `find_time` reads it, and a copy of it in memory.

The copy only proposes: each room has a counter that grows under its lock with every booking, and a copy of another
count is read again. Whatever is proposed, the constraint decides when it is booked.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    LargeBinary,
    Select,
    Text,
    any_,
    bindparam,
    cast,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from kernel.db.transaction import Transaction
from meetings.conflicts import LONGEST
from meetings.find_time import MINUTE, Room
from meetings.models import OCCUPIES, ReservationRow, RoomRow
from meetings.rooms import MOST_BUFFER_MIN

LONGEST_RESERVATION: Final = LONGEST + timedelta(minutes=2 * MOST_BUFFER_MIN)
MOST_ROOMS: Final = 20_000
"""Twice the rooms of the country; then the oldest copies go. About 130 MB with a year of bookings in each."""

MOST_ANSWERS: Final = 20
"""People who look for a time at once. An answer for 1,000 offices takes up to 5 MB."""

ANSWER_LASTS: Final = timedelta(seconds=10)
"""So old may be what explains an answer: a title, or that some other room is free. What it ranks is never old."""

LONGEST_COPY: Final = timedelta(days=600)
"""All that can be booked."""

BOOKED: Final = np.dtype([("room", ">i4"), ("begin", ">i8"), ("end", ">i8"), ("meeting", "V16")])
"""A booking as PostgreSQL sends it."""


class Times(NamedTuple):
    """When the bookings of a room begin and end, in microseconds since `find_time.EPOCH`, the first to begin first.

    `meetings` are the ids of what they are for, 16 bytes each; `room` is what the search takes of the same.
    """

    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    meetings: NDArray[np.void]
    room: Room

    def first_within(self, begin: int, end: int) -> tuple[uuid.UUID, int, int] | None:
        """Return meeting, beginning and end of the first booking that touches this half-open time, if there is one."""
        n = int(self.ends.searchsorted(begin, "right"))  # none overlaps another, so that ends are in order too
        if n == self.begins.size or (at := int(self.begins[n])) >= end:
            return None
        return uuid.UUID(bytes=self.meetings[n].tobytes()), at, int(self.ends[n])


class Known(NamedTuple):
    """What was read of a room; what it needs to get ready, before and after, in microseconds."""

    id: int
    code: str
    name: str
    before: int
    after: int
    calendar: int
    hours: str = ""


class _Copy(NamedTuple):
    calendar: int
    begin: datetime
    end: datetime
    times: Times


class BusyCache:
    """Copies of rooms and their calendars, one of each, good for the count and the days that they were read for."""

    def __init__(self) -> None:
        self._copies: dict[int, _Copy] = {}
        self._known: dict[int, Known] = {}
        self._answers: dict[Hashable, tuple[datetime, object]] = {}

    def clear(self) -> None:
        """Forget all."""
        self._copies.clear()
        self._known.clear()
        self._answers.clear()

    def answer(self, name: Hashable, now: datetime) -> object:
        """Return what was kept under `name` at most `ANSWER_LASTS` ago; None if nothing was."""
        kept = self._answers.get(name)
        return kept[1] if kept is not None and now - kept[0] <= ANSWER_LASTS else None

    def keep(self, name: Hashable, now: datetime, found: object) -> None:
        """Keep an answer. It is not to be changed."""
        self._answers.pop(name, None)
        self._answers[name] = now, found
        if len(self._answers) > MOST_ANSWERS:
            del self._answers[next(iter(self._answers))]

    async def known(self, tx: Transaction, calendars: Mapping[int, int]) -> dict[int, Known]:
        """Return each room of `calendars` (id to count)."""
        found: dict[int, Known] = {}
        wanted = []
        for room, calendar in calendars.items():
            if (known := self._known.get(room)) is not None and known.calendar == calendar:
                found[room] = known
            else:
                wanted.append(room)
        if wanted:
            connection = await tx.session.connection()
            rows = (await connection.execute(_KNOWN, {"rooms": listed(wanted)})).all()  # one by one takes longer
            for room, code, name, before, after, hours in rows:
                found[room] = Known(room, code, name, before * MINUTE, after * MINUTE, calendars[room], hours)
                self._known[room] = found[room]
            _forget(self._known)
        return found

    async def read(self, tx: Transaction, rooms: Collection[Known], begin: datetime, end: datetime) -> dict[int, Times]:
        """Return what is booked in each of `rooms`, by id, in this half-open time.

        It may hold more, before and after.
        """
        copies, found = self._copies, {}
        wanted = []
        for room in rooms:
            copy = copies.get(room.id)
            if copy is not None and copy.calendar == room.calendar and copy.begin <= begin and end <= copy.end:
                found[room.id] = copy.times
            else:
                wanted.append(room)
        if wanted:
            # What was asked for before will be asked for again: a copy grows, and is not read anew for each window.
            old = [copy for room in wanted if (copy := copies.get(room.id)) and copy.calendar == room.calendar]
            since, until = min([begin, *(copy.begin for copy in old)]), max([end, *(copy.end for copy in old)])
            if until - since > LONGEST_COPY:
                since, until = begin, end
            for room, times in zip(wanted, await _read(tx, wanted, since, until), strict=True):
                # The counts were read before the bookings: a booking in between makes the copy look old, never new.
                copies.pop(room.id, None)
                copies[room.id] = _Copy(room.calendar, since, until, times)
                found[room.id] = times
            _forget(copies)
        return found


def _forget(copies: dict[int, Known] | dict[int, _Copy]) -> None:
    while len(copies) > MOST_ROOMS:
        del copies[next(iter(copies))]


async def _read(tx: Transaction, rooms: Sequence[Known], begin: datetime, end: datetime) -> list[Times]:
    """Return what is booked in each of `rooms`, one query of the index by room and beginning.

    The rows come as one string of bytes, as PostgreSQL has them inside: as Python objects 6,500 of them cost more than
    the search itself.
    """
    ids = [room.id for room in rooms]
    asked = {"rooms": listed(ids), "since": begin - LONGEST_RESERVATION, "begin": begin, "end": end}
    sent = (await (await tx.session.connection()).execute(_BOOKED, asked)).scalar_one()
    rows = np.frombuffer(sent or b"", BOOKED)
    begins, ends = rows["begin"].astype(np.int64), rows["end"].astype(np.int64)
    meetings = rows["meeting"].copy()  # side by side: what is kept is no longer than what is looked at
    low, high = (np.searchsorted(rows["room"], ids, side).tolist() for side in ("left", "right"))
    return [
        Times(
            first := begins[a:b], last := ends[a:b], meetings[a:b],
            Room(room.id, first, last, room.before, room.after, room.hours),
        )
        for room, a, b in zip(rooms, low, high, strict=True)
    ]  # fmt: skip


def listed(values: Iterable[int | uuid.UUID]) -> str:
    """Return `values` as PostgreSQL writes an array: the driver takes longer, it looks at the size of each number."""
    return f"{{{','.join(map(str, values))}}}"


def packed(*columns: ColumnElement[bytes]) -> ColumnElement[bytes]:
    """Return `columns` of all rows, row by row in their order, as one string of bytes; NULL without a row."""
    row = reduce(lambda first, second: first.op("||")(second), columns)
    return func.string_agg(row, literal(b"", LargeBinary), type_=LargeBinary)


_ROOMS: Final = cast(bindparam("rooms", type_=Text), ARRAY(Integer))


def _booked() -> Select[*tuple[Any, ...]]:
    """Return the statement for what is booked in `rooms` from `begin` to `end`, packed as `BOOKED` says."""
    begin, end = (bindparam(name, type_=DateTime(timezone=True)) for name in ("begin", "end"))
    lower, upper = func.lower(ReservationRow.during), func.upper(ReservationRow.during)
    rows = (
        select(
            ReservationRow.room_id.label("room"), lower.label("begin"), upper.label("end"), ReservationRow.meeting_id
        )
        .where(
            ReservationRow.room_id == any_(_ROOMS),
            lower > bindparam("since", type_=DateTime(timezone=True)),
            lower < end,
            upper > begin,
            text(f"reservation.{OCCUPIES}"),
        )
        .order_by(ReservationRow.room_id, lower)  # the string has the order of these rows
        .subquery()
    )
    return select(
        packed(
            func.int4send(rows.c.room),
            func.timestamptz_send(rows.c.begin),
            func.timestamptz_send(rows.c.end),
            func.uuid_send(rows.c.meeting_id),
        )
    )


_BOOKED: Final = _booked()
"""Made once, as the next: making a statement took longer than its answer."""

_KNOWN: Final = select(
    RoomRow.id, RoomRow.code, RoomRow.name, RoomRow.before_min, RoomRow.after_min, RoomRow.hours
).where(RoomRow.id == any_(_ROOMS))
