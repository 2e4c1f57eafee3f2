"""The stream of a run's page over a real server: each line once and in order, also for slow browsers and lost links."""

from __future__ import annotations

import asyncio
import json
import socket
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from api.http.state import WebState
from api.processes.http_server import serve_until
from api.web import run_stream
from kernel.db.transaction import Database
from playbooks.automation.repository import add_lines, add_planned_hosts, begin_hosts, locked, set_host
from playbooks.automation.runner.port import Difference
from playbooks.automation.runs import HostCount, HostState
from playbooks.public import LaunchRequest, launch
from tests.builders.actors import account_actor
from tests.builders.web import app_of
from tests.http.conftest import MakeAccount, MakeState, sign_in
from tests.http.office import load_office

DEADLINE_S = 60.0


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_stream, "LOOK_EVERY_S", 0.05)


@pytest.fixture
def state(make_state: MakeState) -> WebState:
    return make_state()


@pytest.fixture
async def client(state: WebState, make_account: MakeAccount) -> AsyncIterator[httpx.AsyncClient]:
    """A technician, signed in at a real server."""
    app = app_of(state)
    await make_account()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        serving = asyncio.create_task(serve_until(state.stopping, app, listener, shutdown_s=20))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client:
            assert (await sign_in(client)).status_code == 303
            yield client
        state.stopping.set()
        await serving


class Run:
    """A run as its worker would move it."""

    def __init__(self, database: Database, run: uuid.UUID) -> None:
        self._database = database
        self.id = run
        self._lines = 0

    async def begin(self) -> None:
        async with self._database.transaction() as tx:
            row = await locked(tx, self.id)
            assert row is not None
            row.state, row.started_at = "running", tx.now()
            await add_planned_hosts(tx, self.id, [{"host": "ps-rt1", "office_id": row.office_id}])
            await begin_hosts(tx, self.id, ["ps-rt1"])

    async def say(self, count: int, kind: str = "ok", text: str = "line") -> None:
        async with self._database.transaction() as tx:
            await add_lines(
                tx,
                self.id,
                [
                    {"line_no": number, "at": tx.now(), "host": "ps-rt1", "kind": kind, "text": f"{text} {number}"}
                    for number in range(self._lines + 1, self._lines + count + 1)
                ],
            )
        self._lines += count

    async def end(self, state: str = "succeeded") -> None:
        async with self._database.transaction() as tx:
            row = await locked(tx, self.id)
            assert row is not None
            row.state, row.ended_at = state, tx.now()
            change = Difference("Name", "/etc/timezone", "UTC\n", "Asia/Ho_Chi_Minh\n")
            await set_host(tx, self.id, "ps-rt1", HostCount(ok=3, changed=1), [change], HostState.DONE)


@pytest.fixture
async def run(database: Database, tmp_path: Path) -> Run:
    await load_office(database, tmp_path)

    async def nothing_in_session(*_: object) -> list[None]:
        return []

    async with database.transaction() as tx:
        made = await launch(
            LaunchRequest("time-and-dns", "ps", check=True),
            account_actor(uuid.uuid4(), "lan", "technician"), tx, nothing_in_session,  # type: ignore[arg-type]
        )  # fmt: skip
    return Run(database, made.id)


class Event(NamedTuple):
    name: str
    data: str
    id: str


async def events(answer: httpx.Response) -> AsyncIterator[Event]:
    """Yield the events of a stream."""
    found: dict[str, list[str]] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            found.setdefault(name, []).append(value)
        elif "event" in found:
            yield Event(found["event"][0].rstrip(":"), "\n".join(found.get("data", [])), "".join(found.get("id", [])))
            found = {}
        else:
            found = {}


