"""Which parts of the platform answer now, and why not; known within seconds, whatever hangs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from api.http.state import WebState
from kernel.errors import DatabaseUnavailable, EngineUnavailable
from monitor.public import EngineStatus

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
    engine: EngineStatus | None

    @property
    def ok(self) -> bool:
        """Whether every part is well."""
        return all(part.ok for part in self.parts)


async def look(state: WebState) -> Readiness:
    """Ask the database and the engine at the same time; never raises."""
    database, (engine, store, told) = await asyncio.gather(_database(state), _engine(state))
    return Readiness((database, engine, store), told)


async def _database(state: WebState) -> Part:
    try:
        async with asyncio.timeout(PATIENCE_S), state.database.transaction() as tx:
            await tx.session.execute(text("SELECT 1"))
    except DatabaseUnavailable as error:
        return Part("database", ok=False, why=str(error.fields["why"]))
    except TimeoutError:
        return Part("database", ok=False, why=f"no answer within {PATIENCE_S:g} s")
    return Part("database", ok=True, why="")


async def _engine(state: WebState) -> tuple[Part, Part, EngineStatus | None]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            told = await state.engine.status()
    except EngineUnavailable as error:
        why = str(error.fields["why"])
    except TimeoutError:
        why = f"no answer within {PATIENCE_S:g} s"
    else:
        return Part("engine", ok=True, why=""), Part("store", told.store.ok, told.store.why), told
    unknown = Part("store", ok=False, why="the engine, which writes to it, is away")
    return Part("engine", ok=False, why=why), unknown, None
