"""Read models of offices and devices, as they are or were on any day. Each is one statement, whatever the size."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, Select, Text, and_, any_, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from inventory.access import INVENTORY_READ, Statement, narrow_offices
from inventory.devices import POLLED, DeviceState, DeviceView, Ownership, Role, SnmpVersion
from inventory.models import (
    DevicePeriodRow,
    DeviceRow,
    OfficeContactRow,
    OfficePeriodRow,
    OfficeRow,
    UnitPeriodRow,
    UnitRow,
)
from inventory.offices import Contact, OfficeKind, OfficeView
from inventory.search import in_device, in_office
from inventory.tree import below
from inventory.units import day_of
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction
from kernel.errors import NotFound

MOST_A_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class OfficePage:
    """A page of offices in the order of their names; `next_cursor` is None on the last."""

    offices: list[OfficeView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class DevicePage:
    """A page of devices in the order of their codes; `next_cursor` is None on the last."""

    devices: list[DeviceView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class OfficeWish:
    """Which offices are asked for.

    Attributes:
        as_of: As they were placed on this day; None: as they are.
        unit: Only those of this unit and all below it.
        kind: Only those of this kind.
        query: Only those with all these words in code, name, address or unit; accents may be missing.
        over_ssh: Only those that have a device that is let in to over SSH.
    """

    as_of: date | None = None
    unit: str | None = None
    kind: str | None = None
    query: str = ""
    over_ssh: bool = False


@dataclass(frozen=True, slots=True)
class DeviceWish:
    """Which devices are asked for.

    Attributes:
        as_of: As they were placed on this day; None: as they are.
        unit: Only those in offices of this unit and all below it.
        office: Only those of this office.
        role: Only those with this role.
        state: Only those in this state.
        query: Only those with all these words in code, name, address, model, serial, office or unit.
        codes: Only these.
    """

    as_of: date | None = None
    unit: str | None = None
    office: str | None = None
    role: str | None = None
    state: str | None = None
    query: str = ""
    codes: Collection[str] | None = None


async def offices_on(
    actor: Actor,
    tx: Transaction,
    wish: OfficeWish,
    *,
    limit: int = 50,
    after: str | None = None,
    permission: Permission = INVENTORY_READ,
) -> OfficePage:
    """Return a page of the offices that `wish` means, of those for which `actor` holds `permission`."""
    today = day_of(tx.now())
    limit = min(limit, MOST_A_PAGE)
    statement = _offices(wish.as_of).order_by(OfficeRow.name_sort, OfficeRow.code).limit(limit + 1)
    if wish.unit is not None:
        statement = statement.where(UnitRow.id.in_(below(_unit(wish.unit), wish.as_of or today)))
    if wish.kind is not None:
        statement = statement.where(OfficeRow.kind == wish.kind)
    if wish.over_ssh:
        let_in = select(DeviceRow.id).where(DeviceRow.office_id == OfficeRow.id, DeviceRow.ssh_credential.is_not(None))
        statement = statement.where(let_in.exists())
    if wish.query.strip():
        statement = statement.where(in_office(wish.query, today))
    if after is not None:
        name_sort, _, code = after.rpartition("|")
        statement = statement.where(
            tuple_(OfficeRow.name_sort, OfficeRow.code) > tuple_(literal(name_sort), literal(code))
        )
    rows = list(await tx.session.execute(narrow_offices(statement, actor, today, permission)))
    last = rows[limit - 1][0] if len(rows) > limit else None
    return OfficePage([_office(*row) for row in rows[:limit]], f"{last.name_sort}|{last.code}" if last else None)


async def office_on(
    actor: Actor,
    code: str,
    tx: Transaction,
    *,
    as_of: date | None = None,
    permission: Permission = INVENTORY_READ,
) -> OfficeView:
    """Return the office `code` as it is, or was placed on `as_of`.

    Raises:
        NotFound: There is none for which `actor` holds `permission`.
    """
    statement = narrow_offices(_offices(as_of).where(OfficeRow.code == code), actor, day_of(tx.now()), permission)
    row = (await tx.session.execute(statement)).one_or_none()
    if row is None:
        raise NotFound(kind="office", code=code)
    return _office(*row)


async def contacts_of(actor: Actor, code: str, tx: Transaction) -> list[Contact]:
    """Return whom to reach at the office `code`; nobody if there is no such office that `actor` may see."""
    statement = (
        select(OfficeContactRow)
        .join(OfficeRow, OfficeRow.id == OfficeContactRow.office_id)
        .where(OfficeRow.code == code)
        .order_by(OfficeContactRow.place)
    )
    rows = await tx.session.scalars(narrow_offices(statement, actor, day_of(tx.now())))
    return [Contact(row.position, row.name, row.phone, row.email) for row in rows]


async def devices_on(
    actor: Actor,
    tx: Transaction,
    wish: DeviceWish,
    *,
    limit: int = 50,
    after: str | None = None,
    permission: Permission = INVENTORY_READ,
) -> DevicePage:
    """Return a page of the devices that `wish` means, of those for which `actor` holds `permission`."""
    today = day_of(tx.now())
    limit = min(limit, MOST_A_PAGE)
    statement = _devices(wish.as_of).order_by(DeviceRow.code).limit(limit + 1)
    if wish.unit is not None:
        statement = statement.where(UnitRow.id.in_(below(_unit(wish.unit), wish.as_of or today)))
    if wish.office is not None:
        statement = statement.where(OfficeRow.code == wish.office)
    if wish.role is not None:
        statement = statement.where(DeviceRow.role == wish.role)
    if wish.state is not None:
        statement = statement.where(DeviceRow.state == wish.state)
    if wish.codes is not None:
        statement = statement.where(DeviceRow.code == any_(texts(wish.codes)))
    if wish.query.strip():
        statement = statement.where(in_device(wish.query, today))
    if after is not None:
        statement = statement.where(DeviceRow.code > after)
    rows = await tx.session.execute(narrow_offices(statement, actor, today, permission))
    found = [device_view(*row) for row in rows]
    return DevicePage(found[:limit], found[limit - 1].code if len(found) > limit else None)


async def device_on(actor: Actor, code: str, tx: Transaction, *, as_of: date | None = None) -> DeviceView:
    """Return the device `code` as it is, or was placed on `as_of`; NotFound if there is none that `actor` may see."""
    statement = narrow_offices(_devices(as_of).where(DeviceRow.code == code), actor, day_of(tx.now()))
    row = (await tx.session.execute(statement)).one_or_none()
    if row is None:
        raise NotFound(kind="device", code=code)
    return device_view(*row)


def texts(codes: Collection[str]) -> ColumnElement[Sequence[str]]:
    """Return `codes` as one array: a list of any length is one parameter."""
    return literal(list(codes), ARRAY(Text))


def last_period() -> ColumnElement[bool]:
    """Join condition: what the unit is called and where it lies, now or in the end."""
    return and_(
        UnitPeriodRow.unit_id == UnitRow.id, func.upper(UnitPeriodRow.valid).is_not_distinct_from(UnitRow.valid_to)
    )


def device_view(row: DeviceRow, office: str, office_name: str, unit_name: str) -> DeviceView:
    """Return a device as others see it."""
    return DeviceView(
        code=row.code,
        name=row.name,
        role=Role(row.role),
        office=office,
        office_name=office_name,
        unit_name=unit_name,
        profile=row.profile,
        address=str(row.address),
        port=row.port,
        snmp=SnmpVersion(row.snmp),
        credential=row.credential,
        state=DeviceState(row.state),
        ownership=Ownership(row.ownership),
        lessor=row.lessor,
        vendor=row.vendor,
        model=row.model,
        serial=row.serial,
        firmware=row.firmware,
        addresses=tuple(str(address) for address in row.addresses),
        warranty_until=row.warranty_until,
    )


def _offices(as_of: date | None) -> Select[OfficeRow, str, str, int, int]:
    devices: ColumnElement[int]
    if as_of is None:
        devices = (
            select(func.count())
            .select_from(DeviceRow)
            .where(DeviceRow.office_id == OfficeRow.id)
            .correlate(OfficeRow)
            .scalar_subquery()
        )
    else:
        devices = (
            select(func.count())
            .select_from(DevicePeriodRow)
            .where(DevicePeriodRow.office_id == OfficeRow.id, DevicePeriodRow.valid.contains(as_of))
            .correlate(OfficeRow)
            .scalar_subquery()
        )
    watched = (
        select(func.count())
        .select_from(DeviceRow)
        .where(DeviceRow.office_id == OfficeRow.id, DeviceRow.state.in_(POLLED))
        .correlate(OfficeRow)
        .scalar_subquery()
    )
    return _in_units(select(OfficeRow, UnitRow.code, UnitPeriodRow.name, devices, watched), as_of)


def _devices(as_of: date | None) -> Select[DeviceRow, str, str, str]:
    statement = select(DeviceRow, OfficeRow.code, OfficeRow.name, UnitPeriodRow.name)
    if as_of is None:
        return _in_units(statement.join(OfficeRow, OfficeRow.id == DeviceRow.office_id), None)
    there = and_(DevicePeriodRow.device_id == DeviceRow.id, DevicePeriodRow.valid.contains(as_of))
    placed = statement.join(DevicePeriodRow, there).join(OfficeRow, OfficeRow.id == DevicePeriodRow.office_id)
    return _in_units(placed, as_of)


def _in_units(statement: Statement, as_of: date | None) -> Statement:
    """Join offices with their units, as they are or as they were on `as_of`."""
    if as_of is None:
        return statement.join(UnitRow, UnitRow.id == OfficeRow.unit_id).join(UnitPeriodRow, last_period())
    there = and_(OfficePeriodRow.office_id == OfficeRow.id, OfficePeriodRow.valid.contains(as_of))
    then = and_(UnitPeriodRow.unit_id == UnitRow.id, UnitPeriodRow.valid.contains(as_of))
    return (
        statement.join(OfficePeriodRow, there)
        .join(UnitRow, UnitRow.id == OfficePeriodRow.unit_id)
        .join(UnitPeriodRow, then)
    )


def _unit(code: str) -> Select[uuid.UUID]:
    unit = aliased(UnitRow)
    return select(unit.id).where(unit.code == code)


def _office(row: OfficeRow, unit: str, unit_name: str, devices: int, watched: int) -> OfficeView:
    return OfficeView(
        code=row.code,
        name=row.name,
        unit=unit,
        unit_name=unit_name,
        address=row.address,
        devices=devices,
        watched=watched,
        latitude=None if row.latitude is None else float(row.latitude),
        longitude=None if row.longitude is None else float(row.longitude),
        kind=OfficeKind(row.kind),
        hours=row.hours,
    )
