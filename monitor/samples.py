"""A measured value, its series and its time: the small coins that everything in `monitor` passes around."""

from __future__ import annotations

from typing import NamedTuple


class Series(NamedTuple):
    """One line of values over time, the same in every store. Names and units are listed in `docs/metrics.md`.

    Attributes:
        metric: What is measured, with its unit where the name needs one: `if_in_octets`, `rtt_s`.
        device: Code of the device.
        instance: Which one of several, such as an interface's name; empty where there is only one.
    """

    metric: str
    device: str
    instance: str = ""


class Sample(NamedTuple):
    """One value of one series.

    Attributes:
        series: Which line.
        at_ms: When it was measured, Unix milliseconds.
        value: Always a float; counters lose nothing below 2^53.
    """

    series: Series
    at_ms: int
    value: float
