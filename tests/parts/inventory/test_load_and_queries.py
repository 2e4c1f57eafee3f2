"""The example programme goes into a real database, and comes out as pages and the engine ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import update

from api.demo.agents import PROGRAMME
from inventory.errors import BadInventoryFile
from inventory.models import DeviceRow
from inventory.profiles import Profile, bundled_profiles
from inventory.public import (
    LoadReport,
    UnitWish,
    device_for,
    device_ids,
    device_set,
    devices,
    every_device,
    load_file,
    office_for,
    offices,
    planned_checks,
    units_above,
    units_on,
    uplink_codes,
    uplinks,
)
from kernel.actors import Actor, system
from kernel.db.transaction import Database
from kernel.errors import NotFound, Refused
from kernel.ids import new_id
from tests.builders.actors import account_actor

TECHNICIAN = account_actor(new_id(), "kythuat", "technician")
OFFICIAL = account_actor(new_id(), "canbo", "official")
NOBODY = Actor(id=new_id(), name="nobody")
PROFILES: Mapping[str, Profile] = bundled_profiles()


@pytest.fixture
async def loaded(database: Database) -> LoadReport:
    async with database.transaction() as tx:
        return await load_file(PROGRAMME, system("test"), tx, PROFILES)


async def test_the_example_programme_is_loaded_whole(loaded: LoadReport, database: Database) -> None:
    async with database.transaction() as tx:
        assert (await device_set(TECHNICIAN, tx)).count == loaded.devices
        assert len(await every_device(TECHNICIAN, tx)) == loaded.devices
        assert len(await device_ids(TECHNICIAN, tx)) == loaded.devices
        assert len(await uplinks(TECHNICIAN, tx)) == loaded.uplinks


async def test_a_set_of_devices_has_a_mark_of_its_own(loaded: LoadReport, database: Database) -> None:
    async with database.transaction() as tx:
        before = await device_set(TECHNICIAN, tx)
        rename = update(DeviceRow).where(DeviceRow.code == "ps-ap1")
        await tx.session.execute(rename.values(code="ps-ap2"))
        other = await device_set(TECHNICIAN, tx)
        await tx.session.execute(update(DeviceRow).where(DeviceRow.code == "ps-ap2").values(code="ps-ap1"))
        again = await device_set(system("engine"), tx)
    assert other.count == before.count
    assert other.mark != before.mark
    assert again == before, "whoever asks, and in whatever order they come"


async def test_the_same_file_again_changes_nothing(loaded: LoadReport, database: Database) -> None:
    async with database.transaction() as tx:
        again = await load_file(PROGRAMME, system("test"), tx, PROFILES)
    assert again == LoadReport(0, 0, 0, 0)


async def test_a_changed_line_changes_that_device_only(loaded: LoadReport, database: Database, tmp_path: Path) -> None:
    changed = tmp_path / "programme.yaml"
    text = PROGRAMME.read_text("utf-8")
    assert text.count("address: 127.20.1.1,") <= 1
    changed.write_text(text.replace("carrier: Viettel", "carrier: VNPT", 1), encoding="utf-8")
    async with database.transaction() as tx:
        report = await load_file(changed, system("test"), tx, PROFILES)
    assert (report.units, report.offices, report.devices, report.uplinks) == (0, 0, 0, 1)


async def test_a_file_with_one_mistake_loads_nothing(database: Database, tmp_path: Path) -> None:
    broken = tmp_path / "programme.yaml"
    broken.write_text(PROGRAMME.read_text("utf-8").replace("role: ups", "role: kettle", 1), encoding="utf-8")
    with pytest.raises(BadInventoryFile):
        async with database.transaction() as tx:
            await load_file(broken, system("test"), tx, PROFILES)
    async with database.transaction() as tx:
        assert (await device_set(TECHNICIAN, tx)).count == 0


async def test_who_may_not_change_the_inventory_loads_nothing(database: Database) -> None:
    with pytest.raises(Refused):
        async with database.transaction() as tx:
            await load_file(PROGRAMME, OFFICIAL, tx, PROFILES)


async def test_who_may_see_nothing_is_refused_everywhere(loaded: LoadReport, database: Database) -> None:
    async with database.transaction() as tx:
        for ask in (
            units_on(NOBODY, tx, UnitWish()),
            units_above(NOBODY, tx, ["bon-thop"], "province", date(2026, 1, 1)),
            uplink_codes(NOBODY, tx),
            offices(NOBODY, tx),
            devices(NOBODY, tx),
            uplinks(NOBODY, tx),
            device_for(NOBODY, "ps-rt1", tx),
            office_for(NOBODY, "ps", tx),
            device_set(NOBODY, tx),
        ):
            with pytest.raises(Refused):
                await ask


async def test_before_and_after_the_reorganisation_there_are_other_units(
    loaded: LoadReport, database: Database
) -> None:
    async with database.transaction() as tx:
        old = await units_on(TECHNICIAN, tx, UnitWish(as_of=date(2025, 6, 30)), limit=200)
        new = await units_on(TECHNICIAN, tx, UnitWish(as_of=date(2025, 7, 1)), limit=200)
    before = {unit.code: unit for unit in old.units}
    after = {unit.code: unit for unit in new.units}
    assert "binh-thuan" in before
    assert "binh-thuan" not in after
    assert before["binh-thuan"].successors == ("lam-dong",)
    assert "phan-son" not in before
    assert after["phan-son"].parent == "lam-dong"
    assert not [unit for unit in after.values() if unit.level == "district"]


async def test_pages_of_devices_bring_each_once_and_in_order(loaded: LoadReport, database: Database) -> None:
    seen: list[str] = []
    after: str | None = None
    async with database.transaction() as tx:
        while True:
            page = await devices(TECHNICIAN, tx, limit=7, after=after)
            seen += [device.code for device in page.devices]
            if (after := page.next_cursor) is None:
                break
    assert seen == sorted(seen)
    assert len(seen) == loaded.devices


async def test_pages_of_offices_follow_their_vietnamese_order(loaded: LoadReport, database: Database) -> None:
    seen: list[str] = []
    after: str | None = None
    async with database.transaction() as tx:
        whole = [office.code for office in (await offices(TECHNICIAN, tx, limit=100)).offices]
        while True:
            page = await offices(TECHNICIAN, tx, limit=3, after=after)
            seen += [office.code for office in page.offices]
            if (after := page.next_cursor) is None:
                break
    assert seen == whole
    assert len(seen) == loaded.offices


@pytest.mark.parametrize("query", ["Phan Sơn", "phan son", "PHAN SƠN", "phan sơn"])
async def test_search_forgives_case_and_missing_accents(loaded: LoadReport, database: Database, query: str) -> None:
    async with database.transaction() as tx:
        found = await devices(TECHNICIAN, tx, query=query)
        assert any(device.code == "ps-rt1" for device in found.devices)
        assert any(office.code == "ps" for office in (await offices(TECHNICIAN, tx, query=query)).offices)


async def test_search_takes_signs_as_they_are(loaded: LoadReport, database: Database) -> None:
    async with database.transaction() as tx:
        for query in ("%", "_", "\\", "'; DROP TABLE device; --"):
            assert (await devices(TECHNICIAN, tx, query=query)).devices == []


async def test_a_device_that_is_not_there_is_not_found(loaded: LoadReport, database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(NotFound):
            await device_for(TECHNICIAN, "ps-rt99", tx)
        with pytest.raises(NotFound):
            await office_for(TECHNICIAN, "nowhere", tx)


async def test_checks_are_loaded_and_read_back_without_those_set_to_never(
    loaded: LoadReport, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "checks.yaml"
    text = """version: 1
checks:
  a-page: {device: ps-rt1, kind: http, path: /status, contains: ready, every_s: 60}
  a-name: {device: ps-rt1, kind: dns, name: meet.example.vn, expect: [203.0.113.7], place: north}
"""
    file.write_text(text, "utf-8")
    async with database.transaction() as tx:
        report = await load_file(file, system("test"), tx, PROFILES)
    assert report.checks == 2
    async with database.transaction() as tx:
        name, page = await planned_checks(TECHNICIAN, tx)
    assert (page.code, page.port, page.path, page.contains, page.secure) == ("a-page", 443, "/status", "ready", True)
    assert (name.place, name.expect, name.record) == ("north", ("203.0.113.7",), "A")
    file.write_text(text.replace("every_s: 60", "every_s: 0"), "utf-8")
    async with database.transaction() as tx:
        await load_file(file, system("test"), tx, PROFILES)
    async with database.transaction() as tx:
        assert [check.code for check in await planned_checks(TECHNICIAN, tx)] == ["a-name"]
