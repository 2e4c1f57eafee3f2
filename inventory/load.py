"""Loads a programme file into the inventory: all of it or nothing, and the same file again changes nothing."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import aliased

from inventory.access import INVENTORY_CHANGE
from inventory.ancestry import renew
from inventory.coverage_models import UnitFactRow
from inventory.devices import DeviceState, Ownership
from inventory.entry_columns import check_columns
from inventory.errors import BadInventoryFile, Mistake
from inventory.exchange.coverage import facts_named, save_facts
from inventory.exchange.kinds import KINDS
from inventory.exchange.record import record_touched, there
from inventory.exchange.save import save_contracts
from inventory.models import (
    CheckRow,
    DevicePeriodRow,
    DeviceRow,
    OfficeContactRow,
    OfficePeriodRow,
    OfficeRow,
    UnitLevelRow,
    UnitPeriodRow,
    UnitRow,
    UnitSuccessionRow,
    UplinkRow,
)
from inventory.offices import OfficeKind
from inventory.places import settle
from inventory.profiles import Profile
from inventory.programme_file import Known, OfficeEntry, ProgrammeFile, UnitEntry, heirs_of, read
from inventory.repository import announce, ids_by_code, replace_all, upsert
from inventory.tree_changes import hold_tree
from inventory.units import day_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.i18n import sort_key
from kernel.ids import new_id

Touched = set[uuid.UUID]
"""Those that were added or changed."""

DEVICE_DEFAULTS: Final = {
    "state": DeviceState.ACTIVE,
    "ownership": Ownership.OWNED,
    "lessor": "",
    "vendor": "",
    "model": "",
    "serial": "",
    "firmware": "",
    "warranty_until": None,
    "addresses": (),
}
"""What a new device is where the file does not say it; one that is there stays as it is."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """How many of each were added or changed."""

    units: int
    offices: int
    devices: int
    uplinks: int
    checks: int = 0
    contracts: int = 0
    coverage: int = 0


async def text_of(path: Path) -> str:
    """Return what the file `path` says; BadInventoryFile if it cannot be read, or is not UTF-8."""
    try:
        return await asyncio.to_thread(path.read_text, encoding="utf-8")
    except OSError as error:
        raise BadInventoryFile(str(path), [Mistake(0, f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise BadInventoryFile(str(path), [Mistake(0, f"is not UTF-8 at byte {error.start}")]) from error


async def load_file(path: Path, actor: Actor, tx: Transaction, profiles: Mapping[str, Profile]) -> LoadReport:
    """Load the YAML file `path` and return what it changed. What the file does not mention stays as it is.

    Raises:
        BadInventoryFile: With all mistakes; nothing was loaded.
        Refused: If `actor` may not change the inventory.
    """
    actor.require_everywhere(INVENTORY_CHANGE)
    text = await text_of(path)
    await hold_tree(tx)
    units = await ids_by_code(tx, UnitRow)
    offices = await ids_by_code(tx, OfficeRow)
    devices = await ids_by_code(tx, DeviceRow)
    known = await _known(units, offices, devices, profiles, tx)
    content = read(text, str(path), known)
    before = {name: await there(tx, kind, getattr(content, name)) for name, kind in KINDS.items()}
    for code in content.units:
        units.setdefault(code, new_id())
    for code in content.offices:
        offices.setdefault(code, new_id())
    for code in content.devices:
        devices.setdefault(code, new_id())

    touched: dict[str, Collection[uuid.UUID | str]] = {
        "units": await _save_units(content, units, tx),
        "offices": await _save_offices(content, offices, units, known, tx),
        "devices": await _save_devices(content, devices, offices, tx),
        "uplinks": await _save_uplinks(content, devices, tx),
        "checks": await _save_checks(content, devices, tx),
        "contracts": await save_contracts(tx, content.contracts) if content.contracts else (),
        "coverage": await _save_coverage(content, path, actor, tx),
    }
    report = LoadReport(**{name: len(which) for name, which in touched.items()})
    touched["offices"] = {*touched["offices"], *await _nobody_is_left_behind(path, before["offices"], tx)}
    for name, which in touched.items():
        await record_touched(tx, actor, name, before[name], which, f"load {path.name}")
    if any(asdict(report).values()):
        tx.audit(actor, "inventory.loaded", f"file:{path.name}", after=asdict(report))
        await announce(tx)
    return report


async def _known(
    units: Mapping[str, uuid.UUID],
    offices: Mapping[str, uuid.UUID],
    devices: Mapping[str, uuid.UUID],
    profiles: Mapping[str, Profile],
    tx: Transaction,
) -> Known:
    successor = aliased(UnitRow)
    became: dict[str, set[str]] = {}
    ended = (
        select(UnitRow.code, successor.code)
        .outerjoin(UnitSuccessionRow, UnitSuccessionRow.predecessor_id == UnitRow.id)
        .outerjoin(successor, successor.id == UnitSuccessionRow.successor_id)
        .where(UnitRow.valid_to.is_not(None))
    )
    for code, after in await tx.session.execute(ended):
        became.setdefault(code, set()).update([after] if after else [])
    places = select(OfficeRow.code, UnitRow.code).join(UnitRow, UnitRow.id == OfficeRow.unit_id)
    states = select(DeviceRow.code, DeviceRow.state)
    return Known(
        units=frozenset(units),
        offices=frozenset(offices),
        devices=frozenset(devices),
        uplinks=frozenset(await tx.session.scalars(select(UplinkRow.code))),
        profiles=frozenset(profiles),
        levels=frozenset(await tx.session.scalars(select(UnitLevelRow.code))),
        became={code: frozenset(after) for code, after in became.items()},
        places={row[0]: row[1] for row in await tx.session.execute(places)},
        states={row[0]: DeviceState(row[1]) for row in await tx.session.execute(states)},
        today=day_of(tx.now()),
    )


async def _save_units(content: ProgrammeFile, ids: Mapping[str, uuid.UUID], tx: Transaction) -> Touched:
    """Save the units that the file may speak for: what a reorganisation changed is not changed back by a file."""
    if not content.units:
        return set()
    with_a_history = await _with_a_history(content, tx)
    entries = {code: unit for code, unit in content.units.items() if code not in with_a_history}
    touched = await upsert(
        tx,
        UnitRow,
        (
            {
                "id": ids[code],
                "code": code,
                "level": unit.level,
                "valid_from": unit.valid_from,
                "valid_to": unit.valid_to,
            }
            for code, unit in entries.items()
        ),
    )
    touched |= await _save_periods(entries, ids, tx)
    await replace_all(
        tx,
        UnitSuccessionRow.predecessor_id,
        [ids[code] for code in entries],
        (
            {"predecessor_id": ids[code], "successor_id": ids[successor], "since": unit.valid_to or unit.valid_from}
            for code, unit in entries.items()
            for successor in unit.successors
        ),
    )
    if touched:
        await renew(tx, touched)
    return touched


async def _with_a_history(content: ProgrammeFile, tx: Transaction) -> set[str]:
    """Return the units of the file that were renamed, moved or ended here since."""
    statement = (
        select(UnitRow.code, UnitRow.valid_to, func.count())
        .join(UnitPeriodRow, UnitPeriodRow.unit_id == UnitRow.id)
        .group_by(UnitRow.code, UnitRow.valid_to)
    )
    return {
        code
        for code, valid_to, periods in await tx.session.execute(statement)
        if code in content.units and (periods > 1 or (valid_to is not None and content.units[code].valid_to is None))
    }


async def _save_periods(
    entries: Mapping[str, UnitEntry], ids: Mapping[str, uuid.UUID], tx: Transaction
) -> set[uuid.UUID]:
    """Save the one period of each unit, and return the units for which it is another than before."""
    wanted = {
        ids[code]: {
            "unit_id": ids[code],
            "valid": Range(unit.valid_from, unit.valid_to),
            "name": unit.name,
            "name_en": unit.name_en or unit.name,
            "name_sort": sort_key(unit.name),
            "parent_id": ids[unit.parent] if unit.parent else None,
        }
        for code, unit in entries.items()
    }
    found = await tx.session.execute(
        select(
            UnitPeriodRow.unit_id,
            UnitPeriodRow.valid,
            UnitPeriodRow.name,
            UnitPeriodRow.name_en,
            UnitPeriodRow.name_sort,
            UnitPeriodRow.parent_id,
        )
    )
    same = {row.unit_id for row in found if wanted.get(row.unit_id) == dict(row._mapping)}  # noqa: SLF001 - its name
    changed = wanted.keys() - same
    await replace_all(
        tx, UnitPeriodRow.unit_id, changed, ({"id": new_id(), **wanted[unit]} for unit in sorted(changed))
    )
    return changed


async def _save_offices(
    content: ProgrammeFile,
    ids: Mapping[str, uuid.UUID],
    units: Mapping[str, uuid.UUID],
    known: Known,
    tx: Transaction,
) -> Touched:
    entries = content.offices
    found = await tx.session.execute(select(OfficeRow.code, OfficeRow.kind, OfficeRow.hours))
    there = {row.code: row for row in found if row.code in entries}
    touched = await upsert(
        tx,
        OfficeRow,
        (
            {
                "id": ids[code],
                "code": code,
                "name": office.name,
                "name_sort": sort_key(office.name),
                "unit_id": units[office.unit],
                "address": office.address,
                "latitude": office.latitude,
                "longitude": office.longitude,
                "kind": _first(office.kind, there.get(code), "kind", OfficeKind.IMPLEMENTING_ORGANISATION),
                "hours": _first(office.hours, there.get(code), "hours", ""),
            }
            for code, office in entries.items()
        ),
        only_new=["unit_id"],
    )
    touched |= await _save_contacts(entries, ids, tx)
    # An office of a unit that has ended goes on in the unit that took its place; one that was put into one of several
    # stays there.
    heirs = {code: heirs_of(office.unit, content, known) for code, office in entries.items()}
    now = {code: known.places[code] if known.places.get(code) in heirs[code] else min(heirs[code]) for code in entries}
    since = {ids[code]: office.since for code, office in entries.items() if office.since is not None}
    begun = {row.id: row.valid_from for row in await tx.session.execute(select(UnitRow.id, UnitRow.valid_from))}
    touched |= await settle(
        tx,
        OfficePeriodRow,
        {ids[code]: units[unit] for code, unit in now.items()},
        since={ids[code]: since.get(ids[code], begun[units[unit]]) for code, unit in now.items()},
        on=day_of(tx.now()),
    )
    return touched


async def _save_contacts(
    entries: Mapping[str, OfficeEntry], ids: Mapping[str, uuid.UUID], tx: Transaction
) -> set[uuid.UUID]:
    wanted = {
        ids[code]: [contact.model_dump() for contact in office.contacts]
        for code, office in entries.items()
        if office.contacts is not None
    }
    if not wanted:
        return set()
    there: dict[uuid.UUID, list[dict[str, str]]] = {office: [] for office in wanted}
    for row in await tx.session.scalars(select(OfficeContactRow).order_by(OfficeContactRow.place)):
        if row.office_id in there:
            there[row.office_id].append(
                {"position": row.position, "name": row.name, "phone": row.phone, "email": row.email}
            )
    changed = {office for office, contacts in wanted.items() if contacts != there[office]}
    await replace_all(
        tx,
        OfficeContactRow.office_id,
        changed,
        (
            {"office_id": office, "place": place, **contact}
            for office in sorted(changed)
            for place, contact in enumerate(wanted[office])
        ),
    )
    return changed


async def _save_devices(
    content: ProgrammeFile, ids: Mapping[str, uuid.UUID], offices: Mapping[str, uuid.UUID], tx: Transaction
) -> Touched:
    entries = content.devices
    columns = [getattr(DeviceRow, name) for name in DEVICE_DEFAULTS]
    found = await tx.session.execute(select(DeviceRow.code, *columns))
    there = {row.code: row for row in found if row.code in entries}
    touched = await upsert(
        tx,
        DeviceRow,
        (
            {
                "id": ids[code],
                "code": code,
                "name": device.name,
                "role": device.role,
                "office_id": offices[device.office],
                "profile": device.profile,
                "address": device.address,
                "port": device.port,
                "snmp": device.snmp,
                "credential": device.credential,
                "ssh_port": device.ssh and device.ssh.port,
                "ssh_user": device.ssh and device.ssh.user,
                "ssh_credential": device.ssh and device.ssh.credential,
                "ssh_host_key": device.ssh and device.ssh.host_key,
                **{
                    name: _first(getattr(device, name), there.get(code), name, default)
                    for name, default in DEVICE_DEFAULTS.items()
                },
            }
            for code, device in entries.items()
        ),
        only_new=["office_id"],
    )
    opened = {
        row[0]: row[1]
        for row in await tx.session.execute(
            select(OfficePeriodRow.office_id, func.min(func.lower(OfficePeriodRow.valid))).group_by(
                OfficePeriodRow.office_id
            )
        )
    }
    touched |= await settle(
        tx,
        DevicePeriodRow,
        {ids[code]: offices[device.office] for code, device in entries.items()},
        since={ids[code]: device.since or opened[offices[device.office]] for code, device in entries.items()},
        on=day_of(tx.now()),
    )
    return touched


async def _save_uplinks(content: ProgrammeFile, devices: Mapping[str, uuid.UUID], tx: Transaction) -> Touched:
    entries = content.uplinks
    found = await tx.session.execute(select(UplinkRow.code, UplinkRow.redundancy_group, UplinkRow.parent_device_id))
    there = {row.code: row for row in found if row.code in entries}
    return await upsert(
        tx,
        UplinkRow,
        (
            {
                "id": new_id(),
                "code": code,
                "device_id": devices[uplink.device],
                "interface": uplink.interface,
                "carrier": uplink.carrier,
                "medium": uplink.medium,
                "down_bps": uplink.down_bps,
                "up_bps": uplink.up_bps,
                "redundancy_group": _first(uplink.group, there.get(code), "redundancy_group", ""),
                "parent_device_id": _first(
                    devices[uplink.parent] if uplink.parent else None, there.get(code), "parent_device_id", None
                ),
            }
            for code, uplink in entries.items()
        ),
    )


async def _save_checks(content: ProgrammeFile, devices: Mapping[str, uuid.UUID], tx: Transaction) -> Touched:
    return await upsert(
        tx,
        CheckRow,
        (
            {"id": new_id(), "code": code, "device_id": devices[check.device], **check_columns(check)}
            for code, check in content.checks.items()
        ),
    )


async def _save_coverage(content: ProgrammeFile, path: Path, actor: Actor, tx: Transaction) -> set[str]:
    """Write down what the file knows of units; BadInventoryFile where there is no such unit on that day."""
    if not content.coverage:
        return set()
    touched = await save_facts(tx, content.coverage.values(), by=actor.name)
    beyond = (
        select(UnitRow.code, UnitFactRow.kind, UnitFactRow.since)
        .join(UnitFactRow, UnitFactRow.unit_id == UnitRow.id)
        .where(facts_named(touched), or_(UnitFactRow.since < UnitRow.valid_from, UnitFactRow.since >= UnitRow.valid_to))
    )
    if mistakes := [
        Mistake(0, f"coverage.{unit}/{kind}/{since}: there is no unit {unit} on that day")
        for unit, kind, since in await tx.session.execute(beyond)
    ]:
        raise BadInventoryFile(str(path), mistakes)
    return touched


async def _nobody_is_left_behind(path: Path, before: dict[str, dict[str, Any]], tx: Transaction) -> Touched:
    """Move offices out of units that the file has ended, and return them; what they were is added to `before`.

    Raises:
        BadInventoryFile: It does not say which unit took over.
    """
    statement = (
        select(
            OfficeRow.id,
            OfficeRow.code,
            UnitRow.code,
            UnitRow.valid_to,
            func.array_remove(func.array_agg(UnitSuccessionRow.successor_id), None),
        )
        .join(UnitRow, UnitRow.id == OfficeRow.unit_id)
        .outerjoin(UnitSuccessionRow, UnitSuccessionRow.predecessor_id == UnitRow.id)
        .where(UnitRow.valid_to.is_not(None))
        .group_by(OfficeRow.id, OfficeRow.code, UnitRow.code, UnitRow.valid_to)
        .order_by(OfficeRow.code)
    )
    left = list(await tx.session.execute(statement))
    mistakes = [
        Mistake(0, f"{unit} ends on {day} with the office {office} in it: say with the office which unit it is in then")
        for _, office, unit, day, heirs in left
        if len(heirs) != 1
    ]
    if mistakes:
        raise BadInventoryFile(str(path), mistakes)
    were = await there(tx, KINDS["offices"], [row[1] for row in left])
    before |= {code: fields for code, fields in were.items() if code not in before}
    for day in sorted({row.valid_to for row in left}):
        heir_of = {row.id: row[4][0] for row in left if row.valid_to == day}
        await settle(tx, OfficePeriodRow, heir_of, since={}, on=day)
    return {row.id for row in left}


def _first(wanted: object, row: object, column: str, default: object) -> object:
    """Return what the file says, else what is there, else what is usual."""
    if wanted is not None:
        return wanted
    return default if row is None else getattr(row, column)
