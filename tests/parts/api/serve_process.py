"""`serve` with small children, for tests that kill it.

    python -m tests.parts.api.serve_process DATA_DIR PLANS [MIGRATION]

PLANS is a JSON list of `ChildPlan`s; a key `ready_file` makes the child ready when that file is there. MIGRATION is
`makes-table` (default), `fails` or `hangs`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import psycopg

from api.processes import serve as supervisor
from kernel import logs, settings
from kernel.errors import DatabaseUnavailable, VungCaoError


def plan(told: dict[str, Any]) -> supervisor.ChildPlan:
    file = told.pop("ready_file", None)
    if file is None:
        return supervisor.ChildPlan(**told)

    async def ready() -> bool:
        return await asyncio.to_thread(Path(file).exists)

    return supervisor.ChildPlan(**told, ready=ready)


async def makes_table(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        await connection.execute("INSERT INTO kept VALUES (7)")


async def fails(url: str) -> None:
    raise DatabaseUnavailable(why=f"the test wants it so, at {url}")


async def hangs(url: str) -> None:
    del url
    sys.stderr.write("the migration hangs\n")
    await asyncio.sleep(3600)


def main() -> int:
    logs.configure("serve", form="text")
    supervisor.STOP_PATIENCE_S = 2.0
    migrate = {"makes-table": makes_table, "fails": fails, "hangs": hangs}[(*sys.argv[3:], "makes-table")[0]]
    try:
        return asyncio.run(
            supervisor.serve(
                settings.load(data_dir=sys.argv[1]),
                [plan(told) for told in json.loads(sys.argv[2])],
                migrate=migrate,
            )
        )
    except VungCaoError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
