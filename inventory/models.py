"""Tables of the inventory. Others read them through `public.py` only."""

from __future__ import annotations

import uuid
from datetime import date
from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, Index, Numeric, text
from sqlalchemy.dialects.postgresql import DATERANGE, INET, ExcludeConstraint, Range
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


class UnitAncestryRow(Base):
    """That a unit lies below another, or is it (depth 0), from the day `since` until the day before `until`.

    Computed from the periods by `ancestry.py`, and written by nobody else. `until` is infinity while it lasts, which
    Python's dates do not have: compare it in the database.
    """

    __tablename__ = "unit_ancestry"
    __table_args__ = (
        Index("unit_ancestry_down_idx", "ancestor_id", "since", "until", postgresql_include=["unit_id"]),
        Index("unit_ancestry_up_idx", "unit_id", "since", "until", postgresql_include=["ancestor_id", "depth"]),
    )

    ancestor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    since: Mapped[date] = mapped_column(primary_key=True)
    until: Mapped[date]
    depth: Mapped[int]


class OfficeRow(Base):
    """A place with equipment of the programme. `unit_id` is the unit of its last period, kept so by the database."""

    __tablename__ = "office"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    name_sort: Mapped[str] = mapped_column(index=True)
    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"), index=True)
    address: Mapped[str]
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))


class OfficePeriodRow(Base):
    """Which unit an office belongs to during a time; one at a time."""

    __tablename__ = "office_period"
    __table_args__ = (
        ExcludeConstraint(("office_id", "="), ("valid", "&&"), name="office_period_no_overlap", using="gist"),
        Index(None, "unit_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    office_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("office.id"))
    valid: Mapped[Range[date]] = mapped_column(DATERANGE)
    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"))


class DeviceRow(Base):
    """A device in an office. `office_id` is the office of its last period, kept so by the database."""

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


class DevicePeriodRow(Base):
    """Which office a device stands in during a time; one at a time."""

    __tablename__ = "device_period"
    __table_args__ = (
        ExcludeConstraint(("device_id", "="), ("valid", "&&"), name="device_period_no_overlap", using="gist"),
        Index(None, "office_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    device_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("device.id"))
    valid: Mapped[Range[date]] = mapped_column(DATERANGE)
    office_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("office.id"))


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
