"""The kinds of things that go in and out: how each is read from the database, as the fields that a file has of it.

The same reading serves the preview (what is there now?), the import itself (is it still so?) and the export.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, any_, exists, false, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute, aliased

from inventory.access import INVENTORY_CHANGE, INVENTORY_READ, narrow_offices, narrow_units, within
from inventory.contract_models import ContractCoverRow, ContractRow
from inventory.equipment_queries import last_period, texts
from inventory.exchange import coverage
from inventory.exchange.judge import as_json
from inventory.models import (
    CheckRow,
    DeviceRow,
    OfficeContactRow,
    OfficeRow,
    UnitPeriodRow,
    UnitRow,
    UnitSuccessionRow,
    UplinkRow,
)
from inventory.programme_file import (
    FIELDS_OF,
    CheckEntry,
    ContractEntry,
    DeviceEntry,
    Entry,
    FactEntry,
    OfficeEntry,
    UnitEntry,
    UplinkEntry,
)
from inventory.units import day_of
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction

DEVICE_FIELDS: Final = (
    "name", "office", "role", "profile", "port", "snmp", "credential", "state", "ownership", "lessor", "vendor",
    "model", "serial", "firmware",
)  # fmt: skip
"""Fields that are as their columns are."""

Found = Select[*tuple[Any, ...]]
Narrow = Callable[[Found, Actor, date, Permission], Found]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing.

    Attributes:
        name: As the file has it, such as `devices`.
        one: As the audit log has it, such as `device`.
        entry: What may be said of one.
        code: Column of its code.
        statement: Reads all of them, the code first.
        fields: Makes the fields of a row of that.
        narrow: Leaves only those for which somebody holds a permission.
        dump: Makes the fields of an entry.
    """

    name: str
    one: str
    entry: type[Entry]
    code: InstrumentedAttribute[str] | ColumnElement[str]
    statement: Callable[[], Found]
    fields: Callable[[Row[Any]], dict[str, Any]]
    narrow: Narrow
    dump: Callable[[Any], dict[str, Any]] = as_json

    @property
    def order(self) -> Sequence[InstrumentedAttribute[Any] | ColumnElement[Any]]:
        """Return the columns by which they are paged."""
        return (self.code,)

    def named(self, codes: Collection[str]) -> ColumnElement[bool]:
        """Return the condition that one is among `codes`."""
        return self.code == any_(texts(codes))

    def after(self, code: str) -> ColumnElement[bool]:
        """Return the condition that one comes behind `code` in `order`."""
        return self.code > code

    def noted(self, code: str, verb: str) -> tuple[str, str, Mapping[str, Any]]:
        """Return what the audit log calls what was done and the thing, and what it tells of that with each change."""
        return f"{self.one}.{verb}", f"{self.one}:{code}", {}


class CoverageKind(Kind):
    """Facts, which have no code of their own: they are put on record with their unit."""

    @property
    def order(self) -> Sequence[InstrumentedAttribute[Any] | ColumnElement[Any]]:
        """Return the columns by which they are paged."""
        return coverage.ORDER

    def named(self, codes: Collection[str]) -> ColumnElement[bool]:
        """Return the condition that one is among `codes`."""
        return coverage.facts_named(codes)

    def after(self, code: str) -> ColumnElement[bool]:
        """Return the condition that one comes behind `code` in `order`."""
        return coverage.facts_after(code)

    def noted(self, code: str, verb: str) -> tuple[str, str, Mapping[str, Any]]:
        """Return what was done, the unit, and which of its facts it is."""
        unit, kind, since = code.split("/")
        action = "coverage.removed" if verb == "removed" else "coverage.recorded"
        return action, f"unit:{unit}", {"kind": kind, "since": since}


def _units() -> Found:
    parent, heir = aliased(UnitRow), aliased(UnitRow)
    successors = (
        select(func.array_agg(aggregate_order_by(heir.code, heir.code)))
        .join(UnitSuccessionRow, UnitSuccessionRow.successor_id == heir.id)
        .where(UnitSuccessionRow.predecessor_id == UnitRow.id)
        .correlate(UnitRow)
        .scalar_subquery()
    )
    return (
        select(
            UnitRow.code, UnitPeriodRow.name, UnitPeriodRow.name_en, UnitRow.level, parent.code.label("parent"),
            UnitRow.valid_from, UnitRow.valid_to, successors.label("successors"),
        )
        .join(UnitPeriodRow, and_(UnitPeriodRow.unit_id == UnitRow.id, last_period()))
        .outerjoin(parent, parent.id == UnitPeriodRow.parent_id)
    )  # fmt: skip


def _unit(row: Row[Any]) -> dict[str, Any]:
    return {
        "name": row.name, "name_en": row.name_en, "level": row.level, "parent": row.parent,
        "valid_from": row.valid_from.isoformat(), "valid_to": row.valid_to and row.valid_to.isoformat(),
        "successors": row.successors or [],
    }  # fmt: skip


