"""What a killed server leaves behind: processes still on their way out, and lock files that name nobody.

Both are asked about by the owner of the cluster only, so that a server found here is one that lost its owner.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import structlog

from kernel.processes import command_lines, tries

log = structlog.get_logger()


def cluster_processes(pgdata: Path, name: str) -> list[int]:
    """Return the server of `pgdata` and its children, which show the folder or the cluster's `name` as their titles."""
    return [
        pid
        for pid, words in command_lines()
        if words[0].startswith(f"postgres: {name}:") or (words[0].endswith("postgres") and str(pgdata) in words)
    ]


async def end_stray_server(pgdata: Path, name: str, patience_s: float) -> None:
    """Return when no process of this cluster lives; a server that does is told to shut down.

    Raises:
        TimeoutError: Naming the processes that still live after `patience_s`.
    """
    told: int | None = None
    alive: list[int] = []
    for _ in tries(patience_s):
        alive = cluster_processes(pgdata, name)
        if not alive:
            return
        server = _first_number(pgdata / "postmaster.pid")
        if server in alive and server != told:
            log.warning("stray_server_told_to_go", pid=server)
            told = server
            with contextlib.suppress(ProcessLookupError):
                os.kill(server, signal.SIGINT)
        await asyncio.sleep(0.05)
    raise TimeoutError(f"the processes {alive} of the server before do not end")


def forget_stale_pids(pgdata: Path, name: str, socket_lock: Path) -> None:
    """Remove lock files that are empty, or whose number another process has by now.

    PostgreSQL itself clears away a file whose process is gone; these it takes for a running server, for ever.
    """
    if cluster_processes(pgdata, name):
        return
    for file in (pgdata / "postmaster.pid", socket_lock):
        if file.exists() and ((pid := _first_number(file)) is None or Path(f"/proc/{pid}").exists()):
            log.warning("stale_lock_file_removed", file=str(file), pid=pid)
            file.unlink()


def _first_number(file: Path) -> int | None:
    try:
        return int(file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
