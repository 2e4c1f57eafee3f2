"""What each office still lacks on any day, by the kit that holds for it then: by office, and summed by unit in SQL.

Each place of a kit is counted once: `ready`, `expired` (works, and is out of warranty), `broken`, or `missing`; the
four add up to `needed`. What the office has beyond its kit is not counted. What is under way is a part of what is
missing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, Select, and_, case, func, join, literal, or_, select, true, tuple_
from sqlalchemy.orm import aliased

from inventory.access import narrow_offices, narrow_units
from inventory.delivery_models import DeliveryItemRow, DeliveryRow
from inventory.devices import DeviceState, Role
from inventory.kit_models import DeviceStateRow, KitItemRow, KitRow, KitVersionRow
from inventory.kits import Per
from inventory.models import (
    DevicePeriodRow,
    DeviceRow,
    OfficePeriodRow,
    OfficeRow,
    UnitAncestryRow,
    UnitPeriodRow,
    UnitRow,
)
from inventory.tree import below
from inventory.units import day_of, start_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound

MOST_A_PAGE: Final = 200
COUNTS: Final = ("needed", "ready", "expired", "broken", "missing", "underway")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What other domains tell, as parts of our statements.

    Attributes:
        broken: For an instant: the ids of devices that do not answer then, or are in a critical state.
        rooms: The id of each office that has meeting rooms, and how many.
    """

    broken: Callable[[datetime], Select[uuid.UUID]]
    rooms: Callable[[], Select[uuid.UUID, int]]


@dataclass(frozen=True, slots=True)
class Gap:
    """How many places of kits there are, and how each is filled."""

    needed: int = 0
    ready: int = 0
    expired: int = 0
    broken: int = 0
    missing: int = 0
    underway: int = 0

    @property
    def whole(self) -> bool:
        """Return whether every place is ready."""
        return self.needed == self.ready

    @property
    def unplanned(self) -> int:
        """Return how many are missing and not under way."""
        return self.missing - self.underway


@dataclass(frozen=True, slots=True)
class RoleGap:
    """The gap of an office in one role."""

    role: Role
    gap: Gap


@dataclass(frozen=True, slots=True)
class NeededDevice:
    """A device of an office on a day: `ready`, `expired`, `broken`, or `waiting` if it is not in use yet or no more."""

    code: str
    name: str
    role: Role
    state: str
    warranty_until: date | None


@dataclass(frozen=True, slots=True)
class OfficeNeeds:
    """What one office lacks.

    Attributes:
        kit: Code of the kit that holds; empty: none does, and then nothing is needed.
        kit_name: Its name.
        since: The day from which its version holds.
    """

    code: str
    name: str
    unit: str
    unit_name: str
    kit: str
    kit_name: str
    since: date | None
    gap: Gap
    roles: tuple[RoleGap, ...] = ()
    devices: tuple[NeededDevice, ...] = ()


@dataclass(frozen=True, slots=True)
class OfficeNeedsPage:
    """A page of offices with their gaps, by name; `next_cursor` is None on the last."""

    offices: list[OfficeNeeds]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class UnitNeeds:
    """What the offices of a unit and of all below it lack.

    Attributes:
        unit: Its code; None for offices in none of those that are listed.
        offices: How many offices there are; `complete`, `lacking` and `without_kit` add up to it.
    """

    unit: str | None
    name: str
    name_en: str
    offices: int
    complete: int
    lacking: int
    without_kit: int
    gap: Gap


