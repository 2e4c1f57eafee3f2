"""Kills workers, children and the database at random moments of rollouts, and counts what the devices really did.

Two worker processes, PostgreSQL, one real sshd that plays six devices, and rollouts without a pause: a canary, then
pairs. Each task leaves a line on the device, so that what was done there is known from there and not from us. After the
last kill all rollouts come to their end, and then:

- no device was begun more often than its run says (`tries`), and one that was begun again is told of in the log;
- what is told as done was done to its end;
- no device and no run is forgotten: none waits or runs any more;
- no process and no private folder is left.

A worker, a child or the database is killed (SIGKILL) while a wave runs; which and when comes from the seed.

    python -m bench.playbooks_drill [--kills 20] [--seed N] [--save]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import select

from api.migrations.upgrade import upgrade
from bench.machine import machine
from bench.playbooks_rig import HOA, Devices, load, opened, write_playbook
from inventory.public import TargetWish
from kernel.db.transaction import Database, Transaction
from kernel.errors import DatabaseUnavailable, VungCaoError
from playbooks.automation.catalog import Catalog, load_catalog
from playbooks.automation.host_queries import HostPage, LineView, hosts_of_run, run_lines
from playbooks.automation.models import PlaybookWaveRow
from playbooks.automation.outside import Outside
from playbooks.automation.queries import RunView, run_for
from playbooks.automation.roll_out import RolloutRequest, roll_out
from playbooks.automation.runner.ansible import MEMORY
from playbooks.automation.runner.leftovers import descendants_of, naming
from playbooks.automation.runs import HostState, RunState
from playbooks.automation.steer import resume
from tests.real.postgres import DebianPostgres

DEVICES: Final = 6
WORKERS: Final = 2
CHILD: Final = "playbooks.automation.runner.child"
MOMENTS_S: Final = 8.0
"""Within so many seconds of a wave's being seen to run something is killed: its begin, its middle or its end."""
END_S: Final = 900.0

TASKS = """\
    - name: Begin
      ansible.builtin.raw: echo "{{ mark }} {{ inventory_hostname }} begin" >> MARKS
    - name: Take a while
      ansible.builtin.raw: sleep 1
    - name: End
      ansible.builtin.raw: echo "{{ mark }} {{ inventory_hostname }} end" >> MARKS
"""


T = TypeVar("T")


async def _nobody(tx: object, offices: object, at: object) -> tuple[()]:  # noqa: ARG001
    return ()


async def _waves(tx: Transaction) -> list[uuid.UUID]:
    return list(await tx.session.scalars(select(PlaybookWaveRow.id)))


async def _runs(tx: Transaction) -> bool:
    return bool(await tx.session.scalar(select(PlaybookWaveRow.id).where(PlaybookWaveRow.state == "running").limit(1)))


