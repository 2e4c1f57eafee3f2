"""What hangs below each of some units: offices and devices on a day, of those that the asker may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from inventory.access import INVENTORY_READ, narrow_offices, narrow_units
from inventory.models import (
    DevicePeriodRow,
    OfficePeriodRow,
    OfficeRow,
    UnitAncestryRow,
    UnitPeriodRow,
    UnitRow,
    UnitSuccessionRow,
)
from inventory.units import day_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Below:
    """How many offices, and devices in them, are in a unit and all below it."""

    offices: int = 0
    devices: int = 0


@dataclass(frozen=True, slots=True)
class Relative:
    """A unit that another came from or became: by the name of its last day, and since when."""

    code: str
    name: str
    name_en: str
    since: date


async def below_each(
    actor: Actor, tx: Transaction, units: Sequence[str], *, as_of: date | None = None
) -> dict[str, Below]:
    """Return what is below each of `units` on `as_of` (today); a unit with nothing below it is left out.

    One statement, whatever the number of units.
    """
    day = as_of or day_of(tx.now())
    devices = (
        select(func.count())
        .select_from(DevicePeriodRow)
        .where(DevicePeriodRow.office_id == OfficeRow.id, DevicePeriodRow.valid.contains(day))
        .correlate(OfficeRow)
        .scalar_subquery()
    )
    statement = (
        select(UnitRow.code, func.count(), func.coalesce(func.sum(devices), 0))
        .select_from(UnitRow)
        .join(UnitAncestryRow, UnitAncestryRow.ancestor_id == UnitRow.id)
        .join(
            OfficePeriodRow,
            and_(OfficePeriodRow.unit_id == UnitAncestryRow.unit_id, OfficePeriodRow.valid.contains(day)),
        )
        .join(OfficeRow, OfficeRow.id == OfficePeriodRow.office_id)
        .where(UnitRow.code.in_(units), UnitAncestryRow.since <= day, UnitAncestryRow.until > day)
        .group_by(UnitRow.code)
    )
    rows = await tx.session.execute(narrow_offices(statement, actor, day_of(tx.now())))
    return {code: Below(offices, int(devices)) for code, offices, devices in rows}


async def relatives(actor: Actor, tx: Transaction, code: str) -> tuple[list[Relative], list[Relative]]:
    """Return the units that `code` came from and those that it became, of those that `actor` may see; two statements.

    What it came from, and what it became, may lie outside a grant: then it is not told.
    """
    actor.require(INVENTORY_READ)
    return await _relatives(actor, tx, code, before=True), await _relatives(actor, tx, code, before=False)


async def _relatives(actor: Actor, tx: Transaction, code: str, *, before: bool) -> list[Relative]:
    today = day_of(tx.now())
    this = aliased(UnitRow)
    ours, theirs = UnitSuccessionRow.predecessor_id, UnitSuccessionRow.successor_id
    if before:
        ours, theirs = theirs, ours
    last = and_(
        UnitPeriodRow.unit_id == UnitRow.id, func.upper(UnitPeriodRow.valid).is_not_distinct_from(UnitRow.valid_to)
    )
    statement = (
        select(UnitRow.code, UnitPeriodRow.name, UnitPeriodRow.name_en, UnitSuccessionRow.since)
        .join(UnitSuccessionRow, theirs == UnitRow.id)
        .join(this, this.id == ours)
        .join(UnitPeriodRow, last)
        .where(this.code == code)
        .order_by(UnitPeriodRow.name_sort, UnitRow.code)
    )
    return [Relative(*row) for row in await tx.session.execute(narrow_units(statement, actor, today, today))]
