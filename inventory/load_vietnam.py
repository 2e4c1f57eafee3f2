"""Loads Vietnam's units into the tree: all in one transaction, and what is there already stays as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import Range

from inventory.access import INVENTORY_CHANGE
from inventory.ancestry import renew
from inventory.exchange.record import record_touched
from inventory.models import UnitPeriodRow, UnitRow, UnitSuccessionRow
from inventory.repository import announce, ids_by_code
from inventory.tree_changes import hold_tree
from inventory.vietnam import COUNTED, REFORM, Country, english, read_country
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.i18n import sort_key
from kernel.ids import new_id

FIRST_DAY: Final = date(2025, 1, 1)
"""Since when the map of before is taken to hold, if nobody says better."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many units of a level there are in the package, and how many the government counted."""

    when: str
    level: str
    found: int
    counted: int

    @property
    def gap(self) -> int:
        """Return how many are too many, or too few (below zero)."""
        return self.found - self.counted


@dataclass(frozen=True, slots=True)
class VietnamReport:
    """What was loaded.

    Attributes:
        added: Units that were not there.
        known: Units that were there already, and were left as they are.
        counts: By time and level.
        untold: Former communes of which the package does not tell what became of them.
    """

    added: int
    known: int
    counts: tuple[Count, ...]
    untold: tuple[str, ...]


async def load_vietnam(
    actor: Actor, tx: Transaction, *, first_day: date = FIRST_DAY, folder: Path | None = None
) -> VietnamReport:
    """Load Vietnam's units of before and since 1 July 2025 under the unit `vn`, and return what was added.

    Args:
        first_day: Since when the map of before holds.
        folder: Where the package is; None: where it is installed.

    Raises:
        Refused: `actor` may not change the whole tree.
        PackageMissing: The package is not installed, or is not as it was.
    """
    actor.require_everywhere(INVENTORY_CHANGE)
    country = await asyncio.to_thread(read_country, first_day, folder)
    await hold_tree(tx)
    ids = await ids_by_code(tx, UnitRow)
    added = [unit for code, unit in country.units.items() if code not in ids]
    ids |= {unit.code: new_id() for unit in added}
    if added:
        await tx.session.execute(insert(UnitRow), [_unit(country, unit.code, ids) for unit in added])
        await tx.session.execute(
            insert(UnitPeriodRow), [row for unit in added for row in _periods(country, unit.code, ids)]
        )
        pairs = [
            {"predecessor_id": ids[unit.code], "successor_id": ids[successor], "since": REFORM}
            for unit in added
            for successor in unit.successors
        ]
        if pairs:
            await tx.session.execute(postgresql.insert(UnitSuccessionRow).on_conflict_do_nothing(), pairs)
        await renew(tx)
        await record_touched(tx, actor, "units", {}, {ids[unit.code] for unit in added}, "load country:vn")
        tx.audit(actor, "inventory.loaded", "country:vn", after={"units": len(added)})
        await announce(tx)
    counts = tuple(Count(when, level, country.count(when, level), many) for (when, level), many in COUNTED.items())
    return VietnamReport(len(added), len(country.units) - len(added), counts, country.untold)


def _unit(country: Country, code: str, ids: Mapping[str, Any]) -> dict[str, Any]:
    unit = country.units[code]
    return {
        "id": ids[code],
        "code": code,
        "level": unit.level,
        "valid_from": unit.periods[0].since,
        "valid_to": unit.periods[-1].until,
    }


def _periods(country: Country, code: str, ids: Mapping[str, Any]) -> list[dict[str, Any]]:
    unit = country.units[code]
    return [
        {
            "id": new_id(),
            "unit_id": ids[code],
            "valid": Range(period.since, period.until),
            "name": unit.name,
            "name_en": english(unit.name),
            "name_sort": sort_key(unit.name),
            "parent_id": ids[period.parent] if period.parent else None,
        }
        for period in unit.periods
    ]
