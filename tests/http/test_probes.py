"""What supervisors and Prometheus are told."""

from __future__ import annotations

import dataclasses

import httpx
from prometheus_client.parser import text_string_to_metric_families

from api.http.state import WebState
from kernel.db.engine import connect
from kernel.db.transaction import Database
from monitor.live import StoreLive
from tests.builders.web import app_of
from tests.http.conftest import MakeState, browser
from tests.http.fake_engine import FakeEngine


async def test_a_platform_that_works_says_so(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/readyz")
    well = {"ok": True, "why": ""}
    assert (answer.status_code, answer.json()) == (
        200, {"ok": True, "parts": {"database": well, "engine": well, "store": well}},
    )  # fmt: skip


async def test_who_asks_how_the_platform_is_does_not_make_the_engine_tell_of_every_device(
    hoa: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    assert (await hoa.get("/readyz")).status_code == 200
    told = (await hoa.get("/api/v1/platform")).json()
    assert told["devices"] == {"ok": 1, "critical": 1}
    assert (told["poll_interval_s"], told["store"]["name"]) == (60.0, "duckdb")
    assert fake_engine.boards == 0


async def test_without_its_engine_it_is_alive_and_not_ready(
    visitor: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    fake_engine.cut()
    assert (await visitor.get("/healthz")).json() == {"status": "ok"}
    answer = await visitor.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["engine"] == {"ok": False, "why": "it was cut"}
    assert not answer.json()["parts"]["store"]["ok"]
    assert answer.json()["parts"]["database"]["ok"]


async def test_a_store_that_takes_nothing_makes_it_not_ready(
    visitor: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    fake_engine.store = StoreLive(name="influxdb", ok=False, why="connection refused", waiting=7, dropped=0)
    answer = await visitor.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["store"] == {"ok": False, "why": "connection refused"}


async def test_without_its_database_it_is_alive_and_not_ready(make_state: MakeState) -> None:
    state: WebState = make_state()
    engine = connect("postgresql://nobody@/none?host=/nonexistent", process="test")
    gone = Database(engine, state.clock, None)  # type: ignore[arg-type]  # nothing is enqueued
    async with browser(app_of(dataclasses.replace(state, database=gone))) as client:
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert not answer.json()["parts"]["database"]["ok"]
    assert answer.json()["parts"]["database"]["why"]
    await gone.close()


async def metrics(client: httpx.AsyncClient) -> dict[str, dict[tuple[str, ...], float]]:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = list(text_string_to_metric_families(answer.text))
    assert len({family.name for family in families}) == len(families), "no family comes twice"
    return {
        sample.name: {
            **{tuple(other.labels.values()): other.value for other in family.samples if other.name == sample.name}
        }
        for family in families
        for sample in family.samples
    }


async def test_requests_are_counted_by_route_and_not_by_address(visitor: httpx.AsyncClient) -> None:
    for code in ("one", "two", "three"):
        await visitor.get(f"/api/v1/devices/{code}")
    await visitor.get("/no/such/page")
    await visitor.request("BREW", "/no/such/pot")
    counted = (await metrics(visitor))["vungcao_web_requests_total"]
    assert counted["GET", "/api/v1/devices/{code}", "401"] == 3
    assert counted["GET", "none", "404"] == 1
    assert counted["other", "none", "404"] == 1


async def test_the_engines_metrics_come_along_and_their_absence_is_a_metric(
    visitor: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    told = await metrics(visitor)
    assert told["vungcao_engine_up"] == {(): 1.0}
    assert told["vungcao_engine_polls_total"] == {(): 7.0}
    fake_engine.cut()
    told = await metrics(visitor)
    assert told["vungcao_engine_up"] == {(): 0.0}
    assert "vungcao_engine_polls_total" not in told


async def test_connections_to_the_database_and_open_streams_are_metrics(hoa: httpx.AsyncClient) -> None:
    told = await metrics(hoa)
    assert told["vungcao_web_database_connections"]["idle",] >= 1
    assert told["vungcao_web_open_streams"] == {(): 0.0}
    assert told["vungcao_web_process_resident_memory_bytes"][()] > 1e6
