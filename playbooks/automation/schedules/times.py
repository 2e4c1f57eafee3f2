"""When a schedule is due, which of the times that passed is still done, and which were missed. Pure.

A rule lives in local time (`kernel.recurrence`). A time on a day off stays, is left out, or moves to the next working
day; which days those are is told by others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, Protocol
from zoneinfo import ZoneInfo

from kernel.recurrence import Rule, expand, instant

OnHoliday = Literal["keep", "skip", "move"]

LATE: Final = timedelta(minutes=15)
"""A time that passed longer ago is not done any more: what was meant for the night must not begin in the morning."""

AHEAD: Final = timedelta(days=400)
FAR_AHEAD: Final = timedelta(days=366 * 8)
"""The 29th of February comes every eight years at the longest (1896, 1904; 2096, 2104)."""

MOVED: Final = timedelta(days=31)
"""No row of days off is longer: a time that was moved to today was meant for a day since then."""


class DaysOff(Protocol):
    """The official calendar of work."""

    def is_off(self, day: date) -> bool:
        """Return whether `day` is an official day off; a common Saturday or Sunday is none."""
        ...

    def next_working_day(self, day: date) -> date:
        """Return the first day after `day` on which offices work."""
        ...


@dataclass(frozen=True, slots=True)
class Timing:
    """When a schedule is due.

    Attributes:
        rule: When it comes again.
        first: Local time of the first time.
        zone: Where that is meant.
        on_holiday: What becomes of a time on a day off.
    """

    rule: Rule
    first: datetime
    zone: ZoneInfo
    on_holiday: OnHoliday = "keep"


@dataclass(frozen=True, slots=True)
class Due:
    """One time of a schedule: the instant, and whether a day off moved it."""

    at: datetime
    moved: bool = False


def next_times(timing: Timing, days: DaysOff, after: datetime, count: int) -> list[Due]:
    """Return the first `count` times after the instant `after`, in order; fewer if the rule ends."""
    found = between(timing, days, after, after + AHEAD)
    if len(found) < count:
        found = between(timing, days, after, after + FAR_AHEAD)
    return found[:count]


def between(timing: Timing, days: DaysOff, after: datetime, until: datetime) -> list[Due]:
    """Return the times after the instant `after` up to `until`, in order."""
    last = max(until.astimezone(timing.zone).replace(tzinfo=None), timing.first)
    given = expand(timing.rule, timing.first, last)
    since = after.astimezone(timing.zone).replace(tzinfo=None) - MOVED
    taken = {at.date() for at in given}
    found: dict[datetime, Due] = {}
    for local in given:
        if local < since:
            continue
        at, moved = local, False
        if timing.on_holiday != "keep" and days.is_off(local.date()):
            if timing.on_holiday == "skip":
                continue
            day = days.next_working_day(local.date())
            if day in taken:
                continue  # it is done on that day anyway
            taken.add(day)
            at, moved = datetime.combine(day, local.time()), True
        due = Due(instant(at, timing.zone).astimezone(UTC), moved)
        if after < due.at <= until:
            found.setdefault(due.at, due)
    return [found[at] for at in sorted(found)]


def decide(passed: Sequence[Due], now: datetime) -> tuple[Due | None, list[Due]]:
    """Return which of the times that passed is to be done now, if any, and those that were missed.

    Only the last one is done, and only if it has just passed: two missed runs do not make up for each other.

    Args:
        passed: Times up to now that nothing was done about yet, in order; may be empty.
        now: Now (aware UTC).
    """
    if passed and now - passed[-1].at <= LATE:
        return passed[-1], list(passed[:-1])
    return None, list(passed)
