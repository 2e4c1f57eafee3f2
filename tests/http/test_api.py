"""The JSON API on the example programme: shapes, pages, times."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import insert, select

from api.demo.agents import PROGRAMME
from api.http.paging import Shape, cut
from inventory.load import LoadReport, load_file
from inventory.models import DeviceRow
from inventory.profiles import bundled_profiles
from kernel.actors import system
from kernel.clock import FrozenClock, epoch_ms
from kernel.db.transaction import Database
from kernel.errors import BadInput
from kernel.ids import new_id
from monitor.models import AlertRow
from tests.http.access_tables import NEEDS, OPEN
from tests.http.conftest import MakeAccount, browser, sign_in, token
from tests.http.fake_engine import FakeEngine


@pytest.fixture
async def loaded(database: Database) -> LoadReport:
    async with database.transaction() as tx:
        return await load_file(PROGRAMME, system("test"), tx, bundled_profiles())


async def every_page(client: httpx.AsyncClient, address: str, limit: int, **asked: str) -> list[dict[str, object]]:
    """Follow the cursors to the end and return all items."""
    items: list[dict[str, object]] = []
    after: str | None = None
    while True:
        answer = await client.get(address, params={"limit": limit, **asked, **({"after": after} if after else {})})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert 0 < len(page["items"]) <= limit
        items += page["items"]
        if (after := page["next"]) is None:
            return items


@pytest.mark.parametrize(("address", "limit"), [("units", 7), ("offices", 5), ("devices", 20), ("uplinks", 7)])
async def test_following_the_cursors_gives_each_item_once(
    hoa: httpx.AsyncClient, loaded: LoadReport, address: str, limit: int
) -> None:
    whole = await every_page(hoa, f"/api/v1/{address}", 200)
    by_pages = await every_page(hoa, f"/api/v1/{address}", limit)
    assert by_pages == whole
    codes = [item["code"] for item in whole]
    assert len(set(codes)) == len(codes) > limit


async def test_units_are_those_of_the_asked_day(hoa: httpx.AsyncClient, loaded: LoadReport) -> None:
    before = {unit["code"] for unit in await every_page(hoa, "/api/v1/units", 200, as_of="2025-06-30")}
    after = {unit["code"] for unit in await every_page(hoa, "/api/v1/units", 200, as_of="2025-07-01")}
    assert before - after, "districts ended on 1 July 2025"
    today = {unit["code"] for unit in await every_page(hoa, "/api/v1/units", 200)}
    assert today == after


async def test_a_device_comes_with_what_the_engine_knows_and_without_its_secret(
    hoa: httpx.AsyncClient, loaded: LoadReport, fake_engine: FakeEngine
) -> None:
    code = (await hoa.get("/api/v1/devices?role=router&limit=1")).json()["items"][0]["code"]
    answer = (await hoa.get(f"/api/v1/devices/{code}")).json()
    assert answer["device"]["code"] == code
    assert set(answer["device"]) >= {
        "code", "name", "role", "office", "office_name", "unit_name", "profile", "address", "port", "snmp",
        "credential",
    }  # fmt: skip
    assert not [name for name in answer["device"] if re.search("secret|key|community|password", name)]
    assert answer["now"] == (None if code not in fake_engine.devices else answer["now"])
    offices = (await hoa.get("/api/v1/offices?limit=200")).json()["items"]
    assert [office["devices"] >= 1 for office in offices if office["code"] == answer["device"]["office"]] == [True]


async def test_a_device_or_office_that_is_not_there_is_not_found(hoa: httpx.AsyncClient) -> None:
    for address in ("devices/none", "offices/none", "devices/none/history?series=if_in_bps"):
        answer = await hoa.get(f"/api/v1/{address}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_history_is_asked_for_the_last_hour_unless_another_time_is_given(
    hoa: httpx.AsyncClient, loaded: LoadReport, fake_engine: FakeEngine, clock: FrozenClock
) -> None:
    code = (await hoa.get("/api/v1/devices?limit=1")).json()["items"][0]["code"]
    now_ms = epoch_ms(clock.now())
    answer = await hoa.get(f"/api/v1/devices/{code}/history?series=if_in_bps|ether1&series=uptime_s")
    assert fake_engine.asked[-1] == (
        code, (("if_in_bps", "ether1"), ("uptime_s", "")), now_ms - 3_600_000, now_ms, 60_000,
    )  # fmt: skip
    assert [(line["metric"], line["instance"]) for line in answer.json()] == [("if_in_bps", "ether1"), ("uptime_s", "")]
    await hoa.get(f"/api/v1/devices/{code}/history?series=x&start_ms=0&end_ms=5000&step_ms=1000")
    assert fake_engine.asked[-1][2:] == (0, 5000, 1000)


@pytest.mark.parametrize(
    "query", ["start_ms=5000&end_ms=5000", "start_ms=5000&end_ms=0", "start_ms=0&end_ms=2001000&step_ms=1000"]
)
async def test_a_time_without_steps_or_with_too_many_is_refused(
    hoa: httpx.AsyncClient, loaded: LoadReport, query: str
) -> None:
    code = (await hoa.get("/api/v1/devices?limit=1")).json()["items"][0]["code"]
    answer = await hoa.get(f"/api/v1/devices/{code}/history?series=x&{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-input")


async def test_without_the_engine_a_device_is_not_shown_as_if_nothing_were_wrong(
    hoa: httpx.AsyncClient, loaded: LoadReport, fake_engine: FakeEngine
) -> None:
    code = (await hoa.get("/api/v1/devices?limit=1")).json()["items"][0]["code"]
    fake_engine.cut()
    answer = await hoa.get(f"/api/v1/devices/{code}")
    assert (answer.status_code, answer.json()["code"]) == (503, "engine-unavailable")
    assert answer.json()["fields"] == {"why": "it was cut"}


async def test_the_platform_tells_how_its_parts_and_devices_are(
    hoa: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    told = (await hoa.get("/api/v1/platform")).json()
    assert told["ok"]
    assert told["devices"] == {"ok": 1, "critical": 1}
    assert told["store"]["name"] == "duckdb"
    fake_engine.cut()
    told = (await hoa.get("/api/v1/platform")).json()
    assert not told["ok"]
    assert told["store"] is None


async def test_an_alert_is_listed_taken_by_one_and_given_back(
    app: FastAPI, hoa: httpx.AsyncClient, loaded: LoadReport, database: Database, make_account: MakeAccount
) -> None:
    alert_id = new_id()
    async with database.transaction() as tx:
        device_id = await tx.session.scalar(select(DeviceRow.id).limit(1))
        await tx.session.execute(insert(AlertRow).values(
            id=alert_id, rule="uplink-down", severity="critical", device_id=device_id, instance="ether1",
            details={"why": "ifOperStatus is down"}, raised_at=datetime(2026, 11, 24, 1, tzinfo=UTC),
        ))  # fmt: skip
    listed = (await hoa.get("/api/v1/alerts?severity=critical")).json()["items"]
    assert [alert["id"] for alert in listed] == [str(alert_id)]
    assert listed[0]["raised_at"] == "2026-11-24T01:00:00Z"
    assert (await hoa.get("/api/v1/alerts?severity=notice")).json()["items"] == []

    headers = {"X-CSRF-Token": await token(hoa)}
    taken = await hoa.post(f"/api/v1/alerts/{alert_id}/take", headers=headers)
    assert (taken.status_code, taken.json()["taken_by"]) == (200, "hoa")
    await make_account("lan", "security")
    async with browser(app) as lan:
        await sign_in(lan, "lan")
        refused = await lan.post(f"/api/v1/alerts/{alert_id}/take", headers={"X-CSRF-Token": await token(lan)})
    assert (refused.status_code, refused.json()["fields"]) == (409, {"holder": "hoa"})
    given_back = await hoa.post(f"/api/v1/alerts/{alert_id}/release", headers=headers)
    assert given_back.json()["taken_by"] is None
    story = (await hoa.get(f"/api/v1/alerts/{alert_id}")).json()
    assert story["alert"]["rule"] == "uplink-down"


async def test_the_description_of_the_api_names_every_route_its_cookie_and_its_errors(
    visitor: httpx.AsyncClient,
) -> None:
    told = (await visitor.get("/api/v1/openapi.json")).json()
    paths = {path for path in told["paths"] if path.startswith("/api/v1/")}
    described = {key.partition(" ")[2] for key in OPEN | set(NEEDS)}
    assert paths == {path for path in described if path.startswith("/api/v1/")}
    operations = [operation for path in paths for operation in told["paths"][path].values()]
    assert all(operation["summary"] and operation["description"] for operation in operations)
    assert all("application/problem+json" in operation["responses"]["401"]["content"] for operation in operations)
    assert told["components"]["securitySchemes"]["APIKeyCookie"]["name"] == "vungcao_session"
    assert told["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    parameters = [parameter for operation in operations for parameter in operation.get("parameters", [])]
    assert all(parameter.get("description") for parameter in parameters if parameter["in"] == "query")


class Thing(Shape):
    code: str


THINGS = [Thing(code=code) for code in "abcde"]


def test_a_page_at_the_end_of_a_list_has_no_next() -> None:
    page = cut(THINGS, lambda thing: thing.code, 3, "c")
    assert ([thing.code for thing in page.items], page.next) == (["d", "e"], None)
    exact = cut(THINGS, lambda thing: thing.code, 5, None)
    assert exact.next is None


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(BadInput):
        cut(THINGS, lambda thing: thing.code, 3, "z")
