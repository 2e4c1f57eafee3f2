"""Runs polls as their turns come, many at once and never two of one device; who is slow delays nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

from kernel.clock import Clock
from monitor.poller.limits import Limits
from monitor.poller.schedule import Schedule

log = structlog.get_logger()

IN_FLIGHT = 100
"""Polls at once. Ten times as many were measured to add latency and memory, and no speed."""
LONGEST_NAP_S = 1.0
SLOWED = 1.5
"""Intervals between two polls from which on a budget is told to slow a device down."""


class Poller:
    """Asks every planned device once an interval, for ever.

    Attributes:
        missed: Turns given up because the device's last poll was still running.
        failed: Polls that ended in a bug.
        slowed: Seconds between the last two polls of each device that its line's or its own budget slows down.
    """

    def __init__(
        self,
        knock: Callable[[str], Awaitable[bool]],
        poll: Callable[[str], Awaitable[None]],
        interval_s: float,
        limits: Limits,
        clock: Clock,
    ) -> None:
        """`poll` asks one device, by its code, and takes care of the answer; it raises for bugs only.

        `knock` is asked first, takes no slot, and returns whether `poll` shall follow.
        """
        self._knock = knock
        self._poll = poll
        self._clock = clock
        self._limits = limits
        self._schedule = Schedule(interval_s)
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._running: set[str] = set()
        self._held: set[str] = set()
        self._began_s: dict[str, float] = {}
        self._replanned = asyncio.Event()
        self.missed = 0
        self.failed = 0
        self.slowed: dict[str, float] = {}

    @property
    def in_flight(self) -> int:
        """Polls that are running or wait for a slot."""
        return len(self._running)

    def plan(self, devices: Iterable[str]) -> None:
        """Poll exactly `devices` from now on."""
        planned = set(devices)
        self._schedule.replace(planned, self._clock.monotonic_s())
        self._held &= planned
        for known in (self._began_s, self.slowed):
            for gone in known.keys() - planned:
                del known[gone]
        self._replanned.set()

    def hurry(self, device: str) -> None:
        """Give `device` a turn now, as far as its budgets allow."""
        if device not in self._running:
            self._schedule.hurry(device, self._clock.monotonic_s())
            self._replanned.set()

    async def run(self) -> None:
        """Poll until cancelled; polls in flight are cancelled with it."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                now_s = self._clock.monotonic_s()
                for device in self._schedule.due(now_s):
                    if self._may_begin(device, now_s):
                        self._running.add(device)
                        tasks.create_task(self._one(device))
                next_s = self._schedule.next_s()
                nap_s = LONGEST_NAP_S if next_s is None else min(LONGEST_NAP_S, max(0.0, next_s - now_s))
                self._replanned.clear()
                try:
                    async with asyncio.timeout(nap_s):
                        await self._replanned.wait()
                except TimeoutError:
                    pass

    def _may_begin(self, device: str, now_s: float) -> bool:
        if device in self._running:
            self.missed += 1
            return False
        wait_s = self._limits.wait_s(device, now_s)
        if wait_s > 0:
            self._held.add(device)
            self._schedule.put_off(device, now_s + wait_s)
            return False
        between_s = now_s - self._began_s.get(device, now_s)
        self._began_s[device] = now_s
        if device in self._held and between_s > SLOWED * self._schedule.interval_s:
            self.slowed[device] = between_s
        else:
            self.slowed.pop(device, None)
        self._held.discard(device)
        self._limits.begin(device, now_s)
        return True

    async def _one(self, device: str) -> None:
        try:
            if await self._knock(device):
                async with self._slots:
                    await self._poll(device)
        except Exception:  # one device's surprise must not end the polling of all others
            self.failed += 1
            log.exception("poll_failed", device=device)
        finally:
            self._running.discard(device)
