"""Finished runs are removed when they are old; nothing else is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from kernel.clock import FrozenClock
from kernel.errors import DatabaseUnavailable
from kernel.work import retention
from kernel.work.dbos import DbosQueue
from kernel.work.port import Steps
from kernel.work.retention import forget_old_runs
from tests.parts.kernel.running import eventually, running

NOW = datetime(2026, 11, 24, 1, 26, tzinfo=UTC)
A_MONTH = timedelta(days=30)


async def work(argument: str, steps: Steps) -> None:
    async def step() -> None:
        if argument.startswith("bad"):
            raise ValueError(argument)

    await steps.run("step", step)


async def finished(url: str, engine: AsyncEngine, queue: DbosQueue, ages_days: dict[str, float]) -> None:
    """Have a run of each name, ended so many days ago, and two that no worker has taken."""
    async with engine.begin() as connection:
        for name in ages_days:
            await queue.enqueue(connection, "work", name)

    async def ended() -> int:
        async with engine.connect() as connection:
            return int(
                await connection.scalar(text("SELECT count(*) FROM dbos.workflow_status WHERE completed_at > 0"))
            )

    async with running(url, {"work": work}), asyncio.timeout(60):
        while await ended() < len(ages_days):
            await asyncio.sleep(0.05)
    async with engine.begin() as connection:
        for name in ("waiting", "waiting-2"):
            await queue.enqueue(connection, "not taken yet", name)
        for name, days in ages_days.items():
            at_ms = (NOW - timedelta(days=days)).timestamp() * 1000
            await connection.execute(
                text("UPDATE dbos.workflow_status SET completed_at = :at WHERE workflow_uuid = :id"),
                {"at": int(at_ms), "id": f"work:{name}"},
            )


async def remaining(engine: AsyncEngine, table: str = "workflow_status") -> set[str]:
    async with engine.connect() as connection:
        runs = await connection.scalars(text(f"SELECT DISTINCT workflow_uuid FROM dbos.{table}"))
        return {run.partition(":")[2] for run in runs}


async def test_old_finished_runs_go_with_all_they_had_and_the_others_stay(
    url: str, engine: AsyncEngine, queue: DbosQueue
) -> None:
    await finished(url, engine, queue, {"old": 31, "bad-old": 40, "young": 29, "bad-young": 1})
    assert await queue.forget_finished(NOW - A_MONTH, 100) == 2
    assert await remaining(engine) == {"young", "bad-young", "waiting", "waiting-2"}
    assert await remaining(engine, "operation_outputs") == {"young", "bad-young"}
    assert await remaining(engine, "workflow_input") == {"young", "bad-young", "waiting", "waiting-2"}
    assert await queue.forget_finished(NOW - A_MONTH, 100) == 0
    (failed,) = await queue.failed_runs()
    assert failed.argument == "bad-young"


async def test_a_run_that_another_names_stays_as_long_as_that_one(
    url: str, engine: AsyncEngine, queue: DbosQueue
) -> None:
    await finished(url, engine, queue, {"parent": 90, "origin": 80, "child": 31, "copy": 1, "free": 31})
    async with engine.begin() as connection:
        for name, column, other in (("child", "parent_workflow_id", "parent"), ("copy", "forked_from", "origin")):
            await connection.execute(
                text(f"UPDATE dbos.workflow_status SET {column} = :other WHERE workflow_uuid = :id"),
                {"other": f"work:{other}", "id": f"work:{name}"},
            )
    removed = []
    while gone := await queue.forget_finished(NOW - A_MONTH, 1):  # the kept ones do not stand in the way
        removed.append(gone)
    assert removed == [1, 1, 1]
    assert await remaining(engine) == {"origin", "copy", "waiting", "waiting-2"}


async def test_a_worker_removes_them_in_bounded_batches_and_again_later(
    url: str, engine: AsyncEngine, queue: DbosQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "EVERY_S", 0.05)
    monkeypatch.setattr(retention, "BATCH", 2)
    await finished(url, engine, queue, {f"old-{number}": 31 for number in range(5)})
    batches: list[int] = []

    class Counting:
        enqueue, failed_runs = queue.enqueue, queue.failed_runs

        async def forget_finished(self, before: datetime, limit: int) -> int:
            if not batches:
                batches.append(0)
                raise DatabaseUnavailable(why="in this test")
            batches.append(await queue.forget_finished(before, limit))
            return batches[-1]

    stop = asyncio.Event()
    keeping = asyncio.create_task(forget_old_runs(Counting(), FrozenClock(NOW), A_MONTH, stop))
    await eventually(lambda: sum(batches) == 5, "all of them to be gone")
    stop.set()
    await keeping
    assert batches[:4] == [0, 2, 2, 1]
    assert await remaining(engine) == {"waiting", "waiting-2"}
