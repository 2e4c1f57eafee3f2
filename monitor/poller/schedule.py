"""Who is polled when: every device once an interval, spread evenly by its code so that no second is crowded. Pure.

A poll that is still running when its next turn comes gives that turn up: it is counted as missed, not queued. A turn
that a budget holds back waits, and goes before turns that came due later.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterable


class Schedule:
    """Turns of devices on a clock that never jumps. Times are seconds of that clock."""

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self._turns: list[tuple[float, float, str]] = []  # when, due since when, who
        self._next: dict[str, tuple[float, float]] = {}  # the one of a device's turns that holds
        self._last_due: dict[str, float] = {}

    def replace(self, devices: Iterable[str], now_s: float) -> None:
        """Plan exactly `devices`: those planned before keep their turns, new ones get theirs within an interval."""
        self._next = {
            device: self._next.get(device) or (now_s + self.offset_s(device), now_s + self.offset_s(device))
            for device in devices
        }
        self._last_due = {device: due_s for device, due_s in self._last_due.items() if device in self._next}
        self._turns = [(at_s, due_s, device) for device, (at_s, due_s) in self._next.items()]
        heapq.heapify(self._turns)

    def offset_s(self, device: str) -> float:
        """Return the device's place within an interval: the same after each start, spread evenly over devices."""
        return zlib.crc32(device.encode()) / 2**32 * self.interval_s

    def due(self, now_s: float) -> list[str]:
        """Return the devices whose turn has come, and plan their next one; turns slept through are left out."""
        ready = []
        while self._turns and self._turns[0][0] <= now_s:
            at_s, due_s, device = heapq.heappop(self._turns)
            if self._next.get(device) != (at_s, due_s):
                continue  # put off, hurried or taken out since
            ready.append(device)
            self._last_due[device] = due_s
            behind = int(max(0.0, now_s - due_s) / self.interval_s)
            next_s = due_s + (behind + 1) * self.interval_s
            self._put(device, next_s, next_s)
        return ready

    def put_off(self, device: str, until_s: float) -> None:
        """Let the turn that `due` just gave `device` wait until then."""
        self._put(device, until_s, self._last_due[device])

    def hurry(self, device: str, now_s: float) -> None:
        """Give `device` a turn now; its later ones stay where they are. One that is not planned gets none."""
        if device in self._next:
            self._put(device, now_s, self._next[device][1] - self.interval_s)

    def next_s(self) -> float | None:
        """Return when the next turn is; None if nothing is planned."""
        return self._turns[0][0] if self._turns else None

    def _put(self, device: str, at_s: float, due_s: float) -> None:
        self._next[device] = at_s, due_s
        heapq.heappush(self._turns, (at_s, due_s, device))
