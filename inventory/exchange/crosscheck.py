"""What lines of a file say together, and with what is there: asked of the database as a whole, not line by line.

Each check is one statement over the lines of one import, whatever their number, and refuses those that fail it.
"""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Update,
    Uuid,
    and_,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased

from inventory.access import INVENTORY_CHANGE, narrow_offices, within
from inventory.credential_naming import nameable
from inventory.exchange.judge import Verdict
from inventory.exchange.models import ImportLineRow
from inventory.links import circles
from inventory.models import DeviceRow, OfficeRow, UnitLevelRow, UnitRow, UplinkRow
from inventory.units import day_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction

MOST_PARENTS: Final = 200_000
"""Lines with a device at their other end that are looked at for circles: they are held in memory."""


@dataclass(frozen=True, slots=True)
class Reference:
    """That a field of one kind names things of another."""

    kind: str
    field: str
    target: str
    many: bool = False


REFERENCES: Final = (
    Reference("units", "parent", "units"),
    Reference("units", "successors", "units", many=True),
    Reference("offices", "unit", "units"),
    Reference("devices", "office", "offices"),
    Reference("uplinks", "device", "devices"),
    Reference("uplinks", "parent", "devices"),
    Reference("checks", "device", "devices"),
    Reference("contracts", "uplinks", "uplinks", many=True),
    Reference("contracts", "devices", "devices", many=True),
    Reference("coverage", "unit", "units"),
)

WRONG: Final = """
UPDATE data_import_line AS line SET verdict = 'refused', faults = coalesce(line.faults, '[]') || jsonb_build_array(
    jsonb_build_object('code', CAST(:code AS text), 'field', CAST(:field AS text), 'details', wrong.details)
) FROM ({wrong}) AS wrong WHERE line.import_id = :which AND line.no = wrong.no
"""
"""Refuses the lines that `wrong` names (`no`), with what it tells of each (`details`)."""

DOUBLED: Final = """
SELECT no, jsonb_build_object('code', code, 'first', first) AS details FROM (
    SELECT no, code, line, first_value(line) OVER (PARTITION BY kind, code ORDER BY no) AS first,
        row_number() OVER (PARTITION BY kind, code ORDER BY no) AS place
    FROM data_import_line WHERE import_id = :which AND code <> ''
) AS lines WHERE place > 1
"""

ABOVE: Final = """
    SELECT line.no, line.code, line.fields->>'parent' AS parent, line.fields->>'level' AS level,
        line.fields->>'valid_from' AS begun, line.fields->>'valid_to' AS ended,
        coalesce(beside.fields->>'level', unit.level) AS parent_level,
        coalesce(beside.fields->>'valid_from', CAST(unit.valid_from AS text)) AS parent_begun,
        CASE WHEN beside.no IS NULL THEN CAST(unit.valid_to AS text) ELSE beside.fields->>'valid_to' END AS parent_ended
    FROM data_import_line AS line
    LEFT JOIN data_import_line AS beside ON beside.import_id = :which AND beside.kind = 'units'
        AND beside.code = line.fields->>'parent' AND beside.fields IS NOT NULL
    LEFT JOIN unit ON unit.code = line.fields->>'parent'
    WHERE line.import_id = :which AND line.kind = 'units' AND line.fields->>'parent' IS NOT NULL
"""
LEVELS: Final = f"""
SELECT above.no, above.code,
    jsonb_build_object('parent', parent, 'parent_level', parent_level, 'level', above.level) AS details
FROM ({ABOVE}) AS above
JOIN unit_level AS own ON own.code = above.level JOIN unit_level AS theirs ON theirs.code = above.parent_level
WHERE theirs.position >= own.position
"""  # noqa: S608 - of our own text
CIRCLES: Final = f"""
WITH RECURSIVE climb (no, code, at, trail) AS (
    SELECT no, code, code, ARRAY[code] FROM ({LEVELS} LIMIT 200) AS suspects
    UNION ALL
    SELECT climb.no, climb.code, line.fields->>'parent', climb.trail || (line.fields->>'parent')
    FROM climb JOIN data_import_line AS line ON line.import_id = :which AND line.kind = 'units' AND line.code = climb.at
    WHERE line.fields->>'parent' IS NOT NULL AND cardinality(climb.trail) < 20
        AND (climb.at <> climb.code OR cardinality(climb.trail) = 1)
)
SELECT no, jsonb_build_object('circle', array_to_string(trail, ' > ')) AS details
FROM climb WHERE at = code AND cardinality(trail) > 1
"""  # noqa: S608 - of our own text
OUTSIDE: Final = f"""
SELECT no, jsonb_build_object('parent', parent) AS details FROM ({ABOVE}) AS above
WHERE parent_begun IS NOT NULL AND (ended <= parent_begun
    OR (parent_ended IS NOT NULL AND (ended IS NULL OR begun >= parent_ended)))
"""  # noqa: S608 - of our own text

