"""Lets so many requests a second pass, and a burst now and then: a token bucket, one for each process."""

from __future__ import annotations


class Gate:
    """Counts what passes.

    Args:
        per_s: How many may pass a second in the long run.
        burst: How many may pass at once after a quiet time.
    """

    def __init__(self, *, per_s: float, burst: int) -> None:
        self._per_s = per_s
        self._burst = float(burst)
        self._left = float(burst)
        self._at_s: float | None = None

    def passes(self, now_s: float) -> bool:
        """Return whether one more may pass at `now_s`, seconds of a monotonic clock, and count it if so."""
        elapsed_s = max(0.0, now_s - self._at_s) if self._at_s is not None else 0.0
        self._left = min(self._burst, self._left + elapsed_s * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
