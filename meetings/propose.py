"""Proposes times for a meeting of up to 1,000 offices: who would be missing at each, why, and which room would do.

Nothing is reserved by it. What it says is as true as its transaction; the constraint decides when somebody books.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, TypeAlias
from typing import cast as typed
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from sqlalchemy import Integer, Select, Text, bindparam, cast, func, literal, select, text

from inventory.public import MEETINGS_READ, day_of, named_offices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from kernel.recurrence import BeginsElsewhere, Rule, instant, parse
from kernel.sentences import Sentence
from meetings.busy import BusyCache, packed
from meetings.conflicts import FARTHEST, LONGEST, MOST_ROOMS
from meetings.errors import BadZone, NoOffices, TooLong
from meetings.explain import Asked, Blocker, Explained, OtherRoom, blockers_of, other_rooms, suitable
from meetings.find_time import Group, Hours, Need, Party, Slot, Wish, candidates, days_worked, rank
from meetings.models import RoomRow
from meetings.recurrence import OnHoliday, Pattern, occurrences
from meetings.risk import WEEKS, What, during
from meetings.risk import Hours as RiskyHours
from meetings.series import calendar_of
from meetings.working_days import Calendar

WORKING_HOURS: Final = (Hours(time(7, 30), time(11, 30)), Hours(time(13, 30), time(17)))
GRID: Final = timedelta(minutes=15)
APART: Final = timedelta(hours=1)
RiskPort: TypeAlias = Callable[[Transaction], Awaitable[Mapping[str, RiskyHours]]]
"""Returns the hours at which each office (its code) is often cut off; none: no entry. May be some hours old."""

MOST_DAYS: Final = 92
MOST_MEETINGS: Final = 60
"""Of a series as many are looked at: a year of weeks."""

MOST_SLOTS: Final = 50
PLANNED_ONCE: Final = text(
    "SELECT set_config('plan_cache_mode', 'auto', true), set_config('random_page_cost', '1.1', true)"
)
"""These few statements are the same for everybody, whatever the values: to plan each anew takes half of their time.

