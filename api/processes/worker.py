"""The worker process: runs durable work, seals the audit log, and looks at the rooms of meetings."""

from __future__ import annotations

import asyncio
import os

import structlog

from api import wiring
from api.processes.entry import run_process
from kernel.settings import Settings
from kernel.work.port import LockSessionLost

log = structlog.get_logger()


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Run queued work until `stop` is set."""
    async with wiring.worker(settings) as (runner, works, beside), asyncio.TaskGroup() as tasks:
        for run in beside:
            tasks.create_task(run(stop))
        try:
            await runner.run(works, stop)
        except LockSessionLost as error:
            # Others may take our runs now. A thread may still wait for the database: no orderly end, an end.
            log.error("worker_gives_up", why=str(error))
            os._exit(1)


if __name__ == "__main__":
    run_process("worker", work)
