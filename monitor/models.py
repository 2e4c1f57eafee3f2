"""Tables of the monitor. Values are not here: history has a store of its own."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal


class AlertRow(Base):
    """Something is wrong since `raised_at`; at most one open row for a rule, a device and an instance.

    `maintenance` is the title of the window that it was raised in; with `maintenance_until` nobody was told of it.
    """

    __tablename__ = "alert"
    __table_args__ = (
        Index(
            "alert_open_key", "rule", "device_id", "instance", unique=True, postgresql_where=text("cleared_at IS NULL")
        ),
        Index("alert_device_idx", "device_id", "raised_at"),
        Index("alert_silent_idx", "id", postgresql_where=text("cleared_at IS NULL AND maintenance_until IS NOT NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    rule: Mapped[str]
    severity: Mapped[str]
    device_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("device.id"))
    instance: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    raised_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
    taken_by_id: Mapped[uuid.UUID | None]
    taken_by: Mapped[str | None] = mapped_column(
        info=personal("Who works on it", kept="as long as the alert", account="taken_by_id")
    )
    taken_at: Mapped[datetime | None]
    maintenance: Mapped[str | None]
    maintenance_until: Mapped[datetime | None]


class AlertChangeRow(Base):
    """What happened to an alert: raised, outlasted, cleared, taken, released."""

    __tablename__ = "alert_change"
    __table_args__ = (Index("alert_change_at_idx", "at"), Index("alert_change_alert_idx", "alert_id"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    alert_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("alert.id"))
    at: Mapped[datetime]
    change: Mapped[str]
    actor: Mapped[str] = mapped_column(info=personal("Who took it or gave it back", kept="as long as the alert"))


class NotificationRow(Base):
    """What was told about an alert over one channel, or why nothing was; one row for an event and a channel."""

    __tablename__ = "notification"
    __table_args__ = (
        Index("notification_event_channel_key", "event_id", "channel", unique=True),
        Index("notification_alert_idx", "alert_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_id: Mapped[uuid.UUID]
    alert_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("alert.id"))
    channel: Mapped[str]
    state: Mapped[str]
    why: Mapped[str]
    at: Mapped[datetime]