def _unit_dump(entry: UnitEntry) -> dict[str, Any]:
    return {**as_json(entry), "name_en": entry.name_en or entry.name, "successors": sorted(entry.successors)}


def _offices() -> Found:
    one = func.json_build_object(
        "position", OfficeContactRow.position, "name", OfficeContactRow.name, "phone", OfficeContactRow.phone,
        "email", OfficeContactRow.email,
    )  # fmt: skip
    contacts = (
        select(func.json_agg(aggregate_order_by(one, OfficeContactRow.place)))
        .where(OfficeContactRow.office_id == OfficeRow.id)
        .correlate(OfficeRow)
        .scalar_subquery()
    )
    return select(
        OfficeRow.code, OfficeRow.name, UnitRow.code.label("unit"), OfficeRow.kind, OfficeRow.address, OfficeRow.hours,
        OfficeRow.latitude, OfficeRow.longitude, contacts.label("contacts"),
    ).join(UnitRow, UnitRow.id == OfficeRow.unit_id)  # fmt: skip


def _office(row: Row[Any]) -> dict[str, Any]:
    return {
        "name": row.name, "unit": row.unit, "kind": row.kind, "address": row.address, "hours": row.hours,
        "contacts": row.contacts or [],
        "latitude": None if row.latitude is None else float(row.latitude),
        "longitude": None if row.longitude is None else float(row.longitude),
    }  # fmt: skip


def _devices() -> Found:
    # Columns, not objects: a programme has tens of thousands of devices, and each of them is read before it is changed.
    columns = (column for column in DeviceRow.__table__.columns if column.name != "folded")
    return select(*columns, OfficeRow.code.label("office")).join(OfficeRow, OfficeRow.id == DeviceRow.office_id)


def _device(row: Row[Any]) -> dict[str, Any]:
    device = row._mapping  # noqa: SLF001 - its name
    ssh = None
    if device["ssh_credential"] is not None:
        ssh = {name: device[f"ssh_{name}"] for name in ("port", "user", "credential", "host_key")}
    return {
        **{name: device[name] for name in DEVICE_FIELDS},
        "address": str(device["address"]),
        "addresses": [str(address) for address in device["addresses"]],
        "warranty_until": device["warranty_until"] and device["warranty_until"].isoformat(),
        "ssh": ssh,
    }


def _uplinks() -> Found:
    parent = aliased(DeviceRow)
    return (
        select(
            UplinkRow.code, DeviceRow.code.label("device"), UplinkRow.interface, UplinkRow.carrier, UplinkRow.medium,
            UplinkRow.down_bps, UplinkRow.up_bps, UplinkRow.redundancy_group.label("group"),
            parent.code.label("parent"),
        )
        .join(DeviceRow, DeviceRow.id == UplinkRow.device_id)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .outerjoin(parent, parent.id == UplinkRow.parent_device_id)
    )  # fmt: skip


def _checks() -> Found:
    return (
        select(
            CheckRow.code, DeviceRow.code.label("device"), CheckRow.kind, CheckRow.place, CheckRow.every_s,
            CheckRow.port, CheckRow.options,
        )
        .join(DeviceRow, DeviceRow.id == CheckRow.device_id)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
    )  # fmt: skip


def _check(row: Row[Any]) -> dict[str, Any]:
    return {**_plain(row), **row.options}


def _check_dump(entry: CheckEntry) -> dict[str, Any]:
    return {
        "device": entry.device, "kind": entry.kind.value, "place": entry.place, "every_s": entry.every_s,
        "port": entry.port_asked, **entry.options(),
    }  # fmt: skip


