"""Durable work on DBOS, in the schema `dbos` of the platform's own database. Nothing else knows DBOS.

What DBOS leaves to us: knowing that a worker has died (`liveness.py`), knowing finished steps by name instead of by
position, and keeping its process-wide state (one instance, one registry, one logger) inside this file.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

import structlog
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions, WorkflowStatus
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.clock import from_epoch_ms
from kernel.errors import DatabaseUnavailable, Unavailable
from kernel.work.failures import FAILED
from kernel.work.liveness import new_worker_id, prove_life
from kernel.work.port import FailedRun, LockSessionLost, Retry, Steps, Work

T = TypeVar("T")

APPLICATION = "vungcao"
QUEUE = "platform"

WORK_VERSION = "1"
"""Compatibility of unfinished runs, not of the release: a worker takes runs of its own version only.

Raise it only together with a migration that rewrites `application_version` of unfinished runs in
`dbos.workflow_status`; else they wait for ever for a worker of the old version.
"""

FINISHED = ["SUCCESS", "CANCELLED", *FAILED]
THREADS = 16

log = structlog.get_logger(__name__)


class DbosQueue:
    """The sending side. It opens a connection only to answer `failed_runs`."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url, "durable work", pool_size=1)
        self._client = DBOSClient(
            system_database_engine=self._engine,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            lazy=True,
            retry_connection_errors=False,
        )

    async def enqueue(self, connection: AsyncConnection, work: str, argument: str) -> str:
        """Enqueue `work` with `argument` and return the run's id, `work:argument`; see `WorkQueue.enqueue`."""
        options = EnqueueOptions(
            workflow_name=work,
            queue_name=QUEUE,
            workflow_id=f"{work}:{argument}",
            app_version=WORK_VERSION,
        )

        def send(sync_connection: Connection) -> None:
            self._client.enqueue_in_transaction(sync_connection, options, argument)

        await connection.run_sync(send)
        return options["workflow_id"]

    async def failed_runs(self, limit: int = 100) -> Sequence[FailedRun]:
        """Return the newest failed runs first; see `WorkQueue.failed_runs`."""
        try:
            runs = await self._client.list_workflows_async(
                status=list(FAILED), application_name=APPLICATION, limit=limit, sort_desc=True
            )
        except (DBAPIError, PoolTimeout) as error:
            raise DatabaseUnavailable(why=type(error).__name__) from error
        return [_failed(run) for run in runs]

    async def forget_finished(self, before: datetime, limit: int) -> int:
        """Remove runs that ended before `before`; see `WorkQueue.forget_finished`."""
        try:
            return await asyncio.to_thread(self._forget_finished, before.isoformat(), limit)
        except (DBAPIError, PoolTimeout) as error:
            raise DatabaseUnavailable(why=type(error).__name__) from error

    def _forget_finished(self, before: str, limit: int) -> int:
        passed_over = 0
        while True:
            found = self._client.list_workflows(
                status=FINISHED, application_name=APPLICATION, completed_before=before, limit=limit,
                offset=passed_over, load_input=False, load_output=False,
            )  # fmt: skip
            old = [run.workflow_id for run in found]
            free = sorted(set(old) - self._named_by_others(old))
            if free:
                self._client.delete_workflows(free)
            if free or not old:
                return len(free)
            passed_over += len(old)

    def _named_by_others(self, runs: list[str]) -> set[str | None]:
        """Return those of `runs` that other runs name as their parent or origin."""
        if not runs:
            return set()
        children = self._client.list_workflows(parent_workflow_id=runs, load_input=False, load_output=False)
        copies = self._client.list_workflows(forked_from=runs, load_input=False, load_output=False)
        return {run.parent_workflow_id for run in children} | {run.forked_from for run in copies}

    def close(self) -> None:
        """Give the connections back."""
        self._client.destroy()
        self._engine.dispose()


