"""The whole web application on a real PostgreSQL; only the engine is ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from api.http.oidc import Provider
from api.http.state import WebState
from api.http.stream import LiveFeed
from inventory import passwords
from inventory.grants import Grant
from inventory.people import AccountView, create_account
from kernel.actors import system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.secrets import Vault
from kernel.settings import Settings
from tests.builders.web import app_of
from tests.http.fake_engine import FakeEngine

PASSWORD = "trời mưa ở Phan Sơn"

MakeState = Callable[..., WebState]
MakeAccount = Callable[..., Awaitable[AccountView]]


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash in a millisecond: the strength is tested elsewhere."""
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2026, 11, 24, 1, 26, tzinfo=UTC))


@pytest.fixture
def fake_engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def make_state(database: Database, clock: FrozenClock, fake_engine: FakeEngine, tmp_path: Path) -> MakeState:
    """Return what makes a web process's state; its arguments are settings."""

    def make(**settings: object) -> WebState:
        chosen = Settings.model_validate({"data_dir": tmp_path, **settings})
        return WebState(
            settings=chosen, database=database, engine=fake_engine, live=LiveFeed(fake_engine.events), clock=clock,
            vault=Vault(bytes(32)), provider=Provider(chosen, clock) if chosen.oidc_issuer else None,
        )  # fmt: skip

    return make


def browser(
    app: FastAPI, *, peer: str = "127.0.0.1", address: str = "http://127.0.0.1:8080", **headers: str
) -> httpx.AsyncClient:
    """Return a client that keeps cookies, as if its packets came from `peer`."""
    transport = httpx.ASGITransport(app, client=(peer, 40_000))
    return httpx.AsyncClient(
        transport=transport, base_url=address,
        headers={"Accept": "text/html", **{name.replace("_", "-"): value for name, value in headers.items()}},
    )  # fmt: skip


@pytest.fixture
def app(make_state: MakeState) -> FastAPI:
    return app_of(make_state())


@pytest.fixture
async def visitor(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who is not signed in."""
    async with browser(app) as client:
        yield client


@pytest.fixture
def make_account(database: Database) -> MakeAccount:
    async def make(name: str = "hoa", role: str = "technician") -> AccountView:
        async with database.transaction() as tx:
            return await create_account(system("test"), tx, name=name, password=PASSWORD, grant=Grant(role))

    return make


async def token(client: httpx.AsyncClient) -> str:
    """Return the form token of this client."""
    return str((await client.get("/api/v1/session")).json()["csrf"])


async def sign_in(client: httpx.AsyncClient, name: str = "hoa", password: str = PASSWORD) -> httpx.Response:
    """Sign in by the page's form and return its answer."""
    return await client.post("/sign-in", data={"csrf": await token(client), "name": name, "password": password})


@pytest.fixture
async def hoa(visitor: httpx.AsyncClient, make_account: MakeAccount) -> httpx.AsyncClient:
    """A technician, signed in."""
    await make_account()
    answer = await sign_in(visitor)
    assert answer.status_code == 303, answer.text
    return visitor