They look a few hundred rows up by their key, in tables that lie in memory; by its own reckoning the server would read
all rooms of the country instead.
"""

EXPLAINED: Final = 5
"""Of so many missing offices at each time it is said why; the others are named."""

WITH_OTHERS: Final = 3
"""Of the first so many times it is said which other rooms would do."""


@dataclass(frozen=True, slots=True)
class TimeQuestion:
    """What somebody wants to know.

    Attributes:
        offices: Codes of those that have to be there.
        first: First day looked at, in local time.
        last: Last one.
        minutes: How long a meeting lasts.
        zone: Where days and hours are meant.
        optional: Offices that the meeting can be without.
        vetoes: Offices without which it cannot be.
        rooms: Codes of rooms and people that it cannot be without.
        groups: Of these offices at least so many.
        hours: Parts of the day within which it has to lie.
        wishes: When the chair likes to meet, what they like best first.
        capacity: How many people a room has to seat.
        equipment: What has to be in it.
        accessible: Whether a wheelchair has to get in.
        every_day: Days off and weekends too.
        rule: RRULE of a series: each time is then judged by all of its meetings, up to 60.
        on_holiday: What becomes of its meetings on days off.
        limit: Most times in the answer.
        apart: Two times in it begin at least so far from each other.
    """

    offices: tuple[str, ...]
    first: date
    last: date
    minutes: int
    zone: str
    optional: tuple[str, ...] = ()
    vetoes: tuple[str, ...] = ()
    rooms: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    hours: tuple[Hours, ...] = WORKING_HOURS
    wishes: tuple[Wish, ...] = ()
    capacity: int = 1
    equipment: tuple[str, ...] = ()
    accessible: bool = False
    every_day: bool = False
    rule: str = ""
    on_holiday: OnHoliday = "keep"
    limit: int = 10
    apart: timedelta = APART


@dataclass(frozen=True, slots=True)
class Missing:
    """An office, or a person, that would be missing.

    Attributes:
        code: Of the office, or of the room or person that was named.
        name: What people call it.
        meetings: At how many of the meetings.
        has_rooms: Whether it has any room that would do.
        blockers: What stands in the way at the first of them, for the first few only.
        others: Rooms that would do instead, for the first few times only.
    """

    code: str
    name: str
    meetings: int
    has_rooms: bool
    blockers: tuple[Blocker, ...] = ()
    others: tuple[OtherRoom, ...] = ()


@dataclass(frozen=True, slots=True)
class Risk:
    """That an office was cut off at this hour before: what was out, and in how many of the last so many weeks."""

    code: str
    name: str
    what: What
    weeks: int
    of_weeks: int = WEEKS


@dataclass(frozen=True, slots=True)
class ProposedTime:
    """One time, judged.

    Attributes:
        starts_at: When the meeting, or the first of the series, begins.
        ends_at: When that one ends.
        meetings: How many meetings were judged.
        there: How many offices and people have a room at all of them.
        missing: Who has not, in the order of the question.
        short: How many the groups lack.
        vetoed: At how many meetings somebody is missing without whom it cannot be.
        rooms: Code of the room that each one who is there would have, by the office's code.
        risks: Which of those that have to be there are often cut off at the hour of the first meeting.
    """

    starts_at: datetime
    ends_at: datetime
    meetings: int
    there: int
    missing: tuple[Missing, ...]
    short: int
    vetoed: int
    rooms: Mapping[str, str]
    risks: tuple[Risk, ...] = ()


async def no_history(_tx: Transaction) -> Mapping[str, RiskyHours]:
    """Return nothing: where nobody measures, nobody knows of a risk."""
    return {}


async def propose(
    question: TimeQuestion, actor: Actor, tx: Transaction, cache: BusyCache, *, risks: RiskPort = no_history
) -> list[ProposedTime]:
    """Return the best times, best first; empty if there is none at all in these days and hours.

    Args:
        question: What somebody wants to know.
        actor: Who asks: of other rooms than they may see and book it says nothing.
        tx: The transaction.
        cache: Copies of rooms' calendars.
        risks: At which hours offices are often cut off.

    Raises:
        Refused: The role may not read meetings.
        NoOffices, BadZone, TooLong, BadRule, BadInput: The question makes no sense.
        NotFound: There is no such office or room that `actor` may see.
    """
    actor.require(MEETINGS_READ)
    zone = _check(question)
    rule = parse(question.rule, zone) if question.rule else None
    await tx.session.execute(PLANNED_ONCE)
    starts = _starts(question, rule, zone, await calendar_of(tx), tx.now())
    asked = await who_is_asked(question, actor, tx, cache)
    risky = await risks(tx)
    if not starts:
        return []
    length, lead = timedelta(minutes=question.minutes), timedelta(hours=4)
    rooms = [room for one in asked.values() for room in one.rooms]
    every = [at for one in starts for at in one]
    risks_of = [frozenset(risky.get(code, ())) for code in asked]
    counts = tuple([tuple([(room.id, room.calendar) for room in one.rooms]) for one in asked.values()])
    # The next step of a page asks the same again. All that the order of times hangs on is in the name of the answer.
    name = actor, question, tuple(every), tuple(asked), counts, tuple(risks_of)
    if (kept := cache.answer(name, tx.now())) is not None:
        return typed("list[ProposedTime]", kept)
    busy = await cache.read(tx, rooms, min(every) - lead, max(every) + length + lead)
    needs = _needs(question)
    parties = [
        Party(one.code, tuple([busy[room.id].room for room in one.rooms]), needs[one.code], risk)
        for one, risk in zip(asked.values(), risks_of, strict=True)
    ]
    slots = rank(
        starts,
        length,
        parties,
        zone=zone,
        groups=question.groups,
        wishes=question.wishes,
        limit=min(question.limit, MOST_SLOTS),
        apart=question.apart,
    )
    explained = Explained(length, _what_is_asked(question), cache, busy)
    found = await _explained(explained, actor, tx, slots, asked, risky)
    cache.keep(name, tx.now(), found)
    return found


def _check(question: TimeQuestion) -> ZoneInfo:
    try:
        zone = ZoneInfo(question.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadZone(zone=question.zone[:100]) from None
    everybody = [*question.offices, *question.optional, *question.vetoes, *question.rooms]
    members = [code for group in question.groups for code in group.parties]
    if (not everybody and not members) or len({*everybody, *members}) > MOST_ROOMS:
        raise NoOffices(most=MOST_ROOMS)
    if len(set(everybody)) < len(everybody) or set(everybody) & set(members):
        raise BadInput(what="The list of offices", why="each one stands in it once")
    if not 0 <= (question.last - question.first).days < MOST_DAYS:
        raise BadInput(what="The days", why=Sentence("look at 1 to {most} days, the first one first", most=MOST_DAYS))
    if not timedelta() < timedelta(minutes=question.minutes) <= LONGEST:
        raise TooLong(hours=LONGEST // timedelta(hours=1))
    return zone


def _starts(
    question: TimeQuestion, rule: Rule | None, zone: ZoneInfo, calendar: Calendar, now: datetime
) -> list[list[datetime]]:
    """Return every time that there is to judge, each with all of its meetings, from now on."""
    days = [question.first + timedelta(days=n) for n in range((question.last - question.first).days + 1)]
    if not question.every_day:
        days = days_worked(question.first, question.last, calendar)
    length = timedelta(minutes=question.minutes)
    horizon = (now + FARTHEST).astimezone(zone).replace(tzinfo=None)
    begins = [each for each in _begins(tuple(days), question.hours, length, zone) if each[1] >= now]
    begins = begins[: bisect_right(begins, horizon, key=itemgetter(0))]
    if rule is None:
        return [[at] for _, at in begins]
    found: list[list[datetime]] = []
    later: dict[date, list[timedelta]] = {}
    for local, _ in begins:
        if local.date() not in later:  # the rule gives days; the time of day goes with them
            later[local.date()] = _days_later(question, rule, local, zone, calendar, horizon)
        if its := later[local.date()]:
            found.append([instant(local + after, zone) for after in its])
    number = min((len(one) for one in found), default=0)
    return [one[:number] for one in found]


@lru_cache(maxsize=20)
def _begins(
    days: tuple[date, ...], hours: tuple[Hours, ...], length: timedelta, zone: ZoneInfo
) -> tuple[tuple[datetime, datetime], ...]:
    """Return each beginning, in order, in local time and as an instant. Kept: the next step asks for the same days."""
    return tuple((local, instant(local, zone)) for local in candidates(days, hours, length, GRID))


def _days_later(
    question: TimeQuestion, rule: Rule, first: datetime, zone: ZoneInfo, calendar: Calendar, horizon: datetime
) -> list[timedelta]:
    """Return how much later than `first` its series meets; empty if the rule gives no meeting then."""
    pattern = Pattern(rule, first, zone, question.minutes, (), question.on_holiday)
    try:
        found = occurrences(pattern, calendar, horizon)[:MOST_MEETINGS]
    except BeginsElsewhere:
        return []
    return [one.starts_at.astimezone(zone).replace(tzinfo=None) - first for one in found]


def _needs(question: TimeQuestion) -> dict[str, Need]:
    """Return how each one is needed, by code."""
    needs: dict[str, Need] = {code: "group" for group in question.groups for code in group.parties}
    for need, codes in (
        ("optional", question.optional), ("required", question.offices), ("veto", (*question.vetoes, *question.rooms)),
    ):  # fmt: skip
        needs.update(dict.fromkeys(codes, typed("Need", need)))
    return needs


def _what_is_asked(question: TimeQuestion) -> dict[str, object]:
    """Return the parameters of `suitable`."""
    words = [word for word in question.equipment if word.isprintable()]
    return {"capacity": question.capacity, "equipment": words, "accessible": question.accessible}


async def who_is_asked(question: TimeQuestion, actor: Actor, tx: Transaction, cache: BusyCache) -> dict[str, Asked]:
    """Return who was asked for with their rooms that would do, the smallest first, in the order of the question.

    Raises:
        NotFound: There is no such office or room that `actor` may see.
    """
    members = [code for group in question.groups for code in group.parties]
    offices = list(dict.fromkeys([*question.vetoes, *question.offices, *question.optional, *members]))
    names, calendars, rooms = await _rooms_of_offices(question, offices, actor, tx)
    if question.rooms:
        codes = [code for code in question.rooms if code.isprintable()]
        place = named_offices(actor, day_of(tx.now()), MEETINGS_READ)
        columns = RoomRow.code, RoomRow.name, RoomRow.id, RoomRow.calendar
        named = select(*columns).join(place, place.c.id == RoomRow.office_id).where(RoomRow.code.in_(codes))
        for code, name, room, calendar in await tx.session.execute(named):
            names[code], rooms[code], calendars[room] = name, [room], calendar
    for kind, wanted in (("office", offices), ("room", question.rooms)):
        for code in wanted:
            if code not in names:
                raise NotFound(kind=kind, code=code)
    known = await cache.known(tx, calendars)
    return {
        code: Asked(code, names[code], tuple([known[room] for room in rooms.get(code, ())]))
        for code in (*offices, *question.rooms)
    }


async def _rooms_of_offices(
    question: TimeQuestion, offices: Sequence[str], actor: Actor, tx: Transaction
) -> tuple[dict[str, str], dict[int, int], dict[str, list[int]]]:
    """Return the names of those of `offices` that `actor` may see, their rooms with their counts, and whose they are.

    Names and rooms are by the office's code; rooms are their ids, the smallest room first.
    """
    wanted = [code for code in offices if code.isprintable()]
    statement = _rooms_statement(actor, day_of(tx.now()))
    connection = await tx.session.connection()  # not the session: nothing here is an object of it, which costs as much
    asked = {"offices": "\n".join(wanted), **_what_is_asked(question)}  # none has a line's end: that is not printable
    row = (await connection.execute(statement, asked)).one()
    names = {wanted[n - 1]: name for n, name in zip(row.numbers or (), row.names or (), strict=True)}
    sent = np.frombuffer(row.rooms or b"", _A_ROOM)
    owners, rooms, calendars = sent["owner"], sent["id"].tolist(), sent["calendar"].tolist()
    ends = np.searchsorted(owners, np.arange(1, len(wanted) + 1), "right").tolist()  # owners come in order, from 1
    its = {code: rooms[begin:end] for code, begin, end in zip(wanted, [0, *ends][:-1], ends, strict=True)}
    return names, dict(zip(rooms, calendars, strict=True)), its


_A_ROOM: Final = np.dtype([("owner", ">i4"), ("id", ">i4"), ("calendar", ">i8")])
"""A room as PostgreSQL sends it; its owner is the place of its office in the question, from 1."""


@lru_cache(maxsize=200)
def _rooms_statement(actor: Actor, today: date) -> Select[*tuple[Any, ...]]:
    """Return the statement for the rooms of `offices`. Made once: making it took longer than its answer.

    For 1,000 offices these are 3,000 rooms: they come as one string of bytes, which is read at once.
    """
    place = named_offices(actor, today, MEETINGS_READ)
    codes = func.unnest(func.string_to_array(bindparam("offices", type_=Text), "\n"))
    offices = codes.table_valued("code", with_ordinality="number").render_derived("asked")
    found = (
        select(cast(offices.c.number, Integer).label("number"), place.c.id, place.c.name)
        .join(place, place.c.code == offices.c.code)
        .cte("found")
        .prefix_with("MATERIALIZED")
    )
    # Ordered within: so an office's rooms are looked up by its id, and not all rooms of the country looked through.
    its = (
        select(RoomRow.id, RoomRow.calendar, RoomRow.capacity)
        .where(RoomRow.office_id == found.c.id, *suitable(actor, today))
        .order_by(RoomRow.capacity, RoomRow.id)
        .correlate(found)
        .lateral("its")
    )
    rooms = (
        select(found.c.number, its.c.id, its.c.calendar)
        .join(its, literal(True))  # noqa: FBT003 - SQL's `on true`
        .order_by(found.c.number, its.c.capacity, its.c.id)
        .subquery("rooms")
    )
    named = select(func.array_agg(found.c.number).label("numbers"), func.array_agg(found.c.name).label("names"))
    row = func.int4send(rooms.c.number), func.int4send(rooms.c.id), func.int8send(rooms.c.calendar)
    theirs = select(packed(*row).label("rooms")).subquery("theirs")
    first = named.subquery("named")
    return select(first, theirs).select_from(first.join(theirs, literal(True)))  # noqa: FBT003 - SQL's `on true`


async def _explained(
    explained: Explained,
    actor: Actor,
    tx: Transaction,
    slots: Sequence[Slot],
    asked: Mapping[str, Asked],
    risky: Mapping[str, RiskyHours],
) -> list[ProposedTime]:
    codes = {room.id: room.code for one in asked.values() for room in one.rooms}
    told = {(n, code): asked[code] for n, slot in enumerate(slots) for code in list(slot.missing)[:EXPLAINED]}
    near = {key: one for key, one in told.items() if key[0] < WITH_OTHERS}
    blocking = await blockers_of(explained, tx, slots, told)
    others = await other_rooms(explained, actor, tx, slots, near)
    length = explained.length
    return [
        ProposedTime(
            slot.starts_at[0],
            slot.starts_at[0] + length,
            len(slot.starts_at),
            len(asked) - len(slot.missing),
            tuple(
                Missing(
                    code,
                    asked[code].name,
                    number,
                    bool(asked[code].rooms),
                    blocking.get((n, code), ()),
                    others.get((n, code), ()),
                )
                for code, number in slot.missing.items()
            ),
            slot.short,
            slot.vetoed,
            {code: codes[room] for code, room in slot.rooms.items()},
            tuple(
                Risk(code, asked[code].name, *worst)
                for code in slot.risky
                if (worst := during(risky[code], slot.starts_at[0], slot.starts_at[0] + length)) is not None
            ),
        )
        for n, slot in enumerate(slots)
    ]
