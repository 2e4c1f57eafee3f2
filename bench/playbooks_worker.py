"""A worker that runs playbooks and looks at rollouts: `python -m bench.playbooks_worker URL PLAYBOOKS`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from bench.playbooks_rig import opened, parts
from kernel.db.transaction import DELIVER_EVENT
from kernel.delivery import delivery
from kernel.work.dbos import DbosRunner
from kernel.work.port import LockSessionLost
from playbooks.automation.advance import run_rollouts
from playbooks.automation.execute import playbook_work
from playbooks.automation.launch import RUN_PLAYBOOK


async def main(url: str, project: Path) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    database = opened(url, "worker")
    given = parts(database, project, {})
    works = {RUN_PLAYBOOK: playbook_work(given), DELIVER_EVENT: delivery(database, {})}
    looking = asyncio.create_task(run_rollouts(given, stop))
    try:
        await DbosRunner(url, poll_s=0.2, check_s=0.5, grace_s=1).run(works, stop)
    except LockSessionLost:
        os._exit(3)  # others may have adopted our runs: end at once, as a real worker does
    stop.set()
    await looking


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
    os._exit(0)
