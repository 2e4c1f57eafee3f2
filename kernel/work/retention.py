"""Removes what durable work has left behind: finished runs, when they are old enough that nobody asks for them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from kernel.clock import Clock
from kernel.errors import DatabaseUnavailable
from kernel.work.port import WorkQueue

EVERY_S = 3600.0
BATCH = 500
"""Runs in one deletion: some tens of milliseconds, and no lock that anybody waits for."""

log = structlog.get_logger()


async def forget_old_runs(queue: WorkQueue, clock: Clock, keep: timedelta, stop: asyncio.Event) -> None:
    """Remove runs that finished longer than `keep` ago, every hour, until `stop` is set; a database away is skipped."""
    while not stop.is_set():
        removed = 0
        try:
            while not stop.is_set() and (gone := await queue.forget_finished(clock.now() - keep, BATCH)):
                removed += gone
        except DatabaseUnavailable as error:
            log.warning("finished_runs_not_removed", why=str(error), again="in an hour")
        if removed:
            log.info("finished_runs_removed", runs=removed)
        try:
            async with asyncio.timeout(EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue
