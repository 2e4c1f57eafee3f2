"""Proposes times for a meeting of up to 1,000 offices: who would be missing at each, why, and which room would do.

Nothing is reserved by it. What it says is as true as its transaction; the constraint decides when somebody books.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import ColumnElement, Text, and_, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from inventory.public import MEETINGS_READ, day_of, visible_offices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from kernel.recurrence import BeginsElsewhere, Rule, instant, parse
from meetings.busy import BusyCache
from meetings.conflicts import FARTHEST, LONGEST, MOST_ROOMS
from meetings.errors import BadZone, NoOffices, TooLong
from meetings.explain import ROOM_COLUMNS, Asked, Blocker, Known, OtherRoom, blockers_of, known, other_rooms
from meetings.find_time import Group, Hours, Party, Room, Slot, Wish, candidates, days_worked, rank
from meetings.models import RoomRow
from meetings.recurrence import OnHoliday, Pattern, occurrences
from meetings.series import calendar_of
from meetings.working_days import Calendar

WORKING_HOURS: Final = (Hours(time(7, 30), time(11, 30)), Hours(time(13, 30), time(17)))
GRID: Final = timedelta(minutes=15)
APART: Final = timedelta(hours=1)
MOST_DAYS: Final = 92
MOST_MEETINGS: Final = 60
"""Of a series as many are looked at: a year of weeks."""

MOST_SLOTS: Final = 50
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
    """

    starts_at: datetime
    ends_at: datetime
    meetings: int
    there: int
    missing: tuple[Missing, ...]
    short: int
    vetoed: int
    rooms: Mapping[str, str]


async def propose(question: TimeQuestion, actor: Actor, tx: Transaction, cache: BusyCache) -> list[ProposedTime]:
    """Return the best times, best first; empty if there is none at all in these days and hours.

    Raises:
        Refused: The role may not read meetings.
        NoOffices, BadZone, TooLong, BadRule, BadInput: The question makes no sense.
        NotFound: There is no such office or room that `actor` may see.
    """
    actor.require(MEETINGS_READ)
    zone = _check(question)
    rule = parse(question.rule, zone) if question.rule else None
    starts = _starts(question, rule, zone, await calendar_of(tx), tx.now())
    asked = await _asked(question, actor, tx)
    if not starts:
        return []
    length, lead = timedelta(minutes=question.minutes), timedelta(hours=4)
    calendars = {room.id: room.calendar for one in asked.values() for room in one.rooms}
    every = [at for one in starts for at in one]
    busy = await cache.read(tx, calendars, min(every) - lead, max(every) + length + lead)
    parties = [
        Party(
            one.code,
            tuple(Room(room.id, *busy[room.id], room.before, room.after) for room in one.rooms),
            _need(question, one.code),
        )
        for one in asked.values()
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
    return await _explained(question, actor, tx, slots, asked)


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
        raise BadInput(what="The days", why=f"look at 1 to {MOST_DAYS} days, the first one first")
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
    found: list[list[datetime]] = []
    later: dict[date, list[timedelta]] = {}
    for local in candidates(days, question.hours, length, GRID):
        if instant(local, zone) < now or local > horizon:
            continue
        if rule is None:
            found.append([instant(local, zone)])
            continue
        if local.date() not in later:  # the rule gives days; the time of day goes with them
            later[local.date()] = _days_later(question, rule, local, zone, calendar, horizon)
        if its := later[local.date()]:
            found.append([instant(local + after, zone) for after in its])
    number = min((len(one) for one in found), default=0)
    return [one[:number] for one in found]


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


def _need(question: TimeQuestion, code: str) -> Literal["veto", "required", "optional", "group"]:
    if code in question.vetoes or code in question.rooms:
        return "veto"
    if code in question.offices:
        return "required"
    return "optional" if code in question.optional else "group"


def _suitable(question: TimeQuestion) -> list[ColumnElement[bool]]:
    """Return what a room has to be."""
    conditions = [RoomRow.kind == "room", RoomRow.capacity >= question.capacity]
    if question.equipment:
        wanted = [word for word in question.equipment if word.isprintable()]
        conditions.append(RoomRow.equipment.op("@>", is_comparison=True)(literal(wanted, ARRAY(Text))))
    return [*conditions, RoomRow.accessible.is_(True)] if question.accessible else conditions


async def _asked(question: TimeQuestion, actor: Actor, tx: Transaction) -> dict[str, Asked]:
    """Return who was asked for with their rooms that seat enough, the smallest first, in the order of the question."""
    place = visible_offices(actor, day_of(tx.now()), MEETINGS_READ)
    members = [code for group in question.groups for code in group.parties]
    offices = list(dict.fromkeys([*question.vetoes, *question.offices, *question.optional, *members]))
    rows = await tx.session.execute(
        select(place.c.code, place.c.name, *ROOM_COLUMNS)
        .select_from(place)
        .outerjoin(RoomRow, and_(RoomRow.office_id == place.c.id, *_suitable(question)))
        .where(place.c.code == any_(literal([code for code in offices if code.isprintable()], ARRAY(Text))))
        .order_by(place.c.code, RoomRow.capacity, RoomRow.id)
    )
    names: dict[str, str] = {}
    rooms: dict[str, list[Known]] = {}
    for office, office_name, room, *its in rows:
        names[office] = office_name
        if room is not None:
            rooms.setdefault(office, []).append(known(room, *its))
    if question.rooms:
        codes = [code for code in question.rooms if code.isprintable()]
        named = select(*ROOM_COLUMNS).join(place, place.c.id == RoomRow.office_id).where(RoomRow.code.in_(codes))
        for row in await tx.session.execute(named):
            known_room = known(*row)
            names[known_room.code] = known_room.name
            rooms[known_room.code] = [known_room]
    for kind, named_codes in (("office", offices), ("room", question.rooms)):
        for code in named_codes:
            if code not in names:
                raise NotFound(kind=kind, code=code)
    return {code: Asked(code, names[code], tuple(rooms.get(code, ()))) for code in (*offices, *question.rooms)}


async def _explained(
    question: TimeQuestion, actor: Actor, tx: Transaction, slots: Sequence[Slot], asked: Mapping[str, Asked]
) -> list[ProposedTime]:
    length = timedelta(minutes=question.minutes)
    codes = {room.id: room.code for one in asked.values() for room in one.rooms}
    told = {
        (n, code): asked[code] for n, slot in enumerate(slots) for code in list(slot.missing)[:EXPLAINED]
    }  # fmt: skip
    blocking = await blockers_of(tx, slots, told, length)
    others = await other_rooms(
        actor, tx, slots, {key: one for key, one in told.items() if key[0] < WITH_OTHERS}, length, _suitable(question)
    )
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
        )
        for n, slot in enumerate(slots)
    ]
