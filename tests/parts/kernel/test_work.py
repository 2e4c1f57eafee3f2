"""Durable work in one process: what is queued, in which order of steps it is done, and what becomes of errors."""

from __future__ import annotations

import asyncio
import logging

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from kernel.clock import SystemClock
from kernel.errors import DatabaseUnavailable, StoreUnavailable
from kernel.work.dbos import WORK_VERSION, DbosQueue, DbosRunner, migrate_work_schema
from kernel.work.port import Steps
from tests.parts.kernel.running import eventually, failures, running


class Recorder:
    """Work that notes what it does."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def note(self, argument: str, _steps: Steps) -> None:
        self.done.append(argument)


async def test_work_runs_only_if_the_transaction_that_queued_it_commits(
    url: str, engine: AsyncEngine, queue: DbosQueue
) -> None:
    recorder = Recorder()
    async with engine.connect() as connection:
        await queue.enqueue(connection, "note", "rolled back")
        await connection.rollback()
    async with running(url, {"note": recorder.note}):
        async with engine.connect() as connection:
            await queue.enqueue(connection, "note", "first")
            await asyncio.sleep(1)  # several looks into the queue
            assert recorder.done == []
            await connection.commit()
        await eventually(lambda: recorder.done, "committed work")
    assert recorder.done == ["first"]


async def test_the_same_work_on_the_same_id_is_queued_once(url: str, engine: AsyncEngine, queue: DbosQueue) -> None:
    recorder = Recorder()
    async with engine.begin() as connection:
        first = await queue.enqueue(connection, "note", "a")
    async with engine.begin() as connection:
        assert await queue.enqueue(connection, "note", "a") == first
        await queue.enqueue(connection, "note", "b")
    async with running(url, {"note": recorder.note}):
        await eventually(lambda: "b" in recorder.done, "both runs")
    async with engine.begin() as connection:
        await queue.enqueue(connection, "note", "a")
    async with running(url, {"note": recorder.note}):
        async with engine.begin() as connection:
            await queue.enqueue(connection, "note", "c")
        await eventually(lambda: "c" in recorder.done, "a later run")
    assert sorted(recorder.done) == ["a", "b", "c"]


async def test_a_step_is_tried_again_while_something_is_unavailable(
    url: str, engine: AsyncEngine, queue: DbosQueue
) -> None:
    done: list[str] = []

    async def work(_argument: str, steps: Steps) -> None:
        async def first() -> None:
            done.append("first")

        async def second() -> None:
            done.append("second")
            if done.count("second") < 3:
                raise StoreUnavailable(why="in this test")

        await steps.run("first", first)
        await steps.run("second", second)

    async with engine.begin() as connection:
        await queue.enqueue(connection, "work", "a")
    async with running(url, {"work": work}):
        await eventually(lambda: len(done) == 4, "all tries")
    assert done == ["first", "second", "second", "second"]
    assert await queue.failed_runs() == []


async def test_what_stays_unavailable_fails_the_run_in_the_end(url: str, engine: AsyncEngine, queue: DbosQueue) -> None:
    tries: list[str] = []

    async def work(argument: str, steps: Steps) -> None:
        async def step() -> None:
            tries.append(argument)
            raise StoreUnavailable(why="for good")

        await steps.run("step", step)

    async with engine.begin() as connection:
        await queue.enqueue(connection, "work", "a")
    async with running(url, {"work": work}):
        (failed,) = await failures(queue)
    assert (failed.work, failed.argument) == ("work", "a")
    assert "for good" in failed.why
    assert len(tries) > 2


async def test_any_other_error_fails_the_run_at_once_and_is_seen(
    url: str, engine: AsyncEngine, queue: DbosQueue
) -> None:
    tries: list[str] = []

    async def work(argument: str, steps: Steps) -> None:
        async def step() -> None:
            tries.append(argument)
            raise ZeroDivisionError("a bug")

        await steps.run("step", step)

    async with engine.begin() as connection:
        run_id = await queue.enqueue(connection, "work", "a")
    async with running(url, {"work": work}):
        (failed,) = await failures(queue)
    assert (failed.id, failed.why, tries) == (run_id, "ZeroDivisionError: a bug", ["a"])
    assert failed.at.tzinfo is not None


async def test_two_steps_of_one_name_are_refused(url: str, engine: AsyncEngine, queue: DbosQueue) -> None:
    async def work(_argument: str, steps: Steps) -> None:
        async def step() -> None:
            await asyncio.sleep(0)

        await steps.run("step", step)
        await steps.run("step", step)

    async with engine.begin() as connection:
        await queue.enqueue(connection, "work", "a")
    async with running(url, {"work": work}):
        (failed,) = await failures(queue)
    assert "two steps called step" in failed.why


async def test_a_release_with_other_steps_goes_on_with_an_old_run(
    url: str, engine: AsyncEngine, queue: DbosQueue
) -> None:
    done: list[str] = []
    let_go = asyncio.Event()

    async def step(name: str) -> None:
        if name == "second":
            done.append("second begins")
            await let_go.wait()
        done.append(name)

    async def old(_argument: str, steps: Steps) -> None:
        await steps.run("first", lambda: step("first"))
        await steps.run("second", lambda: step("second"))

    async def new(_argument: str, steps: Steps) -> None:
        await steps.run("added", lambda: step("added"))
        await steps.run("second", lambda: step("second"))
        await steps.run("first", lambda: step("first"))
        await steps.run("last", lambda: step("last"))

    async with engine.begin() as connection:
        await queue.enqueue(connection, "work", "a")
    async with running(url, {"work": old}, grace_s=0):
        await eventually(lambda: "second begins" in done, "the second step")
    assert done == ["first", "second begins"]
    let_go.set()
    async with running(url, {"work": new}):
        await eventually(lambda: "last" in done, "the end")
    assert done == ["first", "second begins", "added", "second begins", "second", "last"]
    assert await queue.failed_runs() == []


async def test_steps_may_run_beside_each_other(url: str, engine: AsyncEngine, queue: DbosQueue) -> None:
    started: list[str] = []
    both = asyncio.Event()

    async def work(_argument: str, steps: Steps) -> None:
        async def step(name: str) -> None:
            started.append(name)
            if len(started) == 2:
                both.set()
            await both.wait()

        async with asyncio.TaskGroup() as tasks:
            for name in ("left", "right"):
                tasks.create_task(steps.run(name, lambda name=name: step(name)))  # type: ignore[misc]

    async with engine.begin() as connection:
        await queue.enqueue(connection, "work", "a")
    async with running(url, {"work": work}):
        await eventually(both.is_set, "both steps at once")
    assert sorted(started) == ["left", "right"]


async def test_running_work_may_end_before_the_runner_stops(url: str, engine: AsyncEngine, queue: DbosQueue) -> None:
    done: list[str] = []

    async def work(argument: str, steps: Steps) -> None:
        async def step() -> None:
            done.append("begins")
            await asyncio.sleep(0.5)
            done.append(argument)

        await steps.run("step", step)

    async with engine.begin() as connection:
        await queue.enqueue(connection, "work", "a")
    async with running(url, {"work": work}):
        await eventually(lambda: done, "its beginning")
    assert done == ["begins", "a"]
    assert await asyncio.to_thread(lambda: "threads still work") == "threads still work"


async def test_what_is_stored_is_json_under_our_own_version(url: str, engine: AsyncEngine, queue: DbosQueue) -> None:
    recorder = Recorder()

    async def work(argument: str, steps: Steps) -> None:
        await steps.run("step", lambda: recorder.note(argument, steps))

    async with engine.begin() as connection:
        await queue.enqueue(connection, "work", "an-id")
        await queue.enqueue(connection, "not taken yet", "an-id")
    async with running(url, {"work": work}):
        await eventually(lambda: recorder.done, "the run")
    async with engine.connect() as connection:
        versions = await connection.scalars(text("SELECT DISTINCT application_version FROM dbos.workflow_status"))
        assert versions.all() == [WORK_VERSION] == ["1"]  # see WORK_VERSION before you change this line
        inputs = await connection.scalars(text("SELECT DISTINCT inputs FROM dbos.workflow_input"))
        assert inputs.all() == ['{"namedArgs":{},"positionalArgs":["an-id"]}']
        formats = await connection.scalars(text("SELECT DISTINCT serialization FROM dbos.operation_outputs"))
        assert formats.all() == ["portable_json"]


async def test_migrating_again_or_twice_at_once_changes_nothing(url: str, engine: AsyncEngine) -> None:
    async def version() -> int:
        async with engine.connect() as connection:
            return int(await connection.scalar(text("SELECT version FROM dbos.dbos_migrations")))

    before = await version()
    await asyncio.gather(migrate_work_schema(url), migrate_work_schema(url))
    assert await version() == before


async def test_no_database_at_the_start_is_said_so_and_no_password_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    nowhere = "postgresql://vungcao:hush-hush@127.0.0.1:1/vungcao"
    with pytest.raises(DatabaseUnavailable) as from_runner:
        await DbosRunner(nowhere).run({}, asyncio.Event())
    with pytest.raises(DatabaseUnavailable) as from_migration:
        await migrate_work_schema(nowhere)
    queue = DbosQueue(nowhere)
    with pytest.raises(DatabaseUnavailable) as from_queue:
        await queue.failed_runs()
    with pytest.raises(DatabaseUnavailable):
        await queue.forget_finished(SystemClock().now(), 1)
    queue.close()
    for told in (str(from_runner.value), str(from_migration.value), str(from_queue.value), caplog.text):
        assert "hush" not in told


async def test_an_error_in_a_query_shows_no_values_in_the_log(
    url: str, engine: AsyncEngine, queue: DbosQueue, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE dbos.operation_outputs RENAME TO away"))
        await queue.enqueue(connection, "work", "an-id")

    async def work(_argument: str, steps: Steps) -> None:
        await steps.run("step", lambda: recorder.note("never", steps))

    async with running(url, {"work": work}):
        (failed,) = await failures(queue)
    assert "operation_outputs" in failed.why
    assert "hidden" in failed.why
    assert recorder.done == []
