"""Runs checks of services as their turns come, each with an interval of its own, and never two of one at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from kernel.clock import Clock
from monitor.poller.schedule import Schedule
from monitor.probes.check import CheckTarget

log = structlog.get_logger()

AT_ONCE = 20
LOOK_EVERY_S = 1.0


class CheckRounds:
    """Checks every planned service, for ever; spread over its interval as polls are."""

    def __init__(self, check: Callable[[str], Awaitable[None]], clock: Clock) -> None:
        """`check` asks one service, by its check's code, and takes care of the answer; it raises for bugs only."""
        self._check = check
        self._clock = clock
        self._schedules: dict[int, Schedule] = {}
        self._running: set[str] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)

    def plan(self, checks: Mapping[str, CheckTarget]) -> None:
        """Check exactly `checks`, by code, from now on."""
        by_interval: dict[int, list[str]] = {every_s: [] for every_s in self._schedules}
        for code, target in checks.items():
            by_interval.setdefault(target.check.every_s, []).append(code)
        now_s = self._clock.monotonic_s()
        self._schedules = {
            every_s: self._schedules.get(every_s) or Schedule(every_s)
            for every_s, codes in by_interval.items()
            if codes
        }
        for every_s, schedule in self._schedules.items():
            schedule.replace(by_interval[every_s], now_s)

    async def run(self) -> None:
        """Check until cancelled; who is not done at its next turn gives that turn up."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                now_s = self._clock.monotonic_s()
                due = [code for schedule in self._schedules.values() for code in schedule.due(now_s)]
                for code in due:
                    if code not in self._running:
                        self._running.add(code)
                        tasks.create_task(self._one(code))
                await asyncio.sleep(LOOK_EVERY_S)

    async def _one(self, code: str) -> None:
        try:
            async with self._slots:
                await self._check(code)
        except Exception:  # one service's surprise must not end the checks of all others
            log.exception("check_failed", check=code)
        finally:
            self._running.discard(code)
