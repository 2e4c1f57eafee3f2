"""Where health history is kept: one port, two stores (DuckDB embedded, InfluxDB), one contract suite for both."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from kernel.errors import BadInput
from monitor.samples import Sample, Series

LATEST_MS = 9_000_000_000_000
"""Last moment that a store keeps, in the year 2255: InfluxDB counts nanoseconds in 64 bits."""

METRIC_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


class Bucket(NamedTuple):
    """What one series did in one step of a graph.

    Attributes:
        at_ms: Start of the step, a multiple of the step since 1970, Unix milliseconds.
        mean: Mean of the values in it.
        low: Smallest value.
        high: Largest value.
    """

    at_ms: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """How a store is.

    Attributes:
        name: `duckdb` or `influxdb`.
        ok: Whether the last write and the last check succeeded.
        why: In words, if not ok; else empty.
        waiting: Samples taken and not yet in the store (a spool's backlog).
    """

    name: str
    ok: bool
    why: str
    waiting: int


class SamplesRefused(BadInput):
    """The store will never take some of these samples; sending them again cannot help.

    Attributes:
        count: How many, as far as the server says; at least one.
        rest_kept: Whether the others of the batch are kept; if not, send it again in halves.
    """

    code = "samples-refused"
    message = "The metric store refuses {count} samples for good: {why}"

    def __init__(self, *, count: int, why: str, rest_kept: bool) -> None:
        self.count = count
        self.rest_kept = rest_kept
        super().__init__(count=count, why=why)


class HistoryStore(Protocol):
    """History of samples: one value per series and time.

    A batch given again, late, or with half of it known changes nothing and adds what is missing. Two different values
    for one series and time are not a measurement: within a batch the first wins; in two batches DuckDB keeps the first
    and InfluxDB the last.
    """

    async def append(self, samples: Sequence[Sample]) -> None:
        """Keep `samples`; when this returns they survive the process's death. Any order.

        Raises:
            BadInput: A sample that no store can keep (see `refuse_unkeepable`); nothing of the batch is kept.
            SamplesRefused: A store without a spool says so of its server's answer.
            StoreUnavailable: The batch is not acknowledged: ask again with the same batch.
        """
        ...

    async def latest(self, since_ms: int) -> Mapping[Series, Sample]:
        """Return the newest sample of each series that has one at or after `since_ms`; to rebuild memory at start.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        ...

    async def history(
        self, series: Sequence[Series], start_ms: int, end_ms: int, step_ms: int
    ) -> Mapping[Series, Sequence[Bucket]]:
        """Return the steps of each series in [start_ms, end_ms), oldest first; a step without a value is left out.

        Every asked series is a key, with an empty sequence where there is nothing. The first step counts only what lies
        at or after `start_ms`, though its own start may lie before. What waits in a spool is not in it yet.

        Raises:
            ValueError: `step_ms` is less than 1.
            StoreUnavailable: The store does not answer.
        """
        ...

    async def forget_before(self, before_ms: int) -> None:
        """Drop what is older than `before_ms`, in whole segments: a store may keep up to a day more.

        Raises:
            StoreUnavailable: The store does not answer, or does not delete by request (then its own retention must).
        """
        ...

    async def health(self) -> StoreHealth:
        """Return how the store is; never raises."""
        ...

    async def close(self) -> None:
        """Finish what is in flight and let go."""
        ...


def refuse_unkeepable(samples: Sequence[Sample]) -> None:
    """Raise BadInput naming the first sample whose value is not finite or whose time is not in 1970 to 2255."""
    # Once per sample, about 8,000 a second.
    for series, at_ms, value in samples:
        if not math.isfinite(value):
            raise BadInput(what=_named(series, at_ms), why=f"{value} is not a finite number")
        if not 0 <= at_ms <= LATEST_MS:
            raise BadInput(what=_named(series, at_ms), why="its time is not Unix milliseconds between 1970 and 2255")


def refuse_bad_name(series: Series) -> None:
    """Raise BadInput unless the metric is a lower-case name, a device is given, and all is valid Unicode.

    Called once per series, when a store first meets it.
    """
    if not METRIC_NAME.fullmatch(series.metric):
        raise BadInput(what=f"the metric name {series.metric!r}", why="use lower-case letters, digits and underscores")
    if not series.device:
        raise BadInput(what=f"a sample of {series.metric}", why="it names no device")
    for name in (series.device, series.instance):
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise BadInput(what=f"the name {name!r}", why="it is not valid Unicode") from error


def _named(series: Series, at_ms: int) -> str:
    return f"the sample {series.metric} of {series.device} {series.instance}".rstrip() + f" at {at_ms}"