class DbosRunner:
    """The working side. One a process, for DBOS keeps one instance a process.

    Args:
        url: The database, `postgresql://…`, on a server or through a Unix socket.
        poll_s: Seconds between two looks into the queue; each costs about 5 ms CPU.
        check_s: Seconds between two looks for dead workers.
        at_once: Runs that this process works on at the same time; most of them wait for something outside.
        grace_s: Whole seconds that running work gets to end by itself when told to stop.
        retry: How long a step is tried again while something is unavailable.
    """

    def __init__(
        self,
        url: str,
        *,
        poll_s: float = 1.0,
        check_s: float = 2.0,
        at_once: int = 32,
        grace_s: int = 10,
        retry: Retry | None = None,
    ) -> None:
        self._url = url
        self._poll_s = poll_s
        self._check_s = check_s
        self._at_once = at_once
        self._grace_s = grace_s
        self._retry = retry or Retry()
        self._running: set[asyncio.Task[Any]] = set()

    async def run(self, works: Mapping[str, Work], stop: asyncio.Event) -> None:
        """Take work until `stop` is set; see `WorkRunner.run`. Called from the thread's main event loop."""
        worker_id = new_worker_id()
        engine = _engine(self._url, "worker", pool_size=5)
        # DBOS lets calls block for as long as the database is away; ours get threads of their own.
        threads = ThreadPoolExecutor(2, thread_name_prefix="durable-work")
        try:
            async with prove_life(self._url, worker_id) as life:  # before the first run can be owned

                async def adopt(owner: str) -> None:
                    loop = asyncio.get_running_loop()
                    # Internal to DBOS, and the only way it offers without its vendor's service: pinned, and tested.
                    runs = await loop.run_in_executor(threads, DBOS._recover_pending_workflows, [owner])  # noqa: SLF001
                    if runs:
                        log.info("runs_adopted", owner=owner, runs=len(runs))

                grace_s = 0
                try:
                    await self._launch(works, engine, worker_id)
                    log.info("worker_ready", worker=worker_id, works=sorted(works))
                    async with asyncio.TaskGroup() as tasks:
                        watching = tasks.create_task(life.watch(adopt, every_s=self._check_s))
                        stopping = tasks.create_task(stop.wait())
                        await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
                        lost = watching.result() if watching.done() else ""
                        stopping.cancel()
                        watching.cancel()
                    if lost:
                        raise LockSessionLost(why=lost)
                    grace_s = self._grace_s
                finally:
                    await self._shut_down(threads, grace_s)
        finally:
            engine.dispose()
            threads.shutdown(wait=False)

    async def _launch(self, works: Mapping[str, Work], engine: Engine, worker_id: str) -> None:
        _tame_logger()
        for name, work in works.items():
            DBOS.workflow(name=name)(self._body(name, work))
        DBOS(
            config=DBOSConfig(
                name=APPLICATION,
                system_database_engine=engine,
                serializer=DBOSPortableJSONSerializer(),
                application_version=WORK_VERSION,
                executor_id=worker_id,
                run_migrations=False,
                use_listen_notify=False,  # DBOS messages are not used; their sender alone wakes 100 times a second
                max_executor_threads=THREADS,
                log_level="WARNING",
                scheduler_polling_interval_sec=60.0,
                notification_listener_polling_interval_sec=self._poll_s,
            )
        )
        DBOS.launch()
        await DBOS.register_queue_async(
            QUEUE,
            worker_concurrency=self._at_once,
            polling_interval_sec=self._poll_s,
            on_conflict="always_update",
        )

    def _body(self, name: str, work: Work) -> Callable[[str], Awaitable[None]]:
        async def run_work(argument: str) -> None:
            task = asyncio.current_task()
            run_id = DBOS.workflow_id
            if task is None or run_id is None:
                message = "durable work runs by DBOS only"
                raise RuntimeError(message)
            self._running.add(task)
            try:
                with structlog.contextvars.bound_contextvars(request=f"{name}:{argument}"):
                    await work(argument, await _NamedSteps.of(run_id, self._retry))
            except Exception:  # raised again: logged here because DBOS keeps only its type and text
                log.exception("work_failed", work=name, argument=argument)
                raise
            finally:
                self._running.discard(task)

        return run_work

    async def _shut_down(self, threads: ThreadPoolExecutor, grace_s: int) -> None:
        """Take no more work; let what runs end within `grace_s`, then cut it: its rows stay for the next worker."""
        loop = asyncio.get_running_loop()
        wait_s = grace_s + 5 if self._running else 0
        destroy = functools.partial(DBOS.destroy, destroy_registry=True, workflow_completion_timeout_sec=wait_s)
        destroying = loop.run_in_executor(threads, destroy)
        if self._running:
            await asyncio.wait(self._running, timeout=grace_s)
        for task in list(self._running):
            task.cancel()
        await destroying
        loop.set_default_executor(ThreadPoolExecutor())  # DBOS had put its own there, which is closed now


