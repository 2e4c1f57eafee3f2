"""Which parts of the platform answer now, and why not; known within seconds, whatever hangs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from api.http.state import WebState
from kernel.errors import DatabaseUnavailable, EngineUnavailable
from monitor.public import EngineBoard

PATIENCE_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Part:
    """One part: `database`, `engine` or `store`; `why` is in English, and empty if it is well."""

    name: str
    ok: bool
    why: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """All parts, and what the engine told if it answered."""

    parts: tuple[Part, ...]
    board: EngineBoard | None

    @property
    def ok(self) -> bool:
        """Whether every part is well."""
        return all(part.ok for part in self.parts)

    def devices_by_state(self, of: Container[str] | None = None) -> dict[str, int]:
        """Return how many devices, all or those with a code in `of`, are in each state; empty without the engine."""
        devices = self.board.devices if self.board else ()
        return dict(Counter(device.state for device in devices if of is None or device.device in of))


async def look(state: WebState) -> Readiness:
    """Ask the database and the engine at the same time; never raises."""
    database, (engine, store, board) = await asyncio.gather(_database(state), _engine(state))
    return Readiness((database, engine, store), board)


async def _database(state: WebState) -> Part:
    try:
        async with asyncio.timeout(PATIENCE_S), state.database.transaction() as tx:
            await tx.session.execute(text("SELECT 1"))
    except DatabaseUnavailable as error:
        return Part("database", ok=False, why=str(error.fields["why"]))
    except TimeoutError:
        return Part("database", ok=False, why=f"no answer within {PATIENCE_S:g} s")
    return Part("database", ok=True, why="")


async def _engine(state: WebState) -> tuple[Part, Part, EngineBoard | None]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            board = await state.engine.board()
    except EngineUnavailable as error:
        why = str(error.fields["why"])
    except TimeoutError:
        why = f"no answer within {PATIENCE_S:g} s"
    else:
        return Part("engine", ok=True, why=""), Part("store", board.store.ok, board.store.why), board
    unknown = Part("store", ok=False, why="the engine, which writes to it, is away")
    return Part("engine", ok=False, why=why), unknown, None
