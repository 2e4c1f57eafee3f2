"""The durable work `run-playbook`: one run, from a worker's hand to its end.

A run is begun once. A worker that is handed a run which another one had begun tells that it was interrupted: nobody
knows what was done, so that nothing is done again by itself. While the database is away a run waits with what it has
to say, and goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from pydantic import SecretStr

from inventory.public import (
    Credential,
    EnableSecret,
    SshAccess,
    SshKey,
    SshPassword,
    Token,
    credential_for_use,
    secret_texts,
    ssh_access,
    used,
)
from kernel.actors import Actor, system
from kernel.clock import Clock
from kernel.db.transaction import Database, Transaction
from kernel.errors import DatabaseUnavailable, NotFound, VungCaoError
from kernel.ids import new_id
from kernel.processes import ProgramMissing
from kernel.secrets import SecretUnreadable, Vault
from kernel.work.port import Steps, Work
from playbooks.automation.catalog import Catalog, playbook_of
from playbooks.automation.events import PlaybookEnded
from playbooks.automation.guards import hold
from playbooks.automation.launch import RoomsInSession, held_for
from playbooks.automation.models import PlaybookRunRow
from playbooks.automation.queries import run_for
from playbooks.automation.redact import Redactor
from playbooks.automation.repository import add_hosts, add_lines, is_cancelled, locked, set_host, state_of
from playbooks.automation.runner.port import Difference, Ended, Host, Job, Key, Kind, News, PlaybookRunner
from playbooks.automation.runs import Coverage, RunState, Stop, Why, begin, move, outcome
from playbooks.automation.targets import known_hosts, targets

STORE_EVERY_S: Final = 0.25
"""Lines are stored in batches: at most four a second and run, whatever a playbook says."""

LOOK_EVERY_S: Final = 1.0
"""How soon a cancel is seen."""

MOST_WAITING: Final = 2000
"""Pieces of news that wait to be stored; when there are more, the run waits."""

MOST_DIFFERENCES: Final = 100
"""Of one host; the log has all of them as text."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a worker needs to run playbooks.

    Attributes:
        database: Where runs are kept.
        vault: Opens the credentials.
        runner: Runs one playbook.
        sessions: Says which rooms are in session.
        catalog: The playbooks.
        site_variables: Given to every playbook; a run's own arguments are stronger.
        clock: Times lines.
    """

    database: Database
    vault: Vault
    runner: PlaybookRunner
    sessions: RoomsInSession
    catalog: Catalog
    site_variables: Mapping[str, Any]
    clock: Clock


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that is ours to do."""

    job: Job
    office: str
    redactor: Redactor


@dataclass(frozen=True, slots=True)
class Done:
    """How it ended, with what is to be stored of it."""

    ended: Ended
    stopped: Stop | None
    differences: Mapping[str, tuple[Difference, ...]]
    coverage: Coverage | None


class _CannotRun(Exception):
    """The run ends before it began."""

    def __init__(self, why: Why, **details: str) -> None:
        self.why, self.details = why, details


def playbook_work(parts: Parts) -> Work:
    """Return the body of the work `RUN_PLAYBOOK`."""
    actor = system("worker")

    async def run_playbook(argument: str, steps: Steps) -> None:
        run, attempt = uuid.UUID(argument), new_id()
        begun = await steps.read(lambda: _begin(parts, actor, run, attempt))
        if begun is None:
            await parts.runner.sweep(run)
            return
        log.info("playbook_begins", run=argument, playbook=begun.job.playbook, check=begun.job.check)
        done = await _Play(parts, begun).run()
        await steps.run("finish", lambda: _finish(parts, actor, begun, attempt, done))

    return run_playbook


async def _begin(parts: Parts, actor: Actor, run: uuid.UUID, attempt: uuid.UUID) -> Begun | None:
    """Take the run, in one transaction, and return what to do; None if it is over, or is now."""
    async with parts.database.transaction() as tx:
        row = await locked(tx, run)
        if row is None:
            raise NotFound(kind="run", code=run)
        office = (await run_for(actor, run, tx)).office
        state = state_of(row)
        to = begin(state, ours=row.attempt == attempt)
        if to is RunState.INTERRUPTED:
            _end(row, office, to, Why.WORKER_DIED, actor, tx)
            return None
        if to is not RunState.RUNNING:
            return None
        try:
            begun = await _prepared(parts, actor, row, office, tx)
        except _CannotRun as found:
            to = RunState.REFUSED if found.why is Why.ROOM_IN_SESSION else RunState.FAILED
            row.details = dict(found.details)
            _end(row, office, to, found.why, actor, tx)
            return None
        if state is RunState.WAITING:
            row.state, row.started_at, row.attempt = str(move(state, to)), tx.now(), attempt
            await add_hosts(tx, run, [host.name for host in begun.job.hosts])
        return begun


