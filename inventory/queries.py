"""Read models of the inventory: what pages, commands and the engine ask. Each is one statement, whatever the size."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, Subquery, and_, any_, false, func, literal, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, aliased

from inventory.access import INVENTORY_READ, Statement, narrow_offices, within
from inventory.devices import POLLED, DeviceView, SshAccess
from inventory.equipment_queries import (
    DevicePage,
    DeviceWish,
    OfficePage,
    OfficeWish,
    device_on,
    device_view,
    devices_on,
    last_period,
    office_on,
    offices_on,
    texts,
)
from inventory.links import Medium, UplinkView
from inventory.models import (
    DeviceRow,
    OfficeRow,
    UnitLevelRow,
    UnitPeriodRow,
    UnitRow,
    UplinkRow,
)
from inventory.offices import OfficeView
from inventory.tree import below
from inventory.units import day_of
from inventory.ways_in import ways_in
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction
from kernel.errors import NotFound, Refused


async def offices(
    actor: Actor,
    tx: Transaction,
    *,
    query: str = "",
    over_ssh: bool = False,
    limit: int = 50,
    after: str | None = None,
    permission: Permission = INVENTORY_READ,
) -> OfficePage:
    """Return a page of the offices for which `actor` holds `permission`, whose name, code or unit holds `query`.

    With `over_ssh` only those that have a device that is let in to over SSH.
    """
    wish = OfficeWish(query=query, over_ssh=over_ssh)
    return await offices_on(actor, tx, wish, limit=limit, after=after, permission=permission)


async def office_for(actor: Actor, code: str, tx: Transaction, permission: Permission = INVENTORY_READ) -> OfficeView:
    """Return the office `code`; NotFound if there is none for which `actor` holds `permission`."""
    return await office_on(actor, code, tx, permission=permission)


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
    wish = DeviceWish(office=office, role=role, query=query, codes=codes)
    return await devices_on(actor, tx, wish, limit=limit, after=after)


async def device_for(actor: Actor, code: str, tx: Transaction) -> DeviceView:
    """Return the device `code`; NotFound if there is none that `actor` may see."""
    return await device_on(actor, code, tx)


async def ssh_access(
    actor: Actor, tx: Transaction, office: str, permission: Permission = INVENTORY_READ
) -> list[SshAccess]:
    """Return how to get into the devices of `office` that are let in to over SSH, in the order of their codes.

    Empty if `actor` does not hold `permission` there.
    """
    statement = narrow_offices(
        select(DeviceRow)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .where(OfficeRow.code == office, DeviceRow.ssh_credential.is_not(None))
        .order_by(DeviceRow.code),
        actor,
        day_of(tx.now()),
        permission,
    )
    ways = await ways_in(tx, (await tx.session.scalars(statement)).all())
    return [ways[code] for code in sorted(ways)]


async def offices_over_ssh(actor: Actor, tx: Transaction, permission: Permission = INVENTORY_READ) -> int:
    """Return how many offices for which `actor` holds `permission` have a device that is let in to over SSH."""
    statement = (
        select(func.count(OfficeRow.id.distinct()))
        .join(DeviceRow, DeviceRow.office_id == OfficeRow.id)
        .where(DeviceRow.ssh_credential.is_not(None))
    )
    found = await tx.session.execute(narrow_offices(statement, actor, day_of(tx.now()), permission))
    return int(found.scalar_one())


async def office_id(actor: Actor, code: str, tx: Transaction, permission: Permission = INVENTORY_READ) -> uuid.UUID:
    """Return the id of the office `code`; NotFound if there is none for which `actor` holds `permission`."""
    statement = select(OfficeRow.id).where(OfficeRow.code == code)
    found = await tx.session.scalar(narrow_offices(statement, actor, day_of(tx.now()), permission))
    if found is None:
        raise NotFound(kind="office", code=code)
    return found


@dataclass(frozen=True, slots=True)
class DeviceSet:
    """Which devices somebody may see that are asked, without a word on each.

    Attributes:
        count: How many.
        mark: The same for the same devices, and for no others.
    """

    count: int
    mark: str


async def device_set(actor: Actor, tx: Transaction) -> DeviceSet:
    """Return which devices `actor` may see that are asked."""
    # The sum of 64-bit hashes: two sets of one size with the same sum are as likely as two equal random numbers.
    hashes = func.sum(func.hashtextextended(DeviceRow.code, literal(0, BigInteger)))
    statement = (
        select(func.count(), hashes)
        .select_from(DeviceRow)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .where(DeviceRow.state.in_(POLLED))
    )
    row = (await tx.session.execute(narrow_offices(statement, actor, day_of(tx.now())))).one()
    return DeviceSet(row[0], f"{row[0]}:{row[1] or 0}")


async def offices_of_devices(actor: Actor, tx: Transaction, codes: Collection[str]) -> dict[str, str]:
    """Return the office of each device of `codes` that `actor` may see."""
    return await _offices_of(actor, tx, DeviceRow.code == any_(texts(codes)))


async def offices_of_other_devices(actor: Actor, tx: Transaction, codes: Collection[str]) -> dict[str, str]:
    """Return the office of each device that `actor` may see, that is asked, and that is not one of `codes`."""
    known = func.unnest(texts(codes)).column_valued("known")
    # Not `<> ALL (array)`, which compares each with each: 50,000 codes would take minutes.
    other = ~select(known).where(known == DeviceRow.code).exists()
    return await _offices_of(actor, tx, and_(other, DeviceRow.state.in_(POLLED)))


async def _offices_of(actor: Actor, tx: Transaction, which: ColumnElement[bool]) -> dict[str, str]:
    statement = (
        select(DeviceRow.code.label("device"), OfficeRow.code.label("office"))
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .where(which)
    )
    narrowed = narrow_offices(statement, actor, day_of(tx.now()))
    return {row.device: row.office for row in await tx.session.execute(narrowed)}


A_PART: Final = 200
"""Rows that are read at once where a process must go on meanwhile."""


async def every_device(actor: Actor, tx: Transaction) -> list[DeviceView]:
    """Return all devices that `actor` may see and that are asked, unpaged: for the engine's plan only."""
    statement = _devices(actor, day_of(tx.now())).where(DeviceRow.state.in_(POLLED)).order_by(DeviceRow.code)
    # In parts: the rows of 10,000 devices at once hold up the engine's loop for a second.
    found = await tx.session.stream(statement.execution_options(yield_per=A_PART))
    return [device_view(*row) async for part in found.partitions() for row in part]


