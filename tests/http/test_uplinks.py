"""Uplinks: the page of one, the lists of a unit's, and a device's interfaces sorted by the server."""

from __future__ import annotations

import re

import httpx
import pytest

from api.demo.agents import PROGRAMME
from inventory.load import LoadReport, load_file
from inventory.profiles import bundled_profiles
from kernel.actors import system
from kernel.db.transaction import Database
from monitor.live import DeviceLive, LastValue, UplinkLive
from tests.http.fake_engine import AT_MS, FakeEngine, health
from tests.http.test_board import words


@pytest.fixture(autouse=True)
async def loaded(database: Database) -> LoadReport:
    async with database.transaction() as tx:
        return await load_file(PROGRAMME, system("test"), tx, bundled_profiles())


def line(code: str, device: str, **values: float) -> UplinkLive:
    known = {"in_bps": None, "out_bps": None, "utilisation_ratio": None, **values}
    return UplinkLive.model_validate(
        {"uplink": code, "device": device, "interface": "eth1", "state": "ok", "at_ms": AT_MS, **known}
    )


async def test_a_line_tells_what_it_carries_loses_and_costs(hoa: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    fake_engine.lines = (
        line("sl-fibre", "sl-rt1", in_bps=1.2e7, utilisation_ratio=0.31, loss_ratio=0.2, rtt_s=0.7, poll_cost_bps=640),
    )
    told = await words(hoa, "/uplinks/sl-fibre")
    for each in ("31%", "12 Mbit/s", "20%", "700 ms", "640 bit/s", "1 Mbit/s (2%)", "VNPT"):
        assert each in told.replace("\N{NO-BREAK SPACE}", " "), each


async def test_a_line_is_there_also_while_the_engine_is_not(hoa: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    fake_engine.up = False
    assert "Hiện chưa biết đường truyền đang tải bao nhiêu." in await words(hoa, "/uplinks/sl-fibre")
    assert (await hoa.get("/top")).status_code == 200


async def test_a_line_that_is_not_there_is_a_page_that_says_so(hoa: httpx.AsyncClient) -> None:
    assert (await hoa.get("/uplinks/nowhere")).status_code == 404


@pytest.mark.parametrize(
    ("by", "first"),
    [("use", "sl-fibre"), ("loss", "ps-fibre"), ("delay", "dk-4g"), ("cost", "dk-4g"), ("?", "sl-fibre")],
)
async def test_the_worst_lines_come_first(hoa: httpx.AsyncClient, fake_engine: FakeEngine, by: str, first: str) -> None:
    fake_engine.lines = (
        line("ps-fibre", "ps-rt1", utilisation_ratio=0.1, loss_ratio=0.5, rtt_s=0.01, poll_cost_bps=10),
        line("sl-fibre", "sl-rt1", utilisation_ratio=0.9, loss_ratio=0.0, rtt_s=0.01, poll_cost_bps=20),
        line("dk-4g", "dk-rt1", utilisation_ratio=0.2, loss_ratio=0.1, rtt_s=0.9, poll_cost_bps=30),
    )
    page = (await hoa.get("/top", params={"by": by})).text
    assert re.findall(r'href="/uplinks/([a-z0-9-]+)"', page)[0] == first


async def test_a_unit_s_list_has_the_lines_below_it_only(hoa: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    fake_engine.lines = tuple(line(f"{each}-fibre", f"{each}-rt1", utilisation_ratio=0.5) for each in ("ps", "sl"))
    whole = (await hoa.get("/top", params={"unit": "lam-dong"})).text
    part = (await hoa.get("/top", params={"unit": "song-luy"})).text
    assert re.findall(r'href="/uplinks/([a-z0-9-]+)"', whole) == ["ps-fibre", "sl-fibre"]
    assert re.findall(r'href="/uplinks/([a-z0-9-]+)"', part) == ["sl-fibre"]


async def test_interfaces_are_sorted_by_the_server(
    hoa: httpx.AsyncClient, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = {"eth0": 10.0, "eth2": 30.0, "eth10": 20.0}
    values = tuple(
        LastValue(metric=metric, instance=name, value=value, at_ms=AT_MS)
        for name, rate in rates.items()
        for metric, value in (("if_in_bps", rate), ("if_oper_status", 1.0))
    )

    async def device(code: str) -> DeviceLive:
        return DeviceLive(health=health(code), values=values)

    monkeypatch.setattr(fake_engine, "device", device)

    async def order(sort: str) -> list[str]:
        page = (await hoa.get("/devices/ps-rt1", params={"sort": sort})).text
        return re.findall(r'<th scope="row"><a [^>]*>(eth\d+)</a>', page)

    assert await order("in") == ["eth2", "eth10", "eth0"]
    assert await order("name") == ["eth0", "eth2", "eth10"]
    assert await order("nonsense") == ["eth0", "eth2", "eth10"], "eth1 is the uplink, and not among them"
    assert 'aria-sort="descending"' in (await hoa.get("/devices/ps-rt1?sort=in")).text


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("no-profile", "không có mẫu thiết bị"),
        ("no-credential", "Hãy đặt thông tin xác thực"),
        ("wrong-version", "SNMP v"),
    ],
)
async def test_why_a_device_is_not_asked_is_told_in_words(
    hoa: httpx.AsyncClient, fake_engine: FakeEngine, reason: str, said: str
) -> None:
    fake_engine.devices["ps-rt1"] = health("ps-rt1", "unknown").model_copy(
        update={"outcome": "cannot-ask", "why": "for people", "reason": reason}
    )
    assert said in await words(hoa, "/devices/ps-rt1")


async def test_a_device_that_is_asked_less_often_says_so(hoa: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    fake_engine.devices["ps-rt1"] = health("ps-rt1").model_copy(update={"slowed_s": 180.0})
    assert "Hiện chỉ hỏi 3 phút một lần" in await words(hoa, "/devices/ps-rt1")
