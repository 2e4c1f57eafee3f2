"""Writes down what is known of a commune or village, with or without an office.

A fact holds from its day until the next of its kind. It is never overwritten by a newer one, so that every day of the
past can be looked at; on the same day it is corrected, and the audit log has what it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from inventory.access import INVENTORY_CHANGE, within
from inventory.coverage_models import UnitFactRow
from inventory.coverage_queries import UnitCoverage, coverage_of
from inventory.errors import ChangedMeanwhile
from inventory.facts import FactWish, checked
from inventory.models import UnitRow
from inventory.units import day_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from kernel.i18n import Sentence


async def record_fact(
    actor: Actor, tx: Transaction, unit: str, wish: FactWish, unchanged: Callable[[Any], bool]
) -> UnitCoverage:
    """Write a fact of `unit` down, and return all that is known of the unit today.

    Args:
        actor: Who writes it down.
        tx: The transaction.
        unit: Code of the unit.
        wish: The fact; of the same kind and day, it corrects the one that is there.
        unchanged: Whether what is known now is what they saw.

    Raises:
        NotFound: There is no such unit in which `actor` may change things.
        ChangedMeanwhile: Something else is known by now.
        BadInput: What is wrong with the fact.
    """
    actor.require(INVENTORY_CHANGE)
    today = day_of(tx.now())
    statement = select(UnitRow).where(UnitRow.code == unit).with_for_update()
    if (where := within(UnitRow.id, actor, today, INVENTORY_CHANGE)) is not None:
        statement = statement.where(where)
    row = await tx.session.scalar(statement)
    if row is None:
        raise NotFound(kind="unit", code=unit[:100])
    wish = checked(wish, today)
    if wish.since < row.valid_from or (row.valid_to is not None and wish.since >= row.valid_to):
        raise BadInput(
            what="The day", why=Sentence("there is no unit {unit} on {day}", unit=unit, day=wish.since.isoformat())
        )
    if not unchanged(await coverage_of(actor, tx, unit)):
        raise ChangedMeanwhile(what=f"What is known of {unit}")
    there = await tx.session.get(UnitFactRow, (row.id, wish.kind, wish.since))
    before = None if there is None else _plain(there)
    if there is None:
        there = UnitFactRow(unit_id=row.id, kind=wish.kind, since=wish.since)
        tx.session.add(there)
    there.value, there.until, there.source, there.measured = list(wish.value), wish.until, wish.source, wish.measured
    after = _plain(there)
    if before != after:
        there.recorded_at, there.recorded_by = tx.now(), actor.name
        tx.audit(actor, "coverage.recorded", f"unit:{unit}", before=before, after=after)
    await tx.session.flush()
    return await coverage_of(actor, tx, unit)


def _plain(row: UnitFactRow) -> dict[str, Any]:
    return {
        "kind": row.kind, "since": row.since.isoformat(), "until": row.until and row.until.isoformat(),
        "value": list(row.value), "source": row.source, "measured": row.measured,
    }  # fmt: skip
