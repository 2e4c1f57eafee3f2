"""Durable work when workers die: real processes, killed in the middle of a step."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kernel.work.dbos import DbosQueue
from kernel.work.liveness import lock_key, new_worker_id, prove_life
from tests.parts.kernel.running import eventually
from tests.parts.kernel.worker_process import LOST
from tests.real.accounts import ROOT
from tests.real.postgres import DebianPostgres

Spawn = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vc-work-") as made:
        yield Path(made)


@pytest.fixture
def spawn(url: str, folder: Path) -> Iterator[Spawn]:
    """Return a function that starts a worker; all of them are gone afterwards."""
    with ExitStack() as stack:

        def start() -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / "log").open("ab"))
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.parts.kernel.worker_process", url, str(folder)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start


class Run:
    """One run of `three-steps`, seen through the file that its steps write."""

    def __init__(self, folder: Path, argument: str) -> None:
        self._file = folder / f"{argument}.steps"

    def steps(self) -> list[tuple[int, str]]:
        """Return what was done so far: process id and step."""
        if not self._file.exists():
            return []
        words = [line.partition(" ") for line in self._file.read_text().splitlines()]
        return [(int(pid), step) for pid, _, step in words]

    async def reached(self, step: str, by: int) -> None:
        """Return when process `by` has done `step`."""
        await eventually(lambda: (by, step) in self.steps(), f"{step} by {by}")


async def enqueue(engine: AsyncEngine, queue: DbosQueue, argument: str) -> None:
    async with engine.begin() as connection:
        await queue.enqueue(connection, "three-steps", argument)


async def test_a_killed_workers_run_is_adopted_and_its_finished_steps_are_not_repeated(
    engine: AsyncEngine, queue: DbosQueue, folder: Path, spawn: Spawn
) -> None:
    run = Run(folder, "a")
    await enqueue(engine, queue, "a")
    killed = spawn()
    await run.reached("second begins", killed.pid)
    survivor = spawn()
    killed.kill()
    await run.reached("second begins", survivor.pid)
    (folder / "go").touch()
    await run.reached("third", survivor.pid)
    assert run.steps() == [
        (killed.pid, "first"),
        (killed.pid, "second begins"),
        (survivor.pid, "second begins"),
        (survivor.pid, "second"),
        (survivor.pid, "third"),
    ]


async def test_a_living_workers_run_is_left_to_it(
    engine: AsyncEngine, queue: DbosQueue, folder: Path, spawn: Spawn
) -> None:
    run, other = Run(folder, "a"), Run(folder, "b")
    await enqueue(engine, queue, "a")
    first = spawn()
    await run.reached("second begins", first.pid)
    first.send_signal(signal.SIGSTOP)  # alive, and slower than any check
    second = spawn()
    await enqueue(engine, queue, "b")
    (folder / "go").touch()
    await other.reached("third", second.pid)  # it has looked for dead owners meanwhile
    first.send_signal(signal.SIGCONT)
    await run.reached("third", first.pid)
    assert {pid for pid, _ in run.steps()} == {first.pid}


async def test_a_worker_without_its_lock_session_stops_itself_and_is_adopted(
    url: str, engine: AsyncEngine, queue: DbosQueue, folder: Path, spawn: Spawn
) -> None:
    run = Run(folder, "a")
    await enqueue(engine, queue, "a")
    cut_off = spawn()
    await run.reached("second begins", cut_off.pid)
    with psycopg.connect(url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'vungcao worker alive' AND datname = current_database()"
        ).fetchall()
    assert ended == [(True,)]
    await eventually(lambda: cut_off.poll() is not None, "the worker to stop itself")
    assert cut_off.returncode == LOST
    heir = spawn()
    (folder / "go").touch()
    await run.reached("third", heir.pid)
    assert [step for _, step in run.steps()] == ["first", "second begins", "second begins", "second", "third"]


async def test_workers_stop_when_the_database_does_and_the_next_ones_go_on(
    url: str, engine: AsyncEngine, queue: DbosQueue, folder: Path, spawn: Spawn, server: DebianPostgres
) -> None:
    run = Run(folder, "a")
    await enqueue(engine, queue, "a")
    before = spawn()
    await run.reached("second begins", before.pid)
    server.stop()
    try:
        (folder / "go").touch()  # the step may end now, and cannot be recorded
        await eventually(lambda: before.poll() is not None, "the worker to stop itself")
    finally:
        server.start()
    assert before.returncode == LOST
    after = spawn()
    await run.reached("third", after.pid)
    assert [step for _, step in run.steps()].count("first") == 1


async def test_what_a_stopping_worker_cannot_finish_is_gone_on_with_after_the_restart(
    engine: AsyncEngine, queue: DbosQueue, folder: Path, spawn: Spawn
) -> None:
    run = Run(folder, "a")
    await enqueue(engine, queue, "a")
    stopped = spawn()
    await run.reached("second begins", stopped.pid)
    stopped.terminate()
    await eventually(lambda: stopped.poll() is not None, "the worker to stop")
    assert stopped.returncode == 0
    restarted = spawn()
    await run.reached("second begins", restarted.pid)
    (folder / "go").touch()
    await run.reached("third", restarted.pid)
    assert [step for _, step in run.steps()] == ["first", "second begins", "second begins", "second", "third"]
    assert await queue.failed_runs() == []


async def test_one_id_lives_once_and_no_start_has_the_id_of_another(url: str) -> None:
    worker_id = new_worker_id()
    assert new_worker_id() != worker_id
    assert -(2**63) <= lock_key(worker_id) < 2**63
    async with prove_life(url, worker_id):
        with pytest.raises(RuntimeError, match="running already"):
            async with prove_life(url, worker_id):
                pass
    async with prove_life(url, worker_id):
        pass
