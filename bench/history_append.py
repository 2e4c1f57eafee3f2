"""What keeping samples costs: CPU seconds per million, in batches as the engine makes them.

Workload: 2,000 series (100 devices of 20 counters, half of them standing still), a sample a minute, in batches of
10,000 until there are a million. Timed is `append` alone, user and system, all threads; the batches are made before.
In turn, 5 rounds:

- `duckdb`: the embedded store, commits and the sealing of all but the newest samples included;
- `spool`: lines and spool files of the way to InfluxDB; sending them and the server's own work are not counted.

    python -m bench.history_append
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from bench.machine import machine
from monitor.samples import Sample, Series
from monitor.store.duckdb import open_duckdb
from monitor.store.line_protocol import LineFormat
from monitor.store.spool import SPOOL_BYTES, Spool

ROUNDS: Final = 5
MILLION: Final = 1_000_000
START_MS: Final = 1_767_225_600_000
COUNTERS: Final = ("if_in_octets", "if_out_octets", "if_in_errors", "if_out_errors")


def batches(samples: int = MILLION, devices: int = 100, batch: int = 10_000) -> Iterator[list[Sample]]:
    """Yield `samples` samples of `devices` devices with 20 values each, minute after minute, in order of time."""
    values = random.Random(7)  # noqa: S311 - the same each time
    series = [
        Series(metric, f"rt{device}", f"Gi0/{port}")
        for device in range(devices)
        for port in range(5)
        for metric in COUNTERS
    ]
    counters = [0.0] * len(series)
    at_ms, made, now = START_MS, 0, list[Sample]()
    while made < samples:
        for number, one in enumerate(series):
            if one.metric.endswith("octets"):
                counters[number] += values.randrange(1 << 20)
            now.append(Sample(one, at_ms, counters[number]))
        at_ms += 60_000
        made += len(series)
        if len(now) >= batch:
            yield now
            now = []


def duckdb_cpu_s(given: Sequence[Sequence[Sample]]) -> float:
    """Return CPU seconds of appending `given` to a new embedded store."""

    async def append_all(folder: Path) -> float:
        store = await open_duckdb(folder)
        before = time.process_time()
        for batch in given:
            await store.append(batch)
        used = time.process_time() - before
        await store.close()
        return used

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(append_all(Path(folder)))


def spool_cpu_s(given: Sequence[Sequence[Sample]]) -> float:
    """Return CPU seconds of turning `given` into lines and keeping them in a new spool."""
    with tempfile.TemporaryDirectory() as folder:
        spool, form = Spool(Path(folder), SPOOL_BYTES), LineFormat()
        before = time.process_time()
        for batch in given:
            spool.put(form.lines(batch))
        used = time.process_time() - before
        spool.close()
    return used


def main() -> None:
    """Print the median, the least and the most of each, and on what it was measured."""
    rivals: dict[str, Callable[[Sequence[Sequence[Sample]]], float]] = {
        "duckdb": duckdb_cpu_s,
        "spool": spool_cpu_s,
    }
    given = list(batches())
    found: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(ROUNDS):
        for name, cpu_s in rivals.items():
            found[name].append(cpu_s(given) * MILLION / sum(map(len, given)))
    print(f"CPU s per million samples, {ROUNDS} rounds, {machine()}")
    for name, seconds in found.items():
        print(f"{name:8} median {statistics.median(seconds):.2f}  {min(seconds):.2f} to {max(seconds):.2f}")


if __name__ == "__main__":
    main()
