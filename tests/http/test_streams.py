"""Event streams over a real server: what is sent, and when they end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from sqlalchemy.pool import QueuePool

from api.demo.agents import PROGRAMME
from api.http import stream
from api.http.app import routes_of
from api.http.deps import CurrentActor, State_
from api.http.state import WebState
from api.http.stream import EngineLink, Message, event_stream
from api.processes.http_server import serve_until
from api.web.pages import ROUTERS
from inventory.public import bundled_profiles, load_file
from kernel.actors import system
from kernel.db.transaction import Database
from kernel.errors import DatabaseUnavailable
from monitor.live import DevicePolled
from tests.builders.web import app_of
from tests.http.conftest import MakeAccount, MakeState, sign_in
from tests.http.fake_engine import FakeEngine, health, polled

DEADLINE_S = 30.0

router = APIRouter()


async def always() -> bool:
    return True


@router.get("/try/stream")
async def tried(state: State_, _actor: CurrentActor) -> StreamingResponse:
    async def messages() -> AsyncIterator[Message]:
        async with state.live.subscribe() as events:
            yield Message("ready", "")
            async for event in events:
                match event:
                    case EngineLink(ok=ok):
                        yield Message("engine", "back" if ok else "lost")
                    case DevicePolled(health=health) if health.device == "broken":
                        raise DatabaseUnavailable(why="it was stopped")
                    case DevicePolled(health=health):
                        yield Message("polled", f"<b>\n{health.device}\n</b>")

    return event_stream(messages(), state.stopping, state.metrics.streams, always)


@pytest.fixture
def state(make_state: MakeState) -> WebState:
    return make_state()


@pytest.fixture
async def address(state: WebState) -> AsyncIterator[str]:
    """A real server, stopped as the web process is."""
    app = app_of(state, routes_of([*ROUTERS, router]))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        serving = asyncio.create_task(serve_until(state.stopping, app, listener, shutdown_s=20))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        state.stopping.set()
        await serving


@pytest.fixture
async def client(address: str, make_account: MakeAccount) -> AsyncIterator[httpx.AsyncClient]:
    await make_account()
    async with httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client:
        assert (await sign_in(client)).status_code == 303
        yield client


async def until_open_streams(state: WebState, count: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while state.metrics.registry.get_sample_value("vungcao_web_open_streams") != count:
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def opened(client: httpx.AsyncClient) -> AsyncIterator[AsyncIterator[str]]:
    async with client.stream("GET", "/try/stream", headers={"Accept": "text/event-stream"}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers, "what is compressed waits for more"
        yield answer.aiter_lines()


async def until_line(lines: AsyncIterator[str], wanted: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        async for line in lines:
            if line == wanted:
                return
    pytest.fail(f"the stream ended before {wanted!r}")


async def test_an_event_of_the_engine_reaches_the_browser_with_all_its_lines(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    async with opened(client) as lines:
        assert await anext(lines) == "retry: 2000"
        await until_line(lines, "event: ready")
        fake_engine.tell(polled("ps-rt1"))
        await until_line(lines, "event: polled")
        assert [await anext(lines) for _ in range(4)] == ["data: <b>", "data: ps-rt1", "data: </b>", ""]


async def test_the_browser_learns_that_the_engine_stopped_and_came_back(
    client: httpx.AsyncClient, fake_engine: FakeEngine, state: WebState
) -> None:
    async with opened(client) as lines:
        await until_line(lines, "event: ready")
        async with asyncio.timeout(DEADLINE_S):
            while not state.live.link.ok:
                await asyncio.sleep(0.01)
        fake_engine.cut()
        await until_line(lines, "data: lost")
        fake_engine.up = True
        await until_line(lines, "data: back")


async def test_a_stream_that_the_browser_closes_is_closed_here_too(client: httpx.AsyncClient, state: WebState) -> None:
    async with opened(client) as lines:
        await until_line(lines, "event: ready")
        await until_open_streams(state, 1)
    await until_open_streams(state, 0)


async def test_streams_end_when_the_process_shall_stop_and_do_not_hold_it_up(
    client: httpx.AsyncClient, state: WebState
) -> None:
    async with opened(client) as lines:
        await until_line(lines, "event: ready")
        state.stopping.set()
        async with asyncio.timeout(DEADLINE_S):
            assert [line async for line in lines][-1:] in ([], [""])


async def test_nothing_to_send_is_sent_as_a_comment_now_and_then(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    async with opened(client) as lines:
        for _ in range(3):
            await until_line(lines, ": still here")


async def test_a_stream_ends_after_its_time_so_that_the_sign_in_is_looked_at_again(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, state: WebState
) -> None:
    monkeypatch.setattr(stream, "STREAM_LASTS_S", 0.2)
    async with opened(client) as lines, asyncio.timeout(DEADLINE_S):
        assert "event: ready" in [line async for line in lines]
    await until_open_streams(state, 0)


async def test_a_stream_that_can_say_no_more_ends_whole(client: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    async with opened(client) as lines:
        await until_line(lines, "event: ready")
        fake_engine.tell(polled("broken"))
        async with asyncio.timeout(DEADLINE_S):
            assert "data: lost" not in [line async for line in lines]


async def test_the_board_calls_no_device_well_that_the_engine_has_not_asked(
    client: httpx.AsyncClient, fake_engine: FakeEngine, database: Database
) -> None:
    async with database.transaction() as tx:
        report = await load_file(PROGRAMME, system("test"), tx, bundled_profiles())
    fake_engine.devices = {}
    headers = {"Accept": "text/event-stream"}
    async with client.stream("GET", "/live/board", params={"since": 0, "uplinks": ""}, headers=headers) as answer:
        lines = answer.aiter_lines()
        await until_counted(lines, 0, f"trên {report.devices} thiết bị; chưa kiểm tra: {report.devices}")
        fake_engine.devices = {"ps-rt1": health("ps-rt1")}
        fake_engine.tell(polled("ps-rt1"))
        await until_counted(lines, 1, f"trên {report.devices} thiết bị; chưa kiểm tra: {report.devices - 1}")


async def until_counted(lines: AsyncIterator[str], working: int, words: str) -> None:
    """Wait for counters that say this; none before may have called more devices well."""
    async with asyncio.timeout(DEADLINE_S):
        async for line in lines:
            if 'href="/devices"' not in line:
                continue
            if f"<b>{working}</b><small>{words}</small>" in line:
                return
            assert "<b>0</b>" in line
    pytest.fail("the stream ended before these counters came")


async def test_who_is_not_signed_in_gets_no_stream(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as stranger:
        answer = await stranger.get("/try/stream", headers={"Accept": "text/event-stream"})
    assert answer.status_code == 401


async def test_an_open_stream_holds_no_connection_to_the_database(client: httpx.AsyncClient, state: WebState) -> None:
    async with opened(client) as lines:
        await until_line(lines, "event: ready")
        pool = state.database.engine.pool
        assert isinstance(pool, QueuePool)
        assert pool.checkedout() == 0