class _NamedSteps:
    """Steps known by name. DBOS knows them by position: a new release with one more step would fail old runs."""

    def __init__(self, finished: frozenset[str], retry: Retry) -> None:
        self._finished = finished
        self._retry = retry
        self._seen: set[str] = set()

    @classmethod
    async def of(cls, run_id: str, retry: Retry) -> Steps:
        """Return the steps of a run, with what earlier attempts have finished."""
        loop = asyncio.get_running_loop()
        # Outside the run's context: inside it DBOS would record this very list as a step, and replay it for ever.
        recorded = await loop.create_task(DBOS.list_workflow_steps_async(run_id), context=contextvars.Context())
        last = max((step["function_id"] for step in recorded), default=0)
        while recorded and DBOS.reserve_step().step_id < last:
            pass  # positions in use are passed over
        return cls(frozenset(step["function_name"] for step in recorded if step["error"] is None), retry)

    async def run(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        if name in self._seen:
            message = f"this work has two steps called {name}"
            raise ValueError(message)
        self._seen.add(name)
        if name in self._finished:
            return

        async def attempt() -> None:
            await self._patiently(name, step)

        await DBOS.run_step_async({"name": name}, attempt)

    async def read(self, read: Callable[[], Awaitable[T]]) -> T:
        return await self._patiently("read", read)

    async def _patiently(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        waiting = False
        for wait_s in self._retry.waits():
            try:
                result = await call()
            except Unavailable as error:
                if not waiting:
                    log.warning("work_waits", run=DBOS.workflow_id, step=name, why=str(error))
                waiting = True
                await asyncio.sleep(wait_s)
            else:
                if waiting:
                    log.info("work_goes_on", run=DBOS.workflow_id, step=name)
                return result
        return await call()


async def migrate_work_schema(url: str) -> None:
    """Bring the schema `dbos` of the database at `url` to what this release needs; again changes nothing.

    Not inside another transaction: it builds indexes concurrently, which waits for every open transaction.

    Raises:
        DatabaseUnavailable: The database cannot be reached.
    """
    _tame_logger()
    try:
        await asyncio.to_thread(DBOS.migrate, _driver_url(url))
    except DBAPIError as error:
        raise DatabaseUnavailable(why=type(error.orig).__name__) from error


def _engine(url: str, process: str, *, pool_size: int) -> Engine:
    return create_engine(
        _driver_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_timeout=10,
        hide_parameters=True,
        connect_args={
            "application_name": f"vungcao {process}",
            "connect_timeout": 5,
            "options": "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s",
        },
    )


def _driver_url(url: str) -> str:
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg://", url)


def _failed(run: WorkflowStatus) -> FailedRun:
    work, _, argument = run.workflow_id.partition(":")
    error = run.error
    why = "its workers died too often" if error is None else f"{getattr(error, 'name', type(error).__name__)}: {error}"
    return FailedRun(run.workflow_id, work, argument, from_epoch_ms(run.completed_at or run.updated_at or 0), why)


class _SaidOnce(logging.Filter):
    """Drops what `run_work` says better, and what is normal at a stop."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(
            ("Exception encountered in asynchronous workflow", "Asyncio task cancelled for workflow or step")
        )


SAID_ONCE = _SaidOnce()


def _tame_logger() -> None:
    """Let DBOS's lines reach our handlers: with a handler of its own in place, it does not install a console one."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.addFilter(SAID_ONCE)
    logger.setLevel(logging.WARNING)