NOT_THERE: Final = """
SELECT no, jsonb_build_object('unit', unit) AS details FROM (
    SELECT line.no, line.fields->>'unit' AS unit, CAST(line.fields->>'since' AS date) AS since,
        coalesce(CAST(beside.fields->>'valid_from' AS date), unit.valid_from) AS begun,
        CASE WHEN beside.no IS NULL THEN unit.valid_to ELSE CAST(beside.fields->>'valid_to' AS date) END AS ended
    FROM data_import_line AS line
    LEFT JOIN data_import_line AS beside ON beside.import_id = :which AND beside.kind = 'units'
        AND beside.code = line.fields->>'unit' AND beside.fields IS NOT NULL
    LEFT JOIN unit ON unit.code = line.fields->>'unit'
    WHERE line.import_id = :which AND line.kind = 'coverage' AND line.fields IS NOT NULL
) AS facts WHERE since < begun OR since >= ended
"""

ASKED: Final = """
    SELECT no, code, diff, fields->>'address' AS address, coalesce(fields->>'port', '161') AS port
    FROM data_import_line WHERE import_id = :which AND kind = 'devices' AND fields IS NOT NULL
"""
ASKED_TWICE: Final = f"""
SELECT no, jsonb_build_object('address', address, 'port', port, 'other', other) AS details FROM (
    SELECT asked.*, first_value(code) OVER (PARTITION BY address, port ORDER BY no) AS other FROM ({ASKED}) AS asked
) AS lines WHERE other <> code
"""  # noqa: S608 - of our own text
ASKED_ALREADY: Final = f"""
SELECT asked.no, jsonb_build_object('address', asked.address, 'port', asked.port, 'other', device.code) AS details
FROM ({ASKED}) AS asked
JOIN device ON device.address = CAST(asked.address AS inet) AND device.port = CAST(asked.port AS integer)
WHERE device.code <> asked.code AND (asked.diff IS NULL OR asked.diff ?| ARRAY['address', 'port'])
    AND NOT EXISTS (
        SELECT FROM data_import_line AS moved WHERE moved.import_id = :which AND moved.kind = 'devices'
            AND moved.code = device.code AND moved.diff ?| ARRAY['address', 'port']
    )
"""  # noqa: S608 - of our own text

OVERLAPS: Final = """
WITH named AS (
    SELECT line.no, line.code, line.fields->>'kind' AS kind, each.of, each.code AS thing,
        daterange(CAST(line.fields->>'starts' AS date), CAST(line.fields->>'ends' AS date), '[]') AS valid
    FROM data_import_line AS line, LATERAL (
        SELECT 'uplink' AS of, jsonb_array_elements_text(line.fields->'uplinks') AS code
        UNION ALL SELECT 'device', jsonb_array_elements_text(line.fields->'devices')
    ) AS each
    WHERE line.import_id = :which AND line.kind = 'contracts' AND line.fields IS NOT NULL
), there AS (
    SELECT contract.code, cover.kind, CASE WHEN uplink.id IS NULL THEN 'device' ELSE 'uplink' END AS of,
        coalesce(uplink.code, device.code) AS thing, cover.valid
    FROM contract_cover AS cover JOIN contract ON contract.id = cover.contract_id
    LEFT JOIN uplink ON uplink.id = cover.uplink_id LEFT JOIN device ON device.id = cover.device_id
    WHERE NOT EXISTS (
        SELECT FROM data_import_line AS line WHERE line.import_id = :which AND line.kind = 'contracts'
            AND line.code = contract.code AND line.verdict IN ('changed', 'removed')
    )
), others AS (
    SELECT no, code, kind, of, thing, valid FROM named UNION ALL SELECT 0, code, kind, of, thing, valid FROM there
)
SELECT named.no, jsonb_build_object('thing', min(named.thing), 'other', min(others.code)) AS details
FROM named JOIN others ON others.of = named.of AND others.thing = named.thing AND others.kind = named.kind
    AND others.valid && named.valid AND others.no < named.no AND others.code <> named.code
GROUP BY named.no
"""


