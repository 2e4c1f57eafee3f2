"""The supervisor, `vungcao serve`: starts the database and the processes of the platform, and starts again what dies.

It runs no work of its own. What must be true of it: one per data folder; none of its children outlives it, however it
ends; a child that dies comes back without the others noticing more than its absence.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import structlog

from api.serve_state import State, StateFile, serve_lock
from kernel import processes
from kernel.clock import Clock, SystemClock
from kernel.db.embedded import PrivateCluster
from kernel.errors import Conflict, VungCaoError
from kernel.folders import make_data_folder, make_folder
from kernel.settings import PREFIX, Settings

__all__ = ["AlreadyServed", "ChildPlan", "platform_parts", "refuse_a_second", "serve"]

T = TypeVar("T")

DATABASE = "postgres"
BACK_OFF_S = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
STEADY_AFTER_S = 60.0
"""A child that lived this long is well again: its next death counts as the first."""

STOP_PATIENCE_S = 10.0
READY_ASKED_EVERY_S = 0.2
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LOCK_TRIES = 20
LOCK_TRIED_EVERY_S = 0.05
"""Whoever reads the state holds the lock for an instant: one refusal proves nothing."""

STATE_REFRESH_S = 3600.0
"""Folders for short-lived files are swept by age; this keeps ours young."""

log = structlog.get_logger()


class AlreadyServed(Conflict):
    """Another supervisor holds the data folder."""

    code: ClassVar[str] = "already-served"
    message: ClassVar[str] = (
        "vungcao serve already runs on {folder}, as PID {pid}. Stop it first (kill {pid}), or set VUNGCAO_DATA_DIR."
    )


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """A process to keep alive.

    Attributes:
        name: Unique; shown by `vungcao status`.
        command: Program and arguments.
        environment: Added to ours.
        ready: Asked five times a second after each start until it says True; None: it counts as running at once.
        first_line: Given on its standard input, which then stays open for as long as the supervisor lives.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], Awaitable[bool]] | None = None
    first_line: str | None = None


def platform_parts(settings: Settings) -> list[ChildPlan]:
    """Return the plans of web, engine and the workers, run by the Python that runs us."""
    workers = ["worker"] if settings.workers == 1 else [f"worker-{n}" for n in range(1, settings.workers + 1)]
    return [
        ChildPlan(name, (sys.executable, "-m", f"api.processes.{name.partition('-')[0]}"))
        for name in ("web", "engine", *workers)
    ]


async def serve(settings: Settings, children: Sequence[ChildPlan], *, migrate: Callable[[str], Awaitable[None]]) -> int:
    """Return 0 after SIGTERM, SIGINT or SIGHUP, when all children are gone.

    Args:
        settings: Of this process; the children get its data folder and the database's address by their environment.
        children: In the order of their start; they are stopped in the reverse one, the database last.
        migrate: Brings the database of the given address to this release; the children are started after it.

    Raises:
        AlreadyServed: Another one runs on this data folder.
        FolderUnusable: One of our folders cannot be made.
        VungCaoError: The database cannot be had, or whatever `migrate` raises; all is stopped then.
    """
    clock = SystemClock()
    _make_folders(settings)
    state = StateFile(settings.run_dir / "serve.json", clock)
    async with _the_only_one(settings, state):
        _end_strays(state.path, children)
        with _stop_signals() as stop:
            supervisor = _Supervisor(settings, children, state, clock)
            if settings.database_url is not None:
                await supervisor.run_on_server(settings.database_url.get_secret_value(), migrate, stop)
            else:
                cluster = PrivateCluster(settings.data_dir, settings.run_dir)
                async with cluster.owned(lasting=True):
                    await supervisor.run_on_cluster(cluster, migrate, stop)
    log.info("serve_stopped")
    return 0


class _Child(Protocol):
    """How one child is started and stopped: the platform's parts and the database differ in it."""

    @property
    def name(self) -> str: ...
    async def start(self) -> Process: ...
    async def ready(self) -> State: ...
    async def stop(self, process: Process) -> None: ...


class _Database:
    name = DATABASE

    def __init__(self, cluster: PrivateCluster) -> None:
        self._cluster = cluster
        self.start = cluster.start
        self.stop = cluster.stop

    async def ready(self) -> State:
        return "ready"


class _Part:
    def __init__(self, plan: ChildPlan, environment: Mapping[str, str]) -> None:
        self.name = plan.name
        self._plan = plan
        self._environment = {**os.environ, **environment, **plan.environment}

    async def start(self) -> Process:
        return await processes.start(
            processes.tied_to_us(self._plan.command), environment=self._environment, first_line=self._plan.first_line
        )

    async def ready(self) -> State:
        if self._plan.ready is None:
            return "running"
        while not await self._plan.ready():  # noqa: ASYNC110 - what is waited for is another process
            await asyncio.sleep(READY_ASKED_EVERY_S)
        return "ready"

    async def stop(self, process: Process) -> None:
        await processes.stop(process, (signal.SIGTERM, STOP_PATIENCE_S))
        processes.kill_leftovers(process.pid)