async def device_ids(actor: Actor, tx: Transaction) -> dict[str, uuid.UUID]:
    """Return the id of every device that `actor` may see, by code: for the engine's plan only."""
    statement = select(DeviceRow.code, DeviceRow.id).join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
    narrowed = narrow_offices(statement, actor, day_of(tx.now()))
    return {row.code: row.id for row in await tx.session.execute(narrowed)}


async def office_names(actor: Actor, tx: Transaction, codes: Collection[str]) -> dict[str, str]:
    """Return the name of each office of `codes` that `actor` may see."""
    statement = select(OfficeRow.code, OfficeRow.name).where(OfficeRow.code == any_(texts(codes)))
    return {row.code: row.name for row in await tx.session.execute(narrow_offices(statement, actor, day_of(tx.now())))}


async def uplink_for(actor: Actor, code: str, tx: Transaction) -> UplinkView:
    """Return the uplink `code`; NotFound if there is none that `actor` may see."""
    found = await _uplinks(actor, tx, UplinkRow.code == code)
    if not found:
        raise NotFound(kind="uplink", code=code)
    return found[0]


async def uplinks(
    actor: Actor,
    tx: Transaction,
    *,
    devices: Sequence[str] | None = None,
    codes: Collection[str] | None = None,
    limit: int | None = None,
    after: str | None = None,
) -> list[UplinkView]:
    """Return the uplinks that `actor` may see, in the order of their codes; of them those of `devices` and in `codes`.

    Given a limit, a page of them, which begins behind the code `after`.
    """
    which: list[ColumnElement[bool]] = [] if devices is None else [DeviceRow.code.in_(devices)]
    if codes is not None:
        which.append(UplinkRow.code == any_(texts(codes)))
    if after is not None:
        which.append(UplinkRow.code > after)
    return await _uplinks(actor, tx, and_(true(), *which), limit)


async def uplink_codes(actor: Actor, tx: Transaction, *, unit: str | None = None) -> set[str]:
    """Return the codes of the uplinks that `actor` may see, of all or of those in a unit and all below it."""
    today = day_of(tx.now())
    statement = (
        select(UplinkRow.code)
        .join(DeviceRow, DeviceRow.id == UplinkRow.device_id)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
    )
    if unit is not None:
        its_id = select(UnitRow.id).where(UnitRow.code == unit)
        statement = statement.where(OfficeRow.unit_id.in_(below(its_id, today)))
    return set(await tx.session.scalars(narrow_offices(statement, actor, today)))


async def _uplinks(
    actor: Actor, tx: Transaction, which: ColumnElement[bool], limit: int | None = None
) -> list[UplinkView]:
    parent = aliased(DeviceRow)
    statement = (
        select(UplinkRow, DeviceRow.code, OfficeRow.code, OfficeRow.name, parent.code)
        .join(DeviceRow, DeviceRow.id == UplinkRow.device_id)
        .outerjoin(parent, parent.id == UplinkRow.parent_device_id)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .where(which)
        .order_by(UplinkRow.code)
        .limit(limit)
    )
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
            group=uplink.redundancy_group,
            parent=parent_code,
        )
        for uplink, device, office, office_name, parent_code in await tx.session.execute(
            narrow_offices(statement, actor, day_of(tx.now()))
        )
    ]


