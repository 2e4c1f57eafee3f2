"""Explains a proposed time: whose booking keeps an office out, of what level, and which other room would do."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from inventory.public import MEETINGS_MANAGE, MEETINGS_READ, day_of, office_levels, persons, visible_offices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from meetings.busy import BusyCache, Known, Times, listed
from meetings.find_time import EPOCH, MICROSECOND, MINUTE, Slot
from meetings.models import MeetingRow, ReservationRow, RoomRow
from meetings.opening import is_open
from meetings.rooms import MOST_BUFFER_MIN
from meetings.use_queries import managed

OTHERS: Final = 3
NEAR: Final = 8
"""So many rooms in each direction are looked at for each missing office."""

LEAD: Final = timedelta(minutes=MOST_BUFFER_MIN)
Key: TypeAlias = tuple[int, str]
"""The place of a proposed time, and the code of somebody who is missing then."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """A booking that stands in the way; `level` is the highest of the offices that meet there."""

    room: str
    room_name: str
    meeting: uuid.UUID
    title: str
    organiser: str
    starts_at: datetime
    ends_at: datetime
    level: str


@dataclass(frozen=True, slots=True)
class OtherRoom:
    """A free room from which a missing office could take part: in its own unit, the one above, or one beside."""

    room: str
    room_name: str
    office: str
    office_name: str


class Asked(NamedTuple):
    """An office or a person of the question, with their rooms."""

    code: str
    name: str
    rooms: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """What explaining needs of the question, beside its answer.

    Attributes:
        length: How long a meeting lasts.
        asked: What a room has to be, as `suitable` takes it.
        cache: Copies of rooms' calendars.
        busy: What is booked in each room of who was asked.
    """

    length: timedelta
    asked: Mapping[str, object]
    cache: BusyCache
    busy: Mapping[int, Times]


def suitable(actor: Actor, today: date) -> list[ColumnElement[bool]]:
    """Return what a room has to be: of the size and with the things asked for, and not kept for others than `actor`.

    Its parameters are `capacity`, `equipment` and `accessible`.
    """
    conditions = [
        RoomRow.kind == "room",
        RoomRow.capacity >= bindparam("capacity", type_=Integer),
        RoomRow.equipment.op("@>", is_comparison=True)(bindparam("equipment", type_=ARRAY(Text))),
        or_(RoomRow.accessible, ~bindparam("accessible", type_=Boolean)),
    ]
    if not actor.may_everywhere(MEETINGS_MANAGE):
        theirs = literal([actor.name, *(hold.role for hold in actor.holds)], ARRAY(Text))
        kept = RoomRow.bookable_by.op("&&", is_comparison=True)(theirs)
        conditions.append(or_(RoomRow.bookable_by == literal([], ARRAY(Text)), kept, managed(actor, today)))
    return conditions


async def blockers_of(
    explained: Explained, tx: Transaction, slots: Sequence[Slot], told: Mapping[Key, Asked]
) -> dict[Key, tuple[Blocker, ...]]:
    """Return what stands in the way of each of `told`, at the first meeting that it would miss: of each room the first.

    A meeting of which the copy in memory tells and that is gone by now stands in nobody's way.
    """
    found = [
        (key, room, *booked)
        for key, one in told.items()
        for room in one.rooms
        if (booked := _in_the_way(explained, room, _first_without(slots, key), explained.busy[room.id]))
    ]
    meetings = await _meetings(tx, {meeting for _, _, meeting, *_ in found})
    blockers: dict[Key, list[Blocker]] = {}
    for key, room, meeting, begin, end in sorted(found, key=lambda one: one[3]):
        if meeting in meetings:
            title, organiser, level = meetings[meeting]
            times = EPOCH + begin * MICROSECOND, EPOCH + end * MICROSECOND
            blocker = Blocker(room.code, room.name, meeting, title, organiser, *times, level)
            blockers.setdefault(key, []).append(blocker)
    return {key: tuple(its) for key, its in blockers.items()}


async def other_rooms(
    explained: Explained, actor: Actor, tx: Transaction, slots: Sequence[Slot], told: Mapping[Key, Asked]
) -> dict[Key, tuple[OtherRoom, ...]]:
    """Return free rooms for each of `told` in its own unit, the unit above, or one beside it, the nearest first.

    One that the proposed time uses already is none.
    """
    nearby = await _nearby(explained, actor, tx, sorted({code for _, code in told}))
    if not nearby:
        return {}
    times = [_first_without(slots, key) for key in told]
    rooms = {near.room.id: near.room for its in nearby.values() for near in its}
    busy = await explained.cache.read(tx, rooms.values(), min(times) - LEAD, max(times) + explained.length + LEAD)
    found: dict[Key, tuple[OtherRoom, ...]] = {}
    for key in told:
        at, used = _first_without(slots, key), set(slots[key[0]].rooms.values())
        free = (
            OtherRoom(near.room.code, near.room.name, near.office, near.office_name)
            for near in nearby.get(key[1], ())
            if near.room.id not in used
            and not _in_the_way(explained, near.room, at, busy[near.room.id])
            and is_open(near.room.hours, at, at + explained.length)
        )
        found[key] = tuple(islice(free, OTHERS))
    return found


def _in_the_way(explained: Explained, room: Known, at: datetime, times: Times) -> tuple[uuid.UUID, int, int] | None:
    """Return what is booked first in the room when a meeting at `at` needs it, getting ready included."""
    begin = (at - EPOCH) // MICROSECOND
    return times.first_within(begin - room.before, begin + explained.length // MICROSECOND + room.after)


def _first_without(slots: Sequence[Slot], key: Key) -> datetime:
    slot = slots[key[0]]
    return slot.starts_at[slot.first_without[key[1]]]


class _Near(NamedTuple):
    room: Known
    office: str
    office_name: str


async def _nearby(explained: Explained, actor: Actor, tx: Transaction, codes: Sequence[str]) -> dict[str, list[_Near]]:
    """Return some rooms near each of these offices, by the office's code, the nearest first."""
    if not codes:
        return {}
    statement = _nearby_statement(actor, day_of(tx.now()))
    found: dict[str, list[_Near]] = {}
    connection = await tx.session.connection()
    rows = (await connection.execute(statement, {"codes": codes, **explained.asked})).all()
    for missing, room, code, name, before, after, calendar, hours, *office in rows:
        known = Known(room, code, name, before * MINUTE, after * MINUTE, calendar, hours)
        found.setdefault(missing, []).append(_Near(known, *office))
    return found


