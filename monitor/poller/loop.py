"""Runs polls as their turns come, many at once and never two of one device; who is slow delays nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

from kernel.clock import Clock
from monitor.poller.schedule import Schedule

log = structlog.get_logger()

IN_FLIGHT = 100
"""Polls at once. Ten times as many were measured to add latency and memory, and no speed."""
LONGEST_NAP_S = 1.0


class Poller:
    """Asks every planned device once an interval, for ever.

    Attributes:
        missed: Turns given up because the device's last poll was still running.
        in_flight: Polls that are running now.
    """

    def __init__(self, poll: Callable[[str], Awaitable[None]], interval_s: float, clock: Clock) -> None:
        """`poll` asks one device, by its code, and takes care of the answer; it raises for bugs only."""
        self._poll = poll
        self._clock = clock
        self._schedule = Schedule(interval_s)
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._running: set[str] = set()
        self._replanned = asyncio.Event()
        self.missed = 0
        self.failed = 0

    @property
    def in_flight(self) -> int:
        """Polls that are running or wait for a slot."""
        return len(self._running)

    def plan(self, devices: Iterable[str]) -> None:
        """Poll exactly `devices` from now on."""
        self._schedule.replace(devices, self._clock.monotonic_s())
        self._replanned.set()

    async def run(self) -> None:
        """Poll until cancelled; polls in flight are cancelled with it."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                now_s = self._clock.monotonic_s()
                for device in self._schedule.due(now_s):
                    if device in self._running:
                        self.missed += 1
                        continue
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

    async def _one(self, device: str) -> None:
        try:
            async with self._slots:
                await self._poll(device)
        except Exception:  # one device's surprise must not end the polling of all others
            self.failed += 1
            log.exception("poll_failed", device=device)
        finally:
            self._running.discard(device)