async def require_offices(actor: Actor, permission: Permission, codes: Iterable[str], tx: Transaction) -> None:
    """Raise Refused unless `actor` holds `permission` for every office of `codes`: for what they see, and may not."""
    if not await may_in_offices(actor, permission, codes, tx):
        raise Refused


async def may_in_offices(actor: Actor, permission: Permission, codes: Iterable[str], tx: Transaction) -> bool:
    """Return whether `actor` holds `permission` for every office of `codes`: for what they see, and what to offer."""
    if actor.may_everywhere(permission) or not actor.may(permission):
        return actor.may(permission)
    wanted = set(codes)
    statement = narrow_offices(
        select(func.count()).select_from(OfficeRow).where(OfficeRow.code.in_(wanted)),
        actor,
        day_of(tx.now()),
        permission,
    )
    return await tx.session.scalar(statement) == len(wanted)


def may_at(
    actor: Actor, as_of: date, permission: Permission, office: InstrumentedAttribute[Any] | ColumnElement[Any]
) -> ColumnElement[bool]:
    """Return the condition that `actor` holds `permission` for the office with the id `office`: what to offer."""
    if not actor.may(permission):
        return false()
    where = within(OfficeRow.unit_id, actor, as_of, permission)
    return true() if where is None else office.in_(select(OfficeRow.id).where(where))


def visible_devices(actor: Actor, as_of: date, permission: Permission = INVENTORY_READ) -> Subquery:
    """Return what to join with to see a device's names, and only of devices for which `actor` holds `permission`.

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
    return _placed(statement, actor, as_of, permission).subquery("visible_device")


def visible_offices(actor: Actor, as_of: date, permission: Permission = INVENTORY_READ) -> Subquery:
    """Return what to join with to see an office's names, and only of offices for which `actor` holds `permission`.

    Columns: id, code, name, unit_name, unit_sort, unit_code, level (of its unit), unit_id, parent_id (of its unit).
    """
    statement = (
        select(
            OfficeRow.id,
            OfficeRow.code,
            OfficeRow.name,
            UnitPeriodRow.name.label("unit_name"),
            UnitPeriodRow.name_sort.label("unit_sort"),
            UnitRow.code.label("unit_code"),
            UnitRow.level,
            UnitRow.id.label("unit_id"),
            UnitPeriodRow.parent_id,
        )
        .join(UnitRow, UnitRow.id == OfficeRow.unit_id)
        .join(UnitPeriodRow, last_period())
    )
    return narrow_offices(statement, actor, as_of, permission).subquery("visible_office")


def named_offices(actor: Actor, as_of: date, permission: Permission = INVENTORY_READ) -> Subquery:
    """Return what `visible_offices` does without the unit: columns id, code, name. For many offices at once."""
    statement = select(OfficeRow.id, OfficeRow.code, OfficeRow.name)
    return narrow_offices(statement, actor, as_of, permission).subquery("named_office")


def office_levels() -> Subquery:
    """Return what to join with to learn of what level an office is, whoever asks: columns id, level, height (0 is top).

    It tells the order of levels, and nothing of an office.
    """
    return (
        select(OfficeRow.id, UnitRow.level, UnitLevelRow.position.label("height"))
        .join(UnitRow, UnitRow.id == OfficeRow.unit_id)
        .join(UnitLevelRow, UnitLevelRow.code == UnitRow.level)
        .subquery("office_level")
    )


def holds(query: str, *columns: ColumnElement[str] | InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Return a condition: one of `columns` holds `query`; case and Vietnamese accents may differ."""
    pattern = func.unaccent(func.lower(literal(query.strip())))
    return or_(*(func.strpos(func.unaccent(func.lower(column)), pattern) > 0 for column in columns))


def _devices(actor: Actor, as_of: date) -> Select[DeviceRow, str, str, str]:
    return _placed(select(DeviceRow, OfficeRow.code, OfficeRow.name, UnitPeriodRow.name), actor, as_of)


def _placed(statement: Statement, actor: Actor, as_of: date, permission: Permission = INVENTORY_READ) -> Statement:
    """Join devices with their office and its unit, narrowed to what `actor` may see."""
    return narrow_offices(
        statement.join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .join(UnitRow, UnitRow.id == OfficeRow.unit_id)
        .join(UnitPeriodRow, last_period()),
        actor,
        as_of,
        permission,
    )