async def _prepared(parts: Parts, actor: Actor, row: PlaybookRunRow, office: str, tx: Transaction) -> Begun:
    """Return what to do; _CannotRun if it cannot be done now. Rooms are looked at again: a run may have waited."""
    try:
        playbook = playbook_of(parts.catalog, row.playbook)
        arguments = playbook.read_arguments(row.arguments)
    except VungCaoError as error:  # another release's playbook
        raise _CannotRun(Why.PLAYBOOK_BROKEN, error=str(error)) from error
    if row.state == RunState.WAITING:
        held = hold(
            await parts.sessions(tx, [office], tx.now()),
            changes=playbook.changes(check=row.check_mode),
            overridden=row.overridden_by_id is not None,
            at=tx.now(),
        )
        if held is not None:
            row.held_for = held_for(held)
            raise _CannotRun(Why.ROOM_IN_SESSION, **held_for(held))
    try:
        # Those that were there at the launch, with the ways that the inventory knows now.
        access = targets(office, [one for one in await ssh_access(actor, tx, office) if one.device in row.targets])
    except VungCaoError as error:
        raise _CannotRun(Why.NO_TARGETS, error=str(error)) from error
    opened = await _opened(parts.vault, actor, access, row, tx)
    job = Job(
        run=row.id,
        playbook=playbook.name,
        check=row.check_mode,
        variables={**parts.site_variables, **arguments},
        hosts=tuple(_host(one, playbook.credentials, opened) for one in access),
        keys={name: Key(one.public_key(), one.private_key) for name, one in opened.items() if isinstance(one, SshKey)},
        known_hosts=tuple(known_hosts(access)),
        limit_s=playbook.limit_s,
    )
    return Begun(job, office, Redactor(text for one in opened.values() for text in secret_texts(one)))


async def _opened(
    vault: Vault, actor: Actor, access: list[SshAccess], row: PlaybookRunRow, tx: Transaction
) -> dict[str, Credential]:
    """Return every credential that holds for these devices, by name: their own files may show any of them.

    Each is put on record as used by this run.
    """
    wanted: dict[str, list[str]] = {}
    for one in access:
        for name in {one.credential, one.snmp_credential, *(other for _, other in one.others)} - {""}:
            wanted.setdefault(name, []).append(one.device)
    opened: dict[str, Credential] = {}
    for name, devices in sorted(wanted.items()):
        try:
            opened[name] = await credential_for_use(actor, tx, vault, name)
        except (NotFound, SecretUnreadable) as error:
            if any(one.credential == name for one in access):
                raise _CannotRun(Why.CREDENTIAL, credential=name, error=str(error)) from error
            continue  # what is not known to us cannot be hidden, and is not used
        used(actor, tx, name, f"run:{row.id}", devices, by=row.launched_by)
    for one in access:
        if not isinstance(opened.get(one.credential), SshKey | SshPassword):
            raise _CannotRun(Why.CREDENTIAL, credential=one.credential)
    return opened


def _host(one: SshAccess, wanted: Collection[str], opened: Mapping[str, Credential]) -> Host:
    """Return a host with what lets the run in, and of its other secrets only those that the playbook asks for."""
    secrets: dict[str, SecretStr] = {}
    login = opened[one.credential]
    if isinstance(login, SshPassword):
        secrets["ansible_password"] = login.password
    for use, name in one.others:
        match opened.get(name) if use in wanted else None:
            case EnableSecret(secret):
                secrets["ansible_become_password"] = secret
            case Token(token):
                secrets["device_token"] = token
    key = one.credential if isinstance(login, SshKey) else ""
    return Host(one.device, one.address, one.port, one.user, key, secrets)


async def _finish(parts: Parts, actor: Actor, begun: Begun, attempt: uuid.UUID, done: Done) -> None:
    """Store the end of the run; again changes nothing."""
    async with parts.database.transaction() as tx:
        row = await locked(tx, begun.job.run)
        if row is None or row.attempt != attempt or state_of(row) is not RunState.RUNNING:
            return
        for host in begun.job.hosts:
            await set_host(tx, row.id, host.name, done.ended.hosts.get(host.name), done.differences.get(host.name, ()))
        state, why = outcome(
            done.ended.code,
            done.stopped,
            done.ended.hosts.values(),
            expected=len(begun.job.hosts),
        )
        if done.coverage is not None:
            row.details = {"coverage": {"foretold": done.coverage.foretold, "untold": list(done.coverage.untold)}}
        _end(row, begun.office, state, why, actor, tx)
        log.info("playbook_ended", run=str(row.id), state=str(state), why=str(why))


