"""What every process does around its work: settings, logs, signals, and an honest end."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import structlog

from kernel import logs, settings
from kernel.errors import VungCaoError
from kernel.settings import Settings

log = structlog.get_logger()


def run_process(name: str, work: Callable[[Settings, asyncio.Event], Awaitable[None]]) -> None:
    """Run `work` with the settings and an event that SIGTERM and SIGINT set; end the process with 0, or 1 on an error.

    Args:
        name: Of the process, for logs and the database.
        work: Returns soon after the event is set.
    """
    try:
        loaded = settings.load()
        logs.configure(name, form=loaded.log_form, level=loaded.log_level)
        asyncio.run(_until_stopped(loaded, work))
    except VungCaoError as error:
        log.error("process_ends", why=str(error))
        sys.exit(1)


async def _until_stopped(loaded: Settings, work: Callable[[Settings, asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await work(loaded, stop)
