"""Reads and writes rows of the inventory. Who may see what is decided in `access.py`, not here."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ARRAY, Uuid, any_, delete, literal, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from inventory.models import DeviceRow, OfficeRow, UnitRow
from kernel.db.base import Base
from kernel.db.transaction import Transaction

BATCH = 2000
"""Rows in one statement: PostgreSQL takes at most 65,535 parameters."""


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
    table = row.__table__
    rows = list(values)
    touched: set[uuid.UUID] = set()
    for start in range(0, len(rows), BATCH):
        statement = insert(row).values(rows[start : start + BATCH])
        changed = {
            column.name: statement.excluded[column.name]
            for column in table.columns
            if column.name in rows[0] and column.name not in {"id", key, *only_new}
        }
        differs = [table.c[name].is_distinct_from(new) for name, new in changed.items()]
        condition = differs[0]
        for difference in differs[1:]:
            condition = condition | difference
        result = await tx.session.execute(
            statement.on_conflict_do_update(index_elements=[key], set_=changed, where=condition).returning(table.c.id)
        )
        touched.update(result.scalars())
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
