"""Live streams and what is not yours: events come for the whole country, and a grant may end while a page is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request

from api.http import stream
from api.http.auth import SESSION_COOKIE, is_unchanged
from api.http.state import WebState
from api.http.stream import Message, event_stream
from api.web.streams import BoardStream
from inventory.public import Grant, account_for, create_account, grants, revoke_grant, set_disabled
from kernel.actors import Actor, system
from kernel.db.transaction import Database
from kernel.errors import DatabaseUnavailable
from monitor.public import AlertChanged
from tests.builders.web import app_of
from tests.http.conftest import MakeState, browser, sign_in
from tests.http.fake_engine import health, polled
from tests.http.world import PASSWORD, Place, make_world


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> dict[str, Place]:
    return await make_world(database, tmp_path)


@pytest.fixture
def state(make_state: MakeState) -> WebState:
    return make_state()


@pytest.fixture
def app(state: WebState) -> FastAPI:
    return app_of(state)


async def technician(database: Database) -> Actor:
    async with database.transaction() as tx:
        await create_account(
            system("test"), tx, name="hoa", password=PASSWORD, grant=Grant("technician", unit="phan-son")
        )
    async with database.transaction() as tx:
        return (await account_for(system("test"), "hoa", tx)).actor


def request_to(app: FastAPI) -> Request:
    return Request(
        {
            "type": "http", "method": "GET", "path": "/live/board", "query_string": b"", "headers": [], "app": app,
            "state": {}, "server": ("127.0.0.1", 8080), "scheme": "http", "root_path": "", "client": None,
        }
    )  # fmt: skip


async def test_a_board_is_not_sent_what_happens_elsewhere(
    app: FastAPI, state: WebState, database: Database, world: dict[str, Place], fake_engine: object
) -> None:
    actor = await technician(database)
    board = BoardStream(request_to(app), state, actor, since_ms=0, shown=frozenset({"ps-wan", "ld-wan"}))
    batch = [
        event
        for place in world.values()
        for event in (
            AlertChanged(alert_id=str(place.alert), device=place.device, change="raised"),
            polled(place.device).model_copy(update={"health": health(place.device, "critical")}),
        )
    ]
    sent = [*await board.everything(), *await board.changes(batch)]
    text = "\n".join(message.data for message in sent)
    for where in ("inside", "below"):
        assert str(world[where].alert) in text
    for where in ("above", "outside"):
        assert not [mark for mark in world[where].marks if mark in text], where
    raised = [message.data for message in sent if message.event == "raised"]
    assert raised
    assert str(world["outside"].alert) not in "".join(raised)
    assert fake_engine


async def stream_of(app: FastAPI, state: WebState, client: httpx.AsyncClient) -> int:
    """Return the status of a stream's address for this client."""
    state.stopping.set()
    return (await client.get("/live/board?since=0")).status_code


async def test_a_stream_ends_when_it_may_not_go_on_and_goes_on_when_nobody_can_tell(
    state: WebState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "ASK_EVERY_S", 0.0)
    answers: list[bool | None] = [True, None, False]

    async def may_go_on() -> bool:
        answer = answers.pop(0)
        if answer is None:
            raise DatabaseUnavailable(why="it was stopped")
        return answer

    async def messages() -> AsyncIterator[Message]:
        for number in range(100):
            await asyncio.sleep(0)
            yield Message("told", str(number))

    answer = event_stream(messages(), state.stopping, state.metrics.streams, may_go_on)
    sent = [part async for part in answer.body_iterator]
    assert answers == []
    assert [part for part in sent if b"data" in part] == [b"event: told\ndata: 0\n\n", b"event: told\ndata: 1\n\n"]


async def test_whoever_lost_a_grant_an_account_or_a_session_may_not_go_on(
    app: FastAPI, state: WebState, database: Database, world: dict[str, Place]
) -> None:
    actor = await technician(database)
    async with browser(app) as client:
        await sign_in(client)
        assert await stream_of(app, state, client) == 200
        cookie = f"{SESSION_COOKIE}={client.cookies[SESSION_COOKIE]}".encode()

    def request() -> Request:
        made = request_to(app)
        made.scope["headers"] = [(b"cookie", cookie), (b"host", b"127.0.0.1:8080")]
        return made

    assert await is_unchanged(request(), actor)
    async with database.transaction() as tx:
        (only,) = (await grants(system("test"), tx, account="hoa")).grants
        await revoke_grant(system("test"), tx, only.id)
    assert not await is_unchanged(request(), actor)
    async with database.transaction() as tx:
        now = (await account_for(system("test"), "hoa", tx)).actor
        assert await is_unchanged(request(), now)
    async with database.transaction() as tx:
        await set_disabled(system("test"), tx, "hoa", disabled=True)
    assert not await is_unchanged(request(), now)
    assert world
