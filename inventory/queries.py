"""Read models of the inventory: what pages, commands and the engine ask. Each is one statement, whatever the size."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, Subquery, Text, and_, any_, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, aliased

from inventory.access import INVENTORY_READ, Statement, narrow_offices
from inventory.credential_models import CredentialRow
from inventory.credentials import CredentialKind
from inventory.devices import DeviceView, Role, SnmpVersion, SshAccess
from inventory.links import Medium, UplinkView
from inventory.models import DeviceRow, OfficeRow, UnitPeriodRow, UnitRow, UnitSuccessionRow, UplinkRow
from inventory.units import Level, OfficeView, UnitView
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound

MOST_A_PAGE = 200


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


async def units(actor: Actor, tx: Transaction, as_of: date) -> list[UnitView]:
    """Return the units that exist on `as_of`, from the top level down, in the order of their names."""
    parent = select(UnitRow.id, UnitRow.code).subquery()
    successors = (
        select(func.array_agg(UnitRow.code))
        .join(UnitSuccessionRow, UnitSuccessionRow.successor_id == UnitRow.id)
        .where(UnitSuccessionRow.predecessor_id == UnitPeriodRow.unit_id)
        .correlate(UnitPeriodRow)
        .scalar_subquery()
    )
    actor.require(INVENTORY_READ)
    statement = (
        select(UnitRow, UnitPeriodRow, parent.c.code, successors)
        .join(UnitPeriodRow, UnitPeriodRow.unit_id == UnitRow.id)
        .outerjoin(parent, parent.c.id == UnitPeriodRow.parent_id)
        .where(UnitPeriodRow.valid.contains(as_of))
        .order_by(func.array_position(list(Level), UnitRow.level), UnitPeriodRow.name_sort)
    )
    return [
        UnitView(
            code=unit.code,
            name=period.name,
            name_en=period.name_en,
            level=Level(unit.level),
            parent=parent_code,
            valid_from=unit.valid_from,
            valid_to=unit.valid_to,
            successors=tuple(after or ()),
        )
        for unit, period, parent_code, after in await tx.session.execute(statement)
    ]


async def offices(
    actor: Actor,
    tx: Transaction,
    *,
    query: str = "",
    over_ssh: bool = False,
    limit: int = 50,
    after: str | None = None,
) -> OfficePage:
    """Return a page of the offices that `actor` may see, those whose name, code or unit holds `query`.

    With `over_ssh` only those that have a device that is let in to over SSH.
    """
    limit = min(limit, MOST_A_PAGE)
    statement = _offices(actor, tx.now().date()).order_by(OfficeRow.name_sort, OfficeRow.code).limit(limit + 1)
    if over_ssh:
        let_in = select(DeviceRow.id).where(DeviceRow.office_id == OfficeRow.id, DeviceRow.ssh_credential.is_not(None))
        statement = statement.where(let_in.exists())
    if query:
        statement = statement.where(holds(query, OfficeRow.name, OfficeRow.code, UnitPeriodRow.name))
    if after is not None:
        name_sort, _, code = after.rpartition("|")
        statement = statement.where(
            tuple_(OfficeRow.name_sort, OfficeRow.code) > tuple_(literal(name_sort), literal(code))
        )
    rows = list(await tx.session.execute(statement))
    last = rows[limit - 1][0] if len(rows) > limit else None
    return OfficePage([_office(*row) for row in rows[:limit]], f"{last.name_sort}|{last.code}" if last else None)


async def office_for(actor: Actor, code: str, tx: Transaction) -> OfficeView:
    """Return the office `code`; NotFound if there is none that `actor` may see."""
    row = (await tx.session.execute(_offices(actor, tx.now().date()).where(OfficeRow.code == code))).one_or_none()
    if row is None:
        raise NotFound(kind="office", code=code)
    return _office(*row)


async def devices(
    actor: Actor,
    tx: Transaction,
    *,
    office: str | None = None,
    role: str | None = None,
    query: str = "",
    codes: Collection[str] | None = None,
    limit: int = 50,
    after: str | None = None,
) -> DevicePage:
    """Return a page of the devices that `actor` may see.

    Args:
        office: Only those of this office.
        role: Only those with this role.
        query: Only those whose code, name, office, unit or address holds it; accents may be missing.
        codes: Only these.
        limit: Most in this page, up to 200.
        after: Cursor of the page before.
    """
    limit = min(limit, MOST_A_PAGE)
    statement = _devices(actor, tx.now().date()).order_by(DeviceRow.code).limit(limit + 1)
    if office is not None:
        statement = statement.where(OfficeRow.code == office)
    if role is not None:
        statement = statement.where(DeviceRow.role == role)
    if codes is not None:
        statement = statement.where(DeviceRow.code == any_(_texts(codes)))
    if query:
        address = func.host(DeviceRow.address)
        statement = statement.where(
            holds(query, DeviceRow.code, DeviceRow.name, OfficeRow.name, UnitPeriodRow.name, address)
        )
    if after is not None:
        statement = statement.where(DeviceRow.code > after)
    found = [_device(*row) for row in await tx.session.execute(statement)]
    return DevicePage(found[:limit], found[limit - 1].code if len(found) > limit else None)


async def device_for(actor: Actor, code: str, tx: Transaction) -> DeviceView:
    """Return the device `code`; NotFound if there is none that `actor` may see."""
    row = (await tx.session.execute(_devices(actor, tx.now().date()).where(DeviceRow.code == code))).one_or_none()
    if row is None:
        raise NotFound(kind="device", code=code)
    return _device(*row)


async def ssh_access(actor: Actor, tx: Transaction, office: str) -> list[SshAccess]:
    """Return how to get into the devices of `office` that are let in to over SSH, in the order of their codes."""
    statement = narrow_offices(
        select(DeviceRow, CredentialRow.public)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .outerjoin(
            CredentialRow,
            and_(CredentialRow.name == DeviceRow.ssh_credential, CredentialRow.kind == CredentialKind.SSH_KEY),
        )
        .where(OfficeRow.code == office, DeviceRow.ssh_credential.is_not(None))
        .order_by(DeviceRow.code),
        actor,
    )
    return [
        SshAccess(
            device=row.code,
            name=row.name,
            role=Role(row.role),
            address=str(row.address),
            port=row.ssh_port or 22,
            user=row.ssh_user or "",
            credential=row.ssh_credential or "",
            host_key=row.ssh_host_key or "",
            public_key=(public or {}).get("public_key", ""),
            known_hosts=(public or {}).get("known_hosts", ""),
            snmp_credential=row.credential,
        )
        for row, public in await tx.session.execute(statement)
    ]


async def ssh_device_counts(actor: Actor, tx: Transaction, offices: Sequence[str]) -> dict[str, int]:
    """Return how many devices are let in to over SSH at each of `offices` that has any."""
    statement = narrow_offices(
        select(OfficeRow.code.label("code"), func.count(DeviceRow.id).label("devices"))
        .join(DeviceRow, DeviceRow.office_id == OfficeRow.id)
        .where(OfficeRow.code.in_(offices), DeviceRow.ssh_credential.is_not(None))
        .group_by(OfficeRow.code),
        actor,
    )
    return {row.code: row.devices for row in await tx.session.execute(statement)}


async def offices_over_ssh(actor: Actor, tx: Transaction) -> int:
    """Return how many offices that `actor` may see have a device that is let in to over SSH."""
    statement = select(func.count(OfficeRow.id.distinct())).join(DeviceRow, DeviceRow.office_id == OfficeRow.id)
    found = await tx.session.execute(narrow_offices(statement.where(DeviceRow.ssh_credential.is_not(None)), actor))
    return int(found.scalar_one())


async def office_id(actor: Actor, code: str, tx: Transaction) -> uuid.UUID:
    """Return the id of the office `code`; NotFound if there is none that `actor` may see."""
    found = await tx.session.scalar(narrow_offices(select(OfficeRow.id).where(OfficeRow.code == code), actor))
    if found is None:
        raise NotFound(kind="office", code=code)
    return found


async def device_count(actor: Actor, tx: Transaction) -> int:
    """Return how many devices `actor` may see."""
    statement = narrow_offices(
        select(func.count(DeviceRow.id)).join(OfficeRow, OfficeRow.id == DeviceRow.office_id), actor
    )
    return int((await tx.session.execute(statement)).scalar_one())


async def offices_of_devices(actor: Actor, tx: Transaction, codes: Collection[str]) -> dict[str, str]:
    """Return the office of each device of `codes` that `actor` may see."""
    return await _offices_of(actor, tx, DeviceRow.code == any_(_texts(codes)))


async def offices_of_other_devices(actor: Actor, tx: Transaction, codes: Collection[str]) -> dict[str, str]:
    """Return the office of each device that `actor` may see and that is not one of `codes`."""
    known = func.unnest(_texts(codes)).column_valued("known")
    # Not `<> ALL (array)`, which compares each with each: 50,000 codes would take minutes.
    return await _offices_of(actor, tx, ~select(known).where(known == DeviceRow.code).exists())


async def _offices_of(actor: Actor, tx: Transaction, which: ColumnElement[bool]) -> dict[str, str]:
    statement = (
        select(DeviceRow.code.label("device"), OfficeRow.code.label("office"))
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .where(which)
    )
    return {row.device: row.office for row in await tx.session.execute(narrow_offices(statement, actor))}


async def every_device(actor: Actor, tx: Transaction) -> list[DeviceView]:
    """Return all devices that `actor` may see, unpaged: for the engine's plan only."""
    return [
        _device(*row) for row in await tx.session.execute(_devices(actor, tx.now().date()).order_by(DeviceRow.code))
    ]


