"""The durable work `run-playbook`: one wave, from a worker's hand to its end.

A wave is begun once. A worker that is handed one which another had begun tells that it was interrupted: nobody knows
what was done, so that nothing is done again in silence. What a wave is part of is a row, and no work waits for hours:
a release may come between any two waves.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import select

from kernel.actors import Actor, system
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.work.port import Steps, Work
from playbooks.automation.catalog import AfterInterruption
from playbooks.automation.events import WaveEnded
from playbooks.automation.finish import end_run, note_hosts
from playbooks.automation.models import PlaybookRunRow, PlaybookWaveRow
from playbooks.automation.parts import Parts
from playbooks.automation.play import Begun, Done, Play
from playbooks.automation.prepare import CannotRun, Nobody, Prepared, prepared
from playbooks.automation.repository import (
    add_lines,
    add_planned_hosts,
    add_tasks,
    begin_hosts,
    counts_of,
    line,
    locked,
    release,
    set_host,
    set_hosts_state,
    state_of,
)
from playbooks.automation.runner.port import Kind
from playbooks.automation.runs import HostState, RunState, Stop, Why, begin, host_state, move, outcome
from playbooks.automation.waves import WaveKind, WaveState

log = structlog.get_logger(__name__)


def playbook_work(parts: Parts) -> Work:
    """Return the body of the work `RUN_PLAYBOOK`; its argument is a wave's id, and a run on one office has its own."""
    actor = system("worker")

    async def run_playbook(argument: str, steps: Steps) -> None:
        wave, attempt = uuid.UUID(argument), new_id()
        begun = await steps.read(lambda: _begin(parts, actor, wave, attempt))
        if begun is None:
            await parts.runner.sweep(wave)
            return
        job = begun.job
        log.info("playbook_begins", run=str(begun.run), wave=argument, playbook=job.playbook, check=job.check)
        done = await Play(parts.database, parts.runner, parts.clock, begun).run()
        await steps.run("finish", lambda: _finish(parts, actor, begun, attempt, done))
        await steps.run("prove", lambda: _prove(parts, begun, done))

    return run_playbook


async def _begin(parts: Parts, actor: Actor, wave: uuid.UUID, attempt: uuid.UUID) -> Begun | None:
    """Take the wave, in one transaction, and return what to do; None if it is over, or is now."""
    async with parts.database.transaction() as tx:
        run = await tx.session.scalar(select(PlaybookWaveRow.run_id).where(PlaybookWaveRow.id == wave))
        row = await locked(tx, run or wave)
        if row is None:
            raise NotFound(kind="run", code=wave)
        own = await tx.session.get(PlaybookWaveRow, wave, populate_existing=True) or await _only_wave(row, tx)
        state = WaveState(own.state)
        if state is WaveState.RUNNING and own.attempt != attempt:
            await _interrupted(parts, actor, row, own, tx)
            return None
        if state not in {WaveState.WAITING, WaveState.RUNNING} or state_of(row) not in BEGUN:
            return None
        if row.cancelled_by is not None and state is WaveState.WAITING:
            own.state, own.ended_at = str(WaveState.STOPPED), tx.now()
            row.look_at = tx.now()
            return None
        try:
            ready = await prepared(parts, actor, row, own, tx)
        except CannotRun as found:
            await _not_run(row, own, found, actor, tx)
            return None
        except Nobody:
            await _given_back(row, own, tx)
            return None
        if state is WaveState.WAITING:
            own.state, own.started_at, own.attempt = str(WaveState.RUNNING), tx.now(), attempt
            row.started_at = row.started_at or tx.now()
            row.attempt = attempt
            if state_of(row) is RunState.WAITING:
                row.state = str(move(RunState.WAITING, RunState.RUNNING))
            await begin_hosts(tx, row.id, own.hosts)
        return _begun(row, own, ready)


MOST_TRIES: Final = 3
"""Of a host whose worker dies again and again: it may be the host."""
BEGUN: Final = frozenset({RunState.WAITING, RunState.RUNNING})
REFUSED: Final = frozenset({Why.ROOM_IN_SESSION, Why.BLACKOUT, Why.OFFICE_BUSY})


