"""Reads the audit log for people."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import SelectBase, select

from kernel.audit import AuditEntryRow
from kernel.db.transaction import Transaction


async def audit_entries(
    tx: Transaction,
    *,
    limit: int = 50,
    before: uuid.UUID | None = None,
    targets: SelectBase | None = None,
) -> Sequence[AuditEntryRow]:
    """Return at most `limit` entries, newest first.

    Whoever calls it has made sure that the reader may read the audit log, and of what.

    Args:
        limit: Most of them.
        before: Only those older than this entry.
        targets: Only what was done to these: a statement that gives their names; None: to anything.
    """
    statement = select(AuditEntryRow).order_by(AuditEntryRow.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(AuditEntryRow.id < before)
    if targets is not None:
        statement = statement.where(AuditEntryRow.target.in_(targets))
    return (await tx.session.scalars(statement)).all()
