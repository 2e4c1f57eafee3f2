"""Imports as durable work: a large file is read, and applied, by a worker; what is old is forgotten."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import delete, select

from inventory.exchange.apply import PreviewChanged, apply_import
from inventory.exchange.models import ImportRow
from inventory.exchange.preview import ImportStopped, read_import
from inventory.exchange.receive import ImportOver
from kernel.db.transaction import Database
from kernel.errors import DatabaseUnavailable
from kernel.work.port import Steps, Work

KEPT: Final = timedelta(days=7)
"""For so long an import can be looked at: what it changed stays on record, what was in the file does not."""
FORGET_EACH_S: Final = 3600.0
AT_ONCE: Final = 20

log = structlog.get_logger(__name__)


def reading_work(database: Database, profiles: Callable[[], Collection[str]]) -> Work:
    """Return the body of the work `READ_IMPORT`."""

    async def read(argument: str, steps: Steps) -> None:
        async def step() -> None:
            with contextlib.suppress(ImportStopped):
                seen = await read_import(database, uuid.UUID(argument), profiles())
                log.info("import_read", id=argument, state=seen.state, **seen.counts)

        await steps.run("read", step)

    return read


def applying_work(database: Database) -> Work:
    """Return the body of the work `APPLY_IMPORT`."""

    async def apply(argument: str, steps: Steps) -> None:
        async def step() -> None:
            # How it ended is on record with the import; a second attempt after a crash finds that it is over.
            with contextlib.suppress(ImportStopped, PreviewChanged, ImportOver):
                await apply_import(database, uuid.UUID(argument))
                log.info("import_applied", id=argument)

        await steps.run("apply", step)

    return apply


async def forget_imports(database: Database) -> int:
    """Forget imports that were begun longer ago than they are kept, with their files; return how many."""
    async with database.transaction() as tx:
        old = select(ImportRow.id).where(ImportRow.made_at < tx.now() - KEPT).limit(AT_ONCE)
        gone = await tx.session.scalars(
            delete(ImportRow)
            .where(ImportRow.id.in_(old))
            .returning(ImportRow.id)
            .execution_options(synchronize_session=False)
        )
        return len(gone.all())


async def run_forgetting(database: Database, stop: asyncio.Event) -> None:
    """Forget old imports each hour until `stop` is set."""
    while not stop.is_set():
        with contextlib.suppress(DatabaseUnavailable):
            while await forget_imports(database):
                pass
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FORGET_EACH_S):
                await stop.wait()