def _begun(row: PlaybookRunRow, wave: PlaybookWaveRow, ready: Prepared) -> Begun:
    mode = "check mode: nothing is changed" if row.check_mode else "for real"
    if row.office_id is not None:
        title = f"{row.playbook} on {', '.join(wave.hosts)} ({mode})"
    elif WaveKind(wave.kind) is WaveKind.LANE:
        title = f"{row.playbook}, devices that were seen again: {len(wave.hosts)} ({mode})"
    else:
        title = f"{row.playbook}, wave {wave.number}: {len(wave.hosts)} devices ({mode})"
    return Begun(row.id, title, ready.job, ready.redactor)


async def _only_wave(row: PlaybookRunRow, tx: Transaction) -> PlaybookWaveRow:
    """Return the wave of a run on one office, which has the run's id; a run of an earlier release has none yet."""
    state = state_of(row)
    going = {RunState.WAITING: WaveState.WAITING, RunState.RUNNING: WaveState.RUNNING}
    own = PlaybookWaveRow(
        id=row.id, run_id=row.id, number=1, kind=str(WaveKind.ALL), state=str(going.get(state, WaveState.PASSED)),
        attempt=row.attempt, hosts=row.targets, counts={}, alarms=[], started_at=row.started_at, ended_at=None,
        soak_until=None, batch=0,
    )  # fmt: skip
    tx.session.add(own)
    await tx.session.flush()
    hosts = [{"host": host, "office_id": row.office_id} for host in row.targets]
    await add_planned_hosts(tx, row.id, hosts)
    return own


async def _interrupted(parts: Parts, actor: Actor, row: PlaybookRunRow, wave: PlaybookWaveRow, tx: Transaction) -> None:
    """Tell that the worker died in the middle: nobody knows what was done."""
    wave.state, wave.ended_at = str(WaveState.INTERRUPTED), tx.now()
    await set_hosts_state(tx, row.id, HostState.INTERRUPTED, of=HostState.RUNNING, hosts=wave.hosts)
    await release(tx, wave.id)
    if row.office_id is not None:
        to = begin(state_of(row), ours=False)
        if to is RunState.INTERRUPTED:
            await end_run(row, to, Why.WORKER_DIED, actor, tx)
        return
    wave.counts = _as_json(await counts_of(tx, row.id, wave.hosts))
    await _again_or_stop(parts, actor, row, wave, Why.WAVE_INTERRUPTED, tx)
    row.look_at = tx.now()


async def _again_or_stop(
    parts: Parts, actor: Actor, row: PlaybookRunRow, wave: PlaybookWaveRow, why: Why, tx: Transaction
) -> None:
    """Have interrupted hosts run again, a few times, where the playbook may be cut anywhere; else stop for a person."""
    found = parts.catalog.get(row.playbook)
    again = 0
    if row.check_mode or (found is not None and found.after_interruption is AfterInterruption.AGAIN):
        again = await set_hosts_state(
            tx, row.id, HostState.WAITING, of=HostState.INTERRUPTED, hosts=wave.hosts, most_tries=MOST_TRIES
        )
    left = wave.counts.get(str(HostState.INTERRUPTED), 0) - again
    who = "worker" if why is Why.WAVE_INTERRUPTED else "process"
    words = f"The {who} of wave {wave.number} died. What it was doing on its devices is not known."
    words += f" To be run again: {again}." * bool(again) + f" For a person to look at: {left}." * bool(left)
    await add_lines(tx, row.id, [line(tx.now(), str(Kind.OUTPUT), words)])
    if left or not again:
        row.details = {**row.details, "stop": {"why": str(why), "wave": wave.number}}
    after = {"wave": wave.number, "hosts": wave.hosts, "why": str(why), "again": again}
    tx.audit(actor, "playbook.wave-interrupted", f"run:{row.id}", after=after)


async def _not_run(row: PlaybookRunRow, wave: PlaybookWaveRow, found: CannotRun, actor: Actor, tx: Transaction) -> None:
    """End the wave before it began: the run on one office with it, while a rollout stops for a person."""
    wave.state, wave.ended_at = str(WaveState.STOPPED), tx.now()
    await release(tx, wave.id)
    row.details = {**row.details, **found.details}
    if row.office_id is not None:
        to = RunState.REFUSED if found.why in REFUSED else RunState.FAILED
        if found.held is not None:
            row.held_for = found.held
        await set_hosts_state(tx, row.id, HostState.LEFT, of=HostState.WAITING)
        await end_run(row, to, found.why, actor, tx)
        return
    row.details = {**row.details, "stop": {"why": str(found.why), **found.details}}
    row.look_at = tx.now()


