"""What is known of units on any day: of each, and counted by the units above them; as many statements for any size.

A unit of which nothing was written down yet has what is known of the units whose place it took. Where these differ:
of connectivity it has what any of them has, of electricity what the worst off has, and it is as disadvantaged as the
most disadvantaged of them. Each answer says that it came that way, and of how many of them nothing is known.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    join,
    literal,
    select,
    true,
)
from sqlalchemy import any_ as any_of
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from inventory.access import narrow_to_held, narrow_units
from inventory.coverage_models import UnitFactRow
from inventory.models import UnitAncestryRow, UnitLevelRow, UnitPeriodRow, UnitRow, UnitSuccessionRow
from inventory.search import has_words
from inventory.tree import below
from inventory.units import day_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound

MOST_A_PAGE: Final = 200
KINDS: Final = ("connectivity", "electricity", "disadvantaged")
UNKNOWN: Final = "unknown"
SOME: Final = "some"
COUNTED: Final[Mapping[str, tuple[str, ...]]] = {
    "connectivity": ("none", "2g", "3g", "4g", "5g", "fibre", "satellite"),
    "electricity": ("none", "part", "whole"),
    "disadvantaged": ("none", "area-1", "area-2", "area-3", "especially"),
}
WORST_FIRST: Final = ("especially", "area-3", "area-2", "area-1", "none", "part", "whole")
"""Which of several predecessors' answers counts, of what has one answer only."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of a unit on a day.

    Attributes:
        kind: `connectivity`, `electricity` or `disadvantaged`.
        value: As it is; of connectivity several.
        since: The day from which it is known; of several predecessors, the newest of these days.
        until: Day on which a disadvantaged status ends; None if it does not, or it came from predecessors.
        source: Who says so; of several predecessors, all that do.
        measured: Whether it was measured; of several predecessors, whether all were.
        inherited: Whether it came from units whose place this one took.
        unknown: Of how many of these nothing is known.
    """

    kind: str
    value: tuple[str, ...]
    since: date
    until: date | None
    source: str
    measured: bool
    inherited: bool = False
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class PastFact:
    """What was written down of a unit, as it was."""

    kind: str
    value: tuple[str, ...]
    since: date
    until: date | None
    source: str
    measured: bool
    recorded_by: str


@dataclass(frozen=True, slots=True)
class UnitCoverage:
    """A unit on a day with what is known of it; what is not known is not in `facts`."""

    code: str
    name: str
    name_en: str
    level: str
    parent: str | None
    facts: tuple[Fact, ...] = ()

    def fact(self, kind: str) -> Fact | None:
        """Return what is known of one kind."""
        return next((fact for fact in self.facts if fact.kind == kind), None)


@dataclass(frozen=True, slots=True)
class CoveragePage:
    """A page of units, by level and name; `next_cursor` is None on the last."""

    units: list[UnitCoverage]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class CoverageWish:
    """Which units are asked for.

    Attributes:
        as_of: The day; None: today.
        unit: Only this unit and all below it.
        level: Only those of this level.
        query: Only those whose name has all these words; accents may be missing.
        kind: With `value`: only those of which this is known; `unknown`: nothing is.
        value: As `COUNTED` has it, `some` (any connectivity) or `unknown`.
    """

    as_of: date | None = None
    unit: str | None = None
    level: str | None = None
    query: str = ""
    kind: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class CoverageSum:
    """How many units below one unit have what.

    Of each kind, `none`, what there is and `unknown` add up to `total`; connectivity has several at once, so that
    there `none`, `some` and `unknown` do.

    Attributes:
        unit: Code of the unit below which they are; None: in none of those listed.
        counts: By kind and value.
    """

    unit: str | None
    name: str
    name_en: str
    total: int
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


async def coverage_on(
    actor: Actor, tx: Transaction, wish: CoverageWish, *, limit: int = 50, after: str | None = None
) -> CoveragePage:
    """Return a page of the units that `wish` means, of those that `actor` may see, with what is known of each."""
    today = day_of(tx.now())
    day = wish.as_of or today
    parent = aliased(UnitRow)
    statement = _there(day, wish).add_columns(UnitRow.id, UnitRow.code, UnitPeriodRow.name, UnitPeriodRow.name_en)
    statement = (
        statement.add_columns(UnitRow.level, parent.code.label("parent"))
        .outerjoin(parent, parent.id == UnitPeriodRow.parent_id)
        .order_by(UnitRow.code)
        .limit(limit + 1)
    )
    statement = narrow_to_held(statement, actor, today)
    if wish.kind in COUNTED and wish.value:
        statement = statement.where(UnitRow.id.in_(_with(actor, tx, wish, day)))
    if after is not None:
        statement = statement.where(UnitRow.code > after)
    rows = list(await tx.session.execute(statement))
    known = await _facts(tx, [row.id for row in rows[:limit]], day)
    found = [_unit(row, known) for row in rows[:limit]]
    return CoveragePage(found, found[-1].code if len(rows) > limit else None)


async def coverage_of(actor: Actor, tx: Transaction, code: str, *, as_of: date | None = None) -> UnitCoverage:
    """Return what is known of one unit on `as_of` (today); of one that is not there then, as it is in the end.

    Raises:
        NotFound: There is none that `actor` may see.
    """
    today = day_of(tx.now())
    parent = aliased(UnitRow)
    statement = (
        select(UnitRow.id, UnitRow.code, UnitPeriodRow.name, UnitPeriodRow.name_en, UnitRow.level)
        .add_columns(parent.code.label("parent"))
        .join(UnitPeriodRow, UnitPeriodRow.unit_id == UnitRow.id)
        .outerjoin(parent, parent.id == UnitPeriodRow.parent_id)
        .where(UnitRow.code == code)
        .order_by(UnitPeriodRow.valid.contains(as_of or today).desc(), func.lower(UnitPeriodRow.valid).desc())
        .limit(1)
    )
    row = (await tx.session.execute(narrow_to_held(statement, actor, today))).one_or_none()
    if row is None:
        raise NotFound(kind="unit", code=code[:100])
    return _unit(row, await _facts(tx, [row.id], as_of or today))


async def facts_over_time(actor: Actor, tx: Transaction, code: str, *, limit: int = 200) -> list[PastFact]:
    """Return what was written down of the unit `code`, the newest first; nothing if `actor` may not see it."""
    statement = (
        select(UnitFactRow)
        .join(UnitRow, UnitRow.id == UnitFactRow.unit_id)
        .where(UnitRow.code == code)
        .order_by(UnitFactRow.since.desc(), UnitFactRow.kind)
        .limit(limit)
    )
    rows = await tx.session.scalars(narrow_to_held(statement, actor, day_of(tx.now())))
    return [
        PastFact(row.kind, tuple(row.value), row.since, row.until, row.source, row.measured, row.recorded_by)
        for row in rows
    ]


async def coverage_sums(
    actor: Actor, tx: Transaction, *, level: str, unit: str | None = None, as_of: date | None = None
) -> list[CoverageSum]:
    """Return how the units of `level` are covered, by the units right below `unit` (the top); one statement.

    The last line, without a unit, counts those that lie in none of them: such as `unit` itself, if it has that level.
    """
    today = day_of(tx.now())
    day = as_of or today
    wish = CoverageWish(as_of=day, unit=unit, level=level)
    asked = narrow_to_held(_there(day, wish).add_columns(UnitRow.id.label("id")), actor, today)
    facts = _resolved(asked, day)
    of = {kind: func.max(facts.c.value).filter(facts.c.kind == kind).label(kind) for kind in KINDS}
    pivot = select(facts.c.unit_id, *of.values()).group_by(facts.c.unit_id).subquery("pivot")
    shown = narrow_units(_shown(unit, day), actor, day, today).subquery("shown")
    up = join(UnitAncestryRow, shown, shown.c.id == UnitAncestryRow.ancestor_id)
    lies = and_(UnitAncestryRow.unit_id == pivot.c.unit_id, UnitAncestryRow.since <= day, UnitAncestryRow.until > day)
    counts = {
        (kind, value): func.count().filter(_is(pivot.c[kind], value)) for kind in KINDS for value in _counted(kind)
    }
    by = (shown.c.code, shown.c.name, shown.c.name_en)
    statement = (
        select(*by, func.count().label("total"), *(one.label(f"n{place}") for place, one in enumerate(counts.values())))
        .select_from(pivot)
        .outerjoin(up, lies)
        .group_by(*by, shown.c.name_sort)
        .order_by(shown.c.name_sort.nulls_last(), shown.c.code)
    )
    sums = []
    for row in await tx.session.execute(statement):
        found: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
        for (kind, value), number in zip(counts, row[4:], strict=True):
            found[kind][value] = number
        sums.append(CoverageSum(row.code, row.name or "", row.name_en or "", row.total, found))
    return sums


def summed(sums: Iterable[CoverageSum]) -> CoverageSum:
    """Return the sum of all of them."""
    counts: dict[str, dict[str, int]] = {kind: dict.fromkeys(_counted(kind), 0) for kind in KINDS}
    total = 0
    for one in sums:
        total += one.total
        for kind, values in one.counts.items():
            for value, number in values.items():
                counts[kind][value] += number
    return CoverageSum(None, "", "", total, counts)


def _counted(kind: str) -> tuple[str, ...]:
    return (*COUNTED[kind], *((SOME,) if kind == "connectivity" else ()), UNKNOWN)


def _is(column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    if value == UNKNOWN:
        return column.is_(None)
    if value == SOME:
        return and_(column.is_not(None), literal("none", Text) != any_of(column))
    return literal(value, Text) == any_of(column)


def _there(day: date, wish: CoverageWish) -> Select[*tuple[Any, ...]]:
    """Return a statement, yet without columns, for the units on `day`."""
    there = and_(UnitPeriodRow.unit_id == UnitRow.id, UnitPeriodRow.valid.contains(day))
    statement: Select[*tuple[Any, ...]] = select().select_from(UnitRow).join(UnitPeriodRow, there)
    if wish.level:
        statement = statement.where(UnitRow.level == wish.level)
    if wish.unit:
        statement = statement.where(UnitRow.id.in_(below(_id_of(wish.unit), day)))
    if wish.query.strip():
        statement = statement.where(has_words(wish.query, UnitPeriodRow.folded))
    return statement


def _shown(unit: str | None, day: date) -> Select[*tuple[Any, ...]]:
    """Return the units right below `unit`, or at the top."""
    there = and_(UnitPeriodRow.unit_id == UnitRow.id, UnitPeriodRow.valid.contains(day))
    statement: Select[*tuple[Any, ...]] = (
        select(UnitRow.id, UnitRow.code, UnitPeriodRow.name, UnitPeriodRow.name_en, UnitPeriodRow.name_sort)
        .join(UnitPeriodRow, there)
        .join(UnitLevelRow, UnitLevelRow.code == UnitRow.level)
    )
    if unit:
        return statement.where(UnitPeriodRow.parent_id == _id_of(unit).scalar_subquery())
    return statement.where(UnitPeriodRow.parent_id.is_(None))


def _with(actor: Actor, tx: Transaction, wish: CoverageWish, day: date) -> Select[uuid.UUID]:
    """Return the ids of the units of which `wish.value` is known, or nothing is."""
    asked = narrow_to_held(_there(day, wish).add_columns(UnitRow.id.label("id")), actor, day_of(tx.now()))
    facts = _resolved(asked, day, "known")
    this = facts.c.kind == literal(wish.kind, Text)
    return select(facts.c.unit_id).where(this, _is(facts.c.value, wish.value or UNKNOWN))


def _resolved(units: Select[uuid.UUID], day: date, name: str = "resolved") -> Subquery:
    """Return what is known of `units` on `day`, a row for each of them and each kind; the value is null if nothing is.

    From a unit without a fact of a kind since it took others' place, it goes on to these, as they were the day before.
    """
    asked = units.subquery(f"{name}_asked")
    kinds = select(func.unnest(literal(list(KINDS), ARRAY(Text))).label("kind")).subquery(f"{name}_kinds")
    begin = select(
        asked.c[0].label("unit_id"), kinds.c.kind, asked.c[0].label("from_id"), literal(day).label("to_day")
    ).join_from(asked, kinds, true())
    origin = begin.cte(f"{name}_origin", recursive=True)
    came = and_(UnitSuccessionRow.successor_id == origin.c.from_id, UnitSuccessionRow.since <= origin.c.to_day)
    fresh = exists().where(
        UnitFactRow.unit_id == origin.c.from_id,
        UnitFactRow.kind == origin.c.kind,
        UnitFactRow.since <= origin.c.to_day,
        UnitFactRow.since >= UnitSuccessionRow.since,
    )
    # Of one that gave only a part, and lasts, what is known later is its own affair.
    day_before = cast(UnitSuccessionRow.since - 1, Date)
    origin = origin.union(
        select(origin.c.unit_id, origin.c.kind, UnitSuccessionRow.predecessor_id, day_before)
        .join(UnitSuccessionRow, came)
        .where(~fresh)
    )
    over = and_(UnitFactRow.until.is_not(None), UnitFactRow.until <= day)
    newest = (
        select(
            case((over, literal(["none"], ARRAY(Text))), else_=UnitFactRow.value).label("value"),
            case((over, UnitFactRow.until), else_=UnitFactRow.since).label("since"),
            case((over, None), else_=UnitFactRow.until).label("until"),
            UnitFactRow.source,
            UnitFactRow.measured,
        )
        .where(
            UnitFactRow.unit_id == origin.c.from_id,
            UnitFactRow.kind == origin.c.kind,
            UnitFactRow.since <= origin.c.to_day,
        )
        .order_by(UnitFactRow.since.desc())
        .limit(1)
        .lateral(f"{name}_newest")
    )
    # What began by taking the place of others has nothing of its own that could be unknown.
    begun = exists().where(
        UnitSuccessionRow.successor_id == origin.c.from_id,
        UnitSuccessionRow.since <= origin.c.to_day,
        UnitRow.id == origin.c.from_id,
        UnitSuccessionRow.since <= UnitRow.valid_from,
    )
    blank = and_(newest.c.since.is_(None), ~begun)
    each = select(func.unnest(newest.c.value).label("value")).correlate(newest).lateral(f"{name}_each")
    order = literal(list(WORST_FIRST), ARRAY(Text))
    inherited = origin.c.from_id != origin.c.unit_id
    gathered = (
        select(
            origin.c.unit_id, origin.c.kind,
            func.array_agg(aggregate_order_by(each.c.value, func.array_position(order, each.c.value)))
            .filter(each.c.value.is_not(None)).label("worst"),
            func.array_agg(each.c.value.distinct()).filter(each.c.value.is_not(None)).label("every"),
            func.max(newest.c.since).label("since"), func.max(newest.c.until).filter(~inherited).label("until"),
            func.string_agg(newest.c.source.distinct(), literal("; ")).label("source"),
            func.bool_and(newest.c.measured).label("measured"),
            func.bool_or(inherited).label("inherited"),
            func.count(origin.c.from_id.distinct()).filter(blank).label("unknown"),
        )
        .select_from(origin)
        .outerjoin(newest, true())
        .outerjoin(each, true())
        .group_by(origin.c.unit_id, origin.c.kind)
        .subquery(f"{name}_gathered")
    )  # fmt: skip
    some = func.array_remove(gathered.c.every, literal("none", Text))
    several = case((func.cardinality(gathered.c.every) > 1, some), else_=gathered.c.every)
    first = func.array_append(literal([], ARRAY(Text)), gathered.c.worst[1])
    value = case(
        (gathered.c.since.is_(None), None),
        (gathered.c.kind == literal("connectivity", Text), several),
        else_=first,
    )
    kept = [one for one in gathered.c if one.name not in {"worst", "every"}]
    return select(*kept, value.label("value")).subquery(name)


async def _facts(tx: Transaction, units: Sequence[uuid.UUID], day: date) -> dict[uuid.UUID, list[Fact]]:
    known: dict[uuid.UUID, list[Fact]] = {}
    if not units:
        return known
    asked = select(UnitRow.id).where(UnitRow.id.in_(units))
    facts = _resolved(asked, day)
    for row in await tx.session.execute(select(facts).where(facts.c.since.is_not(None))):
        value = tuple(one for one in COUNTED[row.kind] if one in row.value)
        known.setdefault(row.unit_id, []).append(
            Fact(
                row.kind, value, row.since, row.until, row.source, row.measured, row.inherited,
                row.unknown if row.inherited else 0,
            )
        )  # fmt: skip
    return known


def _unit(row: Any, known: Mapping[uuid.UUID, list[Fact]]) -> UnitCoverage:  # noqa: ANN401 - a row
    facts = sorted(known.get(row.id, ()), key=lambda fact: KINDS.index(fact.kind))
    return UnitCoverage(row.code, row.name, row.name_en, row.level, row.parent, tuple(facts))


def _id_of(code: str) -> Select[uuid.UUID]:
    unit = aliased(UnitRow)
    return select(unit.id).where(unit.code == code)
