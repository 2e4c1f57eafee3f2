"""Decides which days of the official calendar of Vietnam are off. Pure.

The days of the law, Tet by the lunar calendar and the days off in lieu come from the package `holidays`. Each year the
Prime Minister swaps some of them: what stands in our own table wins, for the package learns of it by its next release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Final

from holidays import HolidayBase
from holidays.countries.vietnam import Vietnam

WEEKEND: Final = (5, 6)
WORKED: Final = "Ngày làm việc bù"
"""Name of a Saturday worked for a day off elsewhere; the package gives it none."""


@dataclass(frozen=True, slots=True)
class OfficialDay:
    """A day on which the calendar of work differs from the week's; `off` says in which direction."""

    day: date
    off: bool
    name: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """The law's days, and over them the swaps (by day) that were entered here."""

    swaps: Mapping[date, OfficialDay] = field(default_factory=dict)

    def is_off(self, day: date) -> bool:
        """Return whether `day` is an official day off; a common Saturday or Sunday is none."""
        found = self._official(day)
        return found is not None and found.off

    def is_worked(self, day: date) -> bool:
        """Return whether offices work on `day`: no day off, and no weekend unless it was swapped for one."""
        found = self._official(day)
        return not found.off if found is not None else day.weekday() not in WEEKEND

    def next_working_day(self, day: date) -> date:
        """Return the first day after `day` on which offices work."""
        day += timedelta(days=1)
        while not self.is_worked(day):
            day += timedelta(days=1)
        return day

    def official_days(self, year: int) -> list[OfficialDay]:
        """Return every day of `year` that is off, or worked against the week, in order."""
        days = {**_law(year), **{day: swap for day, swap in self.swaps.items() if day.year == year}}
        return [days[day] for day in sorted(days)]

    def _official(self, day: date) -> OfficialDay | None:
        return self.swaps.get(day) or _law(day.year).get(day)


@cache
def _law(year: int) -> Mapping[date, OfficialDay]:
    known: HolidayBase = Vietnam(years=year, language="vi")  # type: ignore[no-untyped-call]
    days = {day: OfficialDay(day, off=True, name=known[day]) for day in known if day.year == year}
    worked = {day for day in known.weekend_workdays if day.year == year}
    return {**days, **{day: OfficialDay(day, off=False, name=WORKED) for day in worked}}
