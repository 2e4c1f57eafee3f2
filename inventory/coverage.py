"""What is known of a commune or village, with or without an office: what may be said of it, and writing it down.

A fact holds from its day until the next of its kind. It is never overwritten by a newer one, so that every day of the
past can be looked at; on the same day it is corrected, and the audit log has what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import select

from inventory.access import INVENTORY_CHANGE, within
from inventory.coverage_models import UnitFactRow
from inventory.coverage_queries import UnitCoverage, coverage_of
from inventory.errors import ChangedMeanwhile
from inventory.models import UnitRow
from inventory.units import day_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound

MOST_LETTERS: Final = 200


class FactKind(StrEnum):
    """What is known of a unit."""

    CONNECTIVITY = "connectivity"
    ELECTRICITY = "electricity"
    DISADVANTAGED = "disadvantaged"


NONE: Final = "none"
VALUES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        FactKind.CONNECTIVITY: (NONE, "2g", "3g", "4g", "5g", "fibre", "satellite"),
        FactKind.ELECTRICITY: (NONE, "part", "whole"),
        FactKind.DISADVANTAGED: (NONE, "area-1", "area-2", "area-3", "especially"),
    }
)
"""Connectivity has several at once. Electricity is for a part of the day or the whole. The areas are those by which
decisions of the government name communes, and `especially` is a village or commune in special difficulty."""


@dataclass(frozen=True, slots=True)
class FactWish:
    """A fact to be written down.

    Attributes:
        kind: One of `FactKind`.
        value: Of `VALUES`; of connectivity several.
        since: The day from which it is known to be so.
        source: Who says so: a report, a decision with its number, who measured.
        measured: Whether it was measured; else it was reported.
        until: First day on which a disadvantaged status holds no more; None while the decision lasts.
    """

    kind: str
    value: tuple[str, ...]
    since: date
    source: str
    measured: bool = False
    until: date | None = None


def checked(wish: FactWish, today: date) -> FactWish:
    """Return `wish` with its values in order.

    Raises:
        BadInput: What is wrong with it.
    """
    known = VALUES.get(wish.kind)
    if known is None:
        raise BadInput(what="The kind of fact", why=f"choose one of: {', '.join(VALUES)}")
    value = tuple(one for one in known if one in wish.value)
    if not value or len(value) != len(set(wish.value)):
        raise BadInput(what=f"The {wish.kind}", why=f"choose of: {', '.join(known)}")
    if len(value) > 1 and (wish.kind != FactKind.CONNECTIVITY or NONE in value):
        why = "none stands alone" if wish.kind == FactKind.CONNECTIVITY else "choose one"
        raise BadInput(what=f"The {wish.kind}", why=why)
    source = " ".join(wish.source.split())
    if not source or len(source) > MOST_LETTERS:
        raise BadInput(what="The source", why=f"say who says so, in at most {MOST_LETTERS} characters")
    if wish.until is not None and wish.kind != FactKind.DISADVANTAGED:
        raise BadInput(what="The end", why="only a disadvantaged status ends by itself; write down what holds then")
    if wish.until is not None and wish.until <= wish.since:
        raise BadInput(what="The end", why="it is not after the beginning")
    if wish.since > today and wish.kind != FactKind.DISADVANTAGED:
        raise BadInput(what="The day", why="nobody knows yet what will be then")
    return FactWish(wish.kind, value, wish.since, source, wish.measured, wish.until)


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
        raise BadInput(what="The day", why=f"there is no unit {unit} on {wish.since}")
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
