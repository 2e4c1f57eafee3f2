"""The only place that reads the clock. Decisions take the time as an argument; whoever calls them holds a Clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time. Wall time for people and rows, monotonic time for waiting and measuring."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds of a clock that never jumps; only differences mean something."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()


class FrozenClock:
    """A clock for tests: it stands still until moved."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            message = "a frozen clock needs an aware instant"
            raise ValueError(message)
        self._at = at
        self._monotonic_s = 0.0

    def now(self) -> datetime:
        return self._at

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def forward(self, step: timedelta) -> None:
        """Move both clocks ahead by `step`."""
        self._at += step
        self._monotonic_s += step.total_seconds()


def epoch_ms(at: datetime) -> int:
    """Return whole milliseconds since 1970 of an aware instant; ValueError if it is naive."""
    if at.tzinfo is None:
        message = "a naive time has no place on the time line"
        raise ValueError(message)
    return round(at.timestamp() * 1000)


def from_epoch_ms(at_ms: int) -> datetime:
    """Return the aware UTC instant of `at_ms` milliseconds since 1970."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)