async def read(
    client: httpx.AsyncClient, run: Run, *, after: int = 0, last: str = "", until: str = "over"
) -> list[Event]:
    """Return the stream's events up to the first one named `until`."""
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
    came = []
    async with (
        asyncio.timeout(DEADLINE_S),
        client.stream("GET", f"/live/runs/{run.id}?after={after}", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        async for event in events(answer):
            came.append(event)
            if event.name == until:
                break
    return came


def lines_of(came: list[Event]) -> list[int]:
    """Return the numbers of all lines, in the order in which they came."""
    return [line[0] for event in came if event.name == "lines" for line in json.loads(event.data)]


async def test_lines_come_as_they_are_said_and_the_end_is_told(client: httpx.AsyncClient, run: Run) -> None:
    reading = asyncio.create_task(read(client, run))
    await run.begin()
    for _ in range(5):
        await run.say(7)
        await asyncio.sleep(0.1)
    await run.say(1, "failed", "fatal")
    await run.end()
    came = await reading
    assert lines_of(came) == list(range(1, 37))
    parts = "".join(event.data for event in came if not event.name)
    assert "Đang chạy" in parts
    assert "Đã chạy thử xong. Không có gì bị thay đổi." in parts
    assert "Asia/Ho_Chi_Minh" in parts, "what would change"
    assert f"/playbooks/time-and-dns?run={run.id}" in parts, "what can be done next"
    last = [event for event in came if event.name == "lines"][-1]
    assert last.id == "36"


async def test_a_browser_that_comes_back_misses_no_line_and_gets_none_twice(
    client: httpx.AsyncClient, run: Run
) -> None:
    await run.begin()
    await run.say(450)
    first = await read(client, run, until="lines")
    assert lines_of(first) == list(range(1, 201))
    await run.say(10)
    await run.end()
    again = await read(client, run, after=0, last=first[-1].id)
    assert lines_of(again) == list(range(201, 461))


async def test_a_browser_that_reads_slowly_gets_all_lines_and_holds_up_nobody(
    client: httpx.AsyncClient, run: Run, state: WebState
) -> None:
    await run.begin()
    headers = {"Accept": "text/event-stream"}
    async with asyncio.timeout(DEADLINE_S * 3), client.stream("GET", f"/live/runs/{run.id}", headers=headers) as answer:
        came: list[Event] = []
        stream = events(answer)
        came.append(await anext(stream))
        for _ in range(20):  # some megabytes, of which the browser has taken nothing yet
            await run.say(1000, text="x" * 200)
        await run.end()
        assert lines_of(await read(client, run, after=19_990)) == list(range(19_991, 20_001)), (
            "another one is not held up"
        )
        async for event in stream:
            came.append(event)
            if event.name == "over":
                break
    assert lines_of(came) == list(range(1, 20_001))


async def test_a_run_that_is_over_is_told_once_and_the_stream_ends(client: httpx.AsyncClient, run: Run) -> None:
    await run.begin()
    await run.say(3)
    await run.end("failed")
    came = await read(client, run, after=3, until="never")
    assert [event.name for event in came if event.name] == ["over"]


@pytest.mark.parametrize("last", ["-1", "x", "9" * 90, "1e3", "0x10"])
async def test_a_made_up_last_line_is_no_error(client: httpx.AsyncClient, run: Run, last: str) -> None:
    await run.begin()
    await run.say(3)
    await run.end()
    assert (await read(client, run, last=last))[-1].name == "over"


async def test_what_is_being_typed_is_not_drawn_anew(client: httpx.AsyncClient, run: Run) -> None:
    headers = {"Accept": "text/event-stream"}
    await run.begin()
    await run.say(1)
    address = f"/live/runs/{run.id}"
    async with asyncio.timeout(DEADLINE_S), client.stream("GET", f"{address}?shown=running", headers=headers) as answer:
        parts = ""
        async for event in events(answer):
            parts += event.data if not event.name else ""
            if 'id="run-hosts"' in parts:
                break
    assert 'id="run-told"' not in parts
    async with asyncio.timeout(DEADLINE_S), client.stream("GET", f"{address}?shown=waiting", headers=headers) as answer:
        async for event in events(answer):
            if 'id="run-told"' in event.data:
                return
    pytest.fail("the page is not told that the run has begun")
