"""What a check of a service brings, and which values follow from it; how each kind is asked is its own module's. Pure.

A service that does not answer is data: no fault of a device is an exception, and none takes longer than `LONGEST_S`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from inventory.public import CheckView
from monitor.samples import Sample, Series

LONGEST_S: Final = 15.0
MOST_OCTETS: Final = 1 << 20
"""Read of any answer; what a service sends beyond is not looked at."""


class CheckTarget(NamedTuple):
    """A check, and the IP address of its device: names are not looked up."""

    check: CheckView
    address: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What came of one check.

    Attributes:
        ok: Whether the service does what it should.
        why: In a few English words what is wrong; empty if nothing.
        values: What was measured beside, by metric.
    """

    ok: bool
    why: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


class Checker(Protocol):
    """Asks services."""

    async def check(self, target: CheckTarget) -> CheckResult:
        """Return what came of one check, within `LONGEST_S`."""
        ...


def check_samples(check: CheckView, result: CheckResult, at_ms: int, duration_s: float) -> list[Sample]:
    """Return the values of `result` as `docs/metrics.md` names them."""
    values = {"check_ok": float(result.ok), "check_duration_s": duration_s, **result.values}
    return [Sample(Series(metric, check.device, check.code), at_ms, value) for metric, value in values.items()]
