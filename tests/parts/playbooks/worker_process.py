"""A worker that runs playbooks, in a process of its own: `python -m … URL PLAYBOOKS ROOT`, for tests that kill it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from kernel.clock import SystemClock
from kernel.db.engine import connect
from kernel.db.transaction import DELIVER_EVENT, Database
from kernel.delivery import delivery
from kernel.work.dbos import DbosQueue, DbosRunner
from playbooks.automation.catalog import load_catalog
from playbooks.automation.execute import playbook_work
from playbooks.automation.parts import Parts
from playbooks.automation.runner.ansible import AnsibleRunner
from playbooks.public import RUN_PLAYBOOK
from tests.parts.playbooks.office import VAULT, Rooms


async def main(url: str, project: Path, root: Path) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    queue = DbosQueue(url)
    database = Database(connect(url, process="worker"), SystemClock(), queue)
    parts = Parts(
        database, VAULT, AnsibleRunner(project), Rooms(), load_catalog(project),
        {"target_root": str(root), "ansible_remote_tmp": str(root / "tmp"), "become_needed": False}, SystemClock(),
    )  # fmt: skip
    await DbosRunner(url, poll_s=0.2, check_s=0.5, grace_s=1).run(
        {RUN_PLAYBOOK: playbook_work(parts), DELIVER_EVENT: delivery(database, {})}, stop
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
    os._exit(0)  # as a real worker does: a thread may still wait for the database
