"""Polls, judges, keeps: ties the parts of the monitor together for one process. Decides nothing itself.

A device is asked (`poller`, `probes`; routers are pinged beside), its answer becomes samples (`rates`), which go three
ways: to the present state and the rules (`current`, `alert_keeper`), to history (`ingest`), and to whoever watches live
(`live_hub`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

import structlog

from kernel.bus.postgres import Heard
from kernel.clock import Clock, epoch_ms
from kernel.db.transaction import Database
from kernel.errors import DatabaseUnavailable, StoreUnavailable
from kernel.lag import LoopLag
from monitor.alert_keeper import AlertKeeper
from monitor.current import CurrentState
from monitor.ingest import HistoryWriter
from monitor.live import CheckLive, DeviceHealth, DeviceLive, EngineBoard, EngineStatus, PartChanged, State, UplinkLive
from monitor.live_hub import LiveHub
from monitor.poller.checks import CheckRounds
from monitor.poller.limits import Limits
from monitor.poller.loop import Poller
from monitor.poller.patience import Patience
from monitor.poller.pings import PingRounds
from monitor.poller.plan import NO_PLAN, Plan, PlannedDevice
from monitor.poller.silence import Silence
from monitor.probes.check import Checker, check_samples, told_of_check
from monitor.probes.ping import Pinger, PingTarget, burst_for, ping_octets, ping_samples
from monitor.probes.port import Outcome, PollResult, Probe, Target, Traffic
from monitor.rates import RateMemory, samples_of
from monitor.repository import LIVE_CHANNEL, read_live_event
from monitor.returns import Returns
from monitor.samples import Sample, Series
from monitor.store.port import HistoryStore
from monitor.thresholds import first_rules

log = structlog.get_logger()

REMEMBERED = timedelta(hours=1)
"""How far back the store is asked for last values at a start: older ones are not the present."""
GAP_INTERVALS = 2.5
"""Between polls further apart no rate is computed."""
REPLAN_EVERY_S = 300.0
"""The plan is read again at least this often, whatever news was missed."""
REPLAN_RETRY_S = 5.0
FORGET_EVERY_S = 3600.0
SILENT = frozenset({Outcome.SILENT, Outcome.REFUSED})
INVENTORY_CHANNEL = "vungcao_inventory"
CHANNELS = (INVENTORY_CHANNEL, LIVE_CHANNEL)


PlanReader = Callable[[], Awaitable[Plan]]
"""Reads from the inventory what is to be polled; raises DatabaseUnavailable if it cannot."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The engine's times.

    Attributes:
        interval_s: Seconds between two polls of a device.
        hold_s: How long a device must be silent, or a line busy or lossy, before it alerts.
        keep: How long history is kept.
        device_bytes_s: What one device may be asked, in bytes a second.
        line_share: What polling may take of an office's line, 0..1.
    """

    interval_s: float
    hold_s: float
    keep: timedelta
    device_bytes_s: float = 8000
    line_share: float = 0.02


class Ways(NamedTuple):
    """How devices are asked."""

    probe: Probe
    pinger: Pinger
    checker: Checker


class Engine:
    """The monitor of one process.

    Attributes:
        store: History, for graphs.
        hub: Live events.
        stopping: Set when the process shall end, so that streams do.
        polls: Polls done since the start, by outcome.
        lag: How late its event loop is.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        database: Database,
        store: HistoryStore,
        ways: Ways,
        read_plan: PlanReader,
        news: AsyncIterator[Heard],
        pace: Pace,
    ) -> None:
        self.store = store
        self.hub = LiveHub()
        self.stopping = asyncio.Event()
        self.polls: dict[str, int] = {}
        self._clock = clock
        self._probe, self._pinger, self._checker = ways
        self._read_plan = read_plan
        self._news = news
        self._pace = pace
        self._plan: Plan = NO_PLAN
        self._plan_in_force = False
        self._rates: dict[str, RateMemory] = {}
        self._limits = Limits(pace.device_bytes_s)
        self._silence = Silence()
        self._returns = Returns(database)
        self._patience: dict[str, Patience] = {}
        self._neighbours: dict[str, list[str]] = {}
        self._replan = asyncio.Event()
        self.current = CurrentState(first_rules(hold_s=pace.hold_s), pace.interval_s)
        self.writer = HistoryWriter(store, lambda ok, why: self._part_changed("store", ok=ok, why=why))
        self.keeper = AlertKeeper(
            self.current, database, lambda ok, why: self._part_changed("database", ok=ok, why=why)
        )
        self.poller = Poller(self._knock, self._poll, pace.interval_s, self._limits, clock)
        self.lag = LoopLag(clock)
        self._checks = CheckRounds(self._check, clock)
        self._checked: dict[str, CheckLive] = {}
        self._pings = PingRounds(self._ping, pace.interval_s, clock)

    async def run(self) -> None:
        """Work until cancelled. Starts without the database or the store if they are away, and waits for them."""
        await self._remember()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_plan())
            tasks.create_task(self._hear())
            tasks.create_task(self.writer.run())
            tasks.create_task(self.writer.watch())
            tasks.create_task(self._forget())
            tasks.create_task(self.keeper.run())
            tasks.create_task(self._returns.run())
            tasks.create_task(self.poller.run())
            tasks.create_task(self._pings.run())
            tasks.create_task(self._checks.run())
            tasks.create_task(self.lag.run())

    async def board(self) -> EngineBoard:
        """Return how all devices are now."""
        store = await self.writer.state()
        now_ms = epoch_ms(self._clock.now())
        troubled, well = self.current.split(now_ms)
        return EngineBoard(
            at_ms=now_ms,
            interval_s=self._pace.interval_s,
            database_ok=self.keeper.database_ok,
            store=store,
            watched=self.current.known,
            polled_at_ms=self.current.newest_poll_ms,
            line_share=self._pace.line_share,
            troubled=tuple(troubled),
            well=tuple(well),
            ping_method=self._pinger.method.value,
            mark=self._plan.mark,
        )

    async def status(self) -> EngineStatus:
        """Return how the engine itself is."""
        return EngineStatus(
            interval_s=self._pace.interval_s,
            database_ok=self.keeper.database_ok,
            store=await self.writer.state(),
            watched=self.current.known,
            polled_at_ms=self.current.newest_poll_ms,
            line_share=self._pace.line_share,
        )

    def healths(self, codes: Iterable[str] | None = None) -> list[DeviceHealth]:
        """Return how those of `codes` are that are watched; None: all that are."""
        now_ms = epoch_ms(self._clock.now())
        return [
            self.current.health(code, now_ms)
            for code in (self.current.devices() if codes is None else codes)
            if self.current.knows(code)
        ]

    def counts(self) -> dict[State, int]:
        """Return how many devices are in each state."""
        return self.current.count_by_state(epoch_ms(self._clock.now()))

    def uplinks(self, devices: Iterable[str] | None = None) -> list[UplinkLive]:
        """Return how the uplinks of those of `devices` are that are polled; None: of all that are."""
        return self.current.uplinks(devices, epoch_ms(self._clock.now()))

    def device(self, code: str) -> DeviceLive | None:
        """Return one device with its last values; None if it is not watched."""
        return self.current.device(code, epoch_ms(self._clock.now())) if self.current.knows(code) else None

    async def _knock(self, device: str) -> bool:
        """Return whether `device` shall be asked now: a silent one only if it answers a datagram; if not, tell so."""
        planned = self._plan.devices.get(device)
        if planned is None or not self._silence.knocks_first(device):
            return planned is not None
        began, began_s = self._clock.now(), self._clock.monotonic_s()
        answered, octets = await self._probe.knock(self._patiently(planned))
        if answered:  # what was set aside is for the whole poll that follows
            self._limits.spend(device, octets, self._clock.monotonic_s())
        elif device in self._plan.devices:
            self._limits.end(device, octets, self._clock.monotonic_s(), whole=False)
            last = self.current.health(device, epoch_ms(began))
            self._take(
                PollResult(
                    device=device,
                    started_at_ms=epoch_ms(began),
                    duration_s=self._clock.monotonic_s() - began_s,
                    outcome=Outcome(last.outcome),
                    asked=1,
                    why=last.why,
                    traffic=Traffic(requests=1, octets=octets),
                )
            )
        return answered

    async def _poll(self, device: str) -> None:
        planned = self._plan.devices.get(device)
        if planned is None:
            return
        result = await self._probe.poll(self._patiently(planned), planned.profile)
        self._limits.end(device, result.traffic.octets, self._clock.monotonic_s(), whole=True)
        self._take(result)

    def _patiently(self, planned: PlannedDevice) -> Target:
        """Return the device with the wait and the retries that its site has taught."""
        learned = self._patience.setdefault(planned.site, Patience())
        return replace(
            planned.target,
            timeout_s=min(learned.timeout_s, self._pace.interval_s / 2),
            retries=learned.retries,
        )

    async def _ping(self, devices: Sequence[str]) -> None:
        targets = [
            PingTarget(device, self._plan.devices[device].target.address)
            for device in devices
            if device in self._plan.devices
        ]
        for result in await self._pinger.ping(targets, burst_for(self._pace.interval_s)):
            planned = self._plan.devices.get(result.device)
            if not result.sent or planned is None:
                continue
            self._limits.spend(result.device, ping_octets(result, planned.target.address), self._clock.monotonic_s())
            samples = ping_samples(result)
            self.current.take_pings(result.device, samples)
            self.writer.put(samples)
            self._returns.pinged(result.device, planned.site, answered=bool(result.received))
            if result.received and self._silence.is_silent(result.device):
                self._wake(planned.site)

    async def _check(self, code: str) -> None:
        target = self._plan.checks.get(code)
        if target is None:
            return
        at_ms, began_s = epoch_ms(self._clock.now()), self._clock.monotonic_s()
        result = await self._checker.check(target)
        took_s = self._clock.monotonic_s() - began_s
        samples = check_samples(target.check, result, at_ms, took_s)
        self._checked[code] = told_of_check(code, result, at_ms, took_s)
        self.current.take_check(target.check.device, code, samples, result.why, target.check.every_s)
        self.writer.put(samples)

    def checks(self, codes: Iterable[str]) -> list[CheckLive]:
        """Return what the last check of each of `codes` brought that this engine has made."""
        return [self._checked[code] for code in codes if code in self._checked]

    def _wake(self, site: str) -> None:
        """Ask the silent devices of a site now: something there has come back."""
        for device in self._neighbours.get(site, ()):
            if self._silence.is_silent(device):
                self.poller.hurry(device)

    def _take(self, result: PollResult) -> None:
        """Take one poll in; the hot path, once a poll."""
        device, at_ms = result.device, result.started_at_ms
        planned = self._plan.devices.get(device)
        if planned is None:  # it left the plan while it was asked
            return
        self.polls[result.outcome] = self.polls.get(result.outcome, 0) + 1
        if result.outcome.brought_values:
            self._patience.setdefault(planned.site, Patience()).learn(result.traffic)
        if self._silence.told(device, silent=result.outcome in SILENT):
            self._wake(planned.site)
            self._returns.came_back(device, planned.site)
        memory = self._rates.get(device)
        if memory is None:
            memory = self._rates[device] = RateMemory(0)
        slowed_s = self.poller.slowed.get(device, 0.0)
        memory.longest_gap_s = GAP_INTERVALS * max(self._pace.interval_s, slowed_s)
        samples = samples_of(result, memory, planned.committed)
        if planned.uplinks:
            samples += self._cost(planned, at_ms)
        self.current.take(
            device,
            samples,
            outcome=result.outcome,
            why=result.why,
            at_ms=at_ms,
            duration_s=result.duration_s,
            completeness_ratio=result.completeness,
            slowed_s=slowed_s,
        )
        self.writer.put(samples)
        if self.hub.listeners:
            self.hub.publish(self.current.polled(device, epoch_ms(self._clock.now())))

    def _cost(self, planned: PlannedDevice, at_ms: int) -> list[Sample]:
        """Return what polling its office has cost the lines of an uplinks' device since its last poll."""
        device = planned.target.device
        bytes_s = self._limits.cost_bytes_s(device, self._clock.monotonic_s())
        if bytes_s is None:
            return []
        return [
            Sample(Series("poll_cost_bps", device, interface), at_ms, round(8 * bytes_s, 1))
            for interface in planned.uplinks
        ]

    async def _remember(self) -> None:
        since_ms = epoch_ms(self._clock.now() - REMEMBERED)
        try:
            self._last: Mapping[Series, Sample] = await self.store.latest(since_ms)
        except StoreUnavailable as error:
            log.error("last_values_unknown", why=str(error))
            self._last = {}

    async def _keep_plan(self) -> None:
        wait_s = 0.0
        while True:
            try:
                async with asyncio.timeout(wait_s):
                    await self._replan.wait()
            except TimeoutError:
                pass
            self._replan.clear()
            try:
                await self._take_plan(await self._read_plan())
                wait_s = REPLAN_EVERY_S
            except DatabaseUnavailable as error:
                if wait_s != REPLAN_RETRY_S:
                    log.error("plan_not_read", why=str(error))
                wait_s = REPLAN_RETRY_S

    async def _take_plan(self, plan: Plan) -> None:
        if plan == self._plan and self._plan_in_force:
            return
        self._plan_in_force = False  # the database may go away before the alerts are read: then all of this again
        for device, planned in self._plan.devices.items():
            if plan.devices.get(device) != planned:
                self._probe.forget(device)
                self._rates.pop(device, None)
                self._limits.forget(device)
                self._silence.forget(device)
                self._returns.forget(device)
        self._plan = plan
        self._limits.plan(
            {device: planned.line for device, planned in plan.devices.items() if planned.line is not None},
            self._clock.monotonic_s(),
        )
        self._neighbours = {}
        for device, planned in plan.devices.items():
            self._neighbours.setdefault(planned.site, []).append(device)
        self._patience = {site: known for site, known in self._patience.items() if site in self._neighbours}
        self.current.plan({device: planned.uplinks for device, planned in plan.devices.items()}, plan.left_out)
        self.current.restore(self._last.values(), {})
        self._last = {}
        await self.keeper.load(plan.ids)
        self.poller.plan(plan.devices)
        self._checks.plan(plan.checks)
        self._checked = {code: told for code, told in self._checked.items() if code in plan.checks}
        self._pings.plan(device for device, planned in plan.devices.items() if planned.ping)
        self._plan_in_force = True
        log.info("plan_taken", devices=len(plan.devices), left_out=len(plan.left_out))

    async def _forget(self) -> None:
        """Drop history that is older than it must be kept."""
        while True:
            try:
                await self.store.forget_before(epoch_ms(self._clock.now() - self._pace.keep))
            except StoreUnavailable as error:
                log.warning("history_not_shortened", why=str(error))
            await asyncio.sleep(FORGET_EVERY_S)

    async def _hear(self) -> None:
        async for heard in self._news:
            if heard.channel != LIVE_CHANNEL:
                self._replan.set()
                continue
            event = read_live_event(heard.payload)
            if event is not None:
                self.hub.publish(event)

    def _part_changed(self, part: str, *, ok: bool, why: str) -> None:
        self.hub.publish(PartChanged(part="store" if part == "store" else "database", ok=ok, why=why))
