"""Decides at which local times something comes again, by a rule of RFC 5545 (RRULE). Pure.

A rule lives in local time: what is at nine stays at nine whatever the zone's clocks do, and only then becomes an
instant. Of the rules of RFC 5545 those are taken that people make and every calendar understands in one way; the others
are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Final, Literal
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday

from kernel.errors import BadInput

FREQUENCIES: Final[Mapping[str, Literal[0, 1, 2, 3]]] = {
    "DAILY": DAILY, "WEEKLY": WEEKLY, "MONTHLY": MONTHLY, "YEARLY": YEARLY,
}  # fmt: skip
DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
PARTS: Final = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST")
"""What a rule may say. BYWEEKNO and BYYEARDAY are read in different ways by different programs; BYHOUR and shorter make
several times a day out of one time."""

MOST_INTERVAL: Final = 1000
MOST_COUNT: Final = 10_000
LONGEST_RULE: Final = 500
YEAR_WEEKS: Final = 53
MONTH_WEEKS: Final = 5
YEARS: Final = range(1990, 2200)
"""In which a rule begins. It is counted from there each time somebody asks; and at the ends of the calendar a local
time has no instant."""


class BadRule(BadInput):
    """What was given is no rule, or one that we do not take."""

    code = "bad-rule"
    message = "The rule {rule} gives no times that every calendar would agree on. Write it as FREQ=WEEKLY;BYDAY=MO."


class RulePartRefused(BadRule):
    """A part that calendars read in different ways, or that is no part."""

    message = (
        "Rules with {part} are not taken. A rule is DAILY, WEEKLY, MONTHLY or YEARLY, with INTERVAL, COUNT, UNTIL, "
        "BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS or WKST."
    )


class UntilAndCount(BadRule):
    """RFC 5545, section 3.3.10: one of them."""

    message = "A rule ends after a number of times (COUNT) or on a day (UNTIL), not both."


class BeginsFarAway(BadRule):
    """It was a slip of the hand."""

    message = "A rule begins in a year from {first} to {last}."


class BeginsElsewhere(BadRule):
    """`next` is the first local time that the rule does give."""

    message = "The rule does not give {first}. The first time that it gives is {next}: begin there."

    def __init__(self, first: datetime, next_: datetime) -> None:
        self.next = next_
        super().__init__(first=f"{first:%H:%M %d/%m/%Y}", next=f"{next_:%H:%M %d/%m/%Y}")  # local, of no one's zone


@dataclass(frozen=True, slots=True)
class Rule:
    """When something comes again. Days are (which one, `MO` to `SU`), 0 for every one; empty: as the first time."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    by_day: tuple[tuple[int, str], ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_month: tuple[int, ...] = ()
    by_set_pos: tuple[int, ...] = ()
    week_start: str = "MO"

    def __str__(self) -> str:
        """Return the rule as RFC 5545 writes it; UNTIL in local time."""
        parts = [f"FREQ={self.frequency}"]
        parts += [f"INTERVAL={self.interval}"] * (self.interval != 1)
        parts += [f"COUNT={self.count}"] if self.count is not None else []
        parts += [f"UNTIL={self.until:%Y%m%dT%H%M%S}"] if self.until is not None else []
        for name, numbers in (("BYMONTH", self.by_month), ("BYMONTHDAY", self.by_month_day)):
            parts += [f"{name}={','.join(map(str, numbers))}"] if numbers else []
        if self.by_day:
            parts.append("BYDAY=" + ",".join(f"{place or ''}{day}" for place, day in self.by_day))
        parts += [f"BYSETPOS={','.join(map(str, self.by_set_pos))}"] if self.by_set_pos else []
        parts += [f"WKST={self.week_start}"] * (self.week_start != "MO")
        return ";".join(parts)


def parse(text: str, zone: ZoneInfo) -> Rule:
    """Return the rule that `text` means, with or without `RRULE:` before it. UNTIL in UTC becomes local in `zone`.

    Raises:
        BadRule: It is no rule, or one that we do not take; its subclass says why.
    """
    body = text.strip().upper().removeprefix("RRULE:").rstrip(";")
    pairs = [part.partition("=") for part in body.split(";")]
    if len(body) > LONGEST_RULE or not all(value for _, _, value in pairs):
        raise BadRule(rule=body[:LONGEST_RULE])
    parts = {name: value for name, _, value in pairs}
    for name in parts:
        if name not in PARTS:
            raise RulePartRefused(part=name[:50])
    if len(parts) != len(pairs) or "FREQ" not in parts:
        raise BadRule(rule=body)
    if parts["FREQ"] not in FREQUENCIES:
        raise RulePartRefused(part=f"FREQ={parts['FREQ'][:50]}")
    if "COUNT" in parts and "UNTIL" in parts:
        raise UntilAndCount
    try:
        rule = Rule(
            parts["FREQ"],
            _number(parts.get("INTERVAL", "1"), 1, MOST_INTERVAL),
            _number(parts["COUNT"], 1, MOST_COUNT) if "COUNT" in parts else None,
            _until(parts["UNTIL"], zone) if "UNTIL" in parts else None,
            tuple(_day(one) for one in parts["BYDAY"].split(",")) if "BYDAY" in parts else (),
            _numbers(parts.get("BYMONTHDAY"), 31),
            tuple(_number(one, 1, 12) for one in parts["BYMONTH"].split(",")) if "BYMONTH" in parts else (),
            _numbers(parts.get("BYSETPOS"), 366),
            DAYS[DAYS.index(parts.get("WKST", "MO"))],
        )
    except (ValueError, OverflowError):
        raise BadRule(rule=body) from None
    _refuse_unclear(rule)
    return rule


