"""When is the best time for work, so that no meeting is hurt? Pure: meetings and windows come in as times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

STEP: Final = timedelta(minutes=30)
NIGHT: Final = (time(22), time(6))
"""Between them people are at home: work that is tried at night is put right before the morning."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Something that work would hurt, half-open in aware UTC; `title` is what people call it."""

    title: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class GoodHour:
    """A time for the work, and the meetings that it would hurt: none is best."""

    starts_at: datetime
    ends_at: datetime
    meetings: tuple[str, ...]

    @property
    def clashes(self) -> int:
        """How many meetings it would hurt."""
        return len(self.meetings)


def best_times(
    meetings: Sequence[Busy],
    blackouts: Sequence[Busy],
    *,
    lasts: timedelta,
    start: datetime,
    until: datetime,
    zone: ZoneInfo,
    most: int = 5,
) -> list[GoodHour]:
    """Return the best times of length `lasts` between `start` and `until`, the best first, none overlapping another.

    Best is what hurts fewest meetings; among equals working hours before nights, and then the soonest.

    Args:
        meetings: What may be hurt, also a margin before each that its makers have put there.
        blackouts: Times that are not possible at all.
        lasts: How long the work takes.
        start: Earliest begin (aware UTC).
        until: Latest end (aware UTC).
        zone: Where nights are meant.
        most: How many times to return.
    """
    found = []
    begin = _next_step(start)
    while begin + lasts <= until:
        end = begin + lasts
        if not any(one.starts_at < end and one.ends_at > begin for one in blackouts):
            hurt = tuple(sorted({one.title for one in meetings if one.starts_at < end and one.ends_at > begin}))
            found.append(GoodHour(begin, end, hurt))
        begin += STEP
    found.sort(key=lambda one: (one.clashes, _at_night(one, zone), one.starts_at))
    chosen: list[GoodHour] = []
    for one in found:
        if len(chosen) == most:
            break
        if all(one.ends_at <= other.starts_at or one.starts_at >= other.ends_at for other in chosen):
            chosen.append(one)
    return chosen


def _next_step(at: datetime) -> datetime:
    whole = at.replace(minute=0, second=0, microsecond=0)
    while whole < at:
        whole += STEP
    return whole


def _at_night(one: GoodHour, zone: ZoneInfo) -> bool:
    local = one.starts_at.astimezone(zone).time()
    return local >= NIGHT[0] or local < NIGHT[1]
