"""Tables of schedules: what is run when, and what became of each time."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal


class ScheduleRow(Base):
    """A playbook that runs by itself, with the rights that its maker has at the time."""

    __tablename__ = "playbook_schedule"
    __table_args__ = (
        CheckConstraint("on_holiday IN ('keep', 'skip', 'move')", name="on_holiday"),
        CheckConstraint("state IN ('on', 'paused', 'ended')", name="state"),
        Index("playbook_schedule_next_at_idx", "next_at", postgresql_where=text("state = 'on'")),
        Index("playbook_schedule_owner_id_idx", "owner_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    playbook: Mapped[str]
    target: Mapped[dict[str, Any]] = mapped_column(JSONB)
    check_mode: Mapped[bool]
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB)
    only_in_windows: Mapped[bool]
    rule: Mapped[str]
    first_local: Mapped[datetime] = mapped_column(DateTime(timezone=False))
    zone: Mapped[str]
    on_holiday: Mapped[str]
    owner_id: Mapped[uuid.UUID]
    owner: Mapped[str] = mapped_column(
        info=personal("With whose rights it runs", kept="as long as the schedule", account="owner_id")
    )
    state: Mapped[str]
    next_at: Mapped[datetime | None]
    made_at: Mapped[datetime]


class FireRow(Base):
    """What became of one time of a schedule. There is one row a time: nothing is done twice."""

    __tablename__ = "playbook_fire"
    __table_args__ = (CheckConstraint("outcome IN ('launched', 'refused', 'missed')", name="outcome"),)

    schedule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("playbook_schedule.id"), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    outcome: Mapped[str]
    run_id: Mapped[uuid.UUID | None]
    code: Mapped[str]
    why: Mapped[str]