class Drill:
    """One drill, from its launches to the count."""

    def __init__(self, seed: int, kills: int, folder: Path, postgres: DebianPostgres) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - a drill is to be repeated
        self._kills = kills
        self._folder = folder
        self._project = folder / "playbooks"
        self._postgres = postgres
        self._database: Database = opened(postgres.url, "drill")
        self._workers: list[subprocess.Popen[bytes]] = []
        self._runs: dict[uuid.UUID, str] = {}
        self._catalog: Catalog = load_catalog(self._project)
        self.killed: Counter[str] = Counter()

    async def run(self) -> dict[str, Any]:
        """Return what was counted."""
        for _ in range(WORKERS):
            self._start_worker()
        try:
            current: uuid.UUID | None = None
            while self.killed.total() < self._kills:
                if current is None or (await self._view(current)).over:
                    current = await self._launch()
                await self._resumed(current)
                self._keep_workers()
                if await self._patiently(_runs):
                    await asyncio.sleep(self._dice.uniform(0, MOMENTS_S))
                    await self._kill_one()
                await asyncio.sleep(0.2)
            for run in self._runs:
                await self._ended(run)
            return await self._counted()
        finally:
            for worker in self._workers:
                worker.kill()
                worker.wait()

    def _start_worker(self) -> None:
        with (self._folder / "worker.log").open("ab") as log:
            command = [sys.executable, "-m", "bench.playbooks_worker", self._postgres.url, str(self._project)]
            self._workers.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=Path(__file__).parents[1]))

    def _keep_workers(self) -> None:
        """Start one for each that is gone, also by itself: a worker whose database died must end."""
        self._workers = [worker for worker in self._workers if worker.poll() is None]
        while len(self._workers) < WORKERS:
            self._start_worker()

    async def _launch(self) -> uuid.UUID:
        name = ("goes-on", "stops")[len(self._runs) % 2]
        mark = f"m{len(self._runs)}"
        request = RolloutRequest(name, TargetWish(units=("xa",)), arguments={"mark": mark})
        found = await self._patiently(lambda tx: roll_out(request, HOA, tx, Outside(_nobody), catalog=self._catalog))
        self._runs[found.id] = mark
        return found.id

    async def _kill_one(self) -> None:
        what = self._dice.choices(["worker", "child", "database"], [4, 8, 1])[0]
        if what == "worker":
            worker = self._dice.choice(self._workers)
            worker.kill()
            worker.wait()
        elif what == "child":
            # Of our own workers only: others may run playbooks on this machine.
            ours = {pid for worker in self._workers for pid in descendants_of(worker.pid)}
            children = [pid for pid in naming(CHILD) if pid in ours]
            if not children:
                return  # none runs now: the dice are thrown again
            os.kill(self._dice.choice(children), signal.SIGKILL)
        else:
            self._postgres.stop(signal.SIGKILL)
            await asyncio.sleep(self._dice.uniform(0, 2))
            self._postgres.start()
        self.killed[what] += 1
        print(f"{self.killed.total():3} killed: {what}", flush=True)

    async def _resumed(self, run: uuid.UUID) -> None:
        """Look at a stopped run as a person does, and let it go on."""
        if (await self._view(run)).state is RunState.STOPPED:
            try:
                await self._patiently(lambda tx: resume(HOA, run, tx, catalog=self._catalog))
            except VungCaoError as error:
                print(error)

    async def _ended(self, run: uuid.UUID) -> None:
        async with asyncio.timeout(END_S):
            while not (await self._view(run)).over:
                self._keep_workers()
                await self._resumed(run)
                await asyncio.sleep(1)

    async def _view(self, run: uuid.UUID) -> RunView:
        return await self._patiently(lambda tx: run_for(HOA, run, tx))

    async def _patiently(self, call: Callable[[Transaction], Awaitable[T]]) -> T:
        while True:
            try:
                async with self._database.transaction() as tx:
                    return await call(tx)
            except DatabaseUnavailable:
                await asyncio.sleep(0.3)

    async def _told(self, run: uuid.UUID) -> tuple[HostPage, list[LineView]]:
        async def ask(tx: Transaction) -> tuple[HostPage, list[LineView]]:
            return await hosts_of_run(HOA, run, tx), await run_lines(HOA, run, tx, limit=1000)

        return await self._patiently(ask)

    async def _counted(self) -> dict[str, Any]:
        begun: Counter[tuple[str, str]] = Counter()
        ended: Counter[tuple[str, str]] = Counter()
        for said in (self._folder / "marks").read_text().split("\n"):
            mark, device, what = (*said.split(), "", "", "")[:3]
            (begun if what == "begin" else ended)[mark, device] += 1
        faults: list[str] = []
        states: Counter[str] = Counter()
        again = 0
        for run, mark in self._runs.items():
            page, lines = await self._told(run)
            told = any("run again" in line.text for line in lines)
            for host in page.hosts:
                key = (mark, host.host)
                states[str(host.state)] += 1
                again += begun[key] > 1
                if begun[key] > host.tries:
                    faults.append(f"{key}: begun {begun[key]} times, told {host.tries}")
                if begun[key] > 1 and not told:
                    faults.append(f"{key}: run again in silence")
                if host.state is HostState.DONE and not ended[key]:
                    faults.append(f"{key}: told as done, and was not")
                if host.state in {HostState.WAITING, HostState.RUNNING}:
                    faults.append(f"{key}: forgotten as {host.state}")
        await asyncio.sleep(2)
        for wave in await self._patiently(_waves):
            faults += [f"a process is left: {pid}" for pid in naming(f"vc-{wave.hex}")]
            faults += [f"a folder is left: {folder}" for folder in MEMORY.glob(f"vc-{wave.hex}*")]
        return {
            "machine": machine(), "kills": dict(self.killed), "rollouts": len(self._runs),
            "devices_begun": sum(begun.values()), "begun_again_and_told": again, "hosts": dict(states),
            "faults": faults,
        }  # fmt: skip


@asynccontextmanager
async def _rig(folder: Path) -> AsyncIterator[DebianPostgres]:
    for name, after in (("stops", "stop"), ("goes-on", "again")):
        tasks = TASKS.replace("MARKS", str(folder / "marks"))
        write_playbook(folder / "playbooks", name, tasks, canary=1, step=2, after=after)
    (folder / "marks").touch()
    with DebianPostgres() as postgres, Devices(DEVICES) as sshd:
        await upgrade(postgres.url)
        database = opened(postgres.url, "drill")
        await load(database, sshd, DEVICES, folder)
        await database.close()
        yield postgres


async def drill(seed: int, kills: int) -> dict[str, Any]:
    """Return what one drill has counted."""
    with tempfile.TemporaryDirectory() as made:
        async with _rig(Path(made)) as postgres:
            return {"seed": seed, **await Drill(seed, kills, Path(made), postgres).run()}


def main() -> None:
    """Run, print, and fail if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--save", action="store_true", help="write bench/results/playbooks-drill.json")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    result = asyncio.run(drill(given.seed, given.kills))
    text = json.dumps(result, indent=2)
    print(text)
    if given.save:
        Path(__file__).with_name("results").joinpath("playbooks-drill.json").write_text(text + "\n", encoding="utf-8")
    sys.exit(bool(result["faults"]))


if __name__ == "__main__":
    main()
