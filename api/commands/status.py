"""How the platform is: what the supervisor, the engine and the database say of themselves."""

from __future__ import annotations

from dataclasses import dataclass

from api import wiring
from api.http.engine_client import EngineClient
from api.serve_state import read_state
from kernel.errors import DatabaseUnavailable, EngineUnavailable
from kernel.settings import Settings

WELL = frozenset({"ready", "running", "ok"})


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
    parts += await _engine(settings)
    parts += await _database(settings)
    return PlatformStatus(parts, all(part.state in WELL for part in parts))


def _child_detail(pid: int | None, restarts: int, last_exit: str | None) -> str:
    detail = f"PID {pid}" if pid else "no process"
    return f"{detail}, started again {restarts} times, last: {last_exit}" if restarts else detail


async def _engine(settings: Settings) -> list[Part]:
    client = EngineClient(settings.engine_socket)
    try:
        board = await client.board()
    except EngineUnavailable as error:
        return [Part("polling", "unknown", "", str(error))]
    finally:
        await client.close()
    states: dict[str, int] = {}
    for device in board.devices:
        states[device.state] = states.get(device.state, 0) + 1
    devices = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "no device"
    store = board.store
    waiting = f"{store.name}, waiting {store.waiting}, dropped {store.dropped} {store.why}".strip()
    return [Part("polling", "ok", "", devices), Part("history", "ok" if store.ok else "away", "", waiting)]


async def _database(settings: Settings) -> list[Part]:
    try:
        async with wiring.database(wiring.database_url(settings), "status") as database:
            failed = await database.queue.failed_runs()
    except DatabaseUnavailable as error:
        return [Part("database", "away", "", str(error))]
    detail = f"{len(failed)} runs failed for good, the last one {failed[0].id}: {failed[0].why}" if failed else ""
    return [Part("database", "ok", "", ""), Part("work", "failed" if failed else "ok", "", detail)]
