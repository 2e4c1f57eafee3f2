"""Brings rollouts on: looks at each that is due, judges what its waves did, and begins the next one, or says why not.

A look is one short transaction on one run, whichever worker makes it: who dies in it has done nothing. What is due is a
column, and every look leaves behind when the next one is worth it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import case, func, select

from inventory.public import offices_behind, offices_of_devices
from kernel.actors import Actor, system
from kernel.db.transaction import Transaction
from kernel.errors import DatabaseUnavailable
from kernel.ids import new_id
from playbooks.automation.ask_guards import Guarded, ask_guards
from playbooks.automation.events import RolloutStopped
from playbooks.automation.finish import end_run
from playbooks.automation.guards import Hindrance, HindranceKind, gathered
from playbooks.automation.lane import expire, next_try, ready_again
from playbooks.automation.launch import RUN_PLAYBOOK
from playbooks.automation.models import PlaybookHostRow, PlaybookRunRow, PlaybookWaveRow
from playbooks.automation.outside import Outside
from playbooks.automation.parts import Parts
from playbooks.automation.repository import claim, counts_of, hold_claims, release, state_of, waves_of
from playbooks.automation.runs import HostState, Priority, RunState, Why, move, rollout_outcome
from playbooks.automation.stops import Stopped, judge
from playbooks.automation.waves import GOING, MOST_IN_A_WAVE, WaveKind, WaveState, WaveWish

LOOK_EVERY_S: Final = 1.0
LOOK_AGAIN: Final = timedelta(seconds=20)
"""How soon a hindrance is looked at again: meetings are cancelled, and windows set."""
SOAK_LOOK: Final = timedelta(seconds=15)
"""How often health is looked at while a wave soaks: what is bad stops it at once, not at the end."""
MOST_LOOKS: Final = 50
SEEN_OTHERWISE: Final = frozenset({HindranceKind.SOAKING, HindranceKind.UNREACHABLE})
"""Hindrances whose end brings a look of its own."""

FIRST: Final = case(
    {str(priority): rank for rank, priority in enumerate(Priority)}, value=PlaybookRunRow.priority, else_=9
)

log = structlog.get_logger(__name__)


async def run_rollouts(parts: Parts, stop: asyncio.Event) -> None:
    """Look at what is due, every second, until `stop` is set; a database away is waited for."""
    away = False
    while not stop.is_set():
        try:
            await look_at_due(parts)
        except DatabaseUnavailable as error:
            if not away:
                log.warning("rollouts_wait", why=str(error))
            away = True
        except Exception:  # the next look may be luckier; this one's run comes again with it
            log.exception("rollout_look_failed")
        else:
            if away:
                log.info("rollouts_go_on")
            away = False
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue


async def look_at_due(parts: Parts) -> int:
    """Look at the rollouts that are due, those of the first priority before the others; return how many."""
    for looks in range(MOST_LOOKS):
        async with parts.database.transaction() as tx:
            row = await tx.session.scalar(
                select(PlaybookRunRow)
                .where(PlaybookRunRow.look_at <= tx.now())
                .order_by(FIRST, PlaybookRunRow.look_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            if row is None:
                return looks
            await _Look(parts, row, tx).look()
    return MOST_LOOKS


@dataclass(slots=True)
class _Wanted:
    """A wave that may begin: its plan's number, and the hosts that nothing holds up."""

    number: int
    kind: WaveKind
    hosts: list[Guarded]


