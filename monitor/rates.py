"""Turns the polls of a device into samples: values as they were read, and what only two polls together can say.

Pure. Rules for what no store and no page can mend later:

- The agent's own sysUpTime is the time between two polls, not our clock: an answer that was late does not bend a rate.
- A point is drawn only where both ends are sure. After a restart, a counter's discontinuity (RFC 2863
  ifCounterDiscontinuityTime), a gap, or a row that was missing once, there is no point; never a zero, never a spike.
- What a cable cannot carry was not carried: a rate more than 5 % above the interface's speed is no point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from monitor.probes.port import Kind, PollResult, Reading
from monitor.samples import Sample, Series

UPTIME_PERIOD_S = 2**32 / 100
"""sysUpTime begins anew after 497 days: it counts hundredths of a second in 32 bits (RFC 3418)."""

COUNTER32_PERIOD = 2**32
TOO_FAST = 1.05
"""Part of an interface's speed that no rate exceeds: sysUpTime has steps of 10 ms, and counters are read beside it."""

_RATES = MappingProxyType({"if_in_octets": "if_in_bps", "if_out_octets": "if_out_bps"})
_SPEED = "if_speed_bps"


class Committed(NamedTuple):
    """Bandwidth that a carrier has promised on an uplink.

    Attributes:
        in_bps: Towards the device: the office's download.
        out_bps: From the device: its upload.
    """

    in_bps: float
    out_bps: float


NOTHING_COMMITTED: Mapping[str, Committed] = MappingProxyType({})


class RateMemory:
    """What must be kept of a device's last poll. Only `samples_of` looks inside.

    Args:
        longest_gap_s: Between polls that are further apart nothing is computed; some 2.5 poll intervals.
    """

    __slots__ = ("at_ms", "counters", "discontinuities", "duration_s", "longest_gap_s", "series", "speeds", "uptime_s")

    def __init__(self, longest_gap_s: float) -> None:
        self.longest_gap_s = longest_gap_s
        self.at_ms: int | None = None
        self.duration_s = 0.0
        self.uptime_s: float | None = None
        self.counters: dict[tuple[str, str], Reading] = {}
        self.discontinuities: Mapping[str, float] = {}
        self.speeds: dict[str, float] = {}
        self.series: dict[tuple[str, str], Series] = {}


def samples_of(
    poll: PollResult, memory: RateMemory, committed: Mapping[str, Committed] = NOTHING_COMMITTED
) -> list[Sample]:
    """Return all samples of `poll`, in the order of its readings, and remember it in `memory` for the next.

    Device: `reachable`, `poll_duration_s`, `poll_octets`, and if it brought values `poll_completeness_ratio`. Every
    reading, counters raw. Computed where the last poll allows it: `if_in_bps`, `if_out_bps`, `if_utilisation_ratio`. A
    poll not newer than the last one remembered is told raw and computes nothing. A poll without values leaves the
    memory as it is.

    Once per poll of every device, about 50 values each, thousands of values a second: no I/O, one tuple a sample.

    Args:
        poll: A poll of the memory's device.
        memory: Of this device; changed in place.
        committed: By interface, what its carrier promised; others are measured against their speed.
    """
    at_ms, series = poll.started_at_ms, _series(memory, poll)
    samples = [
        Sample(series("reachable", ""), at_ms, 1.0 if poll.outcome.brought_values else 0.0),
        Sample(series("poll_duration_s", ""), at_ms, poll.duration_s),
        Sample(series("poll_octets", ""), at_ms, float(poll.traffic.octets)),
    ]
    if not poll.outcome.brought_values:
        return samples
    samples.append(Sample(series("poll_completeness_ratio", ""), at_ms, poll.completeness))
    samples += [Sample(series(metric, instance), at_ms, float(value)) for metric, instance, value, _ in poll.readings]
    if memory.at_ms is not None and 0 <= memory.at_ms - at_ms <= memory.longest_gap_s * 1000:
        return samples  # late or told twice; further back it is our own clock that was set back: begin anew from there
    elapsed_s = _elapsed_s(memory, poll)
    counters: dict[tuple[str, str], Reading] = {}
    for reading in poll.readings:
        if reading.metric in _RATES:
            counters[reading.metric, reading.instance] = reading
        elif reading.metric == _SPEED:
            memory.speeds[reading.instance] = reading.value
    if elapsed_s is not None:
        rates = _rates(counters, memory, poll, elapsed_s)
        samples += [Sample(series(_RATES[metric], name), at_ms, bps) for (metric, name), bps in rates.items()]
        samples += [
            Sample(series("if_utilisation_ratio", name), at_ms, ratio)
            for name, ratio in _utilisation(rates, memory.speeds, committed).items()
        ]
    memory.at_ms, memory.duration_s, memory.uptime_s = at_ms, poll.duration_s, poll.uptime_s
    memory.counters, memory.discontinuities = counters, poll.discontinuities
    return samples