async def needs_by_unit(
    actor: Actor, tx: Transaction, outside: Elsewhere, *, unit: str | None = None, as_of: date | None = None
) -> list[UnitNeeds]:
    """Return the gaps by the units right below `unit` (the top), of the offices that `actor` may see; one statement.

    The last line, without a unit, has the offices that are in `unit` itself.
    """
    today = day_of(tx.now())
    day = as_of or today
    offices = _offices(actor, tx, day, unit)
    gaps = _by_office(_slots(offices, outside, tx, day), offices)
    there = and_(UnitPeriodRow.unit_id == UnitRow.id, UnitPeriodRow.valid.contains(day))
    shown = select(UnitRow.id, UnitRow.code, UnitPeriodRow.name, UnitPeriodRow.name_en, UnitPeriodRow.name_sort)
    shown = shown.join(UnitPeriodRow, there)
    above = UnitPeriodRow.parent_id.is_(None) if unit is None else UnitPeriodRow.parent_id == _id_of(unit)
    units = narrow_units(shown.where(above), actor, day, today).subquery("shown")
    up = join(UnitAncestryRow, units, units.c.id == UnitAncestryRow.ancestor_id)
    lies = and_(UnitAncestryRow.unit_id == gaps.c.unit_id, UnitAncestryRow.since <= day, UnitAncestryRow.until > day)
    complete = gaps.c.needed == gaps.c.ready
    statement = (
        select(
            units.c.code, units.c.name, units.c.name_en, func.count().label("offices"),
            func.count().filter(gaps.c.kit.is_not(None), complete).label("complete"),
            func.count().filter(gaps.c.kit.is_not(None), ~complete).label("lacking"),
            func.count().filter(gaps.c.kit.is_(None)).label("without_kit"),
            *(func.sum(gaps.c[name]).label(name) for name in COUNTS),
        )
        .select_from(gaps)
        .outerjoin(up, lies)
        .group_by(units.c.code, units.c.name, units.c.name_en, units.c.name_sort)
        .order_by(units.c.name_sort.nulls_last(), units.c.code)
    )  # fmt: skip
    return [
        UnitNeeds(
            row.code, row.name or "", row.name_en or "", row.offices, row.complete, row.lacking, row.without_kit,
            _gap(row),
        )
        for row in await tx.session.execute(statement)
    ]  # fmt: skip


def needs_summed(needs: Iterable[UnitNeeds]) -> UnitNeeds:
    """Return the sum of all of them."""
    each = list(needs)
    counts = (sum(getattr(one.gap, name) for one in each) for name in COUNTS)
    offices, complete, lacking, without = (
        sum(getattr(one, name) for one in each) for name in ("offices", "complete", "lacking", "without_kit")
    )
    return UnitNeeds(None, "", "", offices, complete, lacking, without, Gap(*counts))


async def needs_of_offices(
    actor: Actor,
    tx: Transaction,
    outside: Elsewhere,
    *,
    unit: str | None = None,
    as_of: date | None = None,
    lacking: bool = False,
    limit: int = 50,
    after: str | None = None,
) -> OfficeNeedsPage:
    """Return a page of offices in `unit` and below with their gaps; with `lacking` only those that have one."""
    day, limit = as_of or day_of(tx.now()), min(limit, MOST_A_PAGE)
    offices = _offices(actor, tx, day, unit)
    gaps = _by_office(_slots(offices, outside, tx, day), offices)
    statement = select(gaps).order_by(gaps.c.name_sort, gaps.c.code).limit(limit + 1)
    if lacking:
        statement = statement.where(gaps.c.needed != gaps.c.ready)
    if after is not None:
        name_sort, _, code = after.rpartition("|")
        statement = statement.where(tuple_(gaps.c.name_sort, gaps.c.code) > tuple_(literal(name_sort), literal(code)))
    rows = list(await tx.session.execute(statement))
    last = rows[limit - 1] if len(rows) > limit else None
    return OfficeNeedsPage([_office(row) for row in rows[:limit]], f"{last.name_sort}|{last.code}" if last else None)


