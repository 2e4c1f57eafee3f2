"""Decides when a room can be used: its hours of the week, in the administration's local time. Pure.

They are written as hours of offices are: `Mo-Fr 07:30-11:30,13:30-17:00; Sa 08:00-11:00`. A day that is not named is
closed, and no hours at all mean always.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inventory.public import LAW

Minutes: TypeAlias = NDArray[np.int64]

DAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
DAY: Final = 24 * 60
WEEK: Final = 7 * DAY
MINUTE: Final = timedelta(minutes=1)
A_MONDAY: Final = datetime(2000, 1, 3, tzinfo=LAW).astimezone(UTC)
"""Its midnight, from which minutes are counted: the zone has had one offset since 1975."""


def is_open(hours: str, starts_at: datetime, ends_at: datetime) -> bool:
    """Return whether a room with these hours is open from `starts_at` until `ends_at`, without a break in between."""
    begin, end = (starts_at - A_MONDAY) // MINUTE, -((A_MONDAY - ends_at) // MINUTE)
    return bool(open_at(hours, np.array([begin]), end - begin)[0])


def open_at(hours: str, begins: Minutes, minutes: int) -> NDArray[np.bool_]:
    """Return for each of `begins`, minutes since A_MONDAY, whether it is open then and for `minutes` without a break.

    A meeting lasts a day at most.
    """
    closed, place = _closed(hours), begins % WEEK
    found: NDArray[np.bool_] = closed[place + minutes] == closed[place]
    return found


@lru_cache(maxsize=1000)
def _closed(hours: str) -> Minutes:
    """Return for each minute of two weeks how many before it are closed."""
    shut = np.full(WEEK, bool(hours))
    for rule in hours.split("; ") if hours else ():
        days, _, spans = rule.partition(" ")
        for day in (day for part in days.split(",") for day in _days(part)):
            for span in spans.split(","):
                begin, end = (_minute(text) for text in span.split("-"))
                shut[day * DAY + begin : day * DAY + end] = False
    return np.concatenate([[0], np.cumsum(np.tile(shut, 2))])


def _days(part: str) -> list[int]:
    """Return the days of `Mo`, or of `Sa-Tu`, which goes on over the end of the week."""
    first, _, last = part.partition("-")
    begin, end = DAYS.index(first), DAYS.index(last or first)
    return [day % len(DAYS) for day in range(begin, end + 1 + (len(DAYS) if end < begin else 0))]


def _minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)