def _elapsed_s(memory: RateMemory, poll: PollResult) -> float | None:
    """Return the seconds of the agent's life between the polls; None where it did not live through, or nobody knows."""
    if memory.at_ms is None or memory.uptime_s is None or poll.uptime_s is None:
        return None
    ours_s = (poll.started_at_ms - memory.at_ms) / 1000
    if not 0 < ours_s <= memory.longest_gap_s:
        return None
    # Each uptime was read at some moment of its poll; agents' clocks are good to a few per cent.
    slack_s = 1.0 + memory.duration_s + poll.duration_s + 0.03 * ours_s
    theirs_s = poll.uptime_s - memory.uptime_s
    if theirs_s < 0 and abs(theirs_s + UPTIME_PERIOD_S - ours_s) <= slack_s:
        theirs_s += UPTIME_PERIOD_S  # the 497 days are over: no restart, no counter lost
    # An uptime that grew less than our clock belongs to an agent that started again in between. One that grew more
    # is our own clock set back: the agent's time is the truth then.
    if theirs_s <= 0 or theirs_s < ours_s - slack_s:
        return None
    return theirs_s


def _rates(
    counters: Mapping[tuple[str, str], Reading], memory: RateMemory, poll: PollResult, elapsed_s: float
) -> dict[tuple[str, str], float]:
    rates: dict[tuple[str, str], float] = {}
    for key, reading in counters.items():
        before, name = memory.counters.get(key), reading.instance
        if before is None or poll.discontinuities.get(name) != memory.discontinuities.get(name):
            continue
        bps = _bps(before, reading, elapsed_s, memory.speeds.get(name))
        if bps is not None:
            rates[key] = bps
    return rates


def _bps(before: Reading, now: Reading, elapsed_s: float, speed_bps: float | None) -> float | None:
    """Return bits a second, or None where they cannot be known.

    A 32-bit counter that fell has wrapped once, if the speed can vouch for it; on a link fast enough to wrap twice
    between polls, the least traffic that explains both values is told. A 64-bit one does not wrap within a century.
    """
    if before.kind is not now.kind:
        return None  # another object is read now: the two values have nothing in common
    grown = now.value - before.value
    if grown < 0:
        if now.kind is not Kind.COUNTER32 or speed_bps is None:
            return None
        grown += COUNTER32_PERIOD
        if grown < 0:
            return None  # 32 bits were promised, and the last value had more
    bps = grown * 8 / elapsed_s
    if speed_bps is not None and bps > TOO_FAST * speed_bps:
        return None
    return bps


def _utilisation(
    rates: Mapping[tuple[str, str], float], speeds: Mapping[str, float], committed: Mapping[str, Committed]
) -> dict[str, float]:
    """Return, by interface with both rates, how full its busier direction is; 1 at most: a burst above it is full."""
    ratios: dict[str, float] = {}
    for (metric, name), in_bps in rates.items():
        if metric != "if_in_octets":
            continue
        out_bps = rates.get(("if_out_octets", name))
        speed_bps = speeds.get(name, 0.0)
        limits = committed.get(name) or Committed(speed_bps, speed_bps)
        if out_bps is not None and limits.in_bps > 0 and limits.out_bps > 0:
            ratios[name] = min(1.0, max(in_bps / limits.in_bps, out_bps / limits.out_bps))
    return ratios


def _series(memory: RateMemory, poll: PollResult) -> Callable[[str, str], Series]:
    """Return the maker of this device's series, which makes each only once."""
    known, device = memory.series, poll.device
    if len(known) > 4 * len(poll.readings) + 100 and poll.readings:
        known.clear()  # interfaces that come and go under ever new names must not pile up
        memory.speeds.clear()

    def series(metric: str, instance: str) -> Series:
        key = metric, instance
        found = known.get(key)
        if found is None:
            found = known[key] = Series(metric, device, instance)
        return found

    return series
