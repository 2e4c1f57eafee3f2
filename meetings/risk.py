"""Decides at which hours of the week an office is often cut off, from what went wrong in the last weeks. Pure.

An office whose line was down on Mondays at nine in two of the last eight weeks may well miss a meeting then. What went
wrong is somebody else's to know, and comes in as an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from meetings.opening import A_MONDAY

WEEKS: Final = 8
"""So far back it is looked: older faults were mended, or the line is another one."""

OFTEN: Final = 2
"""In so many of them: what happened once is chance."""

HOUR: Final = timedelta(hours=1)
HOURS_A_WEEK: Final = 168
SHORTEST: Final = timedelta(minutes=2)
"""A shorter outage interrupts nobody for long."""

What = Literal["line", "device", "power"]


@dataclass(frozen=True, slots=True)
class Outage:
    """That something of an office (its code) was out for a half-open time; `end` is None while it lasts."""

    office: str
    what: What
    begin: datetime
    end: datetime | None


Hours: TypeAlias = Mapping[int, tuple[What, int]]
"""Hour of the week (0 is Monday's first, local time): what was out then most often, and in how many of the weeks."""


def risky_hours(outages: Iterable[Outage], now: datetime) -> dict[str, Hours]:
    """Return the hours of the week at which each office was out in at least `OFTEN` of the last `WEEKS` weeks.

    Args:
        outages: What is known of that time, in any order.
        now: Aware instant of the decision.
    """
    last = (now - A_MONDAY) // HOUR
    first = last - WEEKS * HOURS_A_WEEK
    weeks: dict[str, dict[int, dict[What, set[int]]]] = {}
    for outage in outages:
        end = min(outage.end or now, now)
        if end - outage.begin < SHORTEST:
            continue
        begins = max((outage.begin - A_MONDAY) // HOUR, first)
        ends = -((A_MONDAY - end) // HOUR)
        of_office = weeks.setdefault(outage.office, {})
        for hour in range(begins, min(ends, last)):
            found = of_office.setdefault(hour % HOURS_A_WEEK, {}).setdefault(outage.what, set())
            found.add((last - 1 - hour) // HOURS_A_WEEK)
    risky: dict[str, Hours] = {}
    for office, hours in weeks.items():
        often = {hour: most for hour, found in hours.items() if (most := _most(found))[1] >= OFTEN}
        if often:
            risky[office] = often
    return risky


def during(hours: Hours, starts_at: datetime, ends_at: datetime) -> tuple[What, int] | None:
    """Return what is out most often in the hours of a meeting, and in how many weeks; None if nothing is, often."""
    first, last = (starts_at - A_MONDAY) // HOUR, -((A_MONDAY - ends_at) // HOUR)
    found = [hours[hour % HOURS_A_WEEK] for hour in range(first, last) if hour % HOURS_A_WEEK in hours]
    return max(found, key=lambda one: one[1], default=None)


def _most(found: Mapping[What, set[int]]) -> tuple[What, int]:
    what = max(found, key=lambda one: len(found[one]))
    return what, len(found[what])
