"""How much polling may cost: a budget in bytes a second for each device, and for each line to an office. Pure.

A budget is kept by spacing: after what cost `b` bytes, nothing more begins for `b / rate` seconds, so that no stretch
of time longer than one poll ever carries more than its budget. A weak line carries polls one after another; who is
held back is asked less often, and nobody is left out (`schedule` lets the longest waiting go first).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

FIRST_OCTETS: Final = 4000
"""What a device's first poll is thought to cost until it was seen."""


@dataclass(frozen=True, slots=True)
class Line:
    """What leads to a site.

    Attributes:
        site: Code of the office.
        bytes_s: What polling may take of it, both directions together.
    """

    site: str
    bytes_s: float


class _Budget:
    """From `free_s` on the next may begin; `octets` were spent since `since_s`, for who reports the cost."""

    __slots__ = ("bytes_s", "free_s", "octets", "since_s")

    def __init__(self, bytes_s: float, now_s: float) -> None:
        self.bytes_s, self.free_s, self.octets, self.since_s = bytes_s, 0.0, 0.0, now_s

    def spend(self, octets: float, now_s: float) -> None:
        self.free_s = max(self.free_s, now_s) + octets / self.bytes_s
        self.octets += octets


class Limits:
    """Budgets of all planned devices, and of their lines.

    Args:
        device_bytes_s: What each device may be asked, in bytes a second.
    """

    def __init__(self, device_bytes_s: float) -> None:
        self._device_bytes_s = device_bytes_s
        self._lines: Mapping[str, Line] = {}
        self._devices: dict[str, _Budget] = {}
        self._sites: dict[str, _Budget] = {}
        self._expected: dict[str, float] = {}

    def plan(self, lines: Mapping[str, Line], now_s: float) -> None:
        """Know the line of each device in `lines`; devices and lines known before keep what they have spent."""
        self._lines = lines
        self._sites = {line.site: self._sites.get(line.site) or _Budget(line.bytes_s, now_s) for line in lines.values()}
        for line in lines.values():
            self._sites[line.site].bytes_s = line.bytes_s

    def forget(self, device: str) -> None:
        """Drop what is known of a device."""
        self._devices.pop(device, None)
        self._expected.pop(device, None)

    def wait_s(self, device: str, now_s: float) -> float:
        """Return how long a poll of `device` must still wait; 0 if it may begin."""
        return max(0.0, *(budget.free_s - now_s for budget in self._budgets(device, now_s)))

    def begin(self, device: str, now_s: float) -> None:
        """Set aside what a poll of `device` is expected to cost: what its last one did."""
        expected = self._expected.setdefault(device, FIRST_OCTETS)
        for budget in self._budgets(device, now_s):
            budget.spend(expected, now_s)

    def end(self, device: str, octets: float, now_s: float, *, whole: bool) -> None:
        """Put what the poll of `device` did cost in the place of what was expected; a whole one is what to expect."""
        more = octets - self._expected.get(device, 0.0)
        for budget in self._budgets(device, now_s):
            budget.free_s += more / budget.bytes_s
            budget.octets += more
        if whole:
            self._expected[device] = octets

    def spend(self, device: str, octets: float, now_s: float) -> None:
        """Count what was sent to `device` beside its polls: pings."""
        if device in self._lines:
            self._sites[self._lines[device].site].spend(octets, now_s)

    def cost_bytes_s(self, device: str, now_s: float) -> float | None:
        """Return what the line of `device` has carried for polling since this was asked last; None if unknown."""
        if device not in self._lines:
            return None
        budget = self._sites[self._lines[device].site]
        passed_s = now_s - budget.since_s
        if passed_s <= 0:
            return None
        octets, budget.octets, budget.since_s = budget.octets, 0.0, now_s
        return max(0.0, octets / passed_s)

    def _budgets(self, device: str, now_s: float) -> list[_Budget]:
        own = self._devices.get(device)
        if own is None:
            own = self._devices[device] = _Budget(self._device_bytes_s, now_s)
        line = self._lines.get(device)
        return [own] if line is None else [own, self._sites[line.site]]
