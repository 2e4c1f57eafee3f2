"""Find a time the slow way: every beginning against every booking. It knows nothing of the product's code.

A case is plain data, times in minutes from midnight of Monday, 4 January 2027, in Vietnam.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

DAY = 24 * 60


@dataclass
class Case:
    """One question; a party is (code, need, rooms), a room (id, before, after, bookings), a group (codes, least).

    `hours_of` has when rooms (ids) are open, as (day, begin, end); `risky` at which (day, hour) a party is cut off.
    """

    length: int
    grid: int
    days: int
    off: set[int]
    worked: set[int]
    hours: list[tuple[int, int]]
    parties: list[tuple[str, str, list[tuple[int, int, int, list[tuple[int, int]]]]]]
    groups: list[tuple[list[str], int]]
    wishes: list[tuple[set[int], int, int]]
    weeks: list[int] = field(default_factory=lambda: [0])
    limit: int = 10
    apart: int = 0
    hours_of: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)
    risky: dict[str, set[tuple[int, int]]] = field(default_factory=dict)


def random_case(seed: int) -> Case:
    """Return the case of this seed: small, and full of edges that touch."""
    chance = random.Random(seed)  # noqa: S311 - the same case each time
    step = chance.choice([1, 5, 15])
    hours = chance.choice(
        [[(450, 690), (810, 1020)], [(480, 720)], [(0, DAY)], [(540, 600), (570, 660)], [(1320, DAY + 120)]]
    )
    days = chance.randint(1, 9)
    weeks = list(range(chance.choice([1, 1, 1, 2, 4])))

    def booking() -> tuple[int, int]:
        day, part = chance.randrange(days + 7 * len(weeks)), chance.choice(hours)
        begin = day * DAY + chance.randrange(part[0] - 60, part[1] + 60, step)
        return begin, begin + step * chance.randint(1, 240 // step)

    room_ids = iter(range(100))
    parties = []
    for n in range(chance.randint(1, 6)):
        need = chance.choice(["required", "required", "required", "optional", "veto", "group"])
        rooms = [
            (next(room_ids), chance.choice([0, 0, 5, 15]), chance.choice([0, 0, 10, 30]),
             [booking() for _ in range(chance.randint(0, 2 * days + 6 * len(weeks)))])
            for _ in range(chance.choice([0, 1, 1, 1, 2, 3]))
        ]  # fmt: skip
        parties.append((f"party-{n}", need, rooms))
    members = [code for code, need, _ in parties if need == "group"]
    return Case(
        length=chance.choice([15, 30, 45, 60, 90, 120]),
        grid=chance.choice([15, 30, 60]),
        days=days,
        off={day for day in range(days) if chance.random() < 0.1},
        worked={day for day in range(days) if chance.random() < 0.1},
        hours=hours,
        parties=parties,
        groups=[(members, chance.randint(1, len(members) + 1))] if members else [],
        wishes=[
            ({day for day in range(7) if chance.random() < 0.5}, *sorted(chance.sample(range(360, 1080, 15), 2)))  # type: ignore[misc]
            for _ in range(chance.choice([0, 1, 2]))
        ],
        weeks=weeks,
        limit=chance.choice([1, 3, 10, 1000]),
        apart=chance.choice([0, 0, 60, 240]),
        hours_of={
            number: [
                (day, *part)
                for day in range(7)
                if chance.random() < 0.8
                for part in chance.choice(
                    [[(0, DAY)], [(420, 1050)], [(450, 690), (810, 1020)], [(480, 540), (540, 720)]]
                )
            ]
            for _, _, its_rooms in parties
            for number, *_ in its_rooms
            if chance.random() < 0.2
        },
        risky={
            code: {(chance.randrange(7), chance.randrange(6, 19)) for _ in range(chance.randint(1, 12))}
            for code, *_ in parties
            if chance.random() < 0.25
        },
    )


def answer(case: Case) -> list[dict[str, Any]]:
    """Return the times, best first: when, who is missing at how many meetings, and whatever else the product says."""
    judged = []
    for day in range(case.days):
        weekend = day % 7 >= 5
        if (day in case.off and day not in case.worked) or (weekend and day not in case.worked):
            continue
        begins = {
            day * DAY + at
            for begin, end in case.hours
            for at in range(begin, end, case.grid)
            if at + case.length <= end
        }
        judged += [judge(case, at) for at in sorted(begins)]
    judged = [one for one in judged if one["vetoed"] < len(case.weeks)]
    names = ("vetoed", "lacking", "optional", "risk", "liked", "at")
    judged.sort(key=lambda one: tuple(one[name] for name in names))
    chosen: list[dict[str, Any]] = []
    for one in judged:
        if len(chosen) < case.limit and all(abs(one["at"] - other["at"]) >= case.apart for other in chosen):
            chosen.append(one)
    return [{name: one[name] for name in ("at", "missing", "short", "vetoed", "rooms", "risky")} for one in chosen]


def judge(case: Case, at: int) -> dict[str, Any]:
    missing: dict[str, int] = {}
    rooms: dict[str, int] = {}
    there: dict[str, list[bool]] = {}
    for code, _, its_rooms in case.parties:
        best = [False] * len(case.weeks)
        for number, before, after, bookings in its_rooms:
            free = [
                is_free(at + week * 7 * DAY, case.length, before, after, bookings)
                and (number not in case.hours_of or is_open(at, case.length, case.hours_of[number]))
                for week in case.weeks
            ]
            if sum(free) > sum(best):
                best, rooms[code] = free, number
        there[code] = best
        if not all(best):
            missing[code] = best.count(False)
    needs = {code: need for code, need, _ in case.parties}
    liked = next(
        (n for n, (days, begin, end) in enumerate(case.wishes) if at // DAY % 7 in days and begin <= at % DAY < end),
        len(case.wishes),
    )
    lost = sum(number for code, number in missing.items() if needs[code] in {"veto", "required"})
    short = sum(
        max(0, least - sum(there[code][week] for code in codes)) for codes, least in case.groups for week in case.weeks
    )
    risky = {
        code: len(case.weeks)
        for code, hours in case.risky.items()
        if needs[code] in {"veto", "required"}
        and any((minute // DAY % 7, minute % DAY // 60) in hours for minute in range(at, at + case.length))
    }
    return {
        "at": at,
        "lacking": lost + short,
        "risky": risky,
        "risk": sum(risky.values()),
        "missing": missing,
        "rooms": rooms,
        "vetoed": max((number for code, number in missing.items() if needs[code] == "veto"), default=0),
        "optional": sum(number for code, number in missing.items() if needs[code] == "optional"),
        "short": short,
        "liked": liked,
    }


def is_free(at: int, length: int, before: int, after: int, bookings: list[tuple[int, int]]) -> bool:
    """Return whether no minute of the meeting, getting ready included, is booked."""
    return not any(begin < at + length + after and at - before < end for begin, end in bookings)


def is_open(at: int, length: int, hours: list[tuple[int, int, int]]) -> bool:
    """Return whether every minute of the meeting lies in one of a room's hours."""
    return all(
        any(minute // DAY % 7 == day and begin <= minute % DAY < end for day, begin, end in hours)
        for minute in range(at, at + length)
    )
