"""Puts together what the three steps of booking show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from api.web import booking_words
from api.web.booking_form import LENGTHS, MOST_GROUPS, SHOWN, WEEKDAYS, WISHED_TIMES, Draft, times_of_day
from api.web.meeting_view import day_name, span
from api.web.rule_words import rule_words, weekday_name
from inventory.public import MEETINGS_BOOK, levels
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput
from kernel.i18n import Translator
from meetings.public import (
    WORKING_HOURS,
    BusyCache,
    DayGrid,
    GridRow,
    MeetingKind,
    Missing,
    OfficeChoice,
    PlannedMeeting,
    ProposedTime,
    RiskPort,
    day_grid,
    groups_to_choose,
    kinds,
    leaders,
    office_choices,
    offices_chosen,
    preview_series,
    propose,
    rooms,
    rooms_named,
)

LISTED: Final = 20
GRID_ROWS: Final = 25
OCCURRENCES: Final = 60
NAMED_OF_A_GROUP: Final = 3


class NoSuchTime(BadInput):
    """The chosen time is none of the question: `propose` does not judge it."""

    code = "no-such-time"
    message = (
        "The meeting cannot be at this time: it is over, too far ahead, or not a day of the series. Choose another."
    )


@dataclass(frozen=True, slots=True)
class Cells:
    """A run of half-hours in the same state, as one cell of the grid; `mark`: of the `here` chosen time, or `rest`."""

    free: bool
    number: int
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Without:
    """An office that has no room at the chosen time, and what can be done about it.

    Attributes:
        office: Its code.
        name: Its name.
        need: How it is needed: `veto`, `required`, `optional`, `group`.
        waits_for: Code and name of its room that it can wait for; None if it has none.
        others: Code and words of rooms that it can use instead.
        meetings: At how many of the meetings it has none.
    """

    office: str
    name: str
    need: str
    waits_for: tuple[str, str] | None
    others: tuple[tuple[str, str], ...]
    meetings: int


def choices(t: Translator) -> dict[str, Any]:
    """Return what the form offers to choose from, by code, in words."""
    return {
        "parts_of_day": {code: t.gettext(words) for code, words in booking_words.PARTS.items()},
        "repeats": {code: t.gettext(words) for code, words in booking_words.REPEATS.items()},
        "on_holiday": {code: t.gettext(words) for code, words in booking_words.ON_HOLIDAY.items()},
        "weekdays": {code: weekday_name(t, code) for code in WEEKDAYS},
        "lengths": LENGTHS,
        "needs": {code: t.gettext(words) for code, words in booking_words.NEEDS.items()},
        "most_groups": MOST_GROUPS,
        "wished_times": WISHED_TIMES,
        "room_kinds": {code: t.gettext(words) for code, words in booking_words.ROOM_KINDS.items()},
        "length_words": _lengths(t),
    }


async def kind_of(draft: Draft, tx: Transaction) -> MeetingKind | None:
    """Return the kind of the meeting; None if it has none, or one that is no more."""
    return next((one for one in await kinds(tx) if one.code == draft.kind), None) if draft.kind else None


def _lengths(t: Translator) -> Callable[[int], str]:
    return lambda minutes: t.duration(timedelta(minutes=minutes))


async def what_and_who(
    draft: Draft, actor: Actor, tx: Transaction, *, query: str, pages: Mapping[str, int]
) -> dict[str, Any]:
    """Return what the first step shows; `pages`: which page of the `chosen` and of the `found` offices."""
    part, found_page = pages.get("chosen", 1), pages.get("found", 1)
    parts = max(1, -(-len(draft.chosen) // LISTED))
    part = min(part, parts)
    shown = draft.chosen[(part - 1) * LISTED : part * LISTED]
    members = [code for group in draft.groups for code in group.offices[:NAMED_OF_A_GROUP]]
    names = {office.code: office.name for office in await offices_chosen(actor, tx, members)} if members else {}
    offered = await kinds(tx)
    found = await office_choices(actor, tx, query=query, limit=LISTED, page=found_page)
    matching = await rooms(actor, tx, query=query, limit=LISTED, permission=MEETINGS_BOOK) if query.strip() else None
    return {
        "draft": draft,
        "hidden": draft.hidden(),
        "kinds": offered,
        "kind": next((one for one in offered if one.code == draft.kind), None),
        "leaders": await leaders(actor, tx),
        "query": query,
        "chosen": await offices_chosen(actor, tx, shown),
        "groups_chosen": [
            (group, [names[code] for code in group.offices[:NAMED_OF_A_GROUP] if code in names])
            for group in draft.groups
        ],
        "part": part,
        "parts": parts,
        "chosen_things": await rooms_named(actor, tx, draft.things, MEETINGS_BOOK) if draft.things else [],
        "groups": await groups_to_choose(actor, tx, query=query),
        "found": found.offices,
        "found_page": found_page,
        "found_more": found.more,
        "things": [one for one in matching.rooms if one.kind != "room" and one.code not in draft.things]
        if matching
        else [],
    }


async def times(
    draft: Draft,
    actor: Actor,
    tx: Transaction,
    cache: BusyCache,
    risks: RiskPort,
    t: Translator,
    *,
    day: date | None,
    part: int,
) -> dict[str, Any]:
    """Return what the second step shows: the first times, and one of their days as a grid."""
    zone, now = ZoneInfo(t.timezone), tx.now()
    question = draft.question(zone, await kind_of(draft, tx))
    found = await propose(question, actor, tx, cache, risks=risks)
    names = {level.code: level.name_en if t.language == "en" else level.name for level in await levels(actor, tx)}
    offers = [booking_words.offer(one, draft, t, names, day_name(t, one.starts_at, now)) for one in found[:SHOWN]]
    days = list(dict.fromkeys(t.local(one.starts_at).date() for one in found))
    shown = day if day is not None else (days[0] if days else question.first)
    grid = await day_grid(question, shown, actor, tx, cache)
    best = [one for one in found if t.local(one.starts_at).date() == shown][:1]
    return {
        "draft": draft,
        "hidden": draft.hidden(),
        "offers": offers,
        "days": [(each, day_name(t, noon(each, zone), now)) for each in days],
        "grid_day": shown,
        "grid_day_name": day_name(t, noon(shown, zone), now),
        "series": rule_words(draft.rule, found[0].starts_at, t) if draft.rule and found else "",
        "length_words": _lengths(t),
        "times_of_day": times_of_day,
        **grid_context(grid, draft, best[0] if best else None, part, zone),
    }


def grid_context(grid: DayGrid, draft: Draft, best: ProposedTime | None, part: int, zone: ZoneInfo) -> dict[str, Any]:
    """Return the rows of one page of the grid, those that would be missing first, and how many are free when."""
    missing, needed = {one.code for one in best.missing} if best else set(), draft.needed
    rows = sorted(grid.rows, key=lambda row: (row.code not in missing, row.code not in needed))
    parts = max(1, -(-len(rows) // GRID_ROWS))
    part = min(part, parts)
    free, marks = grid.free_at(), _marks(grid, best, zone)
    return {
        "starts": grid.starts,
        "free": free,
        "most_free": max(free, default=0),
        "chosen_at": best.starts_at if best else None,
        "marks": marks,
        "rows": [(row, runs(row, marks)) for row in rows[(part - 1) * GRID_ROWS : part * GRID_ROWS]],
        "total": len(rows),
        "part": part,
        "parts": parts,
    }


def runs(row: GridRow, marks: Sequence[str]) -> list[Cells]:
    """Return the half-hours of a row as runs: one cell for each, and not one for each half-hour."""
    found: list[Cells] = []
    for free, mark in zip(row.free, marks, strict=True):
        if found and (found[-1].free, found[-1].mark) == (free, mark):
            found[-1] = replace(found[-1], number=found[-1].number + 1)
        else:
            found.append(Cells(free, 1, mark))
    return found


def _marks(grid: DayGrid, best: ProposedTime | None, zone: ZoneInfo) -> list[str]:
    """Return for each half-hour whether it is of the best time (`here`), or between the working hours (`rest`)."""
    rest = (WORKING_HOURS[0].end, WORKING_HOURS[-1].begin)
    return [
        "here" if best and best.starts_at <= at < best.ends_at
        else "rest" if rest[0] <= at.astimezone(zone).time() < rest[1]
        else ""
        for at in grid.starts
    ]  # fmt: skip


async def last_look(
    draft: Draft, actor: Actor, tx: Transaction, cache: BusyCache, risks: RiskPort, t: Translator
) -> dict[str, Any]:
    """Return what the last step shows of the chosen time: every room, every meeting, everybody without a room.

    Raises:
        NoSuchTime: The meeting cannot be at that time.
    """
    zone, now = ZoneInfo(t.timezone), tx.now()
    kind = await kind_of(draft, tx)
    question = draft.at(zone, kind)
    found = await propose(question, actor, tx, cache, risks=risks) if question else []
    if not found:
        raise NoSuchTime
    time = found[0]
    whole = {one.code for one in time.missing}
    offices = {one.code: one for one in await offices_chosen(actor, tx, draft.everybody)}
    got = {party: room for party, room in time.rooms.items() if party not in whole}
    names = {room.code: room for room in await rooms_named(actor, tx, list(got.values()), MEETINGS_BOOK)}
    without = [_without(one, offices, time, draft) for one in time.missing]
    waiting = [one.waits_for[0] for one in without if one.waits_for]
    waits = {room.code: room.name for room in await rooms_named(actor, tx, waiting, MEETINGS_BOOK)}
    occurrences = await preview_series(draft.series(zone, (), ()), actor, tx) if draft.rule else []
    held = [one for one in occurrences if one.starts_at is not None]
    # Of a group as many are required as have to be there: of the others each may lose its room.
    needed = draft.needed | draft.enough(got)
    optional = [room for party, room in got.items() if party not in needed]
    return {
        "draft": draft,
        "hidden": {
            **draft.hidden(), "rooms": " ".join(dict.fromkeys(got.values())), "rooms_optional": " ".join(optional),
        },
        "time": time,
        "short": booking_words.short_of(time, t),
        "needs": {code: t.gettext(words) for code, words in booking_words.NEEDS.items()},
        "day": day_name(t, time.starts_at, now),
        "hours": span(t, time.starts_at, time.ends_at),
        "got": [(offices.get(party), names[room]) for party, room in got.items() if room in names],
        "without": [replace(one, waits_for=(one.waits_for[0], waits[one.waits_for[0]])) if one.waits_for
                    and one.waits_for[0] in waits else replace(one, waits_for=None) for one in without],
        "series": rule_words(draft.rule, time.starts_at, t) if draft.rule else "",
        "occurrences": [occurrence(one, t) for one in occurrences[:OCCURRENCES]],
        "more_occurrences": max(0, len(occurrences) - OCCURRENCES),
        "meetings": len(held) or 1,
        "length_words": _lengths(t),
        "risks": booking_words.risks_of(time, t),
        "kind_name": (kind.name_en if t.language == "en" else kind.name) if kind else "",
        "behalf_name": next((one.display_name for one in await leaders(actor, tx) if one.name == draft.behalf), ""),
        "touched": sum(one.fate != "as-planned" for one in occurrences),
    }  # fmt: skip


def _without(one: Missing, offices: Mapping[str, OfficeChoice], time: ProposedTime, draft: Draft) -> Without:
    office = offices.get(one.code)
    rooms_there: Sequence[str] = office.rooms if office else ((one.code,) if one.code in draft.things else ())
    room = time.rooms.get(one.code) or next(iter(rooms_there), None)
    return Without(
        one.code,
        one.name,
        "required" if one.code in draft.things else draft.need_of(one.code),
        (room, "") if room else None,
        tuple((other.room, f"{other.room_name} ({other.office_name})") for other in one.others),
        one.meetings,
    )


def occurrence(one: PlannedMeeting, t: Translator) -> tuple[str, str, bool]:
    """Return a meeting of a series in words: its day, what a day off does to it, and whether it is held."""
    at = one.starts_at
    zone = ZoneInfo(t.timezone)
    shown = at if at is not None else one.original.replace(tzinfo=zone)
    return f"{t.weekday(shown)} {t.date(shown)}", booking_words.fate(one, t), at is not None


def noon(day: date, zone: ZoneInfo) -> datetime:
    """Return an instant in the middle of a day."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=zone)