async def crosscheck(tx: Transaction, actor: Actor, which: uuid.UUID) -> None:
    """Refuse the lines of the import `which` that do not fit each other, or what is there."""
    await wrong(tx, which, "doubled", "", DOUBLED)
    for reference in REFERENCES:
        await tx.session.execute(_dangling(tx, actor, which, reference))
    level = _said("level")
    unknown = level.not_in(select(UnitLevelRow.code))
    await tx.session.execute(_refuse(which, "units", unknown, "no-such-level", "level", value=level))
    await wrong(tx, which, "circle", "parent", CIRCLES)
    await wrong(tx, which, "wrong-level", "parent", f"SELECT no, details FROM ({LEVELS}) AS lower")  # noqa: S608 - ours
    await wrong(tx, which, "outside-its-parent", "parent", OUTSIDE)
    await wrong(tx, which, "address-taken", "address", ASKED_TWICE)
    await wrong(tx, which, "address-taken", "address", ASKED_ALREADY)
    for named in ("credential", "ssh.credential"):
        if (refusal := _not_theirs_to_name(tx, actor, which, named)) is not None:
            await tx.session.execute(refusal)
    await _circles_of_lines(tx, which)
    await wrong(tx, which, "overlap", "starts", OVERLAPS)
    await wrong(tx, which, "not-there-then", "since", NOT_THERE)


async def wrong(tx: Transaction, which: uuid.UUID, code: str, field: str, those: str) -> None:
    """Refuse the lines that the statement `those` gives: `no`, and `details` for the words of the fault `code`."""
    statement = text(WRONG.format(wrong=those))
    await tx.session.execute(statement, {"which": which, "code": code, "field": field})


async def _circles_of_lines(tx: Transaction, which: uuid.UUID) -> None:
    """Refuse uplinks by which devices would wait for each other to be reached."""
    mine = (
        select(ImportLineRow.no, ImportLineRow.code, _said("device"), _said("parent"))
        .where(
            ImportLineRow.import_id == which,
            ImportLineRow.kind == "uplinks",
            _said("parent").is_not(None),
        )
        .limit(MOST_PARENTS + 1)
    )
    lines = (await tx.session.execute(mine)).all()
    if not lines:
        return
    if len(lines) > MOST_PARENTS:
        many = _said("parent").is_not(None)
        most = literal(str(MOST_PARENTS))
        await tx.session.execute(
            _refuse(which, "uplinks", many, "too-many-lines-with-parent", "parent", most=most)
        )  # fmt: skip
        return
    device, other = aliased(DeviceRow), aliased(DeviceRow)
    there = (
        select(UplinkRow.code, device.code, other.code)
        .join(device, device.id == UplinkRow.device_id)
        .join(other, other.id == UplinkRow.parent_device_id)
    )
    replaced = {code for _, code, _, _ in lines}
    parents: dict[str, list[str]] = {}
    for code, one, above in await tx.session.execute(there):
        if code not in replaced:
            parents.setdefault(one, []).append(above)
    for _, _, one, above in lines:
        parents.setdefault(one, []).append(above)
    for circle in circles(parents):
        pairs = set(itertools.pairwise(circle))
        closing = next((no for no, _, one, above in lines if (one, above) in pairs), None)
        if closing is not None:
            told = literal(" > ".join(circle))
            where = ImportLineRow.no == closing
            await tx.session.execute(_refuse(which, "uplinks", where, "line-circle", "parent", circle=told))


def _said(name: str) -> ColumnElement[str]:
    return ImportLineRow.fields[name].astext  # type: ignore[no-any-return]


