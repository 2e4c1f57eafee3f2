"""What the tests of the bridge share: the web application with its settings, and Prosody's own way of asking."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from fastapi import FastAPI

from api.http.state import WebState
from api.http.stream import LiveFeed
from api.processes.http_server import serve_until
from kernel.clock import Clock
from kernel.db.transaction import Database
from kernel.secrets import Vault
from kernel.settings import Settings
from tests.builders.web import app_of
from tests.http.fake_engine import FakeEngine
from tests.real.prosody import Prosody

TOKEN = "token-of-prosody"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
FORM = "application/x-www-form-urlencoded"


def settings(folder: Path, **others: object) -> Settings:
    """Return settings with a bridge."""
    return Settings.model_validate({
        "data_dir": folder, "jitsi_url": "https://meet.test", "jitsi_domain": Prosody.domain,
        "jitsi_app_id": Prosody.app_id, "jitsi_app_secret": Prosody.app_secret, "jitsi_reservation_token": TOKEN,
        **others,
    })  # fmt: skip


def state_of(database: Database, clock: Clock, chosen: Settings, engine: FakeEngine | None = None) -> WebState:
    """Return the state of a web process."""
    engine = engine or FakeEngine()
    return WebState(
        settings=chosen,
        database=database,
        engine=engine,
        live=LiveFeed(engine.events),
        clock=clock,
        vault=Vault(bytes(32)),
    )


@asynccontextmanager
async def served(state: WebState) -> AsyncIterator[str]:
    """Yield the address of the application on a port of 127.0.0.1."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve_until(stop, app_of(state), listener, shutdown_s=5))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()


def prosody(app: FastAPI) -> httpx.AsyncClient:
    """Return a client that speaks as Prosody does: bearer token, no cookie, no word on what it accepts."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8080/jitsi")
    client.headers.clear()
    client.headers.update({**BEARER, "User-Agent": "Prosody (0.12.3; posix)"})
    return client


async def knock(
    client: httpx.AsyncClient,
    name: str,
    *,
    start: str = "2026-11-24T01:26:06.000Z",
    owner: str = "69964b84-fa2a-4510-91fe-848bb0776b53@meet.test",
) -> httpx.Response:
    """Ask for a room, with the bytes that Prosody sends: small hexadecimal digits, and a form."""
    form = urlencode({"mail_owner": owner, "name": name, "start_time": start})
    for upper in ("%3A", "%5B", "%5D"):
        form = form.replace(upper, upper.lower())
    return await client.post("/conference", content=form.encode(), headers={"Content-Type": FORM})


def joined(room: str, occupant: str = "168c@meet.test/yptf", *, at: int = 1_795_484_000, **more: Any) -> dict[str, Any]:
    """Return `muc-occupant-joined` as event_sync posts it."""
    return {
        "event_name": "muc-occupant-joined", "room_name": room, "room_jid": f"{room}@conference.meet.test",
        "is_breakout": False, "active_occupants_count": 1,
        "occupant": {"occupant_jid": occupant, "joined_at": at, "id": "u1", "name": "Xã Phan Sơn",
                     "email": "a@x.example", "moderator": True, **more},
    }  # fmt: skip