async def device_ids(actor: Actor, tx: Transaction) -> dict[str, uuid.UUID]:
    """Return the id of every device that `actor` may see, by code: for the engine's plan only."""
    statement = select(DeviceRow.code, DeviceRow.id).join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
    return {row.code: row.id for row in await tx.session.execute(narrow_offices(statement, actor))}


async def uplinks(actor: Actor, tx: Transaction, *, devices: Sequence[str] | None = None) -> list[UplinkView]:
    """Return the uplinks that `actor` may see, in the order of their codes; those of `devices` only, if given."""
    statement = (
        select(UplinkRow, DeviceRow.code, OfficeRow.code, OfficeRow.name)
        .join(DeviceRow, DeviceRow.id == UplinkRow.device_id)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .order_by(UplinkRow.code)
    )
    if devices is not None:
        statement = statement.where(DeviceRow.code.in_(devices))
    return [
        UplinkView(
            code=uplink.code,
            device=device,
            interface=uplink.interface,
            office=office,
            office_name=office_name,
            carrier=uplink.carrier,
            medium=Medium(uplink.medium),
            down_bps=uplink.down_bps,
            up_bps=uplink.up_bps,
        )
        for uplink, device, office, office_name in await tx.session.execute(narrow_offices(statement, actor))
    ]


