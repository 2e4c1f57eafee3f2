"""What a file that is complete does not name: listed as removed, or refused where something still needs it."""

from __future__ import annotations

import uuid
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, String, cast, exists, func, insert, literal, null, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased

from inventory.access import INVENTORY_CHANGE
from inventory.devices import DeviceState
from inventory.exchange.crosscheck import wrong
from inventory.exchange.judge import Verdict
from inventory.exchange.kinds import Kind, covered_offices
from inventory.exchange.models import ImportLineRow
from inventory.models import DeviceRow, OfficeRow, UnitRow
from inventory.tree import below
from inventory.units import day_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction

OWN: Final = frozenset({"office_period", "office_contact"})
"""Tables whose rows go with an office."""

REFERRERS: Final = """
SELECT source.relname, named.attname FROM pg_constraint AS bond
JOIN pg_class AS source ON source.oid = bond.conrelid
JOIN pg_attribute AS named ON named.attrelid = bond.conrelid AND named.attnum = bond.conkey[1]
WHERE bond.contype = 'f' AND bond.confrelid = CAST('office' AS regclass) AND cardinality(bond.conkey) = 1
"""
NEEDED: Final = """
SELECT line.no, jsonb_build_object('what', '{table}') AS details
FROM data_import_line AS line JOIN office ON office.code = line.code
WHERE line.import_id = :which AND line.kind = 'offices' AND line.line = 0
    AND EXISTS (SELECT FROM {table} AS other WHERE other.{column} = office.id)
"""


async def removed(tx: Transaction, actor: Actor, which: uuid.UUID, kind: Kind, within: str, after: int) -> int:
    """List what the import `which` does not name, of all that `actor` may change; return how many that is.

    Args:
        tx: The transaction.
        actor: Who imports.
        which: The import.
        kind: Kind of which the file holds all.
        within: Code of the unit in which it holds all; empty: everywhere.
        after: Number of the last line that there is.
    """
    beside = aliased(ImportLineRow)
    named = exists().where(beside.import_id == which, beside.kind == kind.name, beside.code == kind.code)
    statement = kind.narrow(kind.statement(), actor, day_of(tx.now()), INVENTORY_CHANGE).where(~named)
    if within:
        statement = statement.where(_inside(kind, within, tx))
    diff: ColumnElement[Any] = cast(null(), JSONB)
    if kind.name == "devices":
        statement = statement.where(DeviceRow.state != DeviceState.RETIRED)
        diff = func.jsonb_build_object("state", func.jsonb_build_array(DeviceRow.state, DeviceState.RETIRED.value))
    elif kind.name == "units":
        statement = statement.where(UnitRow.valid_to.is_(None))
    number = cast(literal(after), Integer) + func.row_number().over(order_by=kind.code)
    lines = statement.with_only_columns(
        literal(which), number, literal(0), literal(kind.name, String), kind.code,
        literal(Verdict.REMOVED.value, String), cast(null(), JSONB), diff, cast(null(), JSONB),
    )  # fmt: skip
    names = ["import_id", "no", "line", "kind", "code", "verdict", "fields", "diff", "faults"]
    found = await tx.session.execute(insert(ImportLineRow).from_select(names, lines).returning(ImportLineRow.no))
    count = sum(len(part) for part in found.partitions(10_000))
    if kind.name == "units":
        gone = "SELECT no, jsonb_build_object() AS details FROM data_import_line WHERE import_id = :which AND line = 0"
        await wrong(tx, which, "end-by-reorganisation", "", f"{gone} AND kind = 'units'")
    elif kind.name == "offices":
        # Whatever domain's table it is: what refers to an office would lose its place.
        for table, column in (await tx.session.execute(text(REFERRERS))).all():
            if table not in OWN:
                await wrong(tx, which, "still-needed", "", NEEDED.format(table=table, column=column))
    return count


def _inside(kind: Kind, unit: str, tx: Transaction) -> ColumnElement[bool]:
    places = below(select(UnitRow.id).where(UnitRow.code == unit), day_of(tx.now()))
    if kind.name in {"units", "coverage"}:
        return UnitRow.id.in_(places)
    if kind.name == "contracts":
        return exists(covered_offices().where(OfficeRow.unit_id.in_(places)))
    return OfficeRow.unit_id.in_(places)