async def office_needs(
    actor: Actor, code: str, tx: Transaction, outside: Elsewhere, *, as_of: date | None = None
) -> OfficeNeeds:
    """Return what the office `code` lacks, by role, and how each of its devices is; three statements.

    Raises:
        NotFound: There is none that `actor` may see.
    """
    day = as_of or day_of(tx.now())
    offices = _offices(actor, tx, day, None, code)
    slots = _slots(offices, outside, tx, day)
    whole = (await tx.session.execute(select(_by_office(slots, offices)))).one_or_none()
    if whole is None:
        raise NotFound(kind="office", code=code[:100])
    roles = await tx.session.execute(select(slots).order_by(slots.c.role))
    state = _condition(outside, tx, day)
    held = (
        select(DeviceRow.code, DeviceRow.name, DeviceRow.role, state.label("state"), DeviceRow.warranty_until)
        .join(DevicePeriodRow, and_(DevicePeriodRow.device_id == DeviceRow.id, DevicePeriodRow.valid.contains(day)))
        .join(offices, offices.c.id == DevicePeriodRow.office_id)
        .order_by(DeviceRow.role, DeviceRow.code)
        .limit(MOST_A_PAGE)
    )
    return _office(
        whole,
        tuple(RoleGap(Role(row.role), _gap(row)) for row in roles),
        tuple(
            NeededDevice(row.code, row.name, Role(row.role), row.state or "waiting", row.warranty_until)
            for row in await tx.session.execute(held)
        ),
    )


def _offices(actor: Actor, tx: Transaction, day: date, unit: str | None, code: str | None = None) -> CTE:
    """Return the offices on `day` that `actor` may see, each with the version of the kit that holds for it then."""
    version = (
        select(KitVersionRow.id, KitRow.code.label("kit"), KitRow.name.label("kit_name"), KitVersionRow.since)
        .join(KitRow, KitRow.id == KitVersionRow.kit_id)
        .where(
            or_(KitRow.office_kind == "", KitRow.office_kind == OfficeRow.kind),
            or_(KitRow.level == "", KitRow.level == UnitRow.level),
            KitVersionRow.since <= day,
        )
        .order_by((KitRow.office_kind != "").desc(), (KitRow.level != "").desc(), KitVersionRow.since.desc())
        .limit(1)
        .correlate(OfficeRow, UnitRow)
        .lateral("version")
    )
    statement = (
        select(
            OfficeRow.id, OfficeRow.code, OfficeRow.name, OfficeRow.name_sort, OfficePeriodRow.unit_id,
            UnitRow.code.label("unit"), UnitPeriodRow.name.label("unit_name"), version.c.id.label("version_id"),
            version.c.kit, version.c.kit_name, version.c.since,
        )
        .join(OfficePeriodRow, and_(OfficePeriodRow.office_id == OfficeRow.id, OfficePeriodRow.valid.contains(day)))
        .join(UnitRow, UnitRow.id == OfficePeriodRow.unit_id)
        .join(UnitPeriodRow, and_(UnitPeriodRow.unit_id == UnitRow.id, UnitPeriodRow.valid.contains(day)))
        .outerjoin(version, true())
    )  # fmt: skip
    if unit is not None:
        statement = statement.where(OfficePeriodRow.unit_id.in_(below(_ids_of(unit), day)))
    if code is not None:
        statement = statement.where(OfficeRow.code == code)
    return narrow_offices(statement, actor, day_of(tx.now())).cte("offices")


def _condition(outside: Elsewhere, tx: Transaction, day: date) -> ColumnElement[Any]:
    """Return how a device is on `day`, as a column of a statement that reads `DeviceRow`; null: it is not in use."""
    state: Any = DeviceRow.state
    if day < day_of(tx.now()):
        state = (
            select(DeviceStateRow.state)
            .where(DeviceStateRow.device_id == DeviceRow.id, DeviceStateRow.since <= day)
            .order_by(DeviceStateRow.since.desc())
            .limit(1)
            .correlate(DeviceRow)
            .scalar_subquery()
        )
    until = min(tx.now(), start_of(day + timedelta(days=1)))
    return case(
        (state == DeviceState.MAINTENANCE, "broken"),
        (state != DeviceState.ACTIVE, None),
        (DeviceRow.id.in_(outside.broken(until)), "broken"),
        (DeviceRow.warranty_until < day, "expired"),
        else_="ready",
    )


