"""What the page of a run costs when its log is long: 100,000 events are stored while the page is read, and read again.

The events come through the pipe of a child as fast as they are taken (`bench/playbooks.py`), and the pages are those of
the whole web application on the same PostgreSQL; both share this process, which is harder than in real life, where they
are two. A run of 400 lines is the floor, in the same run: the page of 100,000 must not cost more, whatever is asked
of it. Told are times, CPU, bytes as they are sent and memory; of the whole log as text also how much memory it takes.

    python -m bench.run_page [--events 100000] [--save]
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import statistics
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg

from api.http.state import WebState
from api.http.stream import LiveFeed
from api.migrations.upgrade import upgrade
from bench.machine import machine
from bench.playbooks import _Flood, _resident, _rig
from bench.playbooks_rig import HOA, VAULT, Devices, opened, parts
from inventory.people import create_account
from inventory.public import Grant, TargetWish
from kernel.actors import system
from kernel.clock import SystemClock
from kernel.db.transaction import Database
from kernel.settings import Settings
from playbooks.automation.advance import look_at_due
from playbooks.automation.catalog import load_catalog
from playbooks.automation.outside import Outside
from playbooks.automation.play import Begun, Play
from playbooks.automation.redact import Redactor
from playbooks.automation.roll_out import RolloutRequest, roll_out
from playbooks.automation.runner.port import Host, Job
from tests.builders.web import app_of
from tests.http.conftest import PASSWORD, browser, sign_in
from tests.http.fake_engine import FakeEngine
from tests.real.postgres import DebianPostgres

FEW: Final = 400
"""Lines of the run that is the floor: a page of 200 in the middle of it is as full as one of the long run."""
ROUNDS: Final = 15
DEVICES: Final = 20


async def run_of(database: Database, project: Path, url: str) -> tuple[uuid.UUID, uuid.UUID, list[str]]:
    """Launch a rollout on all devices and return it with its wave and the names of its hosts."""
    async with database.transaction() as tx:
        run = await roll_out(
            RolloutRequest("wave", TargetWish(units=("xa",))), HOA, tx, Outside(parts(database, project, {}).sessions),
            catalog=load_catalog(project),
        )  # fmt: skip
    await look_at_due(parts(database, project, {}))
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT id, hosts FROM playbook_wave WHERE run_id = %s", (run.id,)).fetchone()
        assert row is not None
        # The devices are free for the next run of this bench: here only the lines matter.
        connection.execute("DELETE FROM playbook_claim")
    return run.id, row[0], list(row[1])


async def fill(database: Database, run: tuple[uuid.UUID, uuid.UUID, list[str]], events: int) -> float:
    """Let the run say so many things; return how many seconds it took to store them."""
    number, wave, names = run
    hosts = tuple(Host(name, "127.1.0.1", 22, "x", "k") for name in names)
    job = Job(wave, "wave", check=False, variables={}, hosts=hosts, keys={}, known_hosts=(), limit_s=3600)
    begun = Begun(number, "flood", job, Redactor(["a secret of this site"]))
    begin = time.perf_counter()
    await Play(database, _Flood(events, names), SystemClock(), begun).run()
    return time.perf_counter() - begin


async def asked(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """Return what a page costs, read `ROUNDS` times: wall and CPU milliseconds (median), and bytes."""
    wall, cpu, size = list[float](), list[float](), 0
    for _ in range(ROUNDS):
        begin, used = time.perf_counter(), time.process_time()
        answer = await client.get(path)
        wall.append(time.perf_counter() - begin)
        cpu.append(time.process_time() - used)
        assert answer.status_code == httpx.codes.OK, (path, answer.text[:500])
        size = len(gzip.compress(answer.content, 6))
    return {
        "ms": round(1000 * statistics.median(wall), 1), "worst_ms": round(1000 * max(wall), 1),
        "cpu_ms": round(1000 * statistics.median(cpu), 1), "gzip_bytes": size,
    }  # fmt: skip


def pages(run: uuid.UUID, lines: int) -> Mapping[str, str]:
    """Return the pages of a run that are asked for, by name."""
    return {
        "end": f"/runs/{run}", "middle": f"/runs/{run}?after={lines // 2}", "errors": f"/runs/{run}?only=errors",
        "find": f"/runs/{run}?q=number+{lines - 1}", "host": f"/runs/{run}?host=h7", "hosts": f"/runs/{run}/hosts",
        "api lines": f"/api/v1/playbook-runs/{run}/lines?limit=200&after={lines // 2}",
    }  # fmt: skip


async def download(client: httpx.AsyncClient, run: uuid.UUID) -> dict[str, Any]:
    """Return what the whole log as text costs."""
    before, begin, used, size = _resident(), time.perf_counter(), time.process_time(), 0
    most = before
    async with client.stream("GET", f"/runs/{run}/log.txt") as answer:
        async for part in answer.aiter_bytes():
            size += len(part)
            most = max(most, _resident())
    return {
        "s": round(time.perf_counter() - begin, 2), "cpu_s": round(time.process_time() - used, 2), "bytes": size,
        "memory_mib_more": round((most - before) / 2**20, 1),
    }  # fmt: skip


async def measure(events: int, folder: Path, url: str) -> dict[str, Any]:
    """Return all figures."""
    database = opened(url, "web")
    engine = FakeEngine()
    state = WebState(
        settings=Settings.model_validate({"data_dir": folder}), database=database, engine=engine,
        live=LiveFeed(engine.events), clock=SystemClock(), vault=VAULT, provider=None,
    )  # fmt: skip
    async with database.transaction() as tx:
        await create_account(system("bench"), tx, name="hoa", password=PASSWORD, grant=Grant("technician"))
    short, long = [await run_of(database, folder / "playbooks", url) for _ in range(2)]
    async with browser(app_of(state)) as client:
        assert (await sign_in(client)).is_redirect
        await fill(database, short, FEW)
        floor = {name: await asked(client, path) for name, path in pages(short[0], FEW).items()}
        memory, meanwhile = [_resident()], list[float]()
        storing = asyncio.create_task(fill(database, long, events))
        while not storing.done():
            begin = time.perf_counter()
            assert (await client.get(f"/runs/{long[0]}")).status_code == httpx.codes.OK
            meanwhile.append(time.perf_counter() - begin)
            memory.append(_resident())
            await asyncio.sleep(0.2)
        full = {name: await asked(client, path) for name, path in pages(long[0], events).items()}
        log = await download(client, long[0])
    await database.close()
    stored = await storing
    return {
        "events": events, "machine": machine(), "stored_s": round(stored, 1),
        "while_stored": {
            "pages": len(meanwhile), "ms": round(1000 * statistics.median(meanwhile), 1),
            "worst_ms": round(1000 * max(meanwhile), 1),
            "memory_mib_at_a_quarter": memory[len(memory) // 4] // 2**20, "memory_mib_at_most": max(memory) // 2**20,
        },
        "pages_at_few_lines": floor, "pages_at_all_lines": full,
        "cpu_ratio": {name: round(full[name]["cpu_ms"] / floor[name]["cpu_ms"], 2) for name in full},
        "log_as_text": log,
    }  # fmt: skip


async def bench(events: int) -> dict[str, Any]:
    """Set up, measure, and take down."""
    with tempfile.TemporaryDirectory() as made, DebianPostgres() as postgres, Devices(DEVICES) as sshd:
        folder = Path(made)
        await upgrade(postgres.url)
        await _rig(folder, opened(postgres.url, "bench"), DEVICES, sshd)
        return await measure(events, folder, postgres.url)


def main() -> None:
    """Run, print, and keep the result if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--save", action="store_true", help="write bench/results/run-page.json")
    given = parser.parse_args()
    text = json.dumps(asyncio.run(bench(given.events)), indent=2)
    print(text)
    if given.save:
        Path(__file__).with_name("results").joinpath("run-page.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