class _Supervisor:
    def __init__(self, settings: Settings, plans: Sequence[ChildPlan], state: StateFile, clock: Clock) -> None:
        self._data_dir = settings.data_dir.resolve()
        self._plans = plans
        self._state = state
        self._clock = clock

    async def run_on_cluster(
        self, cluster: PrivateCluster, migrate: Callable[[str], Awaitable[None]], stop: asyncio.Event
    ) -> None:
        async def bring_up() -> Process:
            await cluster.prepare()
            process = await cluster.start()
            try:
                await migrate(cluster.url)
            except BaseException:
                await cluster.stop(process)
                raise
            return process

        self._expect(DATABASE)
        process = await _unless_stopped(stop, bring_up())
        if process is None:
            return
        try:
            async with asyncio.TaskGroup() as group:
                database = group.create_task(self._keep(_Database(cluster), process))
                await self._keep_parts(cluster.url, stop)
                database.cancel()
        finally:
            await cluster.stop(process)

    async def run_on_server(self, url: str, migrate: Callable[[str], Awaitable[None]], stop: asyncio.Event) -> None:
        async def bring_up() -> bool:
            await migrate(url)
            return True

        self._expect()
        if await _unless_stopped(stop, bring_up()):
            await self._keep_parts(url, stop)

    def _expect(self, *first: str) -> None:
        for name in (*first, *(plan.name for plan in self._plans)):
            self._state.add(name)
        self._state.write()

    async def _keep_parts(self, url: str, stop: asyncio.Event) -> None:
        environment = {f"{PREFIX}DATABASE_URL": url, f"{PREFIX}DATA_DIR": str(self._data_dir)}
        async with asyncio.TaskGroup() as group:
            refresh = group.create_task(self._keep_state_young())
            kept = [group.create_task(self._keep(_Part(plan, environment))) for plan in self._plans]
            await stop.wait()
            log.info("serve_stopping")
            refresh.cancel()
            for task in reversed(kept):  # one after the other: what started later may lean on what started before
                task.cancel()
                await asyncio.wait([task])

    async def _keep_state_young(self) -> None:
        while True:
            await asyncio.sleep(STATE_REFRESH_S)
            self._state.write()

    async def _keep(self, child: _Child, process: Process | None = None) -> None:
        """Start `child` (unless it runs, as `process`) and start it again whenever it ends, until cancelled."""
        deaths = 0
        try:
            while True:
                began_s = self._clock.monotonic_s()
                if process is None:
                    self._state.set(child.name, "starting", None)
                try:
                    process = process or await child.start()
                    how = await self._watch(child, process)
                    pid: int | None = process.pid
                except (VungCaoError, OSError) as error:
                    how, pid = str(error), None
                process = None
                lived_s = self._clock.monotonic_s() - began_s
                deaths = 0 if lived_s >= STEADY_AFTER_S else deaths
                wait_s = BACK_OFF_S[min(deaths, len(BACK_OFF_S) - 1)]
                deaths += 1
                log.warning("child_died", child=child.name, pid=pid, how=how, lived_s=round(lived_s, 1), wait_s=wait_s)
                self._state.set(child.name, "backing-off", None, died=how)
                await asyncio.sleep(wait_s)
        finally:
            self._state.set(child.name, "stopped", None)

    async def _watch(self, child: _Child, process: Process) -> str:
        """Return in words how `process` ended; it is stopped if we are cancelled."""

        async def tell_ready() -> None:
            self._state.set(child.name, await child.ready(), process.pid)

        log.info("child_started", child=child.name, pid=process.pid)
        self._state.set(child.name, "starting", process.pid)
        try:
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(tell_ready())
                returncode = await process.wait()
                telling.cancel()
        finally:
            await child.stop(process)
        return processes.exit_in_words(returncode)


async def _unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Return what `work` returns, or None if `stop` is set first: then the work is cancelled and its end awaited."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


def refuse_a_second(settings: Settings) -> None:
    """Raise AlreadyServed if a supervisor holds the data folder: before anything is done for another one."""
    if holder := serve_lock(settings).holder():
        raise AlreadyServed(folder=settings.data_dir, pid=holder["pid"])


def _make_folders(settings: Settings) -> None:
    make_data_folder(settings.data_dir)
    for folder in (settings.keys_dir, settings.history_dir, settings.data_dir / "logs"):
        make_folder(folder, f"{PREFIX}DATA_DIR")
    make_folder(settings.run_dir, "TMPDIR")


@asynccontextmanager
async def _the_only_one(settings: Settings, state: StateFile) -> AsyncIterator[None]:
    """Hold the data folder for the time of the block, or raise AlreadyServed."""
    lock = serve_lock(settings)
    about = {"pid": os.getpid(), "started_at": state.started_at.isoformat(), "state_file": str(state.path)}
    for _ in range(LOCK_TRIES):
        if lock.take(about):
            break
        await asyncio.sleep(LOCK_TRIED_EVERY_S)
    else:
        raise AlreadyServed(folder=settings.data_dir, pid=(lock.holder() or {}).get("pid", "unknown"))
    try:
        yield
    finally:
        state.remove()
        lock.let_go()


@contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """Yield an event that SIGTERM, SIGINT and SIGHUP set; a SIGHUP that is ignored (nohup) stays so."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    caught = [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in caught:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in caught:
            loop.remove_signal_handler(number)


def _end_strays(state_file: Path, plans: Sequence[ChildPlan]) -> None:
    """Kill children of a supervisor that died in the instant between forking one and tying it to itself."""
    try:
        told = json.loads(state_file.read_bytes())
    except (FileNotFoundError, ValueError):
        return
    pids = {child["name"]: child["pid"] for child in told["children"]}
    running = dict(processes.command_lines())
    for plan in plans:
        pid = pids.get(plan.name)
        if pid is not None and running.get(pid) == list(plan.command):
            log.warning("stray_child_killed", child=plan.name, pid=pid)
            processes.kill_leftovers(pid)
