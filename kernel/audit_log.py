"""Reads the audit log for people."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select

from kernel.audit import AuditEntryRow
from kernel.db.transaction import Transaction


async def audit_entries(
    tx: Transaction, *, limit: int = 50, before: uuid.UUID | None = None
) -> Sequence[AuditEntryRow]:
    """Return at most `limit` entries, newest first; only those older than the entry `before`, if given.

    Whoever calls it has made sure that the reader may read the audit log.
    """
    statement = select(AuditEntryRow).order_by(AuditEntryRow.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(AuditEntryRow.id < before)
    return (await tx.session.scalars(statement)).all()
