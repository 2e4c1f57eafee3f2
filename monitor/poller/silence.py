"""How devices are asked that do not answer: ever less, but so that a return is noticed at once. Pure.

The first turns are asked as always, for on a lossy line a silence may be none. Then a turn is one small datagram, which
takes no slot from others; only if it is answered, and now and then in any case, does a whole poll follow. When one
device of a site comes back, its silent neighbours are asked at once: it was the line.
"""

from __future__ import annotations

from typing import Final

ASKED_AS_ALWAYS: Final = 3
"""Turns."""
WHOLE_AT: Final = frozenset({5, 10})
WHOLE_EVERY: Final = 20
"""Silent turns at which a whole poll is tried whatever the datagram says: it also finds out why."""


class Silence:
    """Which devices are silent, and for how many turns."""

    def __init__(self) -> None:
        self._turns: dict[str, int] = {}

    def told(self, device: str, *, silent: bool) -> bool:
        """Take in how a turn of `device` ended; return whether it has come back with it."""
        if silent:
            self._turns[device] = self._turns.get(device, 0) + 1
            return False
        return self._turns.pop(device, 0) > 0

    def forget(self, device: str) -> None:
        """Drop what is known of `device`."""
        self._turns.pop(device, None)

    def is_silent(self, device: str) -> bool:
        """Return whether its last turn ended in silence."""
        return device in self._turns

    def knocks_first(self, device: str) -> bool:
        """Return whether its next turn begins with the small datagram."""
        turns = self._turns.get(device, 0)
        return turns >= ASKED_AS_ALWAYS and turns not in WHOLE_AT and turns % WHOLE_EVERY != 0
