"""Reads and writes rows of the inventory. Who may see what is decided in `access.py`, not here."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ARRAY, Uuid, any_, delete, literal, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from inventory.models import DeviceRow, OfficeRow, UnitRow
from kernel.db.base import Base
from kernel.db.transaction import Transaction

BATCH = 10_000
"""Rows in one statement: each has to end within 30 s on a busy machine."""


async def ids_by_code(tx: Transaction, row: type[UnitRow | OfficeRow | DeviceRow]) -> dict[str, uuid.UUID]:
    """Return every code of `row`'s table with its id."""
    return {found.code: found.id for found in await tx.session.execute(select(row.code, row.id))}


async def upsert(
    tx: Transaction,
    row: type[Base],
    values: Iterable[dict[str, Any]],
    key: str = "code",
    *,
    only_new: Collection[str] = (),
) -> set[uuid.UUID]:
    """Insert `values` or change the rows with the same `key`; return the ids of those added or really changed.

    The columns in `only_new` are set where a row is added, and left alone where there is one.
    """
    rows = list(values)
    if not rows:
        return set()
    table, given = row.__tablename__, list(rows[0])
    changed = [name for name in given if name not in {"id", key, *only_new}]
    # The rows go as one value: a statement with a place for each field of thousands of rows takes longer to write down
    # than to carry out. Every name is a table's or a column's own.
    statement = f"""
        INSERT INTO {table} ({", ".join(given)})
        SELECT {", ".join(given)} FROM jsonb_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS jsonb))
        ON CONFLICT ({key}) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in changed)}
        WHERE ({", ".join(f"{table}.{name}" for name in changed)})
            IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in changed)})
        RETURNING id
    """  # noqa: S608 - of our own names
    touched: set[uuid.UUID] = set()
    for start in range(0, len(rows), BATCH):
        batch = json.dumps(rows[start : start + BATCH], default=str)
        touched.update((await tx.session.execute(text(statement), {"rows": batch})).scalars())
    return touched


async def replace_all(
    tx: Transaction,
    column: InstrumentedAttribute[uuid.UUID],
    owners: Iterable[uuid.UUID],
    values: Iterable[dict[str, Any]],
) -> None:
    """Delete the rows whose `column` is one of `owners`, then insert `values` in their place."""
    row = column.class_
    await tx.session.execute(delete(row).where(column == any_(literal(list(owners), ARRAY(Uuid)))))
    rows = list(values)
    if rows:
        await tx.session.execute(insert(row), rows)


async def announce(tx: Transaction) -> None:
    """Tell the processes that listen that the inventory is another, once this transaction is committed."""
    await tx.session.execute(text("SELECT pg_notify('vungcao_inventory', '')"))
