"""Draws up one day of a question for a time: which offices have a room free when. The evidence beside what is proposed.

Nothing is reserved by it, and it is as true as its transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from inventory.public import MEETINGS_READ
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.recurrence import instant
from meetings.busy import BusyCache, Known, Times
from meetings.find_time import EPOCH, MICROSECOND, MINUTE, MONDAY
from meetings.opening import open_at
from meetings.propose import TimeQuestion, who_is_asked

STEP: Final = timedelta(minutes=30)
BEGIN: Final = time(7)
CELLS: Final = 22
"""From 7:00 to 18:00."""

AROUND: Final = timedelta(hours=4)
"""As long as a room may need to get ready."""


@dataclass(frozen=True, slots=True)
class GridRow:
    """An office, or a person or thing that was named.

    Attributes:
        code: Its code.
        name: Its name.
        free: For each half-hour whether one of its rooms is free.
        begins: For each half-hour whether one of them is free from then on for the whole meeting.
    """

    code: str
    name: str
    free: tuple[bool, ...]
    begins: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class DayGrid:
    """One day; `starts` are the instants at which its half-hours begin."""

    starts: tuple[datetime, ...]
    rows: tuple[GridRow, ...]

    def free_at(self) -> list[int]:
        """Return for each half-hour how many could begin the meeting then."""
        return [sum(row.begins[n] for row in self.rows) for n in range(len(self.starts))]


async def day_grid(question: TimeQuestion, day: date, actor: Actor, tx: Transaction, cache: BusyCache) -> DayGrid:
    """Return one day of `question`, its rows in the order of the question.

    Raises:
        Refused: The role may not read meetings.
        NotFound: There is no such office or room that `actor` may see.
    """
    actor.require(MEETINGS_READ)
    zone, asked = ZoneInfo(question.zone), await who_is_asked(question, actor, tx, cache)
    first = datetime.combine(day, BEGIN)
    starts = tuple(instant(first + n * STEP, zone) for n in range(CELLS))
    length = timedelta(minutes=question.minutes)
    rooms = [room for one in asked.values() for room in one.rooms]
    busy = await cache.read(tx, rooms, starts[0] - AROUND, starts[-1] + length + AROUND)
    instants = np.array([(at - EPOCH) // MICROSECOND for at in starts], dtype=np.int64)
    return DayGrid(
        starts,
        tuple(
            GridRow(
                one.code,
                one.name,
                tuple(_any_free([(busy[room.id], room) for room in one.rooms], instants, STEP).tolist()),
                tuple(_any_free([(busy[room.id], room) for room in one.rooms], instants, length).tolist()),
            )
            for one in asked.values()
        ),
    )


def _any_free(rooms: Sequence[tuple[Times, Known]], starts: NDArray[np.int64], length: timedelta) -> NDArray[np.bool_]:
    """Return for each of `starts` whether one of the rooms is free from then for so long, getting ready included."""
    found = np.zeros(starts.size, np.bool_)
    for (begin, end, *_), room in rooms:
        low = starts[:, None] - room.before
        high = starts[:, None] + length // MICROSECOND + room.after
        open_then = open_at(room.hours, (starts - MONDAY) // MINUTE, length // timedelta(minutes=1))
        found |= open_then & ~((begin[None, :] < high) & (end[None, :] > low)).any(axis=1)
    return found
