"""Decides when a meeting that comes again takes place: the rule (`kernel.recurrence`), the days off, the zone. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from kernel.recurrence import DAYS, Rule, expand, instant
from meetings.working_days import Calendar

OnHoliday = Literal["keep", "skip", "move"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A whole series in time.

    Attributes:
        rule: When it comes again.
        first: Local time of the first meeting.
        zone: Where that time is meant.
        minutes: How long each meeting lasts.
        left_out: Local times that the rule gives and at which there is no meeting (EXDATE).
        on_holiday: What becomes of a meeting on a day off: it stays, is left out, or moves to the next working day.
        until_local: Nothing at or after this local time: another series goes on from there.
    """

    rule: Rule
    first: datetime
    zone: ZoneInfo
    minutes: int
    left_out: tuple[datetime, ...] = ()
    on_holiday: OnHoliday = "keep"
    until_local: datetime | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One meeting of a series: the local time that the rule gave it, and the instants at which it is."""

    original: datetime
    starts_at: datetime
    ends_at: datetime


def occurrences(pattern: Pattern, calendar: Calendar, until: datetime) -> list[Occurrence]:
    """Return the meetings of `pattern` whose local time by the rule is up to `until`, in the rule's order.

    A meeting that a day off moves keeps its original time, by which it is known; where the series has a meeting on
    that day already, it is left out.

    Args:
        pattern: The series.
        calendar: Which days are off.
        until: Last local time, without a zone.

    Raises:
        BeginsElsewhere: The rule does not give the first meeting itself.
    """
    given = expand(pattern.rule, pattern.first, until)
    if pattern.until_local is not None:
        given = [at for at in given if at < pattern.until_local]
    left_out, days = set(pattern.left_out), {at.date() for at in given}
    found = []
    for original in given:
        if original in left_out:
            continue
        at = original
        if pattern.on_holiday != "keep" and calendar.is_off(original.date()):
            if pattern.on_holiday == "skip":
                continue
            day = calendar.next_working_day(original.date())
            if day in days:
                continue
            days.add(day)
            at = datetime.combine(day, original.time())
        starts_at = instant(at, pattern.zone)
        found.append(Occurrence(original, starts_at, starts_at + timedelta(minutes=pattern.minutes)))
    return found


def shifted(rule: Rule, by: timedelta) -> Rule | None:
    """Return `rule` for meetings that are all later by so much local time; None if a rule of this kind cannot say that.

    "Every Monday" a day later is "every Tuesday"; "every 31st" a day later is no rule. So much: whole days, and a time
    that stays on its day.
    """
    if rule.until is not None:
        rule = replace(rule, until=rule.until + by)
    days = by // timedelta(days=1)
    if not days:
        return rule
    if rule.by_month_day or rule.by_month or rule.by_set_pos or rule.frequency in {"MONTHLY", "YEARLY"}:
        return None
    week = [(DAYS.index(day) - DAYS.index(rule.week_start)) % len(DAYS) + days for _, day in rule.by_day]
    if rule.interval > 1 and len(week) > 1 and not all(0 <= place < len(DAYS) for place in week):
        return None  # one of them would fall into a week in which there is no meeting
    turned = sorted((DAYS.index(day) + days) % len(DAYS) for _, day in rule.by_day)
    return replace(rule, by_day=tuple((0, DAYS[place]) for place in turned))
