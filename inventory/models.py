"""Tables of the inventory. Others read them through `public.py` only."""

from __future__ import annotations

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Numeric, text
from sqlalchemy.dialects.postgresql import DATERANGE, INET, JSONB, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base


class UnitRow(Base):
    """An administrative unit as such; what holds for a time only is in its periods."""

    __tablename__ = "unit"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    level: Mapped[str]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]


class UnitPeriodRow(Base):
    """A unit's name and parent during a time; periods of one unit never overlap."""

    __tablename__ = "unit_period"
    __table_args__ = (
        ExcludeConstraint(("unit_id", "="), ("valid", "&&"), name="unit_period_no_overlap", using="gist"),
        Index(None, "parent_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"))
    valid: Mapped[Range[date]] = mapped_column(DATERANGE)
    name: Mapped[str]
    name_en: Mapped[str]
    name_sort: Mapped[str]
    parent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("unit.id"))


class UnitSuccessionRow(Base):
    """Which unit took the place of which, and from what day."""

    __tablename__ = "unit_succession"

    predecessor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    successor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    since: Mapped[date]


class OfficeRow(Base):
    """A place with equipment of the programme."""

    __tablename__ = "office"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    name_sort: Mapped[str] = mapped_column(index=True)
    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"), index=True)
    address: Mapped[str]
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))


class DeviceRow(Base):
    """A device in an office."""

    __tablename__ = "device"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str] = mapped_column(index=True)
    office_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("office.id"), index=True)
    profile: Mapped[str]
    address: Mapped[str] = mapped_column(INET)
    port: Mapped[int] = mapped_column(server_default=text("161"))
    snmp: Mapped[str]
    credential: Mapped[str]
    ssh_port: Mapped[int | None]
    ssh_user: Mapped[str | None]
    ssh_credential: Mapped[str | None]
    ssh_host_key: Mapped[str | None]


class CheckRow(Base):
    """A check of a service of a device; `options` holds what only its kind has."""

    __tablename__ = "service_check"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    device_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("device.id"), index=True)
    kind: Mapped[str]
    place: Mapped[str]
    every_s: Mapped[int]
    port: Mapped[int]
    options: Mapped[dict[str, Any]] = mapped_column(JSONB)


class UplinkRow(Base):
    """A line that ties an office to the world."""

    __tablename__ = "uplink"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    device_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("device.id"), index=True)
    interface: Mapped[str]
    carrier: Mapped[str]
    medium: Mapped[str]
    down_bps: Mapped[int] = mapped_column(BigInteger)
    up_bps: Mapped[int] = mapped_column(BigInteger)
