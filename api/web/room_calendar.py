"""Lays out what is booked in a room by day, week or month, with what is free in between. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from meetings.public import RoomUse

View = Literal["day", "week", "month"]
DAY_BEGINS: Final = time(7)
DAY_ENDS: Final = time(18)
LEAST_FREE: Final = timedelta(minutes=30)
DAYS_A_WEEK: Final = 7
DECEMBER: Final = 12


@dataclass(frozen=True, slots=True)
class Span:
    """The days of a view, both included, and where the ones before and after begin."""

    first: date
    last: date
    before: date
    after: date


@dataclass(frozen=True, slots=True)
class Gap:
    """When nothing is booked."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One day: what is booked in order, and the same with the free hours of work between."""

    day: date
    uses: tuple[RoomUse, ...]
    agenda: tuple[RoomUse | Gap, ...]


def span_of(view: View, day: date) -> Span:
    """Return the days of the view around `day`; a month is shown in whole weeks."""
    if view == "day":
        return Span(day, day, day - timedelta(days=1), day + timedelta(days=1))
    if view == "week":
        first = monday_of(day)
        return Span(first, first + timedelta(days=6), first - timedelta(days=7), first + timedelta(days=7))
    begin = day.replace(day=1)
    after = begin.replace(year=begin.year + begin.month // DECEMBER, month=begin.month % DECEMBER + 1)
    last = after - timedelta(days=1)
    return Span(
        monday_of(begin), monday_of(last) + timedelta(days=6), (begin - timedelta(days=1)).replace(day=1), after
    )  # fmt: skip


def monday_of(day: date) -> date:
    """Return the Monday of the week of `day`."""
    return day - timedelta(days=day.weekday())


def days_of(span: Span, uses: Sequence[RoomUse], zone: ZoneInfo) -> list[CalendarDay]:
    """Return each day of `span` with what is booked on it; what goes over midnight stands on both days."""
    found = []
    for number in range((span.last - span.first).days + 1):
        day = span.first + timedelta(days=number)
        begin, end = (datetime.combine(day + timedelta(days=n), time(), zone) for n in (0, 1))
        today = tuple(use for use in uses if use.starts_at < end and use.ends_at > begin)
        found.append(CalendarDay(day, today, _with_gaps(day, today, zone)))
    return found


def weeks_of(days: Sequence[CalendarDay]) -> list[Sequence[CalendarDay]]:
    """Return `days`, which are whole weeks, week by week."""
    return [days[at : at + DAYS_A_WEEK] for at in range(0, len(days), DAYS_A_WEEK)]


def _with_gaps(day: date, uses: Sequence[RoomUse], zone: ZoneInfo) -> tuple[RoomUse | Gap, ...]:
    at, end = datetime.combine(day, DAY_BEGINS, zone), datetime.combine(day, DAY_ENDS, zone)
    found: list[RoomUse | Gap] = []
    for use in uses:
        if use.busy_from - at >= LEAST_FREE:
            found.append(Gap(at, min(use.busy_from, end)))
        found.append(use)
        at = max(at, use.busy_to)
    if end - at >= LEAST_FREE:
        found.append(Gap(at, end))
    return tuple(found)
