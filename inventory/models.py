"""Tables of the inventory. Others read them through `public.py` only."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, Computed, ForeignKey, Index, Numeric, text
from sqlalchemy.dialects.postgresql import DATERANGE, INET, JSONB, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal

CONTACTS: Final = "Whom to reach at an office"
AS_LONG: Final = "as long as they are to be reached there"

TRIGRAMS: Final = {"folded": "gin_trgm_ops"}
"""`folded` is what is searched: small letters without accents, kept so by the database."""


class UnitLevelRow(Base):
    """A level of the administration. Units lie below units of a smaller position only."""

    __tablename__ = "unit_level"

    code: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(unique=True)
    name: Mapped[str]
    name_en: Mapped[str]
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]


class UnitRow(Base):
    """An administrative unit as such; what holds for a time only is in its periods."""

    __tablename__ = "unit"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    level: Mapped[str] = mapped_column(ForeignKey("unit_level.code"))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]


class UnitPeriodRow(Base):
    """A unit's name and parent during a time; periods of one unit never overlap."""

    __tablename__ = "unit_period"
    __table_args__ = (
        ExcludeConstraint(("unit_id", "="), ("valid", "&&"), name="unit_period_no_overlap", using="gist"),
        Index(None, "parent_id"),
        Index("unit_period_folded_idx", "folded", postgresql_using="gin", postgresql_ops=TRIGRAMS),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"))
    valid: Mapped[Range[date]] = mapped_column(DATERANGE)
    name: Mapped[str]
    name_en: Mapped[str]
    name_sort: Mapped[str]
    parent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("unit.id"))
    folded: Mapped[str] = mapped_column(Computed("folded(name || ' ' || name_en)", persisted=True))


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
    __table_args__ = (Index("office_folded_idx", "folded", postgresql_using="gin", postgresql_ops=TRIGRAMS),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    name_sort: Mapped[str] = mapped_column(index=True)
    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"), index=True)
    address: Mapped[str]
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    kind: Mapped[str] = mapped_column(server_default="implementing-organisation")
    hours: Mapped[str] = mapped_column(server_default="")
    folded: Mapped[str] = mapped_column(Computed("folded(code || ' ' || name || ' ' || address)", persisted=True))


class OfficeContactRow(Base):
    """Somebody to reach at an office; `place` counts them from 0."""

    __tablename__ = "office_contact"

    office_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("office.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[str]
    name: Mapped[str] = mapped_column(info=personal(CONTACTS, kept=AS_LONG))
    phone: Mapped[str] = mapped_column(info=personal(CONTACTS, kept=AS_LONG, erased="empty"))
    email: Mapped[str] = mapped_column(info=personal(CONTACTS, kept=AS_LONG, erased="empty"))


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
    __table_args__ = (Index("device_folded_idx", "folded", postgresql_using="gin", postgresql_ops=TRIGRAMS),)

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
    state: Mapped[str] = mapped_column(server_default="active", index=True)
    ownership: Mapped[str] = mapped_column(server_default="owned")
    lessor: Mapped[str] = mapped_column(server_default="")
    vendor: Mapped[str] = mapped_column(server_default="")
    model: Mapped[str] = mapped_column(server_default="")
    serial: Mapped[str] = mapped_column(server_default="")
    firmware: Mapped[str] = mapped_column(server_default="")
    warranty_until: Mapped[date | None]
    addresses: Mapped[list[str]] = mapped_column(ARRAY(INET), server_default="{}")
    folded: Mapped[str] = mapped_column(
        Computed("folded(code || ' ' || name || ' ' || host(address) || ' ' || model || ' ' || serial)", persisted=True)
    )


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
    redundancy_group: Mapped[str] = mapped_column(server_default="")
    parent_device_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("device.id"), index=True)


class ReorganisationRow(Base):
    """A reorganisation of the tree: what is to be done, when, and what became of it.

    `due_at` is when it is to be applied (begin of its day), null while it is a draft and when it is over.
    """

    __tablename__ = "reorganisation"
    __table_args__ = (
        Index("reorganisation_due_idx", "due_at", postgresql_where=text("state = 'scheduled'")),
        Index("reorganisation_day_idx", "day", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    title: Mapped[str]
    day: Mapped[date]
    operations: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    state: Mapped[str]
    due_at: Mapped[datetime | None]
    rehearsed: Mapped[dict[str, Any]] = mapped_column(JSONB)
    applied: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    why: Mapped[list[str]] = mapped_column(JSONB)
    made_by: Mapped[str] = mapped_column(info=personal("Who proposed it", kept="as long as the reorganisation"))
    made_at: Mapped[datetime]
    over_at: Mapped[datetime | None]
