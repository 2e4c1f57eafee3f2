"""The audit log: what was done, by whom, to what. `audit_chain.py` seals it, so that tampering shows."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal


class AuditEntryRow(Base):
    """One entry. `seal_no` and `seal` stay empty until the sealer has put it into the chain.

    `erased_seal` vouches for an entry out of which a person was erased after it had been sealed; `request_id` is the
    number of the request, the command or the work that it came by, as the log has it.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        CheckConstraint("(seal_no IS NULL) = (seal IS NULL)", name="sealed_whole"),
        # One object's changes, and one person's, the newest first.
        Index("audit_entry_target_idx", "target", "id"),
        Index("audit_entry_actor_idx", "actor", "id"),
        # The sealer asks every second; without it each question reads the whole table.
        Index("audit_entry_unsealed_idx", "id", postgresql_where=text("seal_no IS NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[uuid.UUID | None]
    actor: Mapped[str] = mapped_column(info=personal("Who did what", kept="as long as the record", account="actor_id"))
    action: Mapped[str]
    target: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    reason: Mapped[str]
    request_id: Mapped[str] = mapped_column(server_default=text("''"))
    seal_no: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    seal: Mapped[bytes | None]
    erased_seal: Mapped[bytes | None]


class AuditBeginningRow(Base):
    """That the log begins behind this entry: what was before it was older than the years that it is kept.

    `proof` needs the audit key (`audit_retention.py`): nobody without it can let the log begin later.
    """

    __tablename__ = "audit_beginning"

    seal_no: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    seal: Mapped[bytes]
    proof: Mapped[bytes]
    at: Mapped[datetime]