def _end(row: PlaybookRunRow, office: str, to: RunState, why: Why, actor: Actor, tx: Transaction) -> None:
    row.state, row.why, row.ended_at = str(move(state_of(row), to)), str(why), tx.now()
    tx.audit(actor, "playbook.ended", f"run:{row.id}", after={"state": row.state, "why": row.why, "office": office})
    tx.emit(
        PlaybookEnded(run=str(row.id), playbook=row.playbook, office=office, check=row.check_mode, state=row.state),
        actor,
    )


class _Play:
    """One run while it runs: stores what it says, and ends it when its time is up or somebody wants that."""

    def __init__(self, parts: Parts, begun: Begun) -> None:
        self._parts = parts
        self._begun = begun
        self._job = begun.job
        self._stop = asyncio.Event()
        self._stopped: Stop | None = None
        self._news: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_WAITING)
        self._lines = 0
        self._differences: dict[str, list[Difference]] = {}
        self._foretold: set[tuple[str, str]] = set()
        self._untold: dict[str, None] = {}

    async def run(self) -> Done:
        """Run it to its end and return how it ended; all that it said is stored by then."""
        await self._say(Kind.OUTPUT, "", self._opening())
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch())
            limit = tasks.create_task(self._end_in_time())
            try:
                ended = await self._parts.runner.run(self._job, self._tell, self._stop)
            except ProgramMissing as error:
                await self._say(Kind.FAILED, "", str(error))
                ended = Ended(None)
            limit.cancel()
            watching.cancel()
        while not self._news.empty():
            await self._store_patiently(self._taken())
        return Done(
            ended,
            self._stopped,
            {host: tuple(found) for host, found in self._differences.items()},
            Coverage(len(self._foretold), tuple(self._untold)) if self._job.check else None,
        )

    def _opening(self) -> str:
        mode = "check mode: nothing is changed" if self._job.check else "for real"
        return f"{self._job.playbook} on {', '.join(host.name for host in self._job.hosts)} ({mode})"

    async def _tell(self, news: News) -> None:
        hide = self._begun.redactor.hide
        for line in hide(news.text).splitlines():  # as a whole: a secret may be broken over lines
            if line.strip():
                await self._say(news.kind, news.host, line)
        found = self._differences.setdefault(news.host, []) if news.differences else []
        for one in news.differences:
            if len(found) < MOST_DIFFERENCES:
                found.append(Difference(hide(one.task), hide(one.place), hide(one.before), hide(one.after)))
        if news.untold:
            self._untold[hide(news.task)] = None
        elif news.kind in {Kind.OK, Kind.CHANGED}:
            self._foretold.add((news.host, news.task))

    async def _say(self, kind: Kind, host: str, text: str) -> None:
        self._lines += 1
        await self._news.put(
            {"line_no": self._lines, "at": self._parts.clock.now(), "host": host, "kind": str(kind), "text": text}
        )

    async def _end_in_time(self) -> None:
        await asyncio.sleep(self._job.limit_s)
        self._end(Stop.TIME_LIMIT)

    def _end(self, why: Stop) -> None:
        if self._stopped is None:
            self._stopped = why
            self._stop.set()

    async def _watch(self) -> None:
        """Store what was said, and see a cancel, while the run lasts."""
        loop = asyncio.get_running_loop()
        look_at = loop.time()
        while True:
            await asyncio.sleep(STORE_EVERY_S)
            look = loop.time() >= look_at
            if look:
                look_at = loop.time() + LOOK_EVERY_S
            lines = self._taken()
            if lines or look:
                # A cancel of this task must not lose lines that were taken and not yet stored.
                await _to_the_end(self._store_patiently(lines))

    def _taken(self) -> list[dict[str, Any]]:
        lines = []
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:
                lines.append(self._news.get_nowait())
        return lines

    async def _store_patiently(self, lines: list[dict[str, Any]]) -> None:
        away = False
        while True:
            try:
                async with self._parts.database.transaction() as tx:
                    await add_lines(tx, self._job.run, lines)
                    if await is_cancelled(tx, self._job.run):
                        self._end(Stop.CANCELLED)
            except DatabaseUnavailable as error:
                if not away:
                    log.warning("playbook_waits", run=str(self._job.run), why=str(error))
                away = True
                await asyncio.sleep(LOOK_EVERY_S)
            else:
                if away:
                    log.info("playbook_goes_on", run=str(self._job.run))
                return


async def _to_the_end(work: Any) -> None:  # noqa: ANN401
    """Await `work` to its end even if we are cancelled meanwhile; then be cancelled."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
