"""Edits of single offices, devices and uplinks. Whoever edits what others see says which state of it they saw.

The same forms hold as in the inventory's file, so that a page, a program and a file are told the same mistakes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, TypeVar

from pydantic import ValidationError
from sqlalchemy import delete, func, select

from inventory.access import INVENTORY_CHANGE, narrow_offices, within
from inventory.credential_naming import require_naming
from inventory.devices import MOVES, DeviceState, DeviceView, may_become
from inventory.entry_columns import device_columns, office_columns, uplink_columns
from inventory.equipment_queries import contacts_of, device_on, office_on
from inventory.errors import BadMove, ChangedMeanwhile, CodeTaken
from inventory.links import UplinkView, circles
from inventory.models import (
    CheckRow,
    DevicePeriodRow,
    DeviceRow,
    OfficeContactRow,
    OfficePeriodRow,
    OfficeRow,
    UnitRow,
    UplinkRow,
)
from inventory.offices import Contact, OfficeView
from inventory.places import settle
from inventory.programme_file import CODE, DeviceEntry, Entry, OfficeEntry, UplinkEntry
from inventory.queries import uplink_for
from inventory.repository import announce
from inventory.tree_changes import hold_tree
from inventory.units import day_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadField, BadInput, NotFound
from kernel.i18n import Sentence
from kernel.ids import new_id
from kernel.mistakes import in_words

Unchanged = Callable[[Any], bool]
"""Whether what is there now is what the editor saw."""

Form = TypeVar("Form", bound=Entry)


@dataclass(frozen=True, slots=True)
class OfficeDetails:
    """An office with whom to reach there."""

    office: OfficeView
    contacts: tuple[Contact, ...]


async def office_details(actor: Actor, code: str, tx: Transaction) -> OfficeDetails:
    """Return an office with its contacts; NotFound if there is none that `actor` may see."""
    return OfficeDetails(await office_on(actor, code, tx), tuple(await contacts_of(actor, code, tx)))


async def create_office(actor: Actor, tx: Transaction, code: str, fields: Mapping[str, Any]) -> OfficeDetails:
    """Add an office and return it.

    Raises:
        Refused: `actor` may change nothing.
        NotFound: There is no such unit in which `actor` may change things.
        CodeTaken: There is such an office, seen or not.
        BadInput: The first field that is wrong.
    """
    actor.require(INVENTORY_CHANGE)
    entry = fill(OfficeEntry, fields)
    await hold_tree(tx)
    unit = await _unit(actor, tx, entry.unit)
    await free_code(tx, OfficeRow, "office", code)
    row = OfficeRow(id=new_id(), code=code, unit_id=unit.id, **office_columns(entry))
    tx.session.add(row)
    await tx.session.flush()
    await settle(
        tx, OfficePeriodRow, {row.id: unit.id}, since={row.id: entry.since or day_of(tx.now())}, on=day_of(tx.now())
    )
    await _save_contacts(tx, row.id, entry)
    after = await office_details(actor, code, tx)
    tx.audit(actor, "office.created", f"office:{code}", after=plain(after))
    await announce(tx)
    return after


async def change_office(
    actor: Actor, tx: Transaction, code: str, fields: Mapping[str, Any], unchanged: Unchanged
) -> OfficeDetails:
    """Change the given fields of an office and return it; into another unit it moves today.

    Raises:
        NotFound: There is no such office, or unit, where `actor` may change things.
        ChangedMeanwhile: It is not any more what the editor saw.
        BadInput: The first field that is wrong.
    """
    await hold_tree(tx)
    row = await _office(actor, tx, code)
    before = await office_details(actor, code, tx)
    still(unchanged, before, f"office {code}")
    now = {
        "name": row.name, "unit": before.office.unit, "kind": row.kind, "hours": row.hours, "address": row.address,
        "latitude": before.office.latitude, "longitude": before.office.longitude,
        "contacts": [asdict(contact) for contact in before.contacts],
    }  # fmt: skip
    entry = fill(OfficeEntry, {**now, **fields})
    unit = await _unit(actor, tx, entry.unit)
    for name, value in office_columns(entry).items():
        setattr(row, name, value)
    await tx.session.flush()
    await settle(tx, OfficePeriodRow, {row.id: unit.id}, since={}, on=day_of(tx.now()))
    if "contacts" in fields:
        await _save_contacts(tx, row.id, entry)
    after = await office_details(actor, code, tx)
    await note_change(actor, tx, "office", code, before, after)
    return after


async def create_device(
    actor: Actor, tx: Transaction, code: str, fields: Mapping[str, Any], profiles: Collection[str]
) -> DeviceView:
    """Add a device and return it. Raises as `create_office`; its office stands for the unit."""
    actor.require(INVENTORY_CHANGE)
    entry = fill(DeviceEntry, fields)
    office = await _office(actor, tx, entry.office)
    await free_code(tx, DeviceRow, "device", code)
    await _check_device(tx, code, entry, profiles)
    await require_naming(actor, tx, office, None, entry.credentials)
    row = DeviceRow(id=new_id(), code=code, office_id=office.id, **device_columns(entry))
    tx.session.add(row)
    await tx.session.flush()
    since = {row.id: entry.since or day_of(tx.now())}
    await settle(tx, DevicePeriodRow, {row.id: office.id}, since=since, on=day_of(tx.now()))
    after = await device_on(actor, code, tx)
    tx.audit(actor, "device.created", f"device:{code}", after=plain(after))
    await announce(tx)
    return after


async def change_device(
    actor: Actor, tx: Transaction, code: str, fields: Mapping[str, Any], unchanged: Unchanged, profiles: Collection[str]
) -> DeviceView:
    """Change the given fields of a device and return it; into another office it moves today.

    Raises:
        NotFound: There is no such device, or office, where `actor` may change things.
        ChangedMeanwhile: It is not any more what the editor saw.
        BadMove: It may not become what it shall be.
        BadInput: The first field that is wrong.
    """
    row = await tx.session.scalar(
        narrow_offices(
            select(DeviceRow)
            .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
            .where(DeviceRow.code == code)
            .with_for_update(of=DeviceRow),
            actor,
            day_of(tx.now()),
            INVENTORY_CHANGE,
        )
    )
    if row is None:
        raise NotFound(kind="device", code=code)
    before = await device_on(actor, code, tx)
    still(unchanged, before, f"device {code}")
    now = {name: getattr(before, name) for name in DeviceEntry.model_fields if hasattr(before, name)}
    if row.ssh_credential is not None:
        now["ssh"] = {
            "port": row.ssh_port, "user": row.ssh_user, "credential": row.ssh_credential, "host_key": row.ssh_host_key
        }  # fmt: skip
    entry = fill(DeviceEntry, {**now, **fields})
    office = await _office(actor, tx, entry.office)
    await _check_device(tx, code, entry, profiles)
    await require_naming(actor, tx, office, row.id, entry.credentials - {row.credential, row.ssh_credential})
    state = entry.state or DeviceState.ACTIVE
    if not may_become(before.state, state):
        raise BadMove(device=code, now=before.state, then=", ".join(sorted(MOVES[before.state])))
    for name, value in device_columns(entry).items():
        setattr(row, name, value)
    await tx.session.flush()
    await settle(tx, DevicePeriodRow, {row.id: office.id}, since={}, on=day_of(tx.now()))
    after = await device_on(actor, code, tx)
    await note_change(actor, tx, "device", code, before, after)
    return after


async def create_uplink(actor: Actor, tx: Transaction, code: str, fields: Mapping[str, Any]) -> UplinkView:
    """Add an uplink and return it. Raises as `create_office`; its device stands for the unit."""
    actor.require(INVENTORY_CHANGE)
    entry = fill(UplinkEntry, fields)
    device = await device_id(actor, tx, entry.device)
    await free_code(tx, UplinkRow, "uplink", code)
    row = UplinkRow(id=new_id(), code=code, device_id=device, **await _uplink_columns(actor, tx, code, entry))
    tx.session.add(row)
    await tx.session.flush()
    after = await uplink_for(actor, code, tx)
    tx.audit(actor, "uplink.created", f"uplink:{code}", after=plain(after))
    await announce(tx)
    return after


async def change_uplink(
    actor: Actor, tx: Transaction, code: str, fields: Mapping[str, Any], unchanged: Unchanged
) -> UplinkView:
    """Change the given fields of an uplink and return it. Raises as `change_office`."""
    actor.require(INVENTORY_CHANGE)
    row = await tx.session.scalar(select(UplinkRow).where(UplinkRow.code == code).with_for_update())
    if row is None:
        raise NotFound(kind="uplink", code=code)
    before = await uplink_for(actor, code, tx)
    await device_id(actor, tx, before.device)
    still(unchanged, before, f"uplink {code}")
    now = {name: getattr(before, name) for name in UplinkEntry.model_fields}
    entry = fill(UplinkEntry, {**now, **fields})
    row.device_id = await device_id(actor, tx, entry.device)
    for name, value in (await _uplink_columns(actor, tx, code, entry)).items():
        setattr(row, name, value)
    await tx.session.flush()
    after = await uplink_for(actor, code, tx)
    await note_change(actor, tx, "uplink", code, before, after)
    return after


def fill(form: type[Form], fields: Mapping[str, Any]) -> Form:
    """Return the form with `fields`; BadInput tells the first that is wrong."""
    try:
        return form.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "form"
        raise BadField(field=field, why=in_words(first)) from None


def still(unchanged: Unchanged, before: object, what: str) -> None:
    """Raise ChangedMeanwhile unless `before` is what the editor saw."""
    if not unchanged(before):
        raise ChangedMeanwhile(what=what)


async def free_code(
    tx: Transaction, row: type[OfficeRow | DeviceRow | UplinkRow | CheckRow], kind: str, code: str
) -> None:
    """Raise BadInput or CodeTaken unless a new row may have this code."""
    if not CODE.fullmatch(code):
        raise BadInput(what="The code", why="small letters a to z, digits and hyphens, at most 63")
    if await tx.session.scalar(select(row.id).where(row.code == code)) is not None:
        raise CodeTaken(kind=kind, code=code)


async def _unit(actor: Actor, tx: Transaction, code: str) -> UnitRow:
    """Return the unit, which lasts; NotFound if `actor` may not change anything there."""
    day = day_of(tx.now())
    statement = select(UnitRow).where(UnitRow.code == code)
    if (where := within(UnitRow.id, actor, day, INVENTORY_CHANGE)) is not None:
        statement = statement.where(where)
    unit = await tx.session.scalar(statement)
    if unit is None:
        raise NotFound(kind="unit", code=code)
    if unit.valid_to is not None and unit.valid_to <= day:
        raise BadInput(
            what=Sentence("The unit {unit}", unit=code), why=Sentence("it ended on {day}", day=unit.valid_to)
        )
    return unit


async def _office(actor: Actor, tx: Transaction, code: str) -> OfficeRow:
    statement = select(OfficeRow).where(OfficeRow.code == code).with_for_update(of=OfficeRow)
    row = await tx.session.scalar(narrow_offices(statement, actor, day_of(tx.now()), INVENTORY_CHANGE))
    if row is None:
        raise NotFound(kind="office", code=code)
    return row


async def device_id(actor: Actor, tx: Transaction, code: str) -> uuid.UUID:
    """Return the id of a device; NotFound if `actor` may not change it."""
    statement = select(DeviceRow.id).join(OfficeRow, OfficeRow.id == DeviceRow.office_id).where(DeviceRow.code == code)
    found = await tx.session.scalar(narrow_offices(statement, actor, day_of(tx.now()), INVENTORY_CHANGE))
    if found is None:
        raise NotFound(kind="device", code=code)
    return found


async def _save_contacts(tx: Transaction, office: uuid.UUID, entry: OfficeEntry) -> None:
    await tx.session.execute(delete(OfficeContactRow).where(OfficeContactRow.office_id == office))
    for place, contact in enumerate(entry.contacts or ()):
        tx.session.add(OfficeContactRow(office_id=office, place=place, **contact.model_dump()))
    await tx.session.flush()


async def _check_device(tx: Transaction, code: str, entry: DeviceEntry, profiles: Collection[str]) -> None:
    if entry.profile not in profiles:
        raise BadInput(
            what=Sentence("The profile {profile}", profile=entry.profile),
            why=Sentence("choose among {known}", known=", ".join(sorted(profiles))),
        )
    other = await tx.session.scalar(
        select(DeviceRow.code).where(
            DeviceRow.address == entry.address, DeviceRow.port == entry.port, DeviceRow.code != code
        )
    )
    if other is not None:
        raise BadInput(
            what=Sentence("The address {address} port {port}", address=entry.address, port=entry.port),
            why="another device is asked there already",
        )


async def _uplink_columns(actor: Actor, tx: Transaction, code: str, entry: UplinkEntry) -> dict[str, Any]:
    parent = None if entry.parent is None else await device_id(actor, tx, entry.parent)
    if entry.parent is not None:
        await _no_circle(tx, code, entry.device, entry.parent)
    return {**uplink_columns(entry), "parent_device_id": parent}


async def _no_circle(tx: Transaction, code: str, device: str, parent: str) -> None:
    child, above = select(DeviceRow.id, DeviceRow.code).subquery(), select(DeviceRow.id, DeviceRow.code).subquery()
    statement = (
        select(child.c.code, func.array_agg(above.c.code))
        .select_from(UplinkRow)
        .join(child, child.c.id == UplinkRow.device_id)
        .join(above, above.c.id == UplinkRow.parent_device_id)
        .where(UplinkRow.code != code)
        .group_by(child.c.code)
    )
    parents = {row[0]: list(row[1]) for row in await tx.session.execute(statement)}
    parents.setdefault(device, []).append(parent)
    if next(circles(parents), None) is not None:
        raise BadInput(what="The device at the other end", why="the lines would go in a circle")


async def note_change(actor: Actor, tx: Transaction, kind: str, code: str, before: object, after: object) -> None:
    """Put on record what is another than before, and tell those who listen; nothing if nothing is."""
    then, now = plain(before), plain(after)
    changed = [name for name in now if now[name] != then[name]]
    if changed:
        tx.audit(
            actor,
            f"{kind}.changed",
            f"{kind}:{code}",
            before={name: then[name] for name in changed},
            after={name: now[name] for name in changed},
        )
        await announce(tx)


def plain(view: object) -> dict[str, Any]:
    """Return a view as JSON; of contacts their number only, for the record is kept for ever."""
    if isinstance(view, OfficeDetails):
        return {**asdict(view.office), "contacts": len(view.contacts)}
    plain: dict[str, Any] = asdict(view)  # type: ignore[call-overload]
    return {
        name: list(value) if isinstance(value, tuple) else value.isoformat() if isinstance(value, date) else value
        for name, value in plain.items()
    }
