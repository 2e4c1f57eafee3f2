"""Which devices a playbook can go to, in one statement whatever their number, and what hangs on each of them."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Select, and_, any_, or_, select
from sqlalchemy.orm import aliased

from inventory.access import narrow_offices
from inventory.devices import DeviceState, Role, SshAccess
from inventory.equipment_queries import texts
from inventory.models import DeviceRow, OfficeRow, UnitAncestryRow, UnitLevelRow, UnitRow, UplinkRow
from inventory.tree import below
from inventory.units import PROVINCE, day_of
from inventory.ways_in import ways_in
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction


@dataclass(frozen=True, slots=True)
class TargetWish:
    """Which devices are meant: those that are in one of each list that is not empty.

    Attributes:
        units: Codes of units, each with all below it.
        offices: Codes of offices.
        levels: Codes of levels, of the units that the offices belong to.
        roles: Roles of devices.
        profiles: Names of profiles.
        devices: Codes of devices.
    """

    units: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any((self.units, self.offices, self.levels, self.roles, self.profiles, self.devices))


@dataclass(frozen=True, slots=True)
class PlayTarget:
    """A device that is meant, and how it is let in to.

    Attributes:
        access: How; None if nobody wrote that down.
        state: Where the device is in its life.
        office: Code of its office.
        office_id: The office's id.
        office_name: Its name.
        depth: Position of its unit's level: the greater, the farther from the centre.
        region: Code of its province; empty if it is in none.
    """

    device: str
    name: str
    role: Role
    access: SshAccess | None
    state: DeviceState
    office: str
    office_id: uuid.UUID
    office_name: str
    depth: int
    region: str


async def play_targets(
    actor: Actor, tx: Transaction, wish: TargetWish, permission: Permission, *, limit: int
) -> list[PlayTarget]:
    """Return the devices that `wish` means, of those for which `actor` holds `permission`, by code, at most `limit`."""
    today = day_of(tx.now())
    province = (
        select(UnitRow.code)
        .join(UnitAncestryRow, UnitAncestryRow.ancestor_id == UnitRow.id)
        .where(
            UnitAncestryRow.unit_id == OfficeRow.unit_id,
            UnitAncestryRow.since <= today,
            UnitAncestryRow.until > today,
            UnitRow.level == PROVINCE,
        )
        .limit(1)
        .correlate(OfficeRow)
        .scalar_subquery()
    )
    own = aliased(UnitRow)
    statement = (
        select(DeviceRow, OfficeRow.code, OfficeRow.id, OfficeRow.name, UnitLevelRow.position,
               province)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .join(own, own.id == OfficeRow.unit_id)
        .join(UnitLevelRow, UnitLevelRow.code == own.level)
        .order_by(DeviceRow.code)
        .limit(limit)
    )  # fmt: skip
    if wish.units:
        unit = aliased(UnitRow)
        top = select(unit.id).where(unit.code == any_(texts(wish.units)))
        statement = statement.where(OfficeRow.unit_id.in_(below(top, today)))
    for column, wanted in (
        (OfficeRow.code, wish.offices),
        (own.level, wish.levels),
        (DeviceRow.role, wish.roles),
        (DeviceRow.profile, wish.profiles),
        (DeviceRow.code, wish.devices),
    ):
        if wanted:
            statement = statement.where(column == any_(texts(wanted)))
    rows = (await tx.session.execute(narrow_offices(statement, actor, today, permission))).all()
    ways = await ways_in(tx, [row[0] for row in rows])
    return [
        PlayTarget(
            device=row.code,
            name=row.name,
            role=Role(row.role),
            access=ways.get(row.code),
            state=DeviceState(row.state),
            office=office,
            office_id=office_id,
            office_name=office_name,
            depth=depth,
            region=region or "",
        )
        for row, office, office_id, office_name, depth, region in rows
    ]


async def redundancy_groups(tx: Transaction, devices: Collection[str]) -> dict[str, frozenset[str]]:
    """Return the groups of lines that stand in for each other and that each of `devices` carries; none: no entry.

    A device carries a line that ends on it, or whose other end it is: two devices of one group must never be touched
    at once, or the office behind both is cut. A group of one line is none.
    """
    mine, parent = aliased(DeviceRow), aliased(DeviceRow)
    line = aliased(UplinkRow)
    end = aliased(DeviceRow)
    # The office and group of every line that touches one of the devices.
    touched = (
        select(mine.office_id, line.redundancy_group)
        .join(mine, mine.id == line.device_id)
        .outerjoin(parent, parent.id == line.parent_device_id)
        .where(or_(mine.code == any_(texts(devices)), parent.code == any_(texts(devices))))
        .subquery()
    )
    far = aliased(DeviceRow)
    rows = await tx.session.execute(
        select(OfficeRow.code, UplinkRow.redundancy_group, UplinkRow.code, end.code, far.code)
        .join(end, end.id == UplinkRow.device_id)
        .join(OfficeRow, OfficeRow.id == end.office_id)
        .outerjoin(far, far.id == UplinkRow.parent_device_id)
        .join(
            touched,
            and_(touched.c.office_id == end.office_id, touched.c.redundancy_group == UplinkRow.redundancy_group),
        )
        .distinct()
    )
    lines: dict[str, dict[str, set[str]]] = {}
    for office, group, code, near, other in rows:
        lines.setdefault(f"{office}/{group}", {})[code] = {end for end in (near, other) if end}
    found: dict[str, set[str]] = {}
    for group, ends in lines.items():
        if len(ends) > 1:
            for device in set().union(*ends.values()) & set(devices):
                found.setdefault(device, set()).add(group)
    return {device: frozenset(groups) for device, groups in found.items()}


async def offices_behind(tx: Transaction, devices: Collection[str]) -> dict[str, frozenset[str]]:
    """Return the other offices whose lines run through each of `devices`, at any distance; none: no entry."""
    top, end = aliased(DeviceRow), aliased(DeviceRow)
    first: Select[str, uuid.UUID] = (
        select(top.code.label("top"), UplinkRow.device_id.label("device_id"))
        .join(top, top.id == UplinkRow.parent_device_id)
        .where(top.code == any_(texts(devices)))
    )
    reach = first.cte("reach", recursive=True)
    # UNION, not UNION ALL: lines that run in a circle end there.
    office_of, next_of, line = aliased(DeviceRow), aliased(DeviceRow), aliased(UplinkRow)
    step = (
        select(reach.c.top, line.device_id)
        .join(office_of, office_of.id == reach.c.device_id)
        .join(next_of, next_of.office_id == office_of.office_id)
        .join(line, line.parent_device_id == next_of.id)
    )
    reach = reach.union(step)
    rows = await tx.session.execute(
        select(reach.c.top, OfficeRow.code)
        .join(end, end.id == reach.c.device_id)
        .join(OfficeRow, OfficeRow.id == end.office_id)
        .distinct()
    )
    found: dict[str, set[str]] = {}
    for device, office in rows:
        found.setdefault(device, set()).add(office)
    return {device: frozenset(offices) for device, offices in found.items()}
