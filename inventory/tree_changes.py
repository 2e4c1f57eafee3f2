"""Reads the whole tree for a decision, and does to the tables what was decided.

Whoever changes the tree holds its lock from the reading to the end, so that what was planned is what is done.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ARRAY, Uuid, any_, delete, func, insert, literal, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import aliased

from inventory.ancestry import renew
from inventory.credentials_follow import keep_credentials
from inventory.following import Devices, Follower, Moved
from inventory.grants_follow import Grants
from inventory.models import OfficePeriodRow, OfficeRow, UnitLevelRow, UnitPeriodRow, UnitRow, UnitSuccessionRow
from inventory.places import settle
from inventory.reorganise import OfficeNow, Plan, Tree, UnitNow
from inventory.repository import ids_by_code
from inventory.units import Level
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.i18n import sort_key
from kernel.ids import new_id

TREE_LOCK: Final = 7_223_001_962
"""Advisory lock of whoever changes the tree."""
FROM_THE_TOP: Final = 1_000
"""Units from which on the whole ancestry is computed anew: it is one statement either way."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a reorganisation moves: how many of each kind, and a digest that is the same for the same moves."""

    counts: Mapping[str, int]
    digest: str


async def carry_out(tx: Transaction, planned: Plan, followers: Sequence[Follower], actor: Actor) -> Rehearsal:
    """Do what was planned, and return what it moved. The caller holds the tree, and puts it on record."""
    day = planned.day
    done = await counted(tx, planned, followers)
    units, offices = await ids_by_code(tx, UnitRow), await ids_by_code(tx, OfficeRow)
    if planned.created:
        units |= {code: new_id() for code in planned.created}
        rows = [
            {"id": units[code], "code": code, "level": planned.after.units[code].level, "valid_from": day}
            for code in planned.created
        ]
        await tx.session.execute(insert(UnitRow), rows)
    closed = literal([units[code] for code in (*planned.changed, *planned.ended)], ARRAY(Uuid))
    of_the_closed = UnitPeriodRow.unit_id == any_(closed)
    # A period that began on this very day was never in force: what is decided last for a day is what holds on it.
    await tx.session.execute(delete(UnitPeriodRow).where(of_the_closed, func.lower(UnitPeriodRow.valid) == day))
    await tx.session.execute(
        update(UnitPeriodRow)
        .where(of_the_closed, func.upper_inf(UnitPeriodRow.valid))
        .values(valid=func.daterange(func.lower(UnitPeriodRow.valid), day))
        .execution_options(synchronize_session=False)
    )
    begun = [
        {
            "id": new_id(),
            "unit_id": units[code],
            "valid": Range(day, None),
            "name": unit.name,
            "name_en": unit.name_en,
            "name_sort": sort_key(unit.name),
            "parent_id": units[unit.parent] if unit.parent else None,
        }
        for code in (*planned.created, *planned.changed)
        for unit in [planned.after.units[code]]
    ]
    if begun:
        await tx.session.execute(insert(UnitPeriodRow), begun)
    await tx.session.execute(
        update(UnitRow)
        .where(UnitRow.id == any_(literal([units[code] for code in planned.ended], ARRAY(Uuid))))
        .values(valid_to=day)
        .execution_options(synchronize_session=False)
    )
    if planned.successions:
        pairs = [
            {"predecessor_id": units[ended], "successor_id": units[begun], "since": day}
            for ended, begun in planned.successions
        ]
        await tx.session.execute(postgresql.insert(UnitSuccessionRow).on_conflict_do_nothing(), pairs)
    new_places = {
        offices[move.office]: units[move.after[0]] for move in planned.moves if move.before[0] != move.after[0]
    }
    await settle(tx, OfficePeriodRow, new_places, since={}, on=day)
    touched = [units[code] for code in (*planned.created, *planned.changed, *planned.ended)]
    await renew(tx, touched if len(touched) < FROM_THE_TOP else None)
    moved = _moved(planned, units, offices)
    for follower in every(followers):
        await follower.follow(moved, actor, tx)
    await keep_credentials(moved, actor, tx)
    return done


async def hold_tree(tx: Transaction) -> None:
    """Wait until nobody else changes the tree, and keep it so until this transaction ends."""
    await tx.session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": TREE_LOCK})


async def read_tree(tx: Transaction) -> Tree:
    """Return the tree as it is after the last change."""
    parent = aliased(UnitRow)
    # The last period of a unit ends with it.
    units = (
        select(
            UnitRow.code,
            UnitRow.level,
            UnitPeriodRow.name,
            UnitPeriodRow.name_en,
            parent.code,
            UnitRow.valid_from,
            func.lower(UnitPeriodRow.valid),
            UnitRow.valid_to,
        )
        .join(UnitPeriodRow, UnitPeriodRow.unit_id == UnitRow.id)
        .outerjoin(parent, parent.id == UnitPeriodRow.parent_id)
        .where(func.upper(UnitPeriodRow.valid).is_not_distinct_from(UnitRow.valid_to))
    )
    offices = (
        select(OfficeRow.code, UnitRow.code, func.lower(OfficePeriodRow.valid))
        .join(OfficePeriodRow, OfficePeriodRow.office_id == OfficeRow.id)
        .join(UnitRow, UnitRow.id == OfficePeriodRow.unit_id)
        .where(func.upper_inf(OfficePeriodRow.valid))
    )
    levels = await tx.session.scalars(select(UnitLevelRow))
    return Tree(
        levels={
            row.code: Level(row.code, row.position, row.name, row.name_en, row.valid_from, row.valid_to)
            for row in levels
        },
        units={code: UnitNow(*rest) for code, *rest in await tx.session.execute(units)},
        offices={code: OfficeNow(unit, since) for code, unit, since in await tx.session.execute(offices)},
    )


async def counted(tx: Transaction, planned: Plan, followers: Sequence[Follower]) -> Rehearsal:
    """Return how many of each kind `planned` moves."""
    moved = await moved_by(tx, planned)
    counts = {
        "units_created": len(planned.created),
        "units_changed": len(planned.changed),
        "units_ended": len(planned.ended),
        "offices": len(planned.moves),
    }
    for follower in every(followers):
        counts[follower.kind] = await follower.count(moved, tx)
    return Rehearsal(counts, _digest(planned, counts))


def _digest(planned: Plan, counts: Mapping[str, int]) -> str:
    said = repr(
        (
            sorted(planned.created), sorted(planned.changed), sorted(planned.ended), sorted(planned.successions),
            [(move.office, move.before, move.after) for move in planned.moves], sorted(counts.items()),
        )
    )  # fmt: skip
    return hashlib.sha256(said.encode()).hexdigest()


async def moved_by(tx: Transaction, planned: Plan) -> Moved:
    """Return the moves by ids; heirs that do not exist yet are left out."""
    return _moved(planned, await ids_by_code(tx, UnitRow), await ids_by_code(tx, OfficeRow))


def _moved(planned: Plan, units: Mapping[str, uuid.UUID], offices: Mapping[str, uuid.UUID]) -> Moved:
    ended = [code for code in planned.ended if code in units]
    heirs = {code: planned.heirs.get(code, ()) for code in ended}
    return Moved(
        day=planned.day,
        heirs={units[code]: tuple(units[heir] for heir in heirs[code] if heir in units) for code in ended},
        heir_names={units[code]: tuple(planned.after.units[heir].name for heir in heirs[code]) for code in ended},
        offices=tuple(offices[move.office] for move in planned.moves),
    )


def every(followers: Sequence[Follower]) -> tuple[Follower, ...]:
    """Return the inventory's own followers and those of others."""
    return (Devices(), Grants(), *followers)
