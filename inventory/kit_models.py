"""Tables of standard kits: what equipment a kind of office on a level has to have, and since when."""

from __future__ import annotations

import uuid
from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base


class KitRow(Base):
    """A kit for offices of a kind, on a level; an empty text: for every kind, on every level."""

    __tablename__ = "kit"
    __table_args__ = (UniqueConstraint("office_kind", "level"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    office_kind: Mapped[str]
    level: Mapped[str]


class KitVersionRow(Base):
    """What a kit is from a day on, until the next version begins."""

    __tablename__ = "kit_version"
    __table_args__ = (UniqueConstraint("kit_id", "since"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("kit.id"))
    since: Mapped[date]


class KitItemRow(Base):
    """So many devices of a role, for the office or for each of its meeting rooms."""

    __tablename__ = "kit_item"
    __table_args__ = (CheckConstraint("number > 0", name="number"),)

    version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("kit_version.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    per: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger)


class DeviceStateRow(Base):
    """In which state a device is from a day on. Kept by the database, whoever changes the device."""

    __tablename__ = "device_state"

    device_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"), primary_key=True)
    since: Mapped[date] = mapped_column(primary_key=True)
    state: Mapped[str]
