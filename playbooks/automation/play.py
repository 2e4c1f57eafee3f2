"""One wave while it runs: stores what it says and does in batches, and ends it in time or when somebody wants that.

While the database is away the wave waits with what it has to say, and goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog

from kernel.clock import Clock
from kernel.db.transaction import Database
from kernel.errors import DatabaseUnavailable
from kernel.processes import ProgramMissing
from playbooks.automation.redact import Redactor
from playbooks.automation.repository import add_batch, is_cancelled, line
from playbooks.automation.runner.port import COUNTED, Difference, Ended, Job, Kind, News, PlaybookRunner
from playbooks.automation.runs import HostCount, Stop

STORE_EVERY_S: Final = 0.5
"""Lines are stored in batches: at most two a second and wave, whatever a playbook says."""

LOOK_EVERY_S: Final = 1.0
"""How soon a cancel is seen."""

MOST_WAITING: Final = 4000
"""Lines that wait to be stored; when there are more, the playbook waits: memory stays flat."""

MOST_DIFFERENCES: Final = 100
"""Of one host; the log has all of them as text."""

MOST_TASKS: Final = 2000
"""Of which times are kept."""

NAMED: Final = re.compile(r"\[?([A-Za-z0-9._-]+)\]?\s*:")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Begun:
    """A wave that is ours to do.

    Attributes:
        run: Its run.
        title: What its log begins with.
        job: What to run.
        redactor: Hides its secrets.
    """

    run: uuid.UUID
    title: str
    job: Job
    redactor: Redactor


@dataclass(slots=True)
class TaskTime:
    """How long a task took: at all hosts together, and at the slowest."""

    name: str
    hosts: int = 0
    seconds: float = 0.0
    longest_s: float = 0.0
    slowest_host: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """How a wave ended, with what is to be stored of it; secrets are hidden."""

    ended: Ended
    stopped: Stop | None
    differences: Mapping[str, tuple[Difference, ...]]
    told: frozenset[str]
    untold: tuple[str, ...]
    tasks: tuple[TaskTime, ...]
    reports: Mapping[str, Mapping[str, Any]]


@dataclass(slots=True)
class _Heard:
    """What was heard of one host so far."""

    count: HostCount = field(default_factory=HostCount)
    seconds: float = 0.0
    task: str = ""


class Play:
    """One wave, from its child process to the last stored line.

    Args:
        database: Where lines go.
        runner: Runs the playbook.
        clock: Times lines.
        begun: The wave.
    """

    def __init__(self, database: Database, runner: PlaybookRunner, clock: Clock, begun: Begun) -> None:
        self._database = database
        self._runner = runner
        self._clock = clock
        self._begun = begun
        self._job = begun.job
        self._stop = asyncio.Event()
        self._stopped: Stop | None = None
        self._news: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_WAITING)
        self._batch = 0
        self._heard: dict[str, _Heard] = {host.name: _Heard() for host in begun.job.hosts}
        self._changed: set[str] = set()
        self._differences: dict[str, list[Difference]] = {}
        self._told: set[str] = set()
        self._untold: dict[str, None] = {}
        self._tasks: dict[str, TaskTime] = {}
        self._reports: dict[str, Mapping[str, Any]] = {}

    async def run(self) -> Done:
        """Run it to its end and return how it ended; all that it said is stored by then."""
        await self._say(Kind.OUTPUT, "", self._begun.title)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch())
            limit = tasks.create_task(self._end_in_time())
            try:
                ended = await self._runner.run(self._job, self._tell, self._stop)
            except ProgramMissing as error:
                await self._say(Kind.FAILED, "", str(error))
                ended = Ended(None)
            limit.cancel()
            watching.cancel()
        while not self._news.empty() or self._changed:
            await self._store_patiently(self._taken(), self._counted())
        # What was heard of hosts that were never counted: a failed one has failed, however the wave ended.
        counts = {
            host: ended.hosts.get(host) or heard.count
            for host, heard in self._heard.items()
            if host in ended.hosts or heard.count.failed or heard.count.unreachable
        }
        return Done(
            replace(ended, hosts=counts),
            self._stopped,
            {host: tuple(found) for host, found in self._differences.items()},
            frozenset(self._told - self._untold.keys()),
            tuple(self._untold),
            tuple(self._tasks.values()),
            self._reports,
        )

    # Called for every piece of news, some 2 for a host and task: no I/O but the queue.
    async def _tell(self, news: News) -> None:
        hide = self._begun.redactor.hide
        for words in news.text.splitlines():
            if words.strip():
                await self._say(news.kind, news.host or self._host_in(news.kind, words), hide(words))
        found = self._differences.setdefault(news.host, []) if news.differences else []
        for one in news.differences:
            if len(found) < MOST_DIFFERENCES:
                found.append(Difference(hide(one.task), hide(one.place), hide(one.before), hide(one.after)))
        if news.report is not None:
            self._reports[news.host] = _hidden(news.report, hide)
        if news.untold:
            self._untold[hide(news.task)] = None
        elif news.kind in {Kind.OK, Kind.CHANGED}:
            self._told.add(hide(news.task))
        if news.kind in COUNTED and news.host in self._heard:
            self._count(news, hide(news.task))

    def _count(self, news: News, task: str) -> None:
        heard, kind = self._heard[news.host], news.kind
        count = heard.count
        heard.count = HostCount(
            ok=count.ok + (kind in {Kind.OK, Kind.CHANGED}),
            changed=count.changed + (kind is Kind.CHANGED),
            failed=count.failed + (kind is Kind.FAILED),
            skipped=count.skipped + (kind is Kind.SKIPPED),
            unreachable=count.unreachable or kind is Kind.UNREACHABLE,
        )
        heard.seconds += news.seconds
        heard.task = task
        self._changed.add(news.host)
        if kind is Kind.SKIPPED or (task not in self._tasks and len(self._tasks) >= MOST_TASKS):
            return
        time = self._tasks.setdefault(task, TaskTime(task))
        time.hosts += 1
        time.seconds += news.seconds
        if news.seconds >= time.longest_s:
            time.longest_s, time.slowest_host = news.seconds, news.host

    def _host_in(self, kind: Kind, words: str) -> str:
        """Return the host that a line of a summary or of a warning is about: who may not see it must not read it."""
        if kind not in {Kind.SUMMARY, Kind.OUTPUT}:
            return ""
        return next((name for name in NAMED.findall(words) if name in self._heard), "")

    async def _say(self, kind: Kind, host: str, words: str) -> None:
        await self._news.put(line(self._clock.now(), str(kind), words, host))

    async def _end_in_time(self) -> None:
        await asyncio.sleep(self._job.limit_s)
        self._end(Stop.TIME_LIMIT)

    def _end(self, why: Stop) -> None:
        if self._stopped is None:
            self._stopped = why
            self._stop.set()

    async def _watch(self) -> None:
        """Store what was said, and see a cancel, while the wave lasts."""
        loop = asyncio.get_running_loop()
        look_at = loop.time()
        while True:
            await asyncio.sleep(STORE_EVERY_S)
            look = loop.time() >= look_at
            if look:
                look_at = loop.time() + LOOK_EVERY_S
            lines = self._taken()
            if lines or self._changed or look:
                # A cancel of this task must not lose lines that were taken and not yet stored.
                await _to_the_end(self._store_patiently(lines, self._counted()))

    def _taken(self) -> list[dict[str, Any]]:
        lines = []
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:
                lines.append(self._news.get_nowait())
        return lines

    def _counted(self) -> dict[str, tuple[HostCount, float, str]]:
        found = {host: (heard.count, heard.seconds, heard.task) for host in self._changed
                 for heard in (self._heard[host],)}  # fmt: skip
        self._changed.clear()
        return found

    async def _store_patiently(
        self, lines: list[dict[str, Any]], hosts: Mapping[str, tuple[HostCount, float, str]]
    ) -> None:
        away, batch = False, self._batch + 1
        while True:
            try:
                async with self._database.transaction() as tx:
                    if lines or hosts:
                        cancelled = await add_batch(tx, self._begun.run, self._job.wave, batch, lines, hosts)
                    else:
                        cancelled = await is_cancelled(tx, self._begun.run)
            except DatabaseUnavailable as error:
                if not away:
                    log.warning("playbook_waits", wave=str(self._job.wave), why=str(error))
                away = True
                await asyncio.sleep(LOOK_EVERY_S)
            else:
                self._batch += bool(lines or hosts)
                if cancelled:
                    self._end(Stop.CANCELLED)
                if away:
                    log.info("playbook_goes_on", wave=str(self._job.wave))
                return


def _hidden(value: Any, hide: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with the secrets in its texts hidden."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {hide(str(name)): _hidden(inner, hide) for name, inner in value.items()}
    return [_hidden(inner, hide) for inner in value] if isinstance(value, list) else value


async def _to_the_end(work: Awaitable[None]) -> None:
    """Await `work` to its end even if we are cancelled meanwhile; then be cancelled."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
