"""Tables of deliveries: what is to come to an office, and what became of each piece."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal

AS_LONG = "as long as the delivery"


class DeliveryRow(Base):
    """A delivery to an office: planned, arrived, and over once each of its pieces was accepted or refused."""

    __tablename__ = "delivery"
    __table_args__ = (Index("delivery_made_at_idx", "made_at", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    office_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("office.id"), index=True)
    state: Mapped[str]
    due: Mapped[date | None]
    note: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(info=personal("Who planned it", kept=AS_LONG))
    arrived_at: Mapped[datetime | None]


class DeliveryItemRow(Base):
    """One piece of a delivery. `device_id` is what it became once accepted, `proved_at` when that first answered."""

    __tablename__ = "delivery_item"
    __table_args__ = (
        Index("delivery_item_device_key", "device_id", unique=True, postgresql_where=text("state = 'accepted'")),
        Index(
            "delivery_item_unproved_idx", "decided_at",
            postgresql_where=text("state = 'accepted' AND proved_at IS NULL"),
        ),
    )  # fmt: skip

    delivery_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("delivery.id"), primary_key=True)
    no: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    role: Mapped[str]
    state: Mapped[str]
    device_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("device.id"))
    serial: Mapped[str]
    why: Mapped[str]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(info=personal("Who accepted or refused it", kept=AS_LONG))
    proved_at: Mapped[datetime | None]