@lru_cache(maxsize=200)
def _nearby_statement(actor: Actor, today: date) -> Select[*tuple[Any, ...]]:
    """Return the statement for rooms near the offices `codes`. Made once: making it took longer than its answer."""
    theirs = visible_offices(actor, today, MEETINGS_READ)
    columns = theirs.c.id, theirs.c.code, theirs.c.unit_id, theirs.c.parent_id
    codes = bindparam("codes", type_=ARRAY(Text))
    missing = select(*columns).where(theirs.c.code == any_(codes)).cte("missing").prefix_with("MATERIALIZED")
    near = union_all(*(_beside(actor, today, tier, missing) for tier in range(3))).subquery()
    wanted = (
        near.c.missing, near.c.id, near.c.code, near.c.name, near.c.before_min, near.c.after_min, near.c.calendar,
        near.c.hours, near.c.office, near.c.office_name,
    )  # fmt: skip
    return select(*wanted).order_by(near.c.tier, near.c.capacity, near.c.id)


def _beside(actor: Actor, today: date, tier: int, missing: CTE) -> Select[*tuple[Any, ...]]:
    """Return rooms in the unit of each office, in the unit above, or in those beside it, by `tier`: `NEAR` at most.

    Of a hundred communes beside one no more than that many are looked at: which, is as the index has them.
    """
    place = visible_offices(actor, today, MEETINGS_READ)
    related = (
        place.c.unit_id == missing.c.unit_id,
        place.c.unit_id == missing.c.parent_id,
        and_(place.c.parent_id == missing.c.parent_id, place.c.unit_id != missing.c.unit_id),
    )[tier]
    rooms = (
        select(
            RoomRow.capacity, RoomRow.id, RoomRow.code, RoomRow.name, RoomRow.before_min, RoomRow.after_min,
            RoomRow.calendar, RoomRow.hours, place.c.code.label("office"), place.c.name.label("office_name"),
        )
        .select_from(place)
        .join(RoomRow, RoomRow.office_id == place.c.id)
        .where(related, place.c.id != missing.c.id, *suitable(actor, today))
        .correlate(missing)
        .limit(NEAR)
        .lateral(f"near_{tier}")
    )  # fmt: skip
    return select(missing.c.code.label("missing"), literal(tier, Integer).label("tier"), *rooms.c).select_from(
        missing.join(rooms, literal(True))  # noqa: FBT003 - SQL's `on true`
    )


async def _meetings(tx: Transaction, meetings: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[str, str, str]]:
    """Return title, organiser, and the highest level of the offices of each of `meetings`, whoever asks."""
    if not meetings:
        return {}
    connection = await tx.session.connection()
    rows = (await connection.execute(_meetings_statement(), {"meetings": listed(meetings)})).all()
    return {meeting: (title, organiser, level or "") for meeting, title, organiser, level in rows}


@cache
def _meetings_statement() -> Select[*tuple[Any, ...]]:
    ids = cast(bindparam("meetings", type_=Text), ARRAY(Uuid))
    # First who meets, by the key of reservations; joined at once, a planner has looked through every room's bookings.
    offices = (
        select(ReservationRow.meeting_id, RoomRow.office_id)
        .distinct()
        .join(RoomRow, RoomRow.id == ReservationRow.room_id)
        .where(ReservationRow.meeting_id == any_(ids))
        .cte("offices")
        .prefix_with("MATERIALIZED")
    )
    place = office_levels()
    levels = (
        select(offices.c.meeting_id, func.array_agg(aggregate_order_by(place.c.level, place.c.height)).label("levels"))
        .join(place, place.c.id == offices.c.office_id)
        .group_by(offices.c.meeting_id)
        .subquery("levels")
    )
    return (
        select(
            MeetingRow.id, MeetingRow.title, persons.called(MeetingRow.organiser_id, MeetingRow.organiser),
            levels.c.levels[1],
        )
        .outerjoin(levels, levels.c.meeting_id == MeetingRow.id)
        .where(MeetingRow.id == any_(ids))
    )  # fmt: skip
