"""Read models of the tree: units on a date, one with its history, and figures by the map of any day.

Each takes as many statements whatever the size of the tree.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, func, select, tuple_
from sqlalchemy.orm import aliased

from inventory.access import INVENTORY_READ, narrow_offices, narrow_units
from inventory.models import (
    DevicePeriodRow,
    OfficePeriodRow,
    OfficeRow,
    UnitAncestryRow,
    UnitLevelRow,
    UnitPeriodRow,
    UnitRow,
    UnitSuccessionRow,
)
from inventory.search import has_words
from inventory.tree import below
from inventory.units import Level, UnitView, day_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound

MOST_A_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class UnitPage:
    """A page of units, from the top level down, by name; `next_cursor` is None on the last."""

    units: list[UnitView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class UnitWish:
    """Which units are asked for.

    Attributes:
        as_of: Those that exist on this day; None: today.
        subtree: Only this unit and all below it.
        parent: Only those right below this unit.
        level: Only those of this level.
        query: Only those whose name has all these words; accents may be missing.
        top: Only those with none above them.
        codes: Only these.
    """

    as_of: date | None = None
    subtree: str | None = None
    parent: str | None = None
    level: str | None = None
    query: str = ""
    top: bool = False
    codes: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class UnitPeriod:
    """What a unit was called and where it lay from one day (`since`) to another (`until`, None: to this day)."""

    since: date
    until: date | None
    name: str
    name_en: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class UnitDetails:
    """A unit as it is on a date, the units above it then from the top down, and all it ever was, oldest first."""

    unit: UnitView
    above: tuple[UnitView, ...]
    periods: tuple[UnitPeriod, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """How many offices and devices are in one unit; `unit` is None for what the map has in no unit of that level."""

    unit: str | None
    name: str
    name_en: str
    offices: int
    devices: int


async def levels(actor: Actor, tx: Transaction) -> list[Level]:
    """Return the levels from the top down, those that are over included."""
    actor.require(INVENTORY_READ)
    rows = await tx.session.scalars(select(UnitLevelRow).order_by(UnitLevelRow.position))
    return [Level(row.code, row.position, row.name, row.name_en, row.valid_from, row.valid_to) for row in rows]


async def units_on(
    actor: Actor, tx: Transaction, wish: UnitWish, *, limit: int = 50, after: str | None = None
) -> UnitPage:
    """Return a page of the units that `wish` means, of those that `actor` may see."""
    today = day_of(tx.now())
    as_of = wish.as_of or today
    limit = min(limit, MOST_A_PAGE)
    statement = _units(as_of).order_by(UnitLevelRow.position, UnitPeriodRow.name_sort, UnitRow.code).limit(limit + 1)
    if wish.subtree is not None:
        statement = statement.where(UnitRow.id.in_(below(_id_of(wish.subtree), as_of)))
    if wish.parent is not None:
        statement = statement.where(UnitPeriodRow.parent_id == _id_of(wish.parent).scalar_subquery())
    if wish.level is not None:
        statement = statement.where(UnitRow.level == wish.level)
    if wish.query.strip():
        statement = statement.where(has_words(wish.query, UnitPeriodRow.folded))
    if wish.top:
        statement = statement.where(UnitPeriodRow.parent_id.is_(None))
    if wish.codes is not None:
        statement = statement.where(UnitRow.code.in_(wish.codes))
    if after is not None:
        here = tuple_(UnitLevelRow.position, UnitPeriodRow.name_sort, UnitRow.code)
        statement = statement.where(here > _key(after, as_of))
    found = [_view(*row) for row in await tx.session.execute(narrow_units(statement, actor, as_of, today))]
    return UnitPage(found[:limit], found[limit - 1].code if len(found) > limit else None)


async def unit_for(actor: Actor, code: str, tx: Transaction, *, as_of: date | None = None) -> UnitDetails:
    """Return the unit `code` as it is on `as_of` (today), or was in the end if it is over by then.

    Raises:
        NotFound: There is none that `actor` may see.
    """
    today = day_of(tx.now())
    parent = aliased(UnitRow)
    statement = (
        select(
            UnitPeriodRow,
            UnitRow,
            parent.code,
            _related("successor"),
            _related("predecessor"),
            func.lower(UnitPeriodRow.valid),
            func.upper(UnitPeriodRow.valid),
        )
        .join(UnitRow, UnitRow.id == UnitPeriodRow.unit_id)
        .outerjoin(parent, parent.id == UnitPeriodRow.parent_id)
        .where(UnitRow.code == code)
        .order_by(func.lower(UnitPeriodRow.valid))
    )
    rows = list(await tx.session.execute(narrow_units(statement, actor, as_of or today, today)))
    if not rows:
        raise NotFound(kind="unit", code=code[:100])
    day = max(as_of or today, rows[0][5])
    if rows[-1][6] is not None:
        day = min(day, rows[-1][6] - timedelta(days=1))
    period, unit, parent_code, after, before, *_ = next(row for row in rows if day in row[0].valid)
    way = (
        _units(day)
        .join(UnitAncestryRow, and_(UnitAncestryRow.ancestor_id == UnitRow.id, UnitAncestryRow.unit_id == unit.id))
        .where(UnitAncestryRow.since <= day, UnitAncestryRow.until > day, UnitAncestryRow.depth > 0)
        .order_by(UnitAncestryRow.depth.desc())
    )
    return UnitDetails(
        unit=_view(unit, period, parent_code, after, before),
        above=tuple([_view(*row) for row in await tx.session.execute(way)]),
        periods=tuple(
            UnitPeriod(since, until, row.name, row.name_en, parent) for row, _, parent, _, _, since, until in rows
        ),
    )


async def units_above(
    actor: Actor, tx: Transaction, codes: Collection[str], level: str, as_of: date
) -> dict[str, UnitView]:
    """Return, for each of the units `codes` that lies in a unit of `level` on `as_of` or is one, that unit.

    The names above a unit belong to it: whoever sees it sees them.
    """
    lower = aliased(UnitRow)
    actor.require(INVENTORY_READ)
    statement = (
        _units(as_of)
        .add_columns(lower.code)
        .join(UnitAncestryRow, UnitAncestryRow.ancestor_id == UnitRow.id)
        .join(lower, lower.id == UnitAncestryRow.unit_id)
        .where(UnitAncestryRow.since <= as_of, UnitAncestryRow.until > as_of, UnitRow.level == level)
        .where(lower.code.in_(codes))
    )
    return {code: _view(*unit) for *unit, code in await tx.session.execute(statement)}


async def figures(
    actor: Actor, tx: Transaction, *, level: str, as_of: date | None = None, map_of: date | None = None
) -> list[Figure]:
    """Return how many offices and devices there are on `as_of`, cut by the units of `level` on the map of `map_of`.

    Whatever the map, the sums are the same: what it has in no unit of that level stands in the last line. Both days
    are today if they are not given.
    """
    as_of = as_of or day_of(tx.now())
    map_of = map_of or as_of
    there, then = aliased(OfficePeriodRow), aliased(OfficePeriodRow)
    in_offices = (
        select(DevicePeriodRow.office_id, func.count().label("devices"))
        .where(DevicePeriodRow.valid.contains(as_of))
        .group_by(DevicePeriodRow.office_id)
        .subquery()
    )
    of_level = (
        select(UnitAncestryRow.unit_id, UnitRow.id, UnitRow.code, UnitPeriodRow.name, UnitPeriodRow.name_en)
        .add_columns(UnitPeriodRow.name_sort)
        .join(UnitRow, UnitRow.id == UnitAncestryRow.ancestor_id)
        .join(UnitPeriodRow, and_(UnitPeriodRow.unit_id == UnitRow.id, UnitPeriodRow.valid.contains(map_of)))
        .where(UnitRow.level == level, UnitAncestryRow.since <= map_of, UnitAncestryRow.until > map_of)
        .subquery()
    )
    shown = (of_level.c.code, of_level.c.name, of_level.c.name_en)
    statement = (
        select(*shown, func.count(OfficeRow.id), func.coalesce(func.sum(in_offices.c.devices), 0))
        .select_from(OfficeRow)
        .join(there, and_(there.office_id == OfficeRow.id, there.valid.contains(as_of)))
        .outerjoin(then, and_(then.office_id == OfficeRow.id, then.valid.contains(map_of)))
        .outerjoin(of_level, of_level.c.unit_id == then.unit_id)
        .outerjoin(in_offices, in_offices.c.office_id == OfficeRow.id)
        .group_by(*shown, of_level.c.name_sort)
        .order_by(of_level.c.name_sort.nulls_last(), of_level.c.code)
    )
    rows = await tx.session.execute(narrow_offices(statement, actor, day_of(tx.now())))
    return [
        Figure(code, name or "", name_en or "", offices, int(devices)) for code, name, name_en, offices, devices in rows
    ]


def _units(as_of: date) -> Select[UnitRow, UnitPeriodRow, str, list[str], list[str]]:
    parent = aliased(UnitRow)
    return (
        select(UnitRow, UnitPeriodRow, parent.code, _related("successor"), _related("predecessor"))
        .join(UnitPeriodRow, and_(UnitPeriodRow.unit_id == UnitRow.id, UnitPeriodRow.valid.contains(as_of)))
        .join(UnitLevelRow, UnitLevelRow.code == UnitRow.level)
        .outerjoin(parent, parent.id == UnitPeriodRow.parent_id)
    )


def _related(which: str) -> ColumnElement[list[str]]:
    """Return the codes of a unit's successors or predecessors, as a column."""
    other = aliased(UnitRow)
    ours, theirs = UnitSuccessionRow.predecessor_id, UnitSuccessionRow.successor_id
    if which == "predecessor":
        ours, theirs = theirs, ours
    return (
        select(func.array_agg(other.code))
        .join(UnitSuccessionRow, theirs == other.id)
        .where(ours == UnitRow.id)
        .correlate(UnitRow)
        .scalar_subquery()
    )


def _id_of(code: str) -> Select[uuid.UUID]:
    unit = aliased(UnitRow)
    return select(unit.id).where(unit.code == code)


def _key(code: str, as_of: date) -> ColumnElement[object]:
    unit, period, level = aliased(UnitRow), aliased(UnitPeriodRow), aliased(UnitLevelRow)
    return (
        select(level.position, period.name_sort, unit.code)
        .join(period, and_(period.unit_id == unit.id, period.valid.contains(as_of)))
        .join(level, level.code == unit.level)
        .where(unit.code == code)
        .scalar_subquery()
    )


def _view(
    unit: UnitRow,
    period: UnitPeriodRow,
    parent: str | None,
    successors: list[str] | None,
    predecessors: list[str] | None,
) -> UnitView:
    return UnitView(
        code=unit.code,
        name=period.name,
        name_en=period.name_en,
        level=unit.level,
        parent=parent,
        valid_from=unit.valid_from,
        valid_to=unit.valid_to,
        successors=tuple(sorted(successors or ())),
        predecessors=tuple(sorted(predecessors or ())),
    )
