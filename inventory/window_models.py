"""Table of windows: times at which what stands somewhere is worked on, or must not be touched."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal


class WindowRow(Base):
    """A window on exactly one node of the tree: a unit with all below it, an office, or a device."""

    __tablename__ = "time_window"
    __table_args__ = (
        CheckConstraint("num_nonnulls(unit_id, office_id, device_id) = 1", name="one_node"),
        CheckConstraint("minutes > 0", name="lasts"),
        Index("time_window_going_idx", "id", postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    title: Mapped[str]
    unit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("unit.id"))
    office_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("office.id"))
    device_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("device.id"))
    zone: Mapped[str]
    first_local: Mapped[datetime] = mapped_column(DateTime(timezone=False))
    minutes: Mapped[int]
    rule: Mapped[str]
    made_by_id: Mapped[uuid.UUID | None]
    made_by: Mapped[str] = mapped_column(
        info=personal("Who set it", kept="as long as the window", account="made_by_id")
    )
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
