"""When a window is open: maintenance, when work is expected and alerts are silent; blackout, when nothing changes.

Pure. A window lives in local time, once or by a rule (RFC 5545), as `kernel/recurrence.py` reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kernel.errors import BadInput
from kernel.recurrence import YEARS, begins, expand, instant, parse

LONGEST: Final = timedelta(days=31)
MOST_TITLE: Final = 200


class WindowKind(StrEnum):
    """What a window is for. Stored: add, never rename."""

    MAINTENANCE = "maintenance"
    BLACKOUT = "blackout"


@dataclass(frozen=True, slots=True)
class WindowWish:
    """A window as somebody wants it; exactly one of `unit`, `office` and `device` is given.

    Attributes:
        kind: What it is for.
        title: What people call it.
        first_local: Local time at which it first opens, without a zone.
        minutes: How long it stays open each time.
        unit: Code of a unit: all that stands in it and below it.
        office: Code of an office.
        device: Code of a device.
        zone: Where the local time is meant.
        rule: When it opens again (RRULE); empty: once.
    """

    kind: WindowKind
    title: str
    first_local: datetime
    minutes: int
    unit: str | None = None
    office: str | None = None
    device: str | None = None
    zone: str = "Asia/Ho_Chi_Minh"
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """One time at which a window is open, half-open in aware UTC."""

    kind: WindowKind
    title: str
    starts_at: datetime
    ends_at: datetime


def checked(wish: WindowWish) -> WindowWish:
    """Return `wish` with its title trimmed, its rule as we write rules, and the first begin that the rule gives.

    Raises:
        BadInput: Something about it cannot be; of a rule its subclass BadRule.
    """
    title = " ".join(wish.title.split())
    if not 1 <= len(title) <= MOST_TITLE or not title.isprintable():
        raise BadInput(what="The title", why=f"it has 1 to {MOST_TITLE} characters, on one line")
    if sum(node is not None for node in (wish.unit, wish.office, wish.device)) != 1:
        raise BadInput(what="The place", why="a window is on one unit, one office or one device")
    if not timedelta(0) < timedelta(minutes=wish.minutes) <= LONGEST:
        raise BadInput(what="The length", why=f"it is 1 minute to {LONGEST.days} days")
    if wish.first_local.tzinfo is not None:
        raise BadInput(what="The begin", why="it is a local time, without a zone")
    if wish.first_local.year not in YEARS:
        raise BadInput(what="The begin", why=f"it lies in the years {YEARS[0]} to {YEARS[-1]}")
    try:
        zone = ZoneInfo(wish.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(what="The zone", why="it is a name such as Asia/Ho_Chi_Minh") from None
    rule, first = wish.rule.strip(), wish.first_local
    if rule:
        parsed = parse(rule, zone)
        rule, first = str(parsed), begins(parsed, first)
    return WindowWish(wish.kind, title, first, wish.minutes, wish.unit, wish.office, wish.device, wish.zone, rule)


def openings(wish: WindowWish, start: datetime, until: datetime) -> list[Opening]:
    """Return when the window is open at some time from `start` (included) to `until` (not), in order; aware UTC."""
    zone, lasts = ZoneInfo(wish.zone), timedelta(minutes=wish.minutes)
    if wish.rule:
        # A day more on either side: zones differ from UTC by less.
        last = until.astimezone(zone).replace(tzinfo=None) + timedelta(days=1)
        locals_ = expand(parse(wish.rule, zone), wish.first_local, max(last, wish.first_local))
    else:
        locals_ = [wish.first_local]
    found = []
    for local in locals_:
        begin = instant(local, zone)
        if begin < until and begin + lasts > start:
            found.append(Opening(wish.kind, wish.title, begin, begin + lasts))
    return found


def now_open(times: list[Opening], kind: WindowKind, at: datetime) -> Opening | None:
    """Return the opening of `kind` that lasts longest of those open at `at`; None if none is."""
    present = [one for one in times if one.kind is kind and one.starts_at <= at < one.ends_at]
    return max(present, key=lambda one: one.ends_at, default=None)


def next_open(times: list[Opening], kind: WindowKind, at: datetime) -> Opening | None:
    """Return the opening of `kind` that begins soonest after `at`; None if none does."""
    ahead = [one for one in times if one.kind is kind and one.starts_at > at]
    return min(ahead, key=lambda one: one.starts_at, default=None)