def _slots(offices: CTE, outside: Elsewhere, tx: Transaction, day: date) -> CTE:
    """Return a row for each office and each role of its kit."""
    rooms = outside.rooms().subquery("rooms")
    number = case(
        (KitItemRow.per == Per.ROOM, KitItemRow.number * func.coalesce(rooms.c[1], 0)), else_=KitItemRow.number
    )
    wanted = (
        select(offices.c.id.label("office_id"), KitItemRow.role, func.sum(number).label("needed"))
        .join(KitItemRow, KitItemRow.version_id == offices.c.version_id)
        .outerjoin(rooms, rooms.c[0] == offices.c.id)
        .group_by(offices.c.id, KitItemRow.role)
        .subquery("wanted")
    )
    each = (
        select(DevicePeriodRow.office_id, DeviceRow.role, _condition(outside, tx, day).label("condition"))
        .join(DevicePeriodRow, and_(DevicePeriodRow.device_id == DeviceRow.id, DevicePeriodRow.valid.contains(day)))
        .where(DevicePeriodRow.office_id.in_(select(offices.c.id)))
        .subquery("each")
    )
    there = (
        select(
            each.c.office_id, each.c.role,
            *(
                func.count().filter(each.c.condition == literal(name)).label(name)
                for name in ("ready", "expired", "broken")
            ),
        )
        .group_by(each.c.office_id, each.c.role)
        .subquery("there")
    )  # fmt: skip
    until = min(tx.now(), start_of(day + timedelta(days=1)))
    coming = (
        select(DeliveryRow.office_id, DeliveryItemRow.role, func.count().label("coming"))
        .join(DeliveryRow, DeliveryRow.id == DeliveryItemRow.delivery_id)
        .where(
            DeliveryRow.made_at <= until,
            or_(DeliveryItemRow.decided_at.is_(None), DeliveryItemRow.decided_at > until),
            DeliveryRow.office_id.in_(select(offices.c.id)),
        )
        .group_by(DeliveryRow.office_id, DeliveryItemRow.role)
        .subquery("coming")
    )
    # The best come first into the places of the kit.
    need = wanted.c.needed
    ready = func.least(need, func.coalesce(there.c.ready, 0))
    expired = func.least(need - ready, func.coalesce(there.c.expired, 0))
    broken = func.least(need - ready - expired, func.coalesce(there.c.broken, 0))
    missing = need - ready - expired - broken
    return (
        select(
            wanted.c.office_id, wanted.c.role, need.label("needed"), ready.label("ready"), expired.label("expired"),
            broken.label("broken"), missing.label("missing"),
            func.least(missing, func.coalesce(coming.c.coming, 0)).label("underway"),
        )
        .outerjoin(there, and_(there.c.office_id == wanted.c.office_id, there.c.role == wanted.c.role))
        .outerjoin(coming, and_(coming.c.office_id == wanted.c.office_id, coming.c.role == wanted.c.role))
        .where(need > 0)
        .cte("slots")
    )  # fmt: skip


def _by_office(slots: CTE, offices: CTE) -> CTE:
    sums = (
        select(slots.c.office_id, *(func.sum(slots.c[name]).label(name) for name in COUNTS))
        .group_by(slots.c.office_id)
        .subquery("sums")
    )
    return (
        select(*offices.c, *(func.coalesce(sums.c[name], 0).label(name) for name in COUNTS))
        .outerjoin(sums, sums.c.office_id == offices.c.id)
        .cte("gaps")
    )


def _gap(row: Any) -> Gap:  # noqa: ANN401 - a row
    return Gap(*(int(getattr(row, name)) for name in COUNTS))


def _office(
    row: Any,  # noqa: ANN401 - a row
    roles: tuple[RoleGap, ...] = (),
    devices: tuple[NeededDevice, ...] = (),
) -> OfficeNeeds:
    return OfficeNeeds(
        row.code, row.name, row.unit, row.unit_name, row.kit or "", row.kit_name or "", row.since, _gap(row), roles,
        devices,
    )  # fmt: skip


def _ids_of(code: str) -> Select[uuid.UUID]:
    unit = aliased(UnitRow)
    return select(unit.id).where(unit.code == code)


def _id_of(code: str) -> ColumnElement[uuid.UUID]:
    return _ids_of(code).scalar_subquery()
