"""A worker in a process of its own, for tests that kill it: `python -m tests.parts.kernel.worker_process URL FOLDER`.

Its work `three-steps` writes one line a step into `FOLDER/ARGUMENT.steps`: process id, step, begin or end. The second
step ends only once `FOLDER/go` exists.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from kernel.work.dbos import DbosRunner
from kernel.work.port import LockSessionLost, Steps

LOST = 70


async def main(url: str, folder: Path) -> int:
    """Run until SIGTERM; return the exit code."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def three_steps(argument: str, steps: Steps) -> None:
        def write(step: str) -> None:
            with (folder / f"{argument}.steps").open("a") as lines:
                lines.write(f"{os.getpid()} {step}\n")

        async def first() -> None:
            write("first")

        async def second() -> None:
            write("second begins")
            while not (folder / "go").exists():  # another process makes it
                await asyncio.sleep(0.05)
            write("second")

        async def third() -> None:
            write("third")

        await steps.run("first", first)
        await steps.run("second", second)
        await steps.run("third", third)

    runner = DbosRunner(url, poll_s=0.2, check_s=0.5, grace_s=1)
    try:
        await runner.run({"three-steps": three_steps}, stop)
    except LockSessionLost:
        return LOST
    return 0


if __name__ == "__main__":
    code = asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
    sys.stdout.flush()
    os._exit(code)  # as a real worker does: a thread may still wait for the database
