"""What is known of communes and villages, as a file has it: each fact by its unit, its kind and its day."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, Text, and_, any_, delete, func, literal, select, text, tuple_

from inventory.access import INVENTORY_CHANGE, narrow_to_held, within
from inventory.coverage_models import UnitFactRow
from inventory.equipment_queries import texts
from inventory.exchange.judge import as_json
from inventory.facts import VALUES
from inventory.models import UnitRow
from inventory.programme_file import FactEntry
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction

CODE: Final[ColumnElement[str]] = func.concat_ws(
    literal("/"), UnitRow.code, UnitFactRow.kind, func.to_char(UnitFactRow.since, literal("YYYY-MM-DD"))
)
"""As `programme_file.KEYS` has it."""
ORDER: Final = (UnitRow.code, UnitFactRow.kind, UnitFactRow.since)

SAVE: Final = """
INSERT INTO unit_fact (unit_id, kind, since, until, value, source, measured, recorded_at, recorded_by)
SELECT unit.id, fact.kind, fact.since, fact.until, fact.value, fact.source, fact.measured, :at, :by
FROM jsonb_to_recordset(CAST(:facts AS jsonb)) AS fact
    (unit text, kind text, since date, until date, value text[], source text, measured boolean)
JOIN unit ON unit.code = fact.unit
ON CONFLICT (unit_id, kind, since) DO UPDATE SET until = excluded.until, value = excluded.value,
    source = excluded.source, measured = excluded.measured, recorded_at = excluded.recorded_at,
    recorded_by = excluded.recorded_by
WHERE (unit_fact.until, unit_fact.value, unit_fact.source, unit_fact.measured)
    IS DISTINCT FROM (excluded.until, excluded.value, excluded.source, excluded.measured)
RETURNING (SELECT code FROM unit WHERE unit.id = unit_fact.unit_id), kind, since
"""


def facts_there() -> Select[*tuple[Any, ...]]:
    """Return the statement for all that was ever written down."""
    return select(
        CODE.label("code"), UnitRow.code.label("unit"), UnitFactRow.kind, UnitFactRow.since, UnitFactRow.value,
        UnitFactRow.source, UnitFactRow.measured, UnitFactRow.until,
    ).select_from(UnitFactRow).join(UnitRow, UnitRow.id == UnitFactRow.unit_id)  # fmt: skip


def fact_fields(row: Row[Any]) -> dict[str, Any]:
    """Return the fields of one of these."""
    return {
        "unit": row.unit, "kind": row.kind, "since": row.since.isoformat(), "value": _in_order(row.kind, row.value),
        "source": row.source, "measured": row.measured, "until": row.until and row.until.isoformat(),
    }  # fmt: skip


def fact_dump(entry: FactEntry) -> dict[str, Any]:
    """Return the fields of an entry, as they are kept."""
    fields = as_json(entry)
    return {
        **fields, "value": _in_order(entry.kind, entry.value), "source": " ".join(entry.source.split()),
    }  # fmt: skip


def narrow_facts(
    statement: Select[*tuple[Any, ...]], actor: Actor, day: date, permission: Permission
) -> Select[*tuple[Any, ...]]:
    """Leave what is known of the units for which somebody holds a permission."""
    if permission != INVENTORY_CHANGE:
        return narrow_to_held(statement, actor, day, permission)
    held = within(UnitRow.id, actor, day, permission)
    return statement if held is None else statement.where(held)


def facts_named(codes: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a fact is one of these; the units are named too, for they have an index."""
    units = {code.partition("/")[0] for code in codes}
    return and_(UnitRow.code == any_(texts(units)), any_(texts(codes)) == CODE)


def facts_after(code: str) -> ColumnElement[bool]:
    """Return the condition that a fact comes behind this one in `ORDER`."""
    unit, kind, since = code.split("/")
    this = tuple_(literal(unit, Text), literal(kind, Text), literal(date.fromisoformat(since)))
    return and_(UnitRow.code >= literal(unit, Text), tuple_(*ORDER) > this)


async def save_facts(tx: Transaction, entries: Collection[FactEntry], *, by: str) -> set[str]:
    """Write facts down; return the codes of those that are new or another than before."""
    rows = json.dumps([fact_dump(entry) for entry in entries])
    found = await tx.session.execute(text(SAVE), {"facts": rows, "at": tx.now(), "by": by})
    return {f"{unit}/{kind}/{since}" for unit, kind, since in found}


async def remove_facts(tx: Transaction, codes: Collection[str]) -> int:
    """Forget facts; return how many there were."""
    gone = await tx.session.execute(
        delete(UnitFactRow)
        .where(UnitRow.id == UnitFactRow.unit_id, facts_named(codes))
        .returning(UnitFactRow.unit_id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


def _in_order(kind: str, value: Collection[str]) -> list[str]:
    known = VALUES[kind]
    return sorted(value, key=lambda one: known.index(one) if one in known else len(known))
