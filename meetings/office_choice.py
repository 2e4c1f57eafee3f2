"""Finds offices to meet with: by words, or whole groups at once. Only those that have a room that somebody may book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import FromClause, Select, Text, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from inventory.public import MEETINGS_BOOK, OfficeGroup, day_of, group_members, holds, office_groups, visible_offices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from meetings.conflicts import MOST_ROOMS
from meetings.models import RoomRow

MOST_A_PAGE = 200
MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class OfficeChoice:
    """An office that can take part.

    Attributes:
        code: Of the office.
        name: Of the office.
        unit_name: Of its unit.
        rooms: Codes of its rooms, the smallest first.
        seats: How many people its largest room seats.
    """

    code: str
    name: str
    unit_name: str
    rooms: tuple[str, ...]
    seats: int


@dataclass(frozen=True, slots=True)
class OfficeChoicePage:
    """A page of offices; `more` tells whether there are others after it."""

    offices: list[OfficeChoice]
    more: bool


async def office_choices(
    actor: Actor, tx: Transaction, *, query: str = "", limit: int = 20, page: int = 1
) -> OfficeChoicePage:
    """Return a page (from 1) of the offices in whose names or units are all words of `query`."""
    actor.require(MEETINGS_BOOK)
    limit = min(limit, MOST_A_PAGE)
    rows = await tx.session.execute(_offices(actor, tx, query).limit(limit + 1).offset((page - 1) * limit))
    found = [OfficeChoice(code, name, unit, tuple(rooms), seats) for code, name, unit, rooms, seats in rows]
    return OfficeChoicePage(found[:limit], len(found) > limit)


async def offices_chosen(actor: Actor, tx: Transaction, codes: Sequence[str]) -> list[OfficeChoice]:
    """Return those of `codes` that `actor` may book a room of, in the order of the codes; up to 1,000."""
    actor.require(MEETINGS_BOOK)
    wanted = [code for code in dict.fromkeys(codes) if code.isprintable()][:MOST_ROOMS]
    place = visible_offices(actor, day_of(tx.now()), MEETINGS_BOOK)
    statement = _of(place).where(place.c.code == any_(literal(wanted, ARRAY(Text))))
    order = {code: n for n, code in enumerate(wanted)}
    found = [OfficeChoice(row[0], row[1], row[2], tuple(row[3]), row[4]) for row in await tx.session.execute(statement)]
    return sorted(found, key=lambda one: order[one.code])


async def groups_to_choose(actor: Actor, tx: Transaction, *, query: str = "", limit: int = 6) -> list[OfficeGroup]:
    """Return the largest groups of offices, such as all communes of a province, that fit the words of `query`."""
    actor.require(MEETINGS_BOOK)
    with_rooms = select(RoomRow.office_id).where(RoomRow.kind == "room")
    return await office_groups(actor, tx, with_rooms, MEETINGS_BOOK, query=query, limit=limit)


async def offices_of_group(actor: Actor, tx: Transaction, unit: str, level: str) -> list[str]:
    """Return the codes of the offices of a group, by name, at most 1,000; empty if there is none."""
    actor.require(MEETINGS_BOOK)
    if not (unit.isprintable() and level.isprintable()):
        return []
    place = visible_offices(actor, day_of(tx.now()), MEETINGS_BOOK)
    statement = _of(place).where(place.c.id.in_(group_members(unit, level, tx))).limit(MOST_ROOMS)
    return [row[0] for row in await tx.session.execute(statement)]


def _offices(actor: Actor, tx: Transaction, query: str) -> Select[str, str, str, list[str], int]:
    place = visible_offices(actor, day_of(tx.now()), MEETINGS_BOOK)
    statement = _of(place)
    for word in query.replace("\x00", " ").split()[:MOST_WORDS]:
        statement = statement.where(holds(word, place.c.name, place.c.code, place.c.unit_name))
    return statement


def _of(place: FromClause) -> Select[str, str, str, list[str], int]:
    first = func.min(RoomRow.name_sort)
    rooms = func.array_agg(aggregate_order_by(RoomRow.code, RoomRow.capacity, RoomRow.code))
    return (
        select(place.c.code, place.c.name, place.c.unit_name, rooms, func.max(RoomRow.capacity))
        .join(RoomRow, RoomRow.office_id == place.c.id)
        .where(RoomRow.kind == "room")
        .group_by(place.c.code, place.c.name, place.c.unit_name)
        .order_by(first, place.c.code)
    )
