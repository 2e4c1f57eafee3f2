"""What a check of a service brings, and which values follow from it; how each kind is asked is its own module's. Pure.

A service that does not answer is data: no fault of a device is an exception, and none takes longer than `LONGEST_S`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from inventory.public import CheckView
from monitor.live import CertificateLive, CheckLive
from monitor.probes.certificates import Certificate
from monitor.samples import Sample, Series

LONGEST_S: Final = 15.0
MOST_OCTETS: Final = 1 << 20
"""Read of any answer; what a service sends beyond is not looked at."""


class CheckTarget(NamedTuple):
    """A check, and the IP address of its device: names are not looked up."""

    check: CheckView
    address: str


class Fault(StrEnum):
    """What is wrong with a service, for which a reader gets advice; `CheckResult.why` tells the particulars."""

    NONE = ""
    NO_ANSWER = "no-answer"
    REFUSED = "refused"  # somebody answers there, and says no
    NO_TLS = "no-tls"
    EXPIRED = "expired"
    WRONG_NAME = "wrong-name"
    SELF_SIGNED = "self-signed"
    INCOMPLETE = "incomplete"
    UNTRUSTED = "untrusted"
    WRONG_ANSWER = "wrong-answer"
    WRONG_TIME = "wrong-time"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What came of one check.

    Attributes:
        ok: Whether the service does what it should.
        why: In a few English words what is wrong; empty if nothing.
        values: What was measured beside, by metric.
        fault: What kind of wrong it is.
        certificates: What a service over TLS showed, its own first.
    """

    ok: bool
    why: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    fault: Fault = Fault.NONE
    certificates: tuple[Certificate, ...] = ()


class Checker(Protocol):
    """Asks services."""

    async def check(self, target: CheckTarget) -> CheckResult:
        """Return what came of one check, within `LONGEST_S`."""
        ...


def told_of_check(code: str, result: CheckResult, at_ms: int, duration_s: float) -> CheckLive:
    """Return what pages and programs are told of `result`."""
    return CheckLive(
        check=code,
        ok=result.ok,
        fault=result.fault,
        why=result.why,
        at_ms=at_ms,
        duration_s=duration_s,
        values=dict(result.values),
        certificates=tuple(CertificateLive(**one._asdict()) for one in result.certificates),
    )


def check_samples(check: CheckView, result: CheckResult, at_ms: int, duration_s: float) -> list[Sample]:
    """Return the values of `result` as `docs/metrics.md` names them."""
    values = {"check_ok": float(result.ok), "check_duration_s": duration_s, **result.values}
    return [Sample(Series(metric, check.device, check.code), at_ms, value) for metric, value in values.items()]
