"""Pings devices as their turns come: all whose turn falls into the same second by one call, never one of them twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

import structlog

from kernel.clock import Clock
from monitor.poller.schedule import Schedule

log = structlog.get_logger()

TOGETHER_S = 1.0
"""Turns that are this close are one call."""


class PingRounds:
    """Pings every planned device once an interval, for ever; spread over the interval as polls are."""

    def __init__(self, ping: Callable[[Sequence[str]], Awaitable[None]], interval_s: float, clock: Clock) -> None:
        """`ping` asks these devices, by code, and takes care of the answers; it raises for bugs only."""
        self._ping = ping
        self._clock = clock
        self._schedule = Schedule(interval_s)
        self._running: set[str] = set()

    def plan(self, devices: Iterable[str]) -> None:
        """Ping exactly `devices` from now on."""
        self._schedule.replace(devices, self._clock.monotonic_s())

    async def run(self) -> None:
        """Ping until cancelled; who has not answered at its next turn gives that turn up."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                due = [
                    device for device in self._schedule.due(self._clock.monotonic_s()) if device not in self._running
                ]
                if due:
                    self._running.update(due)
                    tasks.create_task(self._some(due))
                await asyncio.sleep(TOGETHER_S)

    async def _some(self, devices: Sequence[str]) -> None:
        try:
            await self._ping(devices)
        except Exception:  # one burst's surprise must not end the pings of all others
            log.exception("ping_failed", devices=len(devices))
        finally:
            self._running.difference_update(devices)
