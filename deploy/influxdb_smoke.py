"""Writes to a real InfluxDB 2.x or 3.x and reads it back: run it once against yours before you rely on it.

Not run by our tests: only 1.6.7 can be installed where they run. Needs a bucket of its own.

    VUNGCAO_INFLUXDB_URL=… VUNGCAO_INFLUXDB_BUCKET=… VUNGCAO_INFLUXDB_TOKEN=… python deploy/influxdb_smoke.py
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from kernel.clock import SystemClock, epoch_ms
from kernel.settings import load
from monitor.samples import Sample, Series
from monitor.store.influxdb import open_influxdb

MINUTE_MS = 60_000
PATIENCE_S = 60


async def main() -> int:
    """Write ten samples twice, wait until they can be read, compare; return the exit code."""
    settings = load()
    series = Series("reachable", "smoke-test", "eth 0,=\"'\\")
    now_ms = epoch_ms(SystemClock().now()) // MINUTE_MS * MINUTE_MS
    samples = [Sample(series, now_ms - number * 1000, float(number)) for number in range(1, 11)]
    with tempfile.TemporaryDirectory() as spool:
        store = await open_influxdb(
            settings.influxdb_url,
            settings.influxdb_bucket,
            settings.influxdb_org,
            settings.influxdb_token.get_secret_value(),
            Path(spool),
        )
        try:
            await store.append(samples)
            await store.append(samples)
            for _ in range(PATIENCE_S):
                found = (await store.history([series], now_ms - MINUTE_MS, now_ms, MINUTE_MS))[series]
                if found and (found[0].low, found[0].high, found[0].mean) == (1.0, 10.0, 5.5):
                    print("InfluxDB keeps what we write, once.")
                    return 0
                await asyncio.sleep(1)
        finally:
            print(await store.health())
            await store.close()
    print("What was written did not come back as it should; see above.")
    return 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
