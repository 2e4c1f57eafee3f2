"""What somebody typed into the form that books a meeting, and what it means. Pure.

Whatever was typed goes back into the form as it was. Days and times come as browsers send them (2026-11-25, 09:00), or
as people write them where a browser offers a plain line: 25/11/2026, 9h30.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from kernel.i18n import N_

DAY_FIRST: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
CLOCK: Final = re.compile(r"(\d{1,2})(?:[:.hg](\d{2})?)?(?::\d{2})?", re.IGNORECASE)

DAY_BEGINS: Final = time(8)
DAY_ENDS: Final = time(17)
STEP_MIN: Final = 15
MINUTES_A_DAY: Final = 24 * 60
HALF_HOUR: Final = timedelta(minutes=30)
USUAL: Final = timedelta(hours=1)

NO_TITLE: Final = N_("Write what the meeting is about.")
NO_DAY: Final = N_("Write the day, such as 25/11/2026.")
NO_TIME: Final = N_("Write the time, such as 09:30.")
ENDS_FIRST: Final = N_("The end is not after the beginning.")
NO_ROOM: Final = N_("Choose at least one room.")


class Times(NamedTuple):
    """From when to when, aware."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form; `rooms` are codes, each once."""

    title: str = ""
    day: str = ""
    begin: str = ""
    end: str = ""
    rooms: tuple[str, ...] = ()

    def times(self, zone: ZoneInfo) -> Times | None:
        """Return the time that is meant; None if it cannot be read, or ends before it begins."""
        day, begin, end = read_day(self.day), read_time(self.begin), read_time(self.end)
        if day is None or begin is None or end is None or end <= begin:
            return None
        return Times(datetime.combine(day, begin, zone), datetime.combine(day, end, zone))

    def mistakes(self) -> dict[str, str]:
        """Return what is missing or cannot be read: a sentence for each field, in the order of the form."""
        begin, end = read_time(self.begin), read_time(self.end)
        found = {
            "title": "" if self.title.strip() else NO_TITLE,
            "day": "" if read_day(self.day) else NO_DAY,
            "begin": "" if begin else NO_TIME,
            "end": "" if end else NO_TIME,
            "rooms": "" if self.rooms else NO_ROOM,
        }
        if begin and end and end <= begin:
            found["end"] = ENDS_FIRST
        return {field: sentence for field, sentence in found.items() if sentence}


def times_of_day(typed: str) -> list[str]:
    """Return the times that the form offers, in steps of a quarter of an hour, and what stands in it already.

    A list instead of the browser's own field for times: that one asks for AM and PM wherever the browser is English.
    """
    offered = {f"{time(minute // 60, minute % 60):%H:%M}" for minute in range(0, MINUTES_A_DAY, STEP_MIN)}
    return sorted(offered | ({typed} if typed else set()))


def suggested(now: datetime, zone: ZoneInfo) -> Typed:
    """Return an empty form with a time that makes sense: an hour soon, or the next morning."""
    soon = now.astimezone(zone) + HALF_HOUR
    begin = soon.replace(minute=30 * (soon.minute // 30), second=0, microsecond=0) + HALF_HOUR
    if (begin + USUAL).time() > DAY_ENDS or (begin + USUAL).date() != begin.date():
        begin = datetime.combine(begin.date() + timedelta(days=1), DAY_BEGINS, zone)
    elif begin.time() < DAY_BEGINS:
        begin = datetime.combine(begin.date(), DAY_BEGINS, zone)
    return Typed("", f"{begin:%Y-%m-%d}", f"{begin:%H:%M}", f"{begin + USUAL:%H:%M}")


def read_day(text: str) -> date | None:
    """Return the day that `text` means; None if it means none."""
    try:
        if match := DAY_FIRST.fullmatch(text.strip()):
            day, month, year = map(int, match.groups())
            return date(year, month, day)
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def read_time(text: str) -> time | None:
    """Return the time of day that `text` means; None if it means none."""
    match = CLOCK.fullmatch(text.strip())
    try:
        return time(int(match[1]), int(match[2] or 0)) if match else None
    except ValueError:
        return None
