"""Loads a file of rooms: all of it or nothing, and the same file again changes nothing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, insert, select

from inventory.public import INVENTORY_CHANGE, BadInventoryFile, day_of, text_of, visible_devices, visible_offices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.i18n import sort_key
from meetings.models import RoomDeviceRow, RoomRow
from meetings.rooms import RoomEntry, mistakes_in, read


@dataclass(frozen=True, slots=True)
class RoomsReport:
    """How many rooms were added or changed."""

    rooms: int


async def load_rooms(path: Path, actor: Actor, tx: Transaction) -> RoomsReport:
    """Load the YAML file `path` and return what it changed. Rooms that it does not mention stay as they are.

    Raises:
        BadInventoryFile: With all mistakes; nothing was loaded.
        Refused: `actor` may not change the inventory.
    """
    actor.require_everywhere(INVENTORY_CHANGE)
    content, located = read(await text_of(path), path.name)
    office, device = visible_offices(actor, day_of(tx.now())), visible_devices(actor, day_of(tx.now()))
    offices = {row.code: row.id for row in await tx.session.execute(select(office.c.code, office.c.id))}
    rows = list(await tx.session.execute(select(device.c.code, device.c.id, device.c.office)))
    devices = {row.code: row.id for row in rows}
    if mistakes := list(mistakes_in(content, located, offices, {row.code: row.office for row in rows})):
        raise BadInventoryFile(path.name, mistakes)

    # In the order of ids, as bookings lock them: a load in the middle of the day must not deadlock with one.
    known = {
        row.code: row
        for row in (
            await tx.session.execute(
                select(RoomRow)
                .where(RoomRow.code.in_(content.rooms))
                .order_by(RoomRow.id)
                .with_for_update(key_share=True)
            )
        ).scalars()
    }
    linked = await _linked(tx, [row.id for row in known.values()])
    changed = []
    for code, entry in content.rooms.items():
        row = known.get(code)
        wanted = frozenset(devices[one] for one in entry.devices)
        if row is not None and _same(row, entry, offices) and linked.get(row.id, frozenset()) == wanted:
            continue
        changed.append(code)
        if row is None:
            row = RoomRow(code=code)
            tx.session.add(row)
        row.name, row.name_sort = entry.name, sort_key(entry.name)
        row.office_id, row.capacity = offices[entry.office], entry.capacity
        row.before_min, row.after_min = entry.before_min, entry.after_min
        row.kind, row.equipment, row.accessible = entry.kind, sorted(set(entry.equipment)), entry.accessible
        row.approval, row.manager, row.release_min = entry.approval, entry.manager, entry.release_min
        row.hours, row.bookable_by = entry.hours, sorted(set(entry.bookable_by))
        # Copies in memory hold the name and the minutes too.
        row.calendar = (row.calendar or 0) + 1
        known[code] = row
    await tx.session.flush()
    if changed:
        await tx.session.execute(
            delete(RoomDeviceRow).where(RoomDeviceRow.room_id.in_([known[code].id for code in changed]))
        )
        links = [
            {"room_id": known[code].id, "device_id": devices[one]}
            for code in changed
            for one in content.rooms[code].devices
        ]
        if links:
            await tx.session.execute(insert(RoomDeviceRow), links)
        tx.audit(actor, "rooms.loaded", f"file:{path.name}", after={"rooms": sorted(changed)})
    return RoomsReport(len(changed))


async def _linked(tx: Transaction, rooms: list[int]) -> Mapping[int, frozenset[uuid.UUID]]:
    rows = await tx.session.execute(
        select(RoomDeviceRow.room_id, RoomDeviceRow.device_id).where(RoomDeviceRow.room_id.in_(rooms))
    )
    found: dict[int, set[uuid.UUID]] = {}
    for room, device in rows:
        found.setdefault(room, set()).add(device)
    return {room: frozenset(devices) for room, devices in found.items()}


def _same(row: RoomRow, entry: RoomEntry, offices: Mapping[str, uuid.UUID]) -> bool:
    plain = (
        "name", "capacity", "before_min", "after_min", "kind", "accessible", "approval", "manager", "release_min",
        "hours",
    )  # fmt: skip
    return (
        all(getattr(row, name) == getattr(entry, name) for name in plain)
        and row.office_id == offices[entry.office]
        and row.equipment == sorted(set(entry.equipment))
        and row.bookable_by == sorted(set(entry.bookable_by))
    )
