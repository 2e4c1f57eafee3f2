"""Echo requests in bursts: what one burst brought, and which values follow from it. Pure.

How the packets leave is `icmp`'s matter. Two rules hold for every way: the time of a TCP handshake is never told as a
round trip of ICMP, and where only TCP could ask, no answer means that nothing is known.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import fmean, median
from typing import NamedTuple, Protocol

from monitor.samples import Sample, Series


class PingMethod(StrEnum):
    """How a machine that is asked to ping can do it, from best to weakest."""

    ICMP = "icmp"  # an ICMP socket of our own
    FPING = "fping"  # the program, which may do what we may not
    TCP = "tcp"  # a handshake or its refusal: somebody is there, and nothing else


METHOD_NUMBERS = {PingMethod.ICMP: 1.0, PingMethod.FPING: 2.0, PingMethod.TCP: 3.0}
"""Value of the metric `ping_method`: a store keeps numbers only."""


ECHO_OCTETS = 64
"""The header of ICMP, and the 56 bytes that `ping` sends."""


class PingTarget(NamedTuple):
    """Whom to ping: a device's code, and its IP address in the form of `ipaddress`."""

    device: str
    address: str


@dataclass(frozen=True, slots=True)
class Burst:
    """How one address is pinged: a few small packets with room between them, which a weak link does not feel.

    Attributes:
        count: Packets.
        gap_s: Between two of them.
        timeout_s: How long each is waited for.
    """

    count: int = 5
    gap_s: float = 1.0
    timeout_s: float = 2.0

    @property
    def longest_s(self) -> float:
        """How long a burst takes that nobody answers."""
        return (self.count - 1) * self.gap_s + self.timeout_s


def burst_for(interval_s: float) -> Burst:
    """Return the burst that fits between two turns that are `interval_s` apart."""
    return Burst(gap_s=min(1.0, interval_s / 10), timeout_s=min(2.0, interval_s / 2))


@dataclass(frozen=True, slots=True)
class PingResult:
    """What one burst to one device brought.

    Attributes:
        device: Its code.
        at_ms: When the burst began, Unix milliseconds.
        method: How it was sent.
        sent: Packets that left, or were refused by our own routing table; with TCP 1.
        received: Answers that came in time, from the address that was asked.
        rtt_s: Median round trip; None without an answer, and always with TCP.
        jitter_s: Mean difference between one round trip and the next (as RFC 3550 section 6.4.1 takes it, unsmoothed);
            None with fewer than two answers.
    """

    device: str
    at_ms: int
    method: PingMethod
    sent: int
    received: int
    rtt_s: float | None = None
    jitter_s: float | None = None

    @property
    def loss_ratio(self) -> float | None:
        """Part of the packets without answer, 0..1; None where it cannot be said: nothing left, or only TCP could."""
        if self.method is PingMethod.TCP or not self.sent:
            return None
        return (self.sent - self.received) / self.sent


class Pinger(Protocol):
    """Pings many addresses at once."""

    @property
    def method(self) -> PingMethod:
        """How it does that."""
        ...

    async def ping(self, targets: Sequence[PingTarget], burst: Burst) -> list[PingResult]:
        """Return what came back, in the order of `targets`; an address that cannot be asked this way has sent 0."""
        ...

    def close(self) -> None:
        """Give back what it holds; a burst under way brings nothing more."""
        ...


def result_of(device: str, at_ms: int, method: PingMethod, sent: int, round_trips_s: Sequence[float]) -> PingResult:
    """Return the result of a burst whose answers took `round_trips_s`, in the order in which they were asked."""
    steps = [abs(after - before) for before, after in pairwise(round_trips_s)]
    return PingResult(
        device,
        at_ms,
        method,
        sent,
        len(round_trips_s),
        rtt_s=median(round_trips_s) if round_trips_s else None,
        jitter_s=fmean(steps) if steps else None,
    )


def ping_octets(result: PingResult, address: str) -> int:
    """Return what a burst to `address` put on the line, in both directions, with the headers of IP."""
    if result.method is PingMethod.TCP:
        return 4 * (60 if is_version_6(address) else 40)  # a handshake, or its refusal, and the end of it
    return (result.sent + result.received) * (ECHO_OCTETS + (40 if is_version_6(address) else 20))


def ping_samples(result: PingResult) -> list[Sample]:
    """Return the values of `result` as `docs/metrics.md` names them.

    Always `ping_method`. With ICMP `loss_ratio`, and `rtt_s` and `jitter_s` where there were answers. With TCP
    `tcp_reachable` as 1, and nothing where nobody answered: a firewall looks the same as a broken line.
    """
    values: list[tuple[str, float | None]] = [
        ("ping_method", METHOD_NUMBERS[result.method]),
        ("loss_ratio", result.loss_ratio),
        ("rtt_s", result.rtt_s),
        ("jitter_s", result.jitter_s),
    ]
    if result.method is PingMethod.TCP and result.received:
        values.append(("tcp_reachable", 1.0))
    return [Sample(Series(metric, result.device), result.at_ms, value) for metric, value in values if value is not None]


BURST_METRICS = ("ping_method", "loss_ratio", "rtt_s", "jitter_s", "tcp_reachable")
"""What a burst may tell; what the newest one did not tell is not known any more."""


def is_version_6(address: str) -> bool:
    """Return whether `address` is one of IPv6; ValueError if it is none at all."""
    return ipaddress.ip_address(address).version == 6  # noqa: PLR2004 - the version's own number