def _contracts() -> Found:
    def covered(row: type[UplinkRow | DeviceRow], column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
        return (
            select(func.array_agg(aggregate_order_by(row.code, row.code)))
            .join(ContractCoverRow, column == row.id)
            .where(ContractCoverRow.contract_id == ContractRow.id)
            .correlate(ContractRow)
            .scalar_subquery()
        )

    return select(
        ContractRow.code, ContractRow,
        covered(UplinkRow, ContractCoverRow.uplink_id).label("uplinks"),
        covered(DeviceRow, ContractCoverRow.device_id).label("devices"),
    )  # fmt: skip


def _contract(row: Row[Any]) -> dict[str, Any]:
    contract: ContractRow = row.ContractRow
    return {
        **{name: getattr(contract, name) for name in ("kind", "party", "number", "warn_days", "cost", "note")},
        "starts": contract.starts.isoformat(),
        "ends": contract.ends and contract.ends.isoformat(),
        "sla_percent": None if contract.sla_percent is None else float(contract.sla_percent),
        "repair_hours": None if contract.repair_hours is None else float(contract.repair_hours),
        "uplinks": row.uplinks or [],
        "devices": row.devices or [],
    }


def _contract_dump(entry: ContractEntry) -> dict[str, Any]:
    return {**as_json(entry), "uplinks": sorted(set(entry.uplinks)), "devices": sorted(set(entry.devices))}


def covered_offices() -> Found:
    """Return a statement for the offices of what a contract covers, for each of these; it reads `ContractRow`."""
    of_line = aliased(DeviceRow)
    return (
        select(OfficeRow.id)
        .select_from(ContractCoverRow)
        .outerjoin(UplinkRow, UplinkRow.id == ContractCoverRow.uplink_id)
        .outerjoin(of_line, of_line.id == UplinkRow.device_id)
        .outerjoin(DeviceRow, DeviceRow.id == ContractCoverRow.device_id)
        .join(OfficeRow, OfficeRow.id == func.coalesce(DeviceRow.office_id, of_line.office_id))
        .where(ContractCoverRow.contract_id == ContractRow.id)
        .correlate(ContractRow)
    )


def _narrow_contracts(statement: Found, actor: Actor, day: date, permission: Permission) -> Found:
    """Leave the contracts of which somebody may see a part; to change one they must hold all that it covers."""
    held = within(OfficeRow.unit_id, actor, day, permission)
    if held is None:
        return statement
    seen = exists(covered_offices().where(held))
    if permission == INVENTORY_READ:
        return statement.where(seen)
    return statement.where(seen, ~exists(covered_offices().where(~held)))


def _narrow_units(statement: Found, actor: Actor, day: date, permission: Permission) -> Found:
    if permission == INVENTORY_CHANGE and not actor.may_everywhere(INVENTORY_CHANGE):
        return statement.where(false())
    return narrow_units(statement, actor, day, day, permission)


def _narrow_offices(statement: Found, actor: Actor, day: date, permission: Permission) -> Found:
    return narrow_offices(statement, actor, day, permission)


def _plain(row: Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in {"code", "options"}}  # noqa: SLF001 - its name


KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("units", "unit", UnitEntry, UnitRow.code, _units, _unit, _narrow_units, _unit_dump),
        Kind("offices", "office", OfficeEntry, OfficeRow.code, _offices, _office, _narrow_offices),
        Kind("devices", "device", DeviceEntry, DeviceRow.code, _devices, _device, _narrow_offices),
        Kind("uplinks", "uplink", UplinkEntry, UplinkRow.code, _uplinks, _plain, _narrow_offices),
        Kind("checks", "check", CheckEntry, CheckRow.code, _checks, _check, _narrow_offices, _check_dump),
        Kind(
            "contracts", "contract", ContractEntry, ContractRow.code, _contracts, _contract, _narrow_contracts,
            _contract_dump,
        ),
        CoverageKind(
            "coverage", "coverage", FactEntry, coverage.CODE, coverage.facts_there, coverage.fact_fields,
            coverage.narrow_facts, coverage.fact_dump,
        ),
    )
}  # fmt: skip
"""In the order in which they are brought in: what others refer to comes first."""


@dataclass(frozen=True, slots=True)
class Present:
    """What there is of one code, and whether it is somebody's to change."""

    fields: Mapping[str, Any]
    theirs: bool


async def present(actor: Actor, tx: Transaction, kind: Kind, codes: Collection[str]) -> dict[str, Present]:
    """Return what there is of `codes`, whoever asks: an import has to know that a code is taken."""
    wanted = kind.statement().where(kind.named(codes))
    changeable = kind.narrow(wanted, actor, day_of(tx.now()), INVENTORY_CHANGE).with_only_columns(kind.code)
    theirs = set(await tx.session.scalars(changeable))
    # What a batch has changed must be read anew, and a million rows must not stay in the session.
    rows = await tx.session.execute(wanted.execution_options(populate_existing=True))
    return {row.code: Present(kind.fields(row), row.code in theirs) for row in rows}


async def codes_held(
    actor: Actor, tx: Transaction, uplinks: Collection[str], devices: Collection[str], permission: Permission
) -> tuple[set[str], set[str]]:
    """Return those of the lines and devices for which `actor` holds `permission`."""
    today = day_of(tx.now())
    lines = (
        select(UplinkRow.code)
        .join(DeviceRow, DeviceRow.id == UplinkRow.device_id)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .where(UplinkRow.code == any_(texts(uplinks)))
    )
    things = select(DeviceRow.code).join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
    things = things.where(DeviceRow.code == any_(texts(devices)))
    found = await tx.session.scalars(narrow_offices(lines, actor, today, permission))
    return set(found), set(await tx.session.scalars(narrow_offices(things, actor, today, permission)))


def usable(kind: str, now: Mapping[str, Any] | None, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what is there without what the thing could not keep: a check of another kind has other fields."""
    if kind != "checks" or now is None or given.get("kind", now["kind"]) == now["kind"]:
        return now
    known = {"device", "kind", "place", "every_s"} | set(FIELDS_OF.get(given["kind"], ()))
    return {name: value for name, value in now.items() if name in known}
