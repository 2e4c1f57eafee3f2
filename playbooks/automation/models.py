"""Tables of playbooks: runs, what they said line by line, and what they did to each host."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal


class PlaybookRunRow(Base):
    """One launch of one playbook on one office. At most one of an office is waiting or running."""

    __tablename__ = "playbook_run"
    __table_args__ = (
        Index(
            "playbook_run_one_an_office_key",
            "office_id",
            unique=True,
            postgresql_where=text("state IN ('waiting', 'running')"),
        ),
        Index("playbook_run_office_idx", "office_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    playbook: Mapped[str]
    office_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("office.id"))
    check_mode: Mapped[bool]
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB)
    targets: Mapped[list[str]] = mapped_column(JSONB)
    left_out: Mapped[list[dict[str, str]]] = mapped_column(JSONB, server_default=text("'[]'"))
    state: Mapped[str]
    why: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    launched_by_id: Mapped[uuid.UUID | None]
    launched_by: Mapped[str] = mapped_column(
        info=personal("Who ran it", kept="as long as the run", account="launched_by_id")
    )
    launched_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    held_for: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    overridden_by_id: Mapped[uuid.UUID | None]
    overridden_by: Mapped[str | None] = mapped_column(
        info=personal("Who let it run", kept="as long as the run", account="overridden_by_id")
    )
    override_reason: Mapped[str]
    cancelled_by: Mapped[str | None] = mapped_column(info=personal("Who ended it", kept="as long as the run"))
    attempt: Mapped[uuid.UUID | None]


class PlaybookLineRow(Base):
    """One line of a run's log, secrets hidden. `line_no` counts from 1 without gaps."""

    __tablename__ = "playbook_line"

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("playbook_run.id"), primary_key=True)
    line_no: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime]
    host: Mapped[str]
    kind: Mapped[str]
    text: Mapped[str]


class PlaybookHostRow(Base):
    """What a run did to one host: counts of tasks, and differences, secrets hidden."""

    __tablename__ = "playbook_host"

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("playbook_run.id"), primary_key=True)
    host: Mapped[str] = mapped_column(primary_key=True)
    ok: Mapped[int]
    changed: Mapped[int]
    failed: Mapped[int]
    skipped: Mapped[int]
    unreachable: Mapped[bool]
    diffs: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
