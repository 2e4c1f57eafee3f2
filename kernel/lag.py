"""How late an event loop is: what a process that does too much at once makes everybody else wait."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from kernel.clock import Clock

EVERY_S: Final = 0.1
REMEMBERED: Final = 6000
"""Ten minutes."""


class LoopLag:
    """Sleeps again and again, and remembers how much longer than asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._late_s: deque[float] = deque(maxlen=REMEMBERED)

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            began_s = self._clock.monotonic_s()
            await asyncio.sleep(EVERY_S)
            self._late_s.append(max(0.0, self._clock.monotonic_s() - began_s - EVERY_S))

    def longest_s(self) -> float:
        """Return the latest wait of the last ten minutes; 0 before the first."""
        return max(self._late_s, default=0.0)

    def p99_s(self) -> float:
        """Return what 99 of 100 waits of the last ten minutes were not later than; 0 before the first."""
        late_s = sorted(self._late_s)
        return late_s[int(0.99 * (len(late_s) - 1))] if late_s else 0.0
