"""How long to wait for an answer, and how often to ask again, learned for each site: its devices share a line. Pure.

The wait is TCP's (RFC 6298 section 2): the smoothed time of an answer and four times its variation. How often to ask
again follows from how many requests are lost there: as often as it takes that a device which lives is called silent in
one poll of a thousand at most.
"""

from __future__ import annotations

import math
from typing import Final

from monitor.probes.port import Traffic

FIRST_S: Final = 2.0
"""Before anything is known: a satellite link answers within 0.7 s, a crowded one within 2 s."""
LEAST_S: Final = 0.5
"""An agent that is busy for a moment is not lost; nothing is gained by asking it sooner again."""
MOST_S: Final = 5.0
LEAST_SPREAD_S: Final = 0.25
"""More than the mean that even the steadiest line is waited for."""
FIRST_LOSS: Final = 0.05
LOSS_WEIGHT: Final = 0.02
"""How much one request changes what is thought of the loss."""
FALSE_SILENCE: Final = 0.001
MOST_RETRIES: Final = 5


class Patience:
    """What was learned of one site."""

    __slots__ = ("_loss", "_mean_s", "_spread_s")

    def __init__(self) -> None:
        self._mean_s: float | None = None
        self._spread_s = 0.0
        self._loss = FIRST_LOSS

    def learn(self, traffic: Traffic) -> None:
        """Learn from a poll that brought values; one that brought none says nothing of the line."""
        if traffic.slowest_s is None or not traffic.answers:
            return
        if self._mean_s is None:
            self._mean_s, self._spread_s = traffic.slowest_s, traffic.slowest_s / 2
        else:
            self._spread_s += (abs(traffic.slowest_s - self._mean_s) - self._spread_s) / 4
            self._mean_s += (traffic.slowest_s - self._mean_s) / 8
        lost = 1 - traffic.answers / traffic.requests
        self._loss += (lost - self._loss) * min(1.0, LOSS_WEIGHT * traffic.requests)

    @property
    def timeout_s(self) -> float:
        """How long a request waits before it is repeated for the first time."""
        if self._mean_s is None:
            return FIRST_S
        return min(MOST_S, max(LEAST_S, self._mean_s + max(LEAST_SPREAD_S, 4 * self._spread_s)))

    @property
    def retries(self) -> int:
        """How often a request is repeated."""
        if self._loss <= 0:
            return 1
        if self._loss >= 1:
            return MOST_RETRIES
        return min(MOST_RETRIES, max(1, math.ceil(math.log(FALSE_SILENCE) / math.log(self._loss)) - 1))
