"""A runner beside a test, in the test's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from kernel.work.dbos import DbosQueue, DbosRunner
from kernel.work.port import FailedRun, Retry, Work

DEADLINE_S = 60.0
QUICK = Retry(first_s=0.05, most_s=0.1, give_up_after_s=0.3)


@asynccontextmanager
async def running(
    url: str, works: Mapping[str, Work], *, retry: Retry = QUICK, grace_s: int = 10
) -> AsyncIterator[None]:
    """Run `works` while the block lasts."""
    stop = asyncio.Event()
    runner = DbosRunner(url, poll_s=0.2, check_s=0.3, grace_s=grace_s, retry=retry)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.run(works, stop))
        try:
            yield
        finally:
            stop.set()


async def eventually(true: Callable[[], object], what: str) -> None:
    """Return when `true()` is true; AssertionError naming `what` after a minute."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not true():  # it happens in threads and other processes
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited in vain for: {what}") from None


async def failures(queue: DbosQueue) -> list[FailedRun]:
    """Return the failed runs once there are any."""
    async with asyncio.timeout(DEADLINE_S):
        while not (found := await queue.failed_runs()):
            await asyncio.sleep(0.05)
    return list(found)
