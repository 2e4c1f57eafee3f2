"""The whole country of the day before 1 July 2025 with offices and devices, and the reform that it went through."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from sqlalchemy import insert, text
from sqlalchemy.dialects.postgresql import Range

from inventory.ancestry import renew
from inventory.models import UnitPeriodRow, UnitRow
from inventory.reorganise import Abolish, Create, Merge, Move, Operation, Split
from inventory.vietnam import REFORM, Country, Unit, english
from kernel.db.transaction import Transaction
from kernel.i18n import sort_key
from kernel.ids import new_id

FIRST_DAY = date(2025, 1, 1)


def lasted_before(unit: Unit) -> bool:
    return unit.periods[0].since < REFORM


async def load_before(country: Country, tx: Transaction) -> None:
    """Load the units of before, as if nobody knew of the reform."""
    before = {code: unit for code, unit in country.units.items() if lasted_before(unit)}
    ids = {code: new_id() for code in before}
    await tx.session.execute(
        insert(UnitRow),
        [
            {"id": ids[code], "code": code, "level": unit.level, "valid_from": unit.periods[0].since}
            for code, unit in before.items()
        ],
    )
    await tx.session.execute(
        insert(UnitPeriodRow),
        [
            {
                "id": new_id(),
                "unit_id": ids[code],
                "valid": Range(unit.periods[0].since, None),
                "name": unit.name,
                "name_en": english(unit.name),
                "name_sort": sort_key(unit.name),
                "parent_id": ids[parent] if (parent := unit.periods[0].parent) else None,
            }
            for code, unit in before.items()
        ],
    )
    await renew(tx)


async def load_offices(tx: Transaction, devices: int) -> None:
    """Put an office into each unit, and `devices` devices into each office."""
    for statement in (
        """
        INSERT INTO office (id, code, name, name_sort, unit_id, address)
        SELECT gen_random_uuid(), 'vp-' || unit.code, 'Văn phòng ' || period.name, period.name_sort, unit.id, ''
        FROM unit JOIN unit_period AS period ON period.unit_id = unit.id AND upper_inf(period.valid)
        """,
        """
        INSERT INTO office_period (id, office_id, valid, unit_id)
        SELECT gen_random_uuid(), office.id, daterange('2025-01-01', NULL), unit_id FROM office
        """,
        f"""
        INSERT INTO device (id, code, name, role, office_id, profile, address, snmp, credential)
        SELECT gen_random_uuid(), 'tb' || number || '-' || office.code, 'Bộ định tuyến', 'router', office.id,
            'network-interfaces', '10.0.0.1', 'v3', 'example-v3'
        FROM office, generate_series(1, {devices}) AS number
        """,
        """
        INSERT INTO device_period (id, device_id, valid, office_id)
        SELECT gen_random_uuid(), id, daterange('2025-01-01', NULL), office_id FROM device
        """,
        "ANALYZE",
    ):
        await tx.session.execute(text(statement))


def reform(country: Country) -> list[Operation]:
    """Return the operations of 1 July 2025: what begins, what goes under another parent, what ends and becomes what."""
    began = [unit for unit in country.units.values() if not lasted_before(unit)]
    began.sort(key=lambda unit: unit.level != "province")
    operations: list[Operation] = [
        Create(
            unit=unit.code, name=unit.name, name_en=english(unit.name), level=unit.level, parent=unit.periods[0].parent
        )
        for unit in began
    ]
    operations += [
        Move(unit=unit.code, parent=unit.periods[1].parent) for unit in country.units.values() if len(unit.periods) > 1
    ]
    ended = [unit for unit in country.units.values() if unit.periods[-1].until is not None]
    merged: dict[tuple[str, str], list[str]] = defaultdict(list)
    for unit in ended:
        if len(unit.successors) == 1:
            merged[unit.level, unit.successors[0]].append(unit.code)
    communes = [Merge(units=tuple(codes), into=into) for (level, into), codes in merged.items() if level != "province"]
    splits = [
        Split(unit=unit.code, into=tuple(unit.successors), rest=unit.successors[0])
        for unit in ended
        if len(unit.successors) > 1
    ]
    districts = [
        Abolish(unit=unit.code, to=_province_of(unit, country))
        for unit in ended
        if unit.level == "district" and not unit.successors
    ]
    provinces = [Merge(units=tuple(codes), into=into) for (level, into), codes in merged.items() if level == "province"]
    return [*operations, *communes, *splits, *districts, *provinces]


def _province_of(district: Unit, country: Country) -> str:
    """Return the province of now that the district's offices go to."""
    parent = district.periods[0].parent or ""
    province = country.units[parent]
    return province.successors[0] if province.successors else province.code
