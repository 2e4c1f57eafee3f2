"""Loads a programme file into the inventory: all of it or nothing, and the same file again changes nothing."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy.dialects.postgresql import Range

from inventory.access import INVENTORY_CHANGE
from inventory.errors import BadInventoryFile, Mistake
from inventory.models import CheckRow, DeviceRow, OfficeRow, UnitPeriodRow, UnitRow, UnitSuccessionRow, UplinkRow
from inventory.profiles import Profile
from inventory.programme_file import Known, ProgrammeFile, read
from inventory.repository import announce, ids_by_code, replace_all, upsert
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.i18n import sort_key
from kernel.ids import new_id


@dataclass(frozen=True, slots=True)
class LoadReport:
    """How many of each were added or changed."""

    units: int
    offices: int
    devices: int
    uplinks: int
    checks: int = 0


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
    actor.require(INVENTORY_CHANGE)
    text = await text_of(path)
    units = await ids_by_code(tx, UnitRow)
    offices = await ids_by_code(tx, OfficeRow)
    devices = await ids_by_code(tx, DeviceRow)
    known = Known(
        units=frozenset(units), offices=frozenset(offices), devices=frozenset(devices), profiles=frozenset(profiles)
    )
    content = read(text, str(path), known)
    for code in content.units:
        units.setdefault(code, new_id())
    for code in content.offices:
        offices.setdefault(code, new_id())
    for code in content.devices:
        devices.setdefault(code, new_id())

    report = LoadReport(
        units=await _save_units(content, units, tx),
        offices=await upsert(
            tx,
            OfficeRow,
            (
                {
                    "id": offices[code],
                    "code": code,
                    "name": office.name,
                    "name_sort": sort_key(office.name),
                    "unit_id": units[office.unit],
                    "address": office.address,
                    "latitude": office.latitude,
                    "longitude": office.longitude,
                }
                for code, office in content.offices.items()
            ),
        ),
        devices=await upsert(
            tx,
            DeviceRow,
            (
                {
                    "id": devices[code],
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
                }
                for code, device in content.devices.items()
            ),
        ),
        uplinks=await upsert(
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
                }
                for code, uplink in content.uplinks.items()
            ),
        ),
        checks=await upsert(
            tx,
            CheckRow,
            (
                {
                    "id": new_id(),
                    "code": code,
                    "device_id": devices[check.device],
                    "kind": check.kind,
                    "place": check.place,
                    "every_s": check.every_s,
                    "port": check.port_asked,
                    "options": check.options(),
                }
                for code, check in content.checks.items()
            ),
        ),
    )
    if any(asdict(report).values()):
        tx.audit(actor, "inventory.loaded", f"file:{path.name}", after=asdict(report))
        await announce(tx)
    return report


async def _save_units(content: ProgrammeFile, ids: Mapping[str, uuid.UUID], tx: Transaction) -> int:
    if not content.units:
        return 0
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
            for code, unit in content.units.items()
        ),
    )
    owners = [ids[code] for code in content.units]
    await replace_all(
        tx,
        UnitPeriodRow.unit_id,
        owners,
        (
            {
                "id": new_id(),
                "unit_id": ids[code],
                "valid": Range(unit.valid_from, unit.valid_to),
                "name": unit.name,
                "name_en": unit.name_en or unit.name,
                "name_sort": sort_key(unit.name),
                "parent_id": ids[unit.parent] if unit.parent else None,
            }
            for code, unit in content.units.items()
        ),
    )
    await replace_all(
        tx,
        UnitSuccessionRow.predecessor_id,
        owners,
        (
            {"predecessor_id": ids[code], "successor_id": ids[successor], "since": unit.valid_to or unit.valid_from}
            for code, unit in content.units.items()
            for successor in unit.successors
        ),
    )
    return touched
