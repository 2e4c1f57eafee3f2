"""A worker that applies what is due: `python -m tests.parts.inventory.reorganise_process URL [SECONDS]`.

With SECONDS it says `in the middle` when the tree is changed and not yet committed, and stays there so long.
"""

from __future__ import annotations

import asyncio
import sys

from inventory.following import LinePage, Moved
from inventory.reorganisations import apply_due
from kernel.actors import Actor
from kernel.clock import SystemClock
from kernel.db.engine import connect
from kernel.db.transaction import Database, Transaction
from kernel.work.dbos import DbosQueue


class Slow:
    """A follower that takes its time."""

    kind = "slow"

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def count(self, moved: Moved, tx: Transaction) -> int:
        return 0

    async def page(self, moved: Moved, tx: Transaction, *, limit: int, after: str | None) -> LinePage:
        return LinePage([], None)

    async def follow(self, moved: Moved, actor: Actor, tx: Transaction) -> None:
        if self._seconds:
            print("in the middle", flush=True)  # noqa: T201 - for the test that started it
            await asyncio.sleep(self._seconds)


async def work(url: str, seconds: float) -> None:
    queue = DbosQueue(url)
    database = Database(connect(url, process="test"), SystemClock(), queue)
    applied = await apply_due(database, [Slow(seconds)])
    print("applied" if applied else "nothing", flush=True)  # noqa: T201 - for the test that started it
    await database.close()
    queue.close()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0))
