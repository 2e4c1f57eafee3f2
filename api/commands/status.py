"""How the platform is: what the supervisor, the engine and the database say of themselves.

It asks by the plainest means: this is the command that people give again and again, and the one that has to answer when
little else does.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api import wiring
from api.serve_state import read_state
from kernel.errors import DatabaseUnavailable
from kernel.settings import Settings
from kernel.work.failures import has_failed_runs

WELL = frozenset({"ready", "running", "ok"})
PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its name, its state in a word, since when, and what more there is to say."""

    name: str
    state: str
    since: str
    detail: str


@dataclass(frozen=True, slots=True)
class PlatformStatus:
    """All parts, and whether all of them are well."""

    parts: list[Part]
    well: bool


async def look(settings: Settings) -> PlatformStatus:
    """Return how the platform of this data folder is; one that does not run is told as such."""
    served = read_state(settings)
    if served is None:
        return PlatformStatus([Part("serve", "not running", "", f"data folder {settings.data_dir}")], well=False)
    parts = [
        Part(
            child.name,
            child.state,
            child.since.isoformat(timespec="seconds"),
            _child_detail(child.pid, child.restarts, child.last_exit),
        )
        for child in served.children
    ]
    parts += await asyncio.to_thread(_engine, settings.engine_socket)
    parts += await _database(settings)
    return PlatformStatus(parts, all(part.state in WELL for part in parts))


def _child_detail(pid: int | None, restarts: int, last_exit: str | None) -> str:
    detail = f"PID {pid}" if pid else "no process"
    return f"{detail}, started again {restarts} times, last: {last_exit}" if restarts else detail


def _engine(path: Path) -> list[Part]:
    try:
        told, counts = _ask(path, "/status"), _ask(path, "/counts")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return [Part("polling", "unknown", "", f"The engine does not answer: {error}")]
    devices = ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "no device"
    store = told["store"]
    waiting = f"{store['name']}, waiting {store['waiting']}, dropped {store['dropped']} {store['why']}".strip()
    return [Part("polling", "ok", "", devices), Part("history", "ok" if store["ok"] else "away", "", waiting)]


def _ask(path: Path, address: str) -> dict[str, Any]:
    """Return what the engine says on its socket, as `api.http.engine_client` asks it with more means."""
    connection = http.client.HTTPConnection("engine")
    with socket.socket(socket.AF_UNIX) as connection.sock:
        connection.sock.settimeout(PATIENCE_S)
        connection.sock.connect(str(path))
        connection.request("GET", address)
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise ValueError(f"it answers {answer.status}")
        told: dict[str, Any] = json.load(answer)
        return told


async def _database(settings: Settings) -> list[Part]:
    url = wiring.database_url(settings)
    try:
        if not await has_failed_runs(url):
            return [Part("database", "ok", "", ""), Part("work", "ok", "", "")]
        async with wiring.database(url, "status") as database:
            failed = await database.queue.failed_runs()
    except DatabaseUnavailable as error:
        return [Part("database", "away", "", str(error))]
    detail = f"{len(failed)} runs failed for good, the last one {failed[0].id}: {failed[0].why}"
    return [Part("database", "ok", "", ""), Part("work", "failed", "", detail)]
