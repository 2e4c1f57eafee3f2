"""The board and the lists beside it, by what the engine has told so far."""

from __future__ import annotations

import re

import httpx
import pytest
from sqlalchemy import update

from api.demo.agents import PROGRAMME
from inventory.load import LoadReport, load_file
from inventory.models import DeviceRow
from inventory.profiles import bundled_profiles
from inventory.public import device_ids, device_set
from kernel.actors import system
from kernel.db.transaction import Database
from tests.http.fake_engine import FakeEngine, health


@pytest.fixture
async def loaded(database: Database) -> LoadReport:
    async with database.transaction() as tx:
        return await load_file(PROGRAMME, system("test"), tx, bundled_profiles())


async def words(client: httpx.AsyncClient, address: str) -> str:
    """Return a page's text, without tags."""
    answer = await client.get(address)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


async def test_before_the_first_plan_no_device_is_said_to_work(
    hoa: httpx.AsyncClient, loaded: LoadReport, fake_engine: FakeEngine
) -> None:
    fake_engine.devices = {}
    board = await words(hoa, "/")
    assert f"Hoạt động tốt 0 trên {loaded.devices} thiết bị; chưa kiểm tra: {loaded.devices}" in board
    assert 'class="tile ok"' not in (await hoa.get("/")).text
    sentence = f"0 trên {loaded.devices} thiết bị hoạt động tốt. Chưa kiểm tra: {loaded.devices}."
    assert sentence in await words(hoa, "/devices")
    assert "Hoạt động tốt" not in await words(hoa, "/offices")


async def test_a_device_that_the_engine_does_not_know_yet_is_not_said_to_work(
    hoa: httpx.AsyncClient, loaded: LoadReport, fake_engine: FakeEngine
) -> None:
    fake_engine.devices = {"ps-rt1": health("ps-rt1"), "ps-sw1": health("ps-sw1", "critical")}
    board = await words(hoa, "/")
    assert f"Hoạt động tốt 1 trên {loaded.devices} thiết bị; chưa kiểm tra: {loaded.devices - 2}" in board
    assert "ps-rt1" in await words(hoa, "/devices?state=ok")
    assert "ps-rt1" not in await words(hoa, "/devices?state=unknown&q=ps-")
    assert "ps-ap1" in await words(hoa, "/devices?state=unknown&q=ps-")


async def test_a_device_that_came_after_the_plan_is_not_said_to_work(
    hoa: httpx.AsyncClient, loaded: LoadReport, fake_engine: FakeEngine, database: Database
) -> None:
    everybody = system("engine")
    async with database.transaction() as tx:
        codes = await device_ids(everybody, tx)
        fake_engine.mark = (await device_set(everybody, tx)).mark
    fake_engine.devices = {code: health(code) for code in codes}
    well = f"Hoạt động tốt {loaded.devices} trên {loaded.devices} thiết bị"
    assert well in await words(hoa, "/")
    async with database.transaction() as tx:  # one for another: their number tells nothing
        await tx.session.execute(update(DeviceRow).where(DeviceRow.code == "ps-ap1").values(code="ps-ap2"))
    shown = await words(hoa, "/")
    assert well not in shown
    assert f"Hoạt động tốt {loaded.devices - 1} trên {loaded.devices} thiết bị; chưa kiểm tra: 1" in shown


async def test_pages_that_show_no_devices_do_not_make_the_engine_tell_of_every_one(
    hoa: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    for address in ("/account", "/platform", "/meetings", "/playbooks"):
        assert (await hoa.get(address)).status_code == 200, address
    assert fake_engine.boards == 0
    assert (await hoa.get("/")).status_code == 200
    assert fake_engine.boards == 1, "the page and its frame are told once"
