"""Writes what an import decided, a batch at a time. Each entry is whole, and was judged by the caller."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any, cast

from sqlalchemy import ARRAY, Text, Uuid, any_, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import Range

from inventory.ancestry import renew
from inventory.contract_models import ContractCoverRow, ContractRow
from inventory.devices import DeviceState
from inventory.entry_columns import check_columns, device_columns, office_columns, uplink_columns
from inventory.equipment_queries import texts
from inventory.exchange.coverage import remove_facts, save_facts
from inventory.exchange.kinds import KINDS
from inventory.models import (
    CheckRow,
    DevicePeriodRow,
    DeviceRow,
    OfficeContactRow,
    OfficePeriodRow,
    OfficeRow,
    UnitPeriodRow,
    UnitRow,
    UnitSuccessionRow,
    UplinkRow,
)
from inventory.places import settle
from inventory.programme_file import (
    CheckEntry,
    ContractEntry,
    DeviceEntry,
    Entry,
    FactEntry,
    OfficeEntry,
    UnitEntry,
    UplinkEntry,
)
from inventory.repository import replace_all, upsert
from inventory.tree_changes import FROM_THE_TOP
from inventory.units import day_of
from kernel.db.transaction import Transaction
from kernel.i18n import sort_key
from kernel.ids import new_id

Ids = dict[str, uuid.UUID]
Coded = type[UnitRow] | type[OfficeRow] | type[DeviceRow] | type[UplinkRow] | type[ContractRow] | type[CheckRow]


async def save(tx: Transaction, kind: str, entries: Mapping[str, Entry], *, by: str) -> None:
    """Save entries of one kind, as brought in `by` somebody.

    Units are saved by `save_units` and `save_periods`, for they refer to each other.
    """
    if kind == "offices":
        await _save_offices(tx, cast("Mapping[str, OfficeEntry]", entries))
    elif kind == "devices":
        await _save_devices(tx, cast("Mapping[str, DeviceEntry]", entries))
    elif kind == "uplinks":
        await _save_uplinks(tx, cast("Mapping[str, UplinkEntry]", entries))
    elif kind == "checks":
        await _save_checks(tx, cast("Mapping[str, CheckEntry]", entries))
    elif kind == "coverage":
        await save_facts(tx, cast("Mapping[str, FactEntry]", entries).values(), by=by)
    else:
        await save_contracts(tx, cast("Mapping[str, ContractEntry]", entries))


async def save_units(tx: Transaction, entries: Mapping[str, UnitEntry]) -> None:
    """Save units as such; what holds for a time only follows in `save_periods`."""
    ids = await ids_of(tx, UnitRow, entries)
    await upsert(
        tx,
        UnitRow,
        (
            {
                "id": ids.get(code, new_id()),
                "code": code,
                "level": unit.level,
                "valid_from": unit.valid_from,
                "valid_to": unit.valid_to,
            }
            for code, unit in entries.items()
        ),
    )


async def save_periods(tx: Transaction, entries: Mapping[str, UnitEntry]) -> set[uuid.UUID]:
    """Save the one period of each unit and its heirs; return the units."""
    parents = {unit.parent for unit in entries.values() if unit.parent}
    ids = await ids_of(
        tx, UnitRow, {*entries, *parents, *(heir for one in entries.values() for heir in one.successors)}
    )
    periods = (
        {
            "id": new_id(),
            "unit_id": ids[code],
            "valid": Range(unit.valid_from, unit.valid_to),
            "name": unit.name,
            "name_en": unit.name_en or unit.name,
            "name_sort": sort_key(unit.name),
            "parent_id": ids[unit.parent] if unit.parent else None,
        }
        for code, unit in entries.items()
    )
    theirs = [ids[code] for code in entries]
    await replace_all(tx, UnitPeriodRow.unit_id, theirs, periods)
    heirs = (
        {"predecessor_id": ids[code], "successor_id": ids[heir], "since": unit.valid_to or unit.valid_from}
        for code, unit in entries.items()
        for heir in unit.successors
    )
    await replace_all(tx, UnitSuccessionRow.predecessor_id, theirs, heirs)
    return set(theirs)


async def settle_tree(tx: Transaction, touched: Collection[uuid.UUID]) -> None:
    """Compute the ancestry anew for the units that were touched."""
    await renew(tx, touched if len(touched) < FROM_THE_TOP else None)


async def _save_offices(tx: Transaction, entries: Mapping[str, OfficeEntry]) -> None:
    units = {
        row.code: row
        for row in await tx.session.execute(
            select(UnitRow.code, UnitRow.id, UnitRow.valid_from).where(
                UnitRow.code == any_(texts({office.unit for office in entries.values()}))
            )
        )
    }
    ids = await ids_of(tx, OfficeRow, entries)
    rows = [
        {"id": ids.setdefault(code, new_id()), "code": code, "unit_id": units[office.unit].id, **office_columns(office)}
        for code, office in entries.items()
    ]
    await upsert(tx, OfficeRow, rows, only_new=["unit_id"])
    contacts = (
        {"office_id": ids[code], "place": place, **contact.model_dump()}
        for code, office in entries.items()
        for place, contact in enumerate(office.contacts or ())
    )
    await replace_all(tx, OfficeContactRow.office_id, [ids[code] for code in entries], contacts)
    await settle(
        tx,
        OfficePeriodRow,
        {ids[code]: units[office.unit].id for code, office in entries.items()},
        since={ids[code]: office.since or units[office.unit].valid_from for code, office in entries.items()},
        on=day_of(tx.now()),
    )


async def _save_devices(tx: Transaction, entries: Mapping[str, DeviceEntry]) -> None:
    wanted = {device.office for device in entries.values()}
    offices = {
        row[0]: (row[1], row[2])
        for row in await tx.session.execute(
            select(OfficeRow.code, OfficeRow.id, func.min(func.lower(OfficePeriodRow.valid)))
            .join(OfficePeriodRow, OfficePeriodRow.office_id == OfficeRow.id)
            .where(OfficeRow.code == any_(texts(wanted)))
            .group_by(OfficeRow.code, OfficeRow.id)
        )
    }
    ids = await ids_of(tx, DeviceRow, entries)
    rows = [
        {
            "id": ids.setdefault(code, new_id()),
            "code": code,
            "office_id": offices[device.office][0],
            **device_columns(device),
        }
        for code, device in entries.items()
    ]
    await upsert(tx, DeviceRow, rows, only_new=["office_id"])
    await settle(
        tx,
        DevicePeriodRow,
        {ids[code]: offices[device.office][0] for code, device in entries.items()},
        since={ids[code]: device.since or offices[device.office][1] for code, device in entries.items()},
        on=day_of(tx.now()),
    )


async def _save_uplinks(tx: Transaction, entries: Mapping[str, UplinkEntry]) -> None:
    named = {one for uplink in entries.values() for one in (uplink.device, uplink.parent) if one}
    devices = await ids_of(tx, DeviceRow, named)
    await upsert(
        tx,
        UplinkRow,
        (
            {
                "id": new_id(),
                "code": code,
                "device_id": devices[uplink.device],
                "parent_device_id": devices[uplink.parent] if uplink.parent else None,
                **uplink_columns(uplink),
            }
            for code, uplink in entries.items()
        ),
    )


async def _save_checks(tx: Transaction, entries: Mapping[str, CheckEntry]) -> None:
    devices = await ids_of(tx, DeviceRow, {check.device for check in entries.values()})
    await upsert(
        tx,
        CheckRow,
        (
            {"id": new_id(), "code": code, "device_id": devices[check.device], **check_columns(check)}
            for code, check in entries.items()
        ),
    )


async def save_contracts(tx: Transaction, entries: Mapping[str, ContractEntry]) -> set[uuid.UUID]:
    """Save contracts and what they cover; return those that are new or another than before."""
    now = KINDS["contracts"]
    ids = await ids_of(tx, ContractRow, entries)
    statement = now.statement().where(ContractRow.code == any_(texts(entries)))
    before = {row.code: now.fields(row) for row in await tx.session.execute(statement)}
    changed = {code: one for code, one in entries.items() if before.get(code) != now.dump(one)}
    rows = [
        {
            "id": ids.setdefault(code, new_id()),
            "code": code,
            **one.model_dump(mode="json", exclude={"uplinks", "devices"}),
        }
        for code, one in changed.items()
    ]
    await upsert(tx, ContractRow, rows)
    uplinks = await ids_of(tx, UplinkRow, {line for one in changed.values() for line in one.uplinks})
    devices = await ids_of(tx, DeviceRow, {device for one in changed.values() for device in one.devices})
    covers: list[dict[str, Any]] = []
    for code, one in changed.items():
        of_it = {"contract_id": ids[code], "kind": one.kind, "valid": Range(one.starts, one.ends, bounds="[]")}
        lines, things = sorted(set(one.uplinks)), sorted(set(one.devices))
        covers += ({"id": new_id(), **of_it, "uplink_id": uplinks[line], "device_id": None} for line in lines)
        covers += ({"id": new_id(), **of_it, "uplink_id": None, "device_id": devices[thing]} for thing in things)
    touched = {ids[code] for code in changed}
    await replace_all(tx, ContractCoverRow.contract_id, touched, covers)
    return touched


async def remove(tx: Transaction, kind: str, codes: Collection[str]) -> int:
    """Remove what a file that is complete does not name; return how many. A device is retired, for it has a history."""
    if kind == "devices":
        done = await tx.session.execute(
            update(DeviceRow)
            .where(DeviceRow.code == any_(texts(codes)))
            .values(state=DeviceState.RETIRED)
            .returning(DeviceRow.id)
            .execution_options(synchronize_session=False)
        )
        return len(done.all())
    if kind == "coverage":
        return await remove_facts(tx, codes)
    rows: dict[str, Coded] = {"offices": OfficeRow, "uplinks": UplinkRow, "checks": CheckRow, "contracts": ContractRow}
    row = rows[kind]
    if kind == "offices":
        ids = list((await ids_of(tx, OfficeRow, codes)).values())
        for part in (OfficeContactRow.office_id, OfficePeriodRow.office_id):
            await tx.session.execute(delete(part.class_).where(part == any_(literal(ids, ARRAY(Uuid)))))
    done = await tx.session.execute(
        delete(row)
        .where(row.code == any_(literal(list(codes), ARRAY(Text))))
        .returning(row.id)
        .execution_options(synchronize_session=False)
    )
    return len(done.all())


async def ids_of(tx: Transaction, row: Coded, codes: Collection[str]) -> Ids:
    """Return those of `codes` that there are, each with its id."""
    found = await tx.session.execute(select(row.code, row.id).where(row.code == any_(texts(codes))))
    return {one.code: one.id for one in found}
