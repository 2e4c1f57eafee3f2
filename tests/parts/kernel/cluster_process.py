"""A program with a private cluster, for tests that kill it: says its address and waits for the end of its input.

python -m tests.parts.kernel.cluster_process DATA_DIR RUN_DIR [lasting]
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from kernel import logs
from kernel.db.embedded import PrivateCluster
from kernel.errors import VungCaoError


async def main(data_dir: Path, run_dir: Path, *, lasting: bool) -> None:
    cluster = PrivateCluster(data_dir, run_dir)
    if not lasting:
        async with cluster.running() as url:
            await until_told(url)
        return
    async with cluster.owned(lasting=True):
        await cluster.prepare()
        process = await cluster.start()
        try:
            await until_told(cluster.url)
        finally:
            await cluster.stop(process)


async def until_told(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    logs.configure("test", form="text")
    try:
        asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), lasting="lasting" in sys.argv[3:]))
    except VungCaoError as error:
        sys.stdout.write(f"{error.code}: {error}\n")
        sys.exit(1)