def expand(rule: Rule, first: datetime, until: datetime) -> list[datetime]:
    """Return the local times that `rule` gives from `first` to `until`, both included, in order.

    Args:
        rule: When it comes again.
        first: Local time of the first one, without a zone.
        until: Last local time asked for; a rule without an end goes on.

    Raises:
        BeginsFarAway: `first` lies outside of `YEARS`.
        BeginsElsewhere: The rule does not give `first` itself. RFC 5545 (3.8.5.3) leaves open what that would mean.
    """
    if first.year not in YEARS:
        raise BeginsFarAway(first=YEARS[0], last=YEARS[-1])
    # COUNT counts from the first one; dateutil would have it counted without our bound, and a rule that never comes
    # true (the 31st of February) looked for until the year 9999.
    end = min(until, rule.until) if rule.until is not None else until
    found = list(islice(_times(rule, first, end), rule.count))
    if (found[0] if found else None) != first:
        ahead = next(_times(rule, first, first + timedelta(days=366 * 8)), None)
        if ahead is None:
            raise BadRule(rule=str(rule))
        if ahead != first:
            raise BeginsElsewhere(first, ahead)
    return found


def begins(rule: Rule, wanted: datetime) -> datetime:
    """Return the first local time that `rule` gives at or after `wanted`. Raises BadRule if it gives none."""
    try:
        expand(rule, wanted, wanted)
    except BeginsElsewhere as elsewhere:
        return elsewhere.next
    return wanted


def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant (UTC) of a local time.

    One that the clocks jump over is read with the offset before the jump, one that comes twice is the first (RFC 5545,
    3.3.5): what `fold=0` means.
    """
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _times(rule: Rule, first: datetime, until: datetime) -> Iterator[datetime]:
    return iter(
        rrule(
            FREQUENCIES[rule.frequency],
            dtstart=first,
            interval=rule.interval,
            wkst=DAYS.index(rule.week_start),
            until=until,
            bysetpos=rule.by_set_pos or None,
            bymonth=rule.by_month or None,
            bymonthday=rule.by_month_day or None,
            byweekday=[weekday(DAYS.index(day), place or None) for place, day in rule.by_day] or None,
        )
    )


def _refuse_unclear(rule: Rule) -> None:
    """Refuse what programs read in different ways, or what says nothing."""
    weeks = MONTH_WEEKS if rule.frequency == "MONTHLY" or rule.by_month else YEAR_WEEKS
    for place, _ in rule.by_day:
        if place and (rule.frequency in {"DAILY", "WEEKLY"} or abs(place) > weeks or rule.by_month_day):
            raise BadRule(rule=str(rule))
    if rule.by_month_day and (rule.frequency == "WEEKLY" or (rule.frequency == "YEARLY" and not rule.by_month)):
        raise BadRule(rule=str(rule))
    if rule.by_set_pos and not (rule.by_day or rule.by_month_day or rule.by_month):
        raise BadRule(rule=str(rule))


def _until(text: str, zone: ZoneInfo) -> datetime:
    if re.fullmatch(r"\d{8}", text):
        return datetime.combine(date.fromisoformat(text), time(23, 59, 59))
    if not re.fullmatch(r"\d{8}T\d{6}Z?", text):
        raise ValueError(text)
    at = datetime.fromisoformat(text)
    return at.astimezone(zone).replace(tzinfo=None) if at.tzinfo is not None else at


def _day(text: str) -> tuple[int, str]:
    found = re.fullmatch(r"([+-]?\d{1,2})?([A-Z]{2})", text, re.ASCII)
    if found is None or found[2] not in DAYS or (found[1] is not None and not 0 < abs(int(found[1])) <= YEAR_WEEKS):
        raise ValueError(text)
    return int(found[1] or 0), found[2]


def _numbers(text: str | None, most: int) -> tuple[int, ...]:
    found = tuple(_number(one, -most, most) for one in text.split(",")) if text else ()
    if 0 in found:
        raise ValueError(text)
    return found


def _number(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[+-]?\d{1,6}", text, re.ASCII) or not least <= int(text) <= most:
        raise ValueError(text)
    return int(text)