async def _given_back(row: PlaybookRunRow, wave: PlaybookWaveRow, tx: Transaction) -> None:
    """Let the wave be as if it had never been wanted: its guards have closed while it waited for a worker."""
    await release(tx, wave.id)
    await tx.session.delete(wave)
    row.look_at = tx.now()


async def _finish(parts: Parts, actor: Actor, begun: Begun, attempt: uuid.UUID, done: Done) -> None:
    """Store the end of the wave; again changes nothing."""
    async with parts.database.transaction() as tx:
        row = await locked(tx, begun.run)
        wave = await tx.session.get(PlaybookWaveRow, begun.job.wave, populate_existing=True)
        if row is None or wave is None or wave.attempt != attempt or wave.state != str(WaveState.RUNNING):
            return
        code, hosts = done.ended.code, done.ended.hosts
        states = {host.name: host_state(hosts.get(host.name), code) for host in begun.job.hosts}
        for host, state in states.items():
            report = done.reports.get(host)
            await set_host(tx, row.id, host, hosts.get(host), done.differences.get(host, ()), state, report)
            if report is not None and not row.check_mode:  # a dry run changes nothing, the inventory included
                await parts.reported(tx, host, report)
        await add_tasks(tx, wave.id, [asdict(task) for task in done.tasks])
        if row.check_mode:
            row.details = {**row.details, "coverage": _coverage(row.details.get("coverage"), done)}
        note_hosts(row, states, hosts, actor, tx)
        wave.counts = _as_json(await counts_of(tx, row.id, wave.hosts))
        wave.ended_at = tx.now()
        if row.office_id is not None:
            wave.state = str(WaveState.PASSED)
            await release(tx, wave.id)
            to, why = outcome(code, done.stopped, hosts.values(), expected=len(begun.job.hosts))
            await end_run(row, to, why, actor, tx)
            return
        soak = 0 if row.check_mode or not row.plan["changes"] else row.plan["waves"]["soak_s"]
        wave.state = str(WaveState.SOAKING)
        wave.soak_until = tx.now() + timedelta(seconds=soak)
        stopped = _stopped_by(done, states)
        if stopped is Why.RUNNER_DIED:
            await _again_or_stop(parts, actor, row, wave, stopped, tx)
        elif stopped is not None:
            row.details = {**row.details, "stop": {"why": str(stopped)}}
        row.look_at = tx.now()
        tx.emit(WaveEnded(run=str(row.id), playbook=row.playbook, wave=wave.number, state=wave.state), actor)
        log.info("wave_ended", run=str(row.id), wave=wave.number, counts=wave.counts)


async def _prove(parts: Parts, begun: Begun, done: Done) -> None:
    """Prove new secrets of the devices that ended well: from here, for what a device says of itself proves nothing."""
    playbook = parts.catalog.get(begun.job.playbook)
    if playbook is None or not playbook.proves or begun.job.check:
        return
    for host in begun.job.hosts:
        if host_state(done.ended.hosts.get(host.name), done.ended.code) is HostState.DONE:
            await parts.proved(host.name, [str(kind) for kind in playbook.proves])


def _stopped_by(done: Done, states: Mapping[str, HostState]) -> Why | None:
    """Return why a person has to look before the rollout goes on, where the counts of hosts do not say it."""
    if done.stopped is Stop.TIME_LIMIT:
        return Why.TIME_LIMIT
    if done.ended.code is None:
        return Why.RUNNER_DIED
    if done.stopped is None and HostState.INTERRUPTED in states.values():
        return Why.PLAYBOOK_BROKEN
    return None


def _coverage(before: Mapping[str, Any] | None, done: Done) -> dict[str, list[str]]:
    """Return which tasks a dry run could foretell in all of its waves so far: one that it could not once, it cannot."""
    told = set(done.told).union((before or {}).get("told", ()))
    untold = dict.fromkeys([*(before or {}).get("untold", ()), *done.untold])
    return {"told": sorted(told - untold.keys()), "untold": list(untold)}


def _as_json(counts: Mapping[HostState, int]) -> dict[str, int]:
    return {str(state): number for state, number in counts.items()}
