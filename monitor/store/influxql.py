"""Our questions in InfluxQL, the one language that InfluxDB 1.x, 2.x and 3.x answer on `/query`, and its answers.

Names are escaped here, for bound parameters are not known to work beyond 1.x. Every question is bound by time: without
a bound InfluxDB reads everything it has.
"""

# ruff: noqa: S608 - InfluxQL text is put together from escaped names and integers only
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote_plus

from monitor.samples import Sample, Series
from monitor.store.line_protocol import decoded, encoded
from monitor.store.port import METRIC_NAME, Bucket

SHOW_METRICS: Final = "SHOW MEASUREMENTS"
SERIES_A_STATEMENT: Final = 20
ADDRESS_LIMIT: Final = 6000
"""Bytes of a question in an address: web servers between us and InfluxDB take about 8,000 for the whole of it."""


def steps(series: Iterable[Series], start_ms: int, end_ms: int, step_ms: int) -> Iterator[str]:
    """Yield statements whose answers are the steps of `series` in [start_ms, end_ms)."""
    by_metric: dict[str, list[Series]] = {}
    for one in series:
        by_metric.setdefault(one.metric, []).append(one)
    for metric, all_of_it in by_metric.items():
        for first in range(0, len(all_of_it), SERIES_A_STATEMENT):
            either = " OR ".join(map(_is_series, all_of_it[first : first + SERIES_A_STATEMENT]))
            yield (
                f'SELECT mean("value"), min("value"), max("value") FROM {_name(metric)} '
                f"WHERE ({either}) AND time >= {start_ms:d}ms AND time < {end_ms:d}ms "
                f'GROUP BY time({step_ms:d}ms), "device", "instance" fill(none)'
            )


def newest(metrics: Iterable[str], since_ms: int) -> Iterator[str]:
    """Yield statements whose answers are the last value of each series since `since_ms`."""
    for metric in metrics:
        yield f'SELECT last("value") FROM {_name(metric)} WHERE time >= {since_ms:d}ms GROUP BY "device", "instance"'


def deletions(metrics: Iterable[str], before_ms: int) -> Iterator[str]:
    """Yield statements that delete what is older than `before_ms`, of series that name a device."""
    for metric in metrics:
        yield f"DELETE FROM {_name(metric)} WHERE \"device\" != '' AND time < {before_ms:d}ms"


def in_one_address(statements: Iterable[str]) -> Iterator[str]:
    """Yield the statements joined by semicolons, as many together as an address may hold."""
    together: list[str] = []
    length = 0
    for statement in statements:
        size = len(quote_plus(statement)) + 3
        if together and length + size > ADDRESS_LIMIT:
            yield ";".join(together)
            together, length = [], 0
        together.append(statement)
        length += size
    if together:
        yield ";".join(together)


def metrics_in(answer: Mapping[str, Any]) -> list[str]:
    """Return the metrics that `SHOW_METRICS` found, without the names that cannot be ours."""
    return [row[0] for part in _series_of(answer) for row in part["values"] if METRIC_NAME.fullmatch(row[0])]


def buckets_in(answer: Mapping[str, Any]) -> Iterator[tuple[Series, Sequence[Bucket]]]:
    """Yield each series of an answer to `steps` with its steps, oldest first."""
    for part in _series_of(answer):
        # Mean, least and most are read one after the other: while a step's first value is being written, one may see it
        # and another not (met on 1.6.7). The next question has it whole.
        whole = (row for row in part["values"] if None not in row)
        yield _series(part), [Bucket(row[0], *map(float, row[1:])) for row in whole]


def samples_in(answer: Mapping[str, Any]) -> Iterator[Sample]:
    """Yield the samples of an answer to `newest`."""
    for part in _series_of(answer):
        series = _series(part)
        if series.device:
            for at_ms, value in part["values"]:
                yield Sample(series, at_ms, float(value))


def error_in(answer: Mapping[str, Any]) -> str:
    """Return what the server says went wrong, or that it left rows out; else empty."""
    for part in (answer, *answer.get("results", ())):
        if "error" in part:
            return str(part["error"])
        if part.get("partial") or any(series.get("partial") for series in part.get("series", ())):
            return "the answer is cut short by max-row-limit"
    return ""


def _series_of(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for result in answer.get("results", ()):
        yield from result.get("series", ())


def _series(part: Mapping[str, Any]) -> Series:
    tags = part["tags"]
    return Series(part["name"], decoded(tags["device"]), decoded(tags["instance"]))


def _is_series(series: Series) -> str:
    return f'("device" = {_text(encoded(series.device))} AND "instance" = {_text(encoded(series.instance))})'


def _name(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
