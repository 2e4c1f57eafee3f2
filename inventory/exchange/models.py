"""Tables of imports: a file in pieces, what each of its lines would do, and what became of it. Kept for days."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal

KEPT: Final = "a week"


class ImportRow(Base):
    """One import.

    `holds` is what its maker might when they sent it: who acts for them later may no more. `digest` is of what the
    preview showed. `why` is one fault that ended it.
    """

    __tablename__ = "data_import"
    __table_args__ = (Index(None, "made_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    file: Mapped[str]
    form: Mapped[str]
    kind: Mapped[str]
    complete: Mapped[bool]
    within: Mapped[str]
    state: Mapped[str]
    bytes_total: Mapped[int] = mapped_column(BigInteger)
    bytes_read: Mapped[int] = mapped_column(BigInteger)
    done: Mapped[int] = mapped_column(BigInteger)
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    read_as: Mapped[dict[str, Any]] = mapped_column(JSONB)
    why: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    digest: Mapped[str]
    stop_asked: Mapped[bool]
    account_id: Mapped[uuid.UUID | None]
    made_by: Mapped[str] = mapped_column(info=personal("Who sent a file", kept=KEPT, account="account_id"))
    holds: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    made_at: Mapped[datetime]
    over_at: Mapped[datetime | None]


class ImportPieceRow(Base):
    """A piece of the file, as it was sent."""

    __tablename__ = "data_import_piece"

    import_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("data_import.id", ondelete="CASCADE"), primary_key=True)
    no: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes]


class ImportLineRow(Base):
    """What one line of the file would do: `fields` is how the thing would be, `diff` what that changes."""

    __tablename__ = "data_import_line"
    __table_args__ = (
        Index("data_import_line_code_idx", "import_id", "kind", "code"),
        Index("data_import_line_verdict_idx", "import_id", "verdict", "no"),
    )

    import_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("data_import.id", ondelete="CASCADE"), primary_key=True)
    no: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int]
    kind: Mapped[str]
    code: Mapped[str]
    verdict: Mapped[str]
    fields: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    diff: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    faults: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
