"""Who is polled when: every device once an interval, spread evenly by its code so that no second is crowded. Pure.

A poll that is still running when its next turn comes gives that turn up: it is counted as missed, not queued.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterable


class Schedule:
    """Turns of devices on a clock that never jumps. Times are seconds of that clock."""

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self._turns: list[tuple[float, str]] = []
        self._planned: set[str] = set()

    def replace(self, devices: Iterable[str], now_s: float) -> None:
        """Plan exactly `devices`: those planned before keep their turns, new ones get theirs within an interval."""
        wanted = set(devices)
        self._turns = [turn for turn in self._turns if turn[1] in wanted]
        known = {device for _, device in self._turns}
        self._turns += [(now_s + self.offset_s(device), device) for device in wanted - known]
        heapq.heapify(self._turns)
        self._planned = wanted

    def offset_s(self, device: str) -> float:
        """Return the device's place within an interval: the same after each start, spread evenly over devices."""
        return zlib.crc32(device.encode()) / 2**32 * self.interval_s

    def due(self, now_s: float) -> list[str]:
        """Return the devices whose turn has come, and plan their next one; turns slept through are left out."""
        ready = []
        while self._turns and self._turns[0][0] <= now_s:
            turn_s, device = heapq.heappop(self._turns)
            ready.append(device)
            behind = int((now_s - turn_s) / self.interval_s)
            heapq.heappush(self._turns, (turn_s + (behind + 1) * self.interval_s, device))
        return ready

    def next_s(self) -> float | None:
        """Return when the next turn is; None if nothing is planned."""
        return self._turns[0][0] if self._turns else None
