"""How recorded values move: counters with the traffic, gauges around what was recorded, clocks forward.

Everything here is computed from the recorded value, the device's seed and the time, and nothing is drawn at random: the
same device at the same time answers the same. Time `t` is seconds since the responder started.
"""

from __future__ import annotations

import math
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from api.demo.responder.ber import (
    COUNTER32,
    COUNTER64,
    GAUGE32,
    INTEGER,
    IP_ADDRESS,
    NULL,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    OPAQUE,
    TIME_TICKS,
    Oid,
    encode_oid,
    integer,
    octets,
    parse_oid,
    tlv,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

Direction = Literal["in", "out"]
Value = int | bytes | Oid | None
"""A number, the bytes of a string or address, the arcs of an object identifier, or nothing."""

TAU = 2 * math.pi
DAY_S = 86400.0
PERIODS = ((DAY_S, 0.35), (613.0, 0.20), (97.0, 0.15), (23.0, 0.10))
"""Period in seconds and share of the mean. Together they stay below 1: a counter never runs backwards."""
WAVES = tuple((TAU / period, share * period / TAU) for period, share in PERIODS)
"""The same as angle a second, and size in the antiderivative."""
BUSIEST_S = 13.5 * 3600
"""Local time of day at which traffic peaks."""
ZONE_S = 7 * 3600
"""Vietnam's offset from UTC."""
OCTETS_A_PACKET = 640
LIMIT32 = (1 << 32) - 1
LIMIT64 = (1 << 64) - 1
TICKS_A_SECOND = 100
UP = 1
DOWN = 2


class Life(Protocol):
    """What a moving value may ask of the device that it belongs to."""

    seed: int
    booted_at: float
    rebooted: bool
    boots: int
    engine_id: bytes
    down: AbstractSet[int]

    def flow(self, interface: int, direction: Direction) -> Flow:
        """Return the traffic of an interface since the device booted."""
        ...


class Moving(Protocol):
    """A value that depends on the time and the device."""

    def encode(self, life: Life, t: float) -> bytes:
        """Return the value at `t`, with tag and length."""
        ...


def phases(key: str) -> tuple[float, float, float, float]:
    """Return four angles in [0, tau) that depend on `key` alone."""
    digest = blake2b(key.encode(), digest_size=8).digest()
    a, b, c, d = (TAU * int.from_bytes(digest[at : at + 2], "big") / 65536 for at in (0, 2, 4, 6))
    return a, b, c, d


def day_phase(epoch_s: float) -> float:
    """Return the angle of the daily wave at t = 0, so that it peaks at BUSIEST_S of Vietnam's day."""
    return TAU * ((epoch_s + ZONE_S) % DAY_S - BUSIEST_S) / DAY_S + math.pi / 2


class Flow:
    """Octets that an interface carries one way: a daily wave with ripples, or a fixed rate while that is forced.

    The wave's antiderivative is summed instead of samples, so that any time can be asked for and nothing accumulates.
    """

    __slots__ = ("_angles", "_base", "_fixed", "_mean", "_since")

    def __init__(self, mean: float, day: float, key: str, booted_at: float) -> None:
        """Begin at zero at `booted_at` with `mean` octets a second; `day` is the angle of the daily wave."""
        first, second, third, fourth = phases(key)
        self._mean = mean
        # Offices do not all peak in the same minute: up to one hour to either side.
        self._angles = (day + (fourth - math.pi) / 12, first, second, third)
        self._fixed: float | None = None
        self._since = booted_at
        self._base = -mean * self._wave(booted_at)

    def carried(self, t: float) -> float:
        """Return octets since the device booted."""
        if self._fixed is None:
            return self._base + self._mean * self._wave(t)
        return self._base + self._fixed * (t - self._since)

    def force(self, t: float, rate: float | None) -> None:
        """From `t` on carry `rate` octets a second; None gives the wave back."""
        if rate == self._fixed:
            return
        total = self.carried(t)
        self._fixed = rate
        self._since = t
        self._base = total - self._mean * self._wave(t) if rate is None else total

    def _wave(self, t: float) -> float:
        """Return the antiderivative of the wave, whose mean is 1."""
        total = t
        for (speed, size), angle in zip(WAVES, self._angles, strict=True):
            total -= size * math.cos(speed * t + angle)
        return total


class Carried:
    """A counter of what an interface carried: octets, or packets of an average size."""

    __slots__ = ("direction", "interface", "limit", "recorded", "size", "tag")

    def __init__(self, tag: int, recorded: int, interface: int, direction: Direction, size: int) -> None:
        self.tag = tag
        self.limit = LIMIT64 if tag == COUNTER64 else LIMIT32
        self.recorded = recorded
        self.interface = interface
        self.direction: Direction = direction
        self.size = size

    def encode(self, life: Life, t: float) -> bytes:
        """Return the counter; after a reboot it has begun at zero."""
        count = int(life.flow(self.interface, self.direction).carried(t)) // self.size
        return integer((count if life.rebooted else count + self.recorded) & self.limit, self.tag)


class Counting:
    """A counter, or clock, that runs at an even rate."""

    __slots__ = ("limit", "rate", "recorded", "tag")

    def __init__(self, tag: int, recorded: int, rate: float) -> None:
        self.tag = tag
        self.limit = LIMIT64 if tag == COUNTER64 else LIMIT32
        self.recorded = recorded
        self.rate = rate

    def encode(self, life: Life, t: float) -> bytes:
        """Return the count; after a reboot it has begun at zero."""
        count = int((t - life.booted_at) * self.rate)
        return integer((count if life.rebooted else count + self.recorded) & self.limit, self.tag)


class Wobble(NamedTuple):
    """How far a gauge strays: a share of the recorded value, at least `least`, always within `low` and `high`."""

    share: float
    least: float = 0.0
    low: float = 0.0
    high: float = float(1 << 31)
    from_zero: bool = False


class Wobbling:
    """A gauge that strays around what was recorded; also one that is written as text, such as UCD's load average."""

    __slots__ = ("centre", "key", "tag", "wobble")

    def __init__(self, tag: int, centre: float, wobble: Wobble, key: int) -> None:
        self.tag = tag
        self.centre = centre
        self.wobble = wobble
        self.key = key

    def encode(self, life: Life, t: float) -> bytes:
        """Return the gauge."""
        share, least, low, high, _ = self.wobble
        angle = (life.seed * 2654435761 + self.key * 40503) % 65536 / 65536 * TAU
        stray = 0.7 * math.sin(t * TAU / 311 + angle) + 0.3 * math.sin(t * TAU / 41 + 3 * angle)
        value = min(max(self.centre + stray * max(abs(self.centre) * share, least), low), high)
        if self.tag == OCTET_STRING:
            return octets(f"{value:.2f}".encode())
        return integer(round(value), self.tag)


class OperStatus:
    """ifOperStatus: as recorded, or down while a fault says so."""

    __slots__ = ("interface", "recorded")

    def __init__(self, interface: int, recorded: int) -> None:
        self.interface = interface
        self.recorded = recorded

    def encode(self, life: Life, t: float) -> bytes:
        """Return up (1), down (2) or what else was recorded."""
        del t
        return integer(DOWN if self.interface in life.down else self.recorded)


class Computed:
    """A value that a function tells."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[[Life, float], bytes]) -> None:
        self.function = function

    def encode(self, life: Life, t: float) -> bytes:
        """Return what the function says."""
        return self.function(life, t)


GAUGES: dict[Oid, Wobble] = {
    parse_oid("1.3.6.1.2.1.25.2.3.1.6"): Wobble(0.03),  # hrStorageUsed
    parse_oid("1.3.6.1.2.1.25.3.3.1.2"): Wobble(0.5, 4, 0, 100, from_zero=True),  # hrProcessorLoad
    parse_oid("1.3.6.1.2.1.33.1.2.5"): Wobble(0.004),  # upsBatteryVoltage
    parse_oid("1.3.6.1.2.1.33.1.2.7"): Wobble(0.05, 1),  # upsBatteryTemperature
    parse_oid("1.3.6.1.2.1.33.1.3.3.1.2"): Wobble(0.002, 1),  # upsInputFrequency
    parse_oid("1.3.6.1.2.1.33.1.3.3.1.3"): Wobble(0.02),  # upsInputVoltage
    parse_oid("1.3.6.1.2.1.33.1.4.4.1.4"): Wobble(0.1),  # upsOutputPower
    parse_oid("1.3.6.1.2.1.33.1.4.4.1.5"): Wobble(0.2, 2, 0, 100),  # upsOutputPercentLoad
    parse_oid("1.3.6.1.4.1.2021.4.6"): Wobble(0.04),  # memAvailReal
    parse_oid("1.3.6.1.4.1.2021.10.1.3"): Wobble(0.3, 0.3, from_zero=True),  # laLoad, a text
    parse_oid("1.3.6.1.4.1.2021.10.1.5"): Wobble(0.3, 30, from_zero=True),  # laLoadInt, hundredths of it
    parse_oid("1.3.6.1.4.1.2021.11.9"): Wobble(0.4, 2, 0, 50),  # ssCpuUser
    parse_oid("1.3.6.1.4.1.2021.11.10"): Wobble(0.4, 2, 0, 50),  # ssCpuSystem
    parse_oid("1.3.6.1.4.1.41112.1.4.5.1.5"): Wobble(0.05, 2, -96, -20),  # ubntWlStatSignal, dBm
    parse_oid("1.3.6.1.4.1.41112.1.4.5.1.15"): Wobble(0.45),  # ubntWlStatStaCount
}

IF_ENTRY = parse_oid("1.3.6.1.2.1.2.2.1")
IF_X_ENTRY = parse_oid("1.3.6.1.2.1.31.1.1.1")
IF_OPER_STATUS = (*IF_ENTRY, 8)
TRAFFIC: dict[Oid, tuple[Direction, int]] = {
    (*IF_ENTRY, 10): ("in", 1),
    (*IF_ENTRY, 11): ("in", OCTETS_A_PACKET),
    (*IF_ENTRY, 16): ("out", 1),
    (*IF_ENTRY, 17): ("out", OCTETS_A_PACKET),
    (*IF_X_ENTRY, 6): ("in", 1),
    (*IF_X_ENTRY, 7): ("in", OCTETS_A_PACKET),
    (*IF_X_ENTRY, 10): ("out", 1),
    (*IF_X_ENTRY, 11): ("out", OCTETS_A_PACKET),
}
"""Columns that move with the traffic: direction, and octets for one count."""
CLOCKS = frozenset({parse_oid("1.3.6.1.2.1.1.3.0"), parse_oid("1.3.6.1.2.1.25.1.1.0")})
"""sysUpTime.0 and hrSystemUptime.0."""


def gauge(oid: Oid, tag: int, value: Value) -> Moving | None:
    """Return the wobbling gauge of `oid`, or None if it is none that wobbles."""
    wobble = GAUGES.get(oid[:-1])
    if wobble is None:
        return None
    centre = float(value) if isinstance(value, int | bytes) else 0.0
    return Wobbling(tag, centre, wobble, oid[-1]) if centre or wobble.from_zero else None


def of(oid: Oid, tag: int, value: Value, moving: AbstractSet[int], uptime_s: float) -> Moving | bytes:
    """Return how a recorded value moves, or the encoded value itself if it stands still.

    Args:
        oid: Which variable.
        tag: Its type.
        value: What was recorded.
        moving: Indexes of the interfaces that carry traffic.
        uptime_s: How long the device had been up when it was recorded, for the pace of other counters.
    """
    interface = oid[-1]
    if oid in CLOCKS and isinstance(value, int):
        return Counting(TIME_TICKS, value, TICKS_A_SECOND)
    if oid[:-1] == IF_OPER_STATUS and isinstance(value, int):
        return OperStatus(interface, value)
    if oid[: len(IF_ENTRY)] == IF_ENTRY or oid[: len(IF_X_ENTRY)] == IF_X_ENTRY:
        # Errors and discards stand still: a healthy interface makes none.
        carried = TRAFFIC.get(oid[:-1])
        if carried and isinstance(value, int) and value and interface in moving:
            return Carried(tag, value, interface, *carried)
        return encode(tag, value)
    if tag in (COUNTER32, COUNTER64) and isinstance(value, int) and value and uptime_s:
        return Counting(tag, value, value / uptime_s)
    return gauge(oid, tag, value) or encode(tag, value)


def encode(tag: int, value: Value) -> bytes:
    """Return a value with tag and length; ValueError if it does not suit its tag."""
    if tag in (INTEGER, COUNTER32, GAUGE32, TIME_TICKS, COUNTER64) and isinstance(value, int):
        return integer(value, tag)
    if tag in (OCTET_STRING, IP_ADDRESS, OPAQUE) and isinstance(value, bytes):
        return tlv(tag, value)
    if tag == OBJECT_IDENTIFIER and isinstance(value, tuple):
        return tlv(tag, encode_oid(value))
    if tag == NULL and value is None:
        return tlv(tag, b"")
    raise ValueError(f"{value!r} has no form as type {tag}")
