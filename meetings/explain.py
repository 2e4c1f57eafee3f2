"""Explains a proposed time: whose booking keeps an office out, of what level, and which other room would do."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Integer, Select, Text, and_, func, literal, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY, Range

from inventory.public import MEETINGS_READ, day_of, levels, visible_offices
from kernel.actors import Actor, system
from kernel.db.transaction import Transaction
from meetings.find_time import Slot
from meetings.models import ReservationRow, RoomRow
from meetings.repository import Wanted, booked_in, overlapping

OTHERS: Final = 3
NEAR: Final = 8
"""So many rooms nearby are looked at for each missing office."""

ROOM_COLUMNS: Final = [
    RoomRow.__table__.c[name] for name in ("id", "code", "name", "before_min", "after_min", "calendar")
]
"""What `known` reads."""

NO_MEETING: Final = uuid.UUID(int=0)
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


@dataclass(frozen=True, slots=True)
class Known:
    """What was read of a room."""

    id: int
    code: str
    name: str
    before: timedelta
    after: timedelta
    calendar: int


@dataclass(frozen=True, slots=True)
class Asked:
    """An office or a person of the question, with their rooms."""

    code: str
    name: str
    rooms: tuple[Known, ...]


def known(room: int, code: str, name: str, before_min: int, after_min: int, calendar: int) -> Known:
    """Return what ROOM_COLUMNS say."""
    return Known(room, code, name, timedelta(minutes=before_min), timedelta(minutes=after_min), calendar)


async def blockers_of(
    tx: Transaction, slots: Sequence[Slot], told: Mapping[Key, Asked], length: timedelta
) -> dict[Key, tuple[Blocker, ...]]:
    """Return what stands in the way of each of `told`, at the first meeting that it would miss."""
    rooms = {room.code: room for one in told.values() for room in one.rooms}
    keys: dict[tuple[str, datetime], list[Key]] = {}
    probes = []
    for key, one in told.items():
        at = _first_without(slots, key)
        for room in one.rooms:
            if (room.code, at - room.before) not in keys:
                probes.append(_probe(room, at, length))
            keys.setdefault((room.code, at - room.before), []).append(key)
    if not probes:
        return {}
    booked = await booked_in(tx, {room.id: room.code for room in rooms.values()}, probes)
    levels = await _levels(tx, {one.meeting for one in booked})
    found: dict[Key, dict[str, Blocker]] = {}
    for booking in booked:  # soonest first
        if booking.against is None:
            continue
        for key in keys[booking.room, booking.against]:
            blocker = Blocker(
                booking.room,
                rooms[booking.room].name,
                booking.meeting,
                booking.title,
                booking.organiser,
                booking.starts_at,
                booking.ends_at,
                levels.get(booking.meeting, ""),
            )
            found.setdefault(key, {}).setdefault(booking.room, blocker)
    return {key: tuple(its.values()) for key, its in found.items()}


async def other_rooms(
    actor: Actor,
    tx: Transaction,
    slots: Sequence[Slot],
    told: Mapping[Key, Asked],
    length: timedelta,
    suitable: Sequence[ColumnElement[bool]],
) -> dict[Key, tuple[OtherRoom, ...]]:
    """Return free rooms for each of `told` in its own unit, the unit above, or one beside it, the nearest first.

    `suitable` is what such a room has to be. One that the proposed time uses already is none.
    """
    at_hand = await _nearby(actor, tx, sorted({code for _, code in told}), suitable)
    probes = {
        (key[0], room.id): _probe(room, _first_without(slots, key), length)
        for key in told
        for _, room in at_hand.get(key[1], ())
    }
    if not probes:
        return {}
    rows = await tx.session.execute(overlapping(list(probes.values())))
    busy = {(room, begin) for _, room, _, begin in rows}
    return {
        (n, code): tuple(
            other
            for other, room in at_hand.get(code, ())
            if room.id not in slots[n].rooms.values() and (room.id, probes[n, room.id].during.lower) not in busy
        )[:OTHERS]
        for n, code in told
    }


def _first_without(slots: Sequence[Slot], key: Key) -> datetime:
    slot = slots[key[0]]
    return slot.starts_at[slot.first_without[key[1]]]


async def _nearby(
    actor: Actor, tx: Transaction, codes: Sequence[str], suitable: Sequence[ColumnElement[bool]]
) -> dict[str, list[tuple[OtherRoom, Known]]]:
    """Return the first few rooms near each of these offices, by the office's code."""
    if not codes:
        return {}
    today = tx.now().date()
    # Three joins that each find their few rows by an index, where one with `or` would look at every office.
    near = union_all(*(_beside(actor, today, tier, codes) for tier in range(3))).subquery()
    nearness = func.row_number().over(
        partition_by=near.c.missing, order_by=[near.c.tier, RoomRow.capacity, RoomRow.id]
    )  # fmt: skip
    nearby = (
        select(
            near.c.missing, near.c.office, near.c.office_name,
            *(column.label(f"room_{column.name}") for column in ROOM_COLUMNS), nearness.label("nearness"),
        )
        .join(RoomRow, RoomRow.office_id == near.c.office_id)
        .where(*suitable)
        .subquery()
    )  # fmt: skip
    rows = await tx.session.execute(select(nearby).where(nearby.c.nearness <= NEAR).order_by(nearby.c.nearness))
    found: dict[str, list[tuple[OtherRoom, Known]]] = {}
    for missing, office, office_name, *its, _ in rows:
        room = known(*its)
        found.setdefault(missing, []).append((OtherRoom(room.code, room.name, office, office_name), room))
    return found


def _beside(actor: Actor, today: date, tier: int, codes: Sequence[str]) -> Select[*tuple[Any, ...]]:
    """Return the other offices in the unit of each office, in the unit above, or in those beside it, by `tier`."""
    theirs, place = (
        visible_offices(actor, today, MEETINGS_READ).alias(f"theirs_{tier}"),
        visible_offices(actor, today, MEETINGS_READ),
    )
    related = (
        place.c.unit_id == theirs.c.unit_id,
        place.c.unit_id == theirs.c.parent_id,
        and_(place.c.parent_id == theirs.c.parent_id, place.c.unit_id != theirs.c.unit_id),
    )[tier]
    return (
        select(
            theirs.c.code.label("missing"), place.c.id.label("office_id"), place.c.code.label("office"),
            place.c.name.label("office_name"), literal(tier, Integer).label("tier"),
        )
        .join(place, and_(related, place.c.id != theirs.c.id))
        .where(theirs.c.code.in_(codes))
    )  # fmt: skip


async def _levels(tx: Transaction, meetings: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the highest level of the offices of each of `meetings`, whoever asks."""
    everybody = system("levels")
    place, codes = visible_offices(everybody, day_of(tx.now())), [level.code for level in await levels(everybody, tx)]
    height = func.min(func.array_position(literal(codes, ARRAY(Text)), place.c.level))
    rows = await tx.session.execute(
        select(ReservationRow.meeting_id, height)
        .join(RoomRow, RoomRow.id == ReservationRow.room_id)
        .join(place, place.c.id == RoomRow.office_id)
        .where(ReservationRow.meeting_id.in_(meetings))
        .group_by(ReservationRow.meeting_id)
    )
    return {meeting: codes[position - 1] for meeting, position in rows}


def _probe(room: Known, at: datetime, length: timedelta) -> Wanted:
    return Wanted(NO_MEETING, room.id, Range(at - room.before, at + length + room.after, bounds="[)"))