def visible_devices(actor: Actor, as_of: date) -> Subquery:
    """Return what to join with to see a device's names, and only of devices that `actor` may see.

    Columns: id, code, name, role, office_id, office, office_name, unit_name.
    """
    statement = select(
        DeviceRow.id,
        DeviceRow.code,
        DeviceRow.name,
        DeviceRow.role,
        DeviceRow.office_id,
        OfficeRow.code.label("office"),
        OfficeRow.name.label("office_name"),
        UnitPeriodRow.name.label("unit_name"),
    )
    return _placed(statement, actor, as_of).subquery("visible_device")


def visible_offices(actor: Actor, as_of: date) -> Subquery:
    """Return what to join with to see an office's names, and only of offices that `actor` may see.

    Columns: id, code, name, unit_name, level (of its unit), unit_id, parent_id (of its unit).
    """
    statement = (
        select(
            OfficeRow.id,
            OfficeRow.code,
            OfficeRow.name,
            UnitPeriodRow.name.label("unit_name"),
            UnitRow.level,
            UnitRow.id.label("unit_id"),
            UnitPeriodRow.parent_id,
        )
        .join(UnitRow, UnitRow.id == OfficeRow.unit_id)
        .join(UnitPeriodRow, _period_on(as_of))
    )
    return narrow_offices(statement, actor).subquery("visible_office")


def holds(query: str, *columns: ColumnElement[str] | InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Return a condition: one of `columns` holds `query`; case and Vietnamese accents may differ."""
    pattern = func.unaccent(func.lower(literal(query.strip())))
    return or_(*(func.strpos(func.unaccent(func.lower(column)), pattern) > 0 for column in columns))


def _texts(codes: Collection[str]) -> ColumnElement[Sequence[str]]:
    """Return `codes` as one array: a list of any length is one parameter."""
    return literal(list(codes), ARRAY(Text))


def _period_on(as_of: date) -> ColumnElement[bool]:
    """Join condition: the unit's period on `as_of`, or its last one if the unit has ended: an office keeps a name."""
    other = aliased(UnitPeriodRow)
    latest = (
        select(func.max(func.lower(other.valid)))
        .where(other.unit_id == UnitRow.id, func.lower(other.valid) <= as_of)
        .correlate(UnitRow)
        .scalar_subquery()
    )
    return and_(UnitPeriodRow.unit_id == UnitRow.id, func.lower(UnitPeriodRow.valid) == latest)


def _offices(actor: Actor, as_of: date) -> Select[OfficeRow, str, str, int]:
    count = (
        select(func.count(DeviceRow.id))
        .where(DeviceRow.office_id == OfficeRow.id)
        .correlate(OfficeRow)
        .scalar_subquery()
    )
    statement = (
        select(OfficeRow, UnitRow.code, UnitPeriodRow.name, count)
        .join(UnitRow, UnitRow.id == OfficeRow.unit_id)
        .join(UnitPeriodRow, _period_on(as_of))
    )
    return narrow_offices(statement, actor)


def _devices(actor: Actor, as_of: date) -> Select[DeviceRow, str, str, str]:
    return _placed(select(DeviceRow, OfficeRow.code, OfficeRow.name, UnitPeriodRow.name), actor, as_of)


def _placed(statement: Statement, actor: Actor, as_of: date) -> Statement:
    """Join devices with their office and its unit, narrowed to what `actor` may see."""
    return narrow_offices(
        statement.join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .join(UnitRow, UnitRow.id == OfficeRow.unit_id)
        .join(UnitPeriodRow, _period_on(as_of)),
        actor,
    )


def _office(row: OfficeRow, unit: str, unit_name: str, devices: int) -> OfficeView:
    return OfficeView(
        code=row.code,
        name=row.name,
        unit=unit,
        unit_name=unit_name,
        address=row.address,
        devices=devices,
        latitude=None if row.latitude is None else float(row.latitude),
        longitude=None if row.longitude is None else float(row.longitude),
    )


def _device(row: DeviceRow, office: str, office_name: str, unit_name: str) -> DeviceView:
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
    )