class _Look:
    """One look at one locked run."""

    def __init__(self, parts: Parts, row: PlaybookRunRow, tx: Transaction) -> None:
        self._parts = parts
        self._outside: Outside = parts.outside
        self._row = row
        self._tx = tx
        self._actor: Actor = system("rollouts")
        self._wish = WaveWish.model_validate(row.plan["waves"])
        self._begun = False

    async def look(self) -> None:
        """Do what is to be done now, and leave behind when to look again."""
        row = self._row
        row.look_at = None
        if state_of(row) is RunState.PROPOSED:
            await self._look_at_approval()
        elif state_of(row) in {RunState.WAITING, RunState.RUNNING}:
            waves = await waves_of(self._tx, row.id)
            if not await self._stopped(waves) and not await self._judge_soaking(waves):
                await self._bring_on(waves)

    async def _bring_on(self, waves: Sequence[PlaybookWaveRow]) -> None:
        """End or pause the run where a person wants that, else let it go on."""
        row, now = self._row, self._tx.now()
        going = [wave for wave in waves if wave.state in GOING]
        soaking = [wave for wave in waves if wave.state == WaveState.SOAKING]
        if row.cancelled_by is not None:
            if not going:
                await self._over(RunState.CANCELLED, Why.NOTHING, waves)
            return
        if row.paused_by is not None:
            if not going and not soaking:
                row.hindrances = []
                self._become(RunState.PAUSED)
            return
        hindrances = await self._go_on(going, soaking)
        if hindrances is None:
            return
        row.hindrances = [one.as_json() for one in gathered(hindrances)]
        if not (going or soaking or self._begun):
            self._become(RunState.WAITING)
        if any(one.kind not in SEEN_OTHERWISE for one in hindrances):
            again = now + LOOK_AGAIN
            row.look_at = again if row.look_at is None else min(row.look_at, again)

    async def _stopped(self, waves: Sequence[PlaybookWaveRow]) -> bool:
        """Stop the run if one of its waves said why, as soon as none runs; return whether it has stopped."""
        why = self._row.details.get("stop")
        if why is None or self._row.cancelled_by is not None or any(wave.state in GOING for wave in waves):
            return False
        more = {key: value for key, value in why.items() if key != "why"}
        await self._stop(Stopped(Why(why["why"]), more), waves)
        return True

    async def _look_at_approval(self) -> None:
        row = self._row
        if row.approve_by is not None and row.approve_by <= self._tx.now():
            await end_run(row, RunState.EXPIRED, Why.NOBODY_APPROVED, self._actor, self._tx)
        else:
            row.look_at = row.approve_by

    async def _judge_soaking(self, waves: Sequence[PlaybookWaveRow]) -> bool:
        """Let waves pass that have soaked well; True if one of them stops the run."""
        row, tx, now = self._row, self._tx, self._tx.now()
        for wave in waves:
            if wave.state != WaveState.SOAKING:
                continue
            counts = {HostState(state): number for state, number in wave.counts.items()}
            offices = await _touched(self._actor, wave.hosts, tx)
            alarms = await self._outside.health(tx, offices) if row.plan["changes"] else ()
            meeting = {notice.office for notice in await self._outside.sessions(tx, offices, now)} if alarms else set()
            stopped = judge(self._wish, counts, alarms, wave.alarms, meeting)
            if stopped is not None and not (row.check_mode or not row.plan["changes"]):
                wave.state = str(WaveState.STOPPED)
                await self._stop(stopped, waves)
                return True
            if wave.soak_until is None or wave.soak_until <= now:
                wave.state = str(WaveState.PASSED)
                await release(tx, wave.id)
            else:
                until = min(wave.soak_until, now + SOAK_LOOK)
                row.look_at = min(row.look_at or until, until)
        return False

    async def _go_on(
        self, going: Sequence[PlaybookWaveRow], soaking: Sequence[PlaybookWaveRow]
    ) -> list[Hindrance] | None:
        """Begin what may begin, and return what holds up the rest; None if the run is over or has stopped."""
        row, tx = self._row, self._tx
        playbook = self._parts.catalog.get(row.playbook)
        if playbook is None or playbook.content != row.content:
            stopped = Stopped(Why.PLAYBOOK_CHANGED, {"then": row.content, "now": playbook.content if playbook else ""})
            await self._stop(stopped, [])
            return None
        hindrances: list[Hindrance] = []
        main = [wave for wave in (*going, *soaking) if wave.kind != WaveKind.LANE]
        if main:
            soak = max((wave.soak_until for wave in main if wave.state == WaveState.SOAKING and wave.soak_until),
                       default=None)  # fmt: skip
            if soak is not None:
                hindrances.append(Hindrance(HindranceKind.SOAKING, soak))
        else:
            wanted, held = await self._next_wave()
            hindrances += held
            if wanted is not None:
                hindrances += await self._begin(wanted)
        if not any(wave.kind == WaveKind.LANE for wave in going):
            hindrances += await self._try_again()
        counts = await counts_of(tx, row.id)
        waits = any(counts.get(state) for state in (HostState.WAITING, HostState.RUNNING, HostState.UNREACHABLE))
        if not waits and not going and not soaking:
            state, why = rollout_outcome(counts)
            await self._over(state, why, [])
            return None
        return hindrances

    async def _next_wave(self) -> tuple[_Wanted | None, list[Hindrance]]:
        """Return the first wave of the plan with hosts that nothing holds up, and what holds up those before it.

        Who is held up does not hold up the others. Until somebody was done well, no wave is larger than the canary.
        """
        row = self._row
        planned = await self._waiting()
        proven = (await counts_of(self._tx, row.id)).get(HostState.DONE, 0) > 0
        held_all: list[Hindrance] = []
        for number in sorted(planned):
            hosts = planned[number][:MOST_IN_A_WAVE]
            held = await self._held(hosts)
            held_all += held.values()
            free = [host for host in hosts if host.device not in held]
            if not free:
                continue
            if not row.plan["changes"]:
                return _Wanted(number, WaveKind.ALL, free), held_all
            if not proven:
                return _Wanted(number, WaveKind.CANARY, free[: self._wish.canary]), held_all
            return _Wanted(number, WaveKind.GROWING, free), held_all
        return None, held_all

    async def _waiting(self) -> dict[int, list[Guarded]]:
        """Return the hosts that wait for their turn, by their wave in the plan."""
        rows = await self._tx.session.execute(
            select(PlaybookHostRow.wave, PlaybookHostRow.host, PlaybookHostRow.groups)
            .where(PlaybookHostRow.run_id == self._row.id, PlaybookHostRow.state == str(HostState.WAITING))
            .order_by(PlaybookHostRow.wave, PlaybookHostRow.host)
        )
        found: dict[int, list[Guarded]] = {}
        taken = [(number, host, frozenset(groups)) for number, host, groups in rows]
        offices = await offices_of_devices(self._actor, self._tx, [host for _, host, _ in taken])
        for number, host, groups in taken:
            found.setdefault(number, []).append(Guarded(host, offices.get(host, ""), groups))
        return found

    async def _held(self, hosts: Sequence[Guarded]) -> dict[str, Hindrance]:
        row = self._row
        return await ask_guards(
            self._tx,
            self._outside,
            hosts,
            changes=bool(row.plan["changes"]) and row.overridden_by_id is None,
            only_in_windows=bool(row.plan.get("only_in_windows")),
        )

    async def _begin(self, wanted: _Wanted) -> list[Hindrance]:
        """Hand the wave to a worker; return what keeps it from that."""
        row, tx, now = self._row, self._tx, self._tx.now()
        await hold_claims(tx)
        running = await tx.session.scalar(
            select(func.count())
            .select_from(PlaybookWaveRow)
            .where(PlaybookWaveRow.state.in_([str(one) for one in GOING]))
        )
        if (running or 0) >= self._parts.at_once:
            fields: dict[str, str | int] = {"running": running or 0, "most": self._parts.at_once}
            row.look_at = now + timedelta(seconds=2)
            return [Hindrance(HindranceKind.CAPACITY, None, len(wanted.hosts), fields)]
        held = await self._held(wanted.hosts)  # once more: claims are ours alone only now
        free = [host for host in wanted.hosts if host.device not in held]
        if not free:
            return list(held.values())
        devices = [host.device for host in free]
        offices = await _touched(self._actor, devices, tx)
        before = await self._outside.health(tx, offices) if row.plan["changes"] else ()
        wave = PlaybookWaveRow(
            id=new_id(), run_id=row.id, number=wanted.number, kind=str(wanted.kind), state=str(WaveState.WAITING),
            attempt=None, hosts=devices, counts={}, alarms=[alarm.id for alarm in before], started_at=None,
            ended_at=None, soak_until=None, batch=0,
        )  # fmt: skip
        tx.session.add(wave)
        await tx.session.flush()
        await claim(tx, row.id, wave.id, {host.device: host.groups for host in free})
        tx.enqueue(RUN_PLAYBOOK, str(wave.id))
        self._begun = True
        self._become(RunState.RUNNING)
        return list(held.values())

    async def _try_again(self) -> list[Hindrance]:
        """Begin a wave of devices that did not answer and were seen since; give up those whose time is over."""
        row, tx = self._row, self._tx
        if row.expires_at is not None and row.expires_at <= tx.now():
            await expire(tx, row)
            return []
        ready, waiting = await ready_again(tx, row)
        if ready:
            offices = await offices_of_devices(self._actor, tx, [host for host, _ in ready])
            hosts = [Guarded(host, offices.get(host, ""), groups) for host, groups in ready]
            held = await self._held(hosts)
            free = _apart([host for host in hosts if host.device not in held])
            hindrances = list(held.values())
            if free:
                hindrances += await self._begin(_Wanted(0, WaveKind.LANE, free))
            return hindrances
        if not waiting:
            return []
        row.look_at = min(row.look_at or next_try(tx, row), next_try(tx, row))
        return [Hindrance(HindranceKind.UNREACHABLE, row.expires_at, waiting)]

    async def _stop(self, stopped: Stopped, waves: Sequence[PlaybookWaveRow]) -> None:
        """Let no further wave begin until a person says so."""
        row, tx = self._row, self._tx
        for wave in waves:
            await release(tx, wave.id)
            if wave.state == WaveState.SOAKING:
                wave.state = str(WaveState.STOPPED)
        row.details = {key: value for key, value in row.details.items() if key != "stop"} | dict(stopped.details)
        row.why, row.hindrances = str(stopped.why), []
        self._become(RunState.STOPPED)
        tx.audit(self._actor, "playbook.stopped", f"run:{row.id}", after={"why": row.why, **stopped.details})
        tx.emit(RolloutStopped(run=str(row.id), playbook=row.playbook, why=row.why), self._actor)
        log.warning("rollout_stopped", run=str(row.id), why=row.why)

    async def _over(self, state: RunState, why: Why, waves: Sequence[PlaybookWaveRow]) -> None:
        for wave in waves:
            await release(self._tx, wave.id)
            if wave.state == WaveState.SOAKING:
                wave.state = str(WaveState.PASSED)
        await end_run(self._row, state, why, self._actor, self._tx)

    def _become(self, to: RunState) -> None:
        if state_of(self._row) is not to:
            self._row.state = str(move(state_of(self._row), to))


async def _touched(actor: Actor, devices: Sequence[str], tx: Transaction) -> list[str]:
    """Return the offices of `devices`, and those behind them."""
    own = set((await offices_of_devices(actor, tx, devices)).values())
    return sorted(own.union(*(await offices_behind(tx, devices)).values()))


def _apart(hosts: Sequence[Guarded]) -> list[Guarded]:
    """Return as many of `hosts` as can be touched at once: no two that stand in for each other."""
    taken: list[Guarded] = []
    groups: set[str] = set()
    for host in hosts[:MOST_IN_A_WAVE]:
        if host.groups.isdisjoint(groups):
            taken.append(host)
            groups |= host.groups
    return taken
