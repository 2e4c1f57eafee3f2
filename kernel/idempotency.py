"""Remembers what was answered under a key, so that a program may send the same request again and nothing is done twice.

A key belongs to an account, is written in the transaction that does the work, and is forgotten after a day.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.db.transaction import Transaction
from kernel.errors import BadInput

KEPT: Final = timedelta(days=1)


class IdempotencyKeyRow(Base):
    """A key, the digest of what was asked under it, and the answer, which is null while it is being made."""

    __tablename__ = "idempotency_key"

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request: Mapped[bytes]
    status: Mapped[int | None]
    headers: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    answer: Mapped[Any | None] = mapped_column(JSONB)
    at: Mapped[datetime] = mapped_column(index=True)


class KeyReused(BadInput):
    """A key stands for one request."""

    code = "key-reused"
    http_status = 422
    message = "This Idempotency-Key was used for another request. Take a new one."


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered."""

    status: int
    headers: dict[str, str]
    body: Any


async def recall(tx: Transaction, account: uuid.UUID, key: str, request: bytes) -> Answer | None:
    """Return what was answered to this account under `key`; None if it is new, and then it is taken.

    Two requests at once under one key wait for each other here.

    Raises:
        KeyReused: It was used for another request.
    """
    row = IdempotencyKeyRow
    await tx.session.execute(delete(row).where(row.at < tx.now() - KEPT))
    taken = await tx.session.scalar(
        insert(row)
        .values(account_id=account, key=key, request=request, at=tx.now())
        .on_conflict_do_nothing()
        .returning(row.key)
    )
    if taken is not None:
        return None
    known = await tx.session.scalar(select(row).where(row.account_id == account, row.key == key))
    if known is None or known.request != request or known.status is None:
        raise KeyReused
    return Answer(known.status, known.headers or {}, known.answer)


async def remember(tx: Transaction, account: uuid.UUID, key: str, answer: Answer) -> None:
    """Keep the answer that is given under a key that `recall` took."""
    row = IdempotencyKeyRow
    await tx.session.execute(
        update(row)
        .where(row.account_id == account, row.key == key)
        .values(status=answer.status, headers=answer.headers, answer=answer.body)
    )
