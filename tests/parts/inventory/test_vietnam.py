"""The whole country, and its reform of 1 July 2025: nobody is lost on any day, and sums agree on every map."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from inventory.errors import PackageMissing
from inventory.load_vietnam import VietnamReport, load_vietnam
from inventory.models import UnitRow
from inventory.reorganisations import State, apply_due, propose, schedule
from inventory.tree_changes import read_tree
from inventory.unit_queries import UnitWish, figures, unit_for, units_on
from inventory.vietnam import REFORM, Country, read_country
from kernel.actors import Actor, system
from kernel.db.transaction import Database
from kernel.errors import Refused
from kernel.ids import new_id
from tests.builders.reform import FIRST_DAY, load_before, load_offices, reform

ACTOR = system("test")
THE_DAY_BEFORE = REFORM - timedelta(days=1)
ON_ALL_DAYS = (FIRST_DAY, THE_DAY_BEFORE, REFORM, REFORM + timedelta(days=1), date(2026, 11, 24))


@pytest.fixture(scope="module")
def country() -> Country:
    return read_country(FIRST_DAY)


@pytest.fixture
async def loaded(database: Database) -> VietnamReport:
    async with database.transaction() as tx:
        return await load_vietnam(ACTOR, tx)


async def test_the_package_has_what_the_government_counted(loaded: VietnamReport, database: Database) -> None:
    assert {(count.when, count.level): (count.found, count.gap) for count in loaded.counts} == {
        ("before", "province"): (63, 0),
        ("before", "district"): (696, 0),
        ("before", "commune"): (10_035, 0),
        ("since", "province"): (34, 0),
        ("since", "commune"): (3_321, 0),
    }
    assert loaded.untold == ()
    async with database.transaction() as tx:
        for day, expected in (
            (THE_DAY_BEFORE, {"central": 1, "province": 63, "district": 696, "commune": 10_035}),
            (REFORM, {"central": 1, "province": 34, "commune": 3_321}),
        ):
            counted = await tx.session.execute(
                text(
                    "SELECT level, count(*) FROM unit_ancestry JOIN unit ON unit.id = unit_id "
                    "WHERE ancestor_id = (SELECT id FROM unit WHERE code = 'vn') AND since <= :day AND until > :day "
                    "GROUP BY level"
                ),
                {"day": day},
            )
            assert {row[0]: row[1] for row in counted} == expected


async def test_loaded_again_nothing_changes(loaded: VietnamReport, database: Database) -> None:
    async with database.transaction() as tx:
        again = await load_vietnam(ACTOR, tx)
    assert (loaded.known, again.added, again.known) == (0, 0, loaded.added)


async def test_it_is_told_what_became_of_a_unit(loaded: VietnamReport, database: Database) -> None:
    async with database.transaction() as tx:
        page = await units_on(ACTOR, tx, UnitWish(as_of=THE_DAY_BEFORE, query="phan lam", level="commune"))
        [old] = page.units
        assert (old.name, old.valid_to) == ("Xã Phan Lâm", REFORM)
        details = await unit_for(ACTOR, old.successors[0], tx)
        assert details.unit.name == "Xã Phan Sơn"
        assert [unit.name for unit in details.above] == ["Việt Nam", "Tỉnh Lâm Đồng"]
        assert old.code in details.unit.predecessors
        before = await unit_for(ACTOR, old.code, tx)
        assert [unit.name for unit in before.above] == ["Việt Nam", "Tỉnh Bình Thuận", "Huyện Bắc Bình"]


async def test_who_may_not_change_the_whole_tree_loads_no_country(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(Refused):
            await load_vietnam(Actor(id=new_id(), name="nobody"), tx)


@pytest.mark.parametrize("content", [None, "", "no such tables"])
async def test_a_package_that_is_not_as_it_was_is_told_and_loads_nothing(
    database: Database, tmp_path: Path, content: str | None
) -> None:
    (tmp_path / "data").mkdir()
    if content is not None:
        with sqlite3.connect(tmp_path / "data" / "dataset.db") as made:
            made.execute("CREATE TABLE admin_units (province TEXT)")
        made.close()
        (tmp_path / "data" / "converter_2025.json").write_text(content, encoding="utf-8")
    async with database.transaction() as tx:
        with pytest.raises(PackageMissing, match="not as version"):
            await load_vietnam(ACTOR, tx, folder=tmp_path)
        assert await tx.session.scalar(select(UnitRow.id).limit(1)) is None


async def test_the_reform_loses_nobody_and_the_sums_agree_on_both_maps(country: Country, database: Database) -> None:
    async with database.transaction() as tx:
        await load_before(country, tx)
        await load_offices(tx, devices=1)
        tree = await read_tree(tx)
    offices = len(tree.offices)
    assert offices == 1 + 63 + 696 + 10_035
    before = {code: office.unit for code, office in tree.offices.items()}
    operations = await asyncio.to_thread(reform, country)
    async with database.transaction() as tx:
        made = await propose(ACTOR, tx, [], title="Sắp xếp 2025", day=REFORM, operations=operations)
        await schedule(ACTOR, tx, [], made.id)
    applied = await apply_due(database, [])
    assert applied is not None
    assert (applied.state, applied.why) == (State.APPLIED, ())
    assert applied.applied == made.rehearsed
    assert made.rehearsed.counts["devices"] == made.rehearsed.counts["offices"]

    async with database.transaction() as tx:
        # The tree is the one that the package tells, with its history.
        tree = await read_tree(tx)
        assert {code for code, unit in tree.units.items() if unit.ended is None} == {
            code for code, unit in country.units.items() if unit.periods[-1].until is None
        }
        assert {code: unit.parent for code, unit in tree.units.items() if unit.ended is None} == {
            code: unit.periods[-1].parent for code, unit in country.units.items() if unit.periods[-1].until is None
        }
        became = await tx.session.execute(
            text(
                "SELECT p.code, s.code FROM unit_succession JOIN unit AS p ON p.id = predecessor_id"
                " JOIN unit AS s ON s.id = successor_id"
            )
        )
        assert {tuple(row) for row in became} == {
            (unit.code, successor) for unit in country.units.values() for successor in unit.successors
        }
        for code, office in tree.offices.items():
            heirs = country.units[before[code]].successors
            assert not heirs or office.unit == heirs[0]

        # Every device has one office, every office one unit that lasts, on every day.
        for day in ON_ALL_DAYS:
            lost = text(
                "SELECT (SELECT count(*) FROM device WHERE (SELECT count(*) FROM device_period AS period"
                " WHERE device_id = device.id AND period.valid @> :day) <> 1)"
                " + (SELECT count(*) FROM office WHERE (SELECT count(*) FROM office_period AS period"
                "  JOIN unit_period AS unit ON unit.unit_id = period.unit_id AND unit.valid @> :day"
                "  WHERE office_id = office.id AND period.valid @> :day) <> 1)"
            )
            assert await tx.session.scalar(lost, {"day": day}) == 0

        # Whatever the map and the level, the sums are the same.
        for day in (THE_DAY_BEFORE, REFORM):
            for map_of in (THE_DAY_BEFORE, REFORM):
                for level in ("province", "commune"):
                    cut = await figures(ACTOR, tx, level=level, as_of=day, map_of=map_of)
                    assert sum(figure.offices for figure in cut) == offices
                    assert sum(figure.devices for figure in cut) == offices
        assert len(await figures(ACTOR, tx, level="province", as_of=REFORM, map_of=THE_DAY_BEFORE)) == 63 + 1
        assert len(await figures(ACTOR, tx, level="province", as_of=REFORM)) == 34 + 1
