"""Puts the oracle's cases to the product; with `python -m tests.unit.meetings.find_time_cases FIRST NUMBER`, many."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from meetings.find_time import (
    EPOCH,
    MICROSECOND,
    MINUTE,
    Group,
    Hours,
    Party,
    Room,
    Wish,
    candidates,
    days_worked,
    rank,
)
from meetings.working_days import Calendar, OfficialDay
from tests.unit.meetings.find_time_oracle import DAY, Case, answer, random_case

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
MONDAY = date(2027, 1, 4)
MIDNIGHT = datetime(2027, 1, 4, tzinfo=HANOI).astimezone(UTC)


def instant(minute: int) -> int:
    return (MIDNIGHT + timedelta(minutes=minute) - EPOCH) // MICROSECOND


def of_day(minute: int) -> time:
    return time(minute % DAY // 60, minute % 60)


def written(hours: list[tuple[int, int, int]]) -> str:
    """Return a room's hours as people write them; one that is never open is so at night for a minute."""
    names = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")

    def of(minute: int) -> str:
        return f"{minute // 60:02}:{minute % 60:02}"

    return "; ".join(f"{names[day]} {of(begin)}-{of(end)}" for day, begin, end in hours) or "Mo 03:00-03:01"


def product_answer(case: Case) -> list[dict[str, Any]]:
    """Return what the product says, in the oracle's form."""
    swaps = {
        MONDAY + timedelta(days=n): OfficialDay(MONDAY + timedelta(days=n), off=n not in case.worked, name="x")
        for n in case.off | case.worked
    }
    days = days_worked(MONDAY, MONDAY + timedelta(days=case.days - 1), Calendar(swaps))
    hours = [Hours(of_day(begin), of_day(end)) for begin, end in case.hours]
    length = timedelta(minutes=case.length)
    begins = [
        at.replace(tzinfo=HANOI).astimezone(UTC) for at in candidates(days, hours, length, timedelta(minutes=case.grid))
    ]
    parties = [
        Party(
            code,
            tuple(
                Room(
                    number,
                    np.array([instant(begin) for begin, _ in bookings], np.int64),
                    np.array([instant(end) for _, end in bookings], np.int64),
                    before * MINUTE,
                    after * MINUTE,
                    written(case.hours_of[number]) if number in case.hours_of else "",
                )
                for number, before, after, bookings in rooms
            ),
            need,  # type: ignore[arg-type]
            frozenset(day * 24 + hour for day, hour in case.risky.get(code, ())),
        )
        for code, need, rooms in case.parties
    ]
    slots = rank(
        [[at + timedelta(weeks=week) for week in case.weeks] for at in begins],
        length,
        parties,
        zone=HANOI,
        groups=[Group(tuple(codes), least) for codes, least in case.groups],
        wishes=[Wish(frozenset(its_days), of_day(begin), of_day(end)) for its_days, begin, end in case.wishes],
        limit=case.limit,
        apart=timedelta(minutes=case.apart),
    )
    return [
        {
            "at": (slot.starts_at[0] - MIDNIGHT) // timedelta(minutes=1),
            "missing": dict(slot.missing),
            "short": slot.short,
            "vetoed": slot.vetoed,
            "rooms": dict(slot.rooms),
            "risky": dict(slot.risky),
        }
        for slot in slots
    ]


def main(first: int, number: int) -> int:
    """Print how many cases agree, and return the exit code."""
    wrong = [
        seed for seed in range(first, first + number) if product_answer(random_case(seed)) != answer(random_case(seed))
    ]
    sys.stdout.write(f"{number - len(wrong)} of {number} cases agree; others: {wrong[:20]}\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