def _refuse(
    which: uuid.UUID, kind: str, where: ColumnElement[bool], code: str, field: str, **details: ColumnElement[Any]
) -> Update:
    pairs = [part for name, value in details.items() for part in (literal(name), cast(value, String))]
    one = func.jsonb_build_object("code", code, "field", field, "details", func.jsonb_build_object(*pairs))
    before = func.coalesce(ImportLineRow.faults, literal([], JSONB))
    return (
        update(ImportLineRow)
        .where(
            ImportLineRow.import_id == which, ImportLineRow.kind == kind, ImportLineRow.fields.is_not(None), where
        )
        .values(verdict=Verdict.REFUSED, faults=before.op("||")(func.jsonb_build_array(one)))
        .execution_options(synchronize_session=False)
    )  # fmt: skip


def _not_theirs_to_name(tx: Transaction, actor: Actor, which: uuid.UUID, named: str) -> Update | None:
    """Refuse devices that name a credential which `actor` may not name there; None if they may name any."""
    name = ImportLineRow.fields[tuple(named.split("."))].astext
    unit, beside = aliased(UnitRow), aliased(ImportLineRow)
    own = select(DeviceRow.id).where(DeviceRow.code == ImportLineRow.code).correlate(ImportLineRow).scalar_subquery()
    nothing = cast(null(), Uuid)
    day = day_of(tx.now())
    there = nameable(actor, day, name, OfficeRow.unit_id, OfficeRow.id, own)
    to_come = nameable(actor, day, name, unit.id, nothing, nothing)
    if there is None or to_come is None:
        return None
    in_office = exists().where(OfficeRow.code == _said("office"), there)
    in_new_office = exists().where(
        beside.import_id == which, beside.kind == "offices", beside.code == _said("office"),
        unit.code == beside.fields["unit"].astext, to_come,
    )  # fmt: skip
    news = or_(ImportLineRow.diff.is_(None), ImportLineRow.diff.has_key(named))
    refused = and_(news, name != "", ~in_office, ~in_new_office)
    return _refuse(which, "devices", refused, "not-theirs-to-name", named, value=name)


def _dangling(tx: Transaction, actor: Actor, which: uuid.UUID, reference: Reference) -> Update:
    """Refuse the lines that name what is neither there, for `actor` to change, nor in the file."""
    named = reference.field
    news = or_(ImportLineRow.diff.is_(None), ImportLineRow.diff.has_key(named))
    target = literal(reference.target)
    if not reference.many:
        value = _said(named)
        missing = and_(news, value.is_not(None), *_not_there(tx, actor, which, reference, value))
        return _refuse(which, reference.kind, missing, "nothing-there", named, target=target, value=value)
    each = func.jsonb_array_elements_text(ImportLineRow.fields[named]).column_valued("each")
    gone = (
        select(func.min(each))
        .where(*_not_there(tx, actor, which, reference, each))
        .correlate(ImportLineRow)
        .scalar_subquery()
    )
    missing = and_(news, gone.is_not(None))
    return _refuse(which, reference.kind, missing, "nothing-there", named, target=target, value=gone)


def _not_there(
    tx: Transaction, actor: Actor, which: uuid.UUID, reference: Reference, value: ColumnElement[str]
) -> list[ColumnElement[bool]]:
    beside = aliased(ImportLineRow)
    in_file = exists().where(beside.import_id == which, beside.kind == reference.target, beside.code == value)
    today = day_of(tx.now())
    statement: Select[Any]
    if reference.target == "units":
        statement = select(UnitRow.id).where(UnitRow.code == value)
        held = within(UnitRow.id, actor, today, INVENTORY_CHANGE)
        return [~in_file, ~exists(statement if held is None else statement.where(held))]
    if reference.target == "offices":
        statement = select(OfficeRow.id).where(OfficeRow.code == value)
    elif reference.target == "devices":
        statement = select(DeviceRow.id).join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        statement = statement.where(DeviceRow.code == value)
    else:
        statement = select(UplinkRow.id).join(DeviceRow, DeviceRow.id == UplinkRow.device_id)
        statement = statement.join(OfficeRow, OfficeRow.id == DeviceRow.office_id).where(UplinkRow.code == value)
    return [~in_file, ~exists(narrow_offices(statement, actor, today, INVENTORY_CHANGE))]
