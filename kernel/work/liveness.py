"""How workers know of each other's death: each holds an advisory lock on a PostgreSQL session of its own.

PostgreSQL frees the lock when that session ends, however it ends. So an owner of runs whose lock can be taken is dead,
and a worker whose own session has dropped must stop, for the others may already have adopted its runs.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg

from kernel.errors import DatabaseUnavailable

CONNECT_TIMEOUT_S = 10
ANSWER_TIMEOUT_S = 10

SESSION_OPTIONS = (
    # The server ends the session of a worker that was cut off within about 15 s (not asked of a Unix socket), ...
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3 "
    # ... and never one that is merely quiet.
    "-c idle_session_timeout=0 -c statement_timeout=5s"
)

# Owners of unfinished runs; our own are left out, for our own lock can always be taken again.
OWNERS = "SELECT DISTINCT executor_id FROM dbos.workflow_status WHERE status = 'PENDING' AND executor_id <> %s"


def new_worker_id() -> str:
    """Return an id that no other start of any worker has ever had: host, process id and a random part."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"


def lock_key(worker_id: str) -> int:
    """Return the advisory lock's key of a worker: 64 signed bits of SHA-256, so that two never meet."""
    return int.from_bytes(hashlib.sha256(f"vungcao worker {worker_id}".encode()).digest()[:8], "big", signed=True)


class ProofOfLife:
    """The held lock of one worker, and its view on the others."""

    def __init__(self, connection: psycopg.AsyncConnection[tuple[object, ...]], worker_id: str) -> None:
        self._connection = connection
        self._worker_id = worker_id

    async def watch(self, adopt: Callable[[str], Awaitable[None]], *, every_s: float) -> str:
        """Call `adopt` with each dead owner of unfinished runs; return, in words, how our session was lost."""
        try:
            while True:
                # Wakes at once when the server closes the session; a plain sleep would find out only afterwards.
                async for _ in self._connection.notifies(timeout=every_s):
                    pass
                async with asyncio.timeout(ANSWER_TIMEOUT_S):  # a cut line says nothing by itself
                    await self._adopt_the_dead(adopt)
        except psycopg.Error as error:
            return _in_words(error)
        except TimeoutError:
            return f"no answer within {ANSWER_TIMEOUT_S} s"

    async def _adopt_the_dead(self, adopt: Callable[[str], Awaitable[None]]) -> None:
        owners = await self._connection.execute(OWNERS, (self._worker_id,))
        for (owner,) in await owners.fetchall():
            key = lock_key(str(owner))
            if not await _try_lock(self._connection, key):
                continue  # it lives, or another survivor is adopting it at this moment
            try:
                await adopt(str(owner))
            finally:
                await self._connection.execute("SELECT pg_advisory_unlock(%s::bigint)", (key,))


@asynccontextmanager
async def prove_life(url: str, worker_id: str) -> AsyncIterator[ProofOfLife]:
    """Yield with the lock of `worker_id` held, until the block ends or the session drops.

    Raises:
        DatabaseUnavailable: PostgreSQL cannot be reached.
        RuntimeError: Another process holds the lock of this very id.
    """
    try:
        connection = await psycopg.AsyncConnection.connect(
            re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url),
            autocommit=True,
            application_name="vungcao worker alive",
            connect_timeout=CONNECT_TIMEOUT_S,
            keepalives_idle=5,
            keepalives_interval=3,
            keepalives_count=3,
            options=SESSION_OPTIONS,
        )
    except psycopg.Error as error:
        raise DatabaseUnavailable(why=_in_words(error)) from error
    try:
        if not await _try_lock(connection, lock_key(worker_id)):
            message = f"a worker with the id {worker_id} is running already"
            raise RuntimeError(message)
        yield ProofOfLife(connection, worker_id)
    finally:
        await connection.close()


async def _try_lock(connection: psycopg.AsyncConnection[tuple[object, ...]], key: int) -> bool:
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s::bigint)", (key,))
    return await cursor.fetchone() == (True,)


def _in_words(error: psycopg.Error) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
