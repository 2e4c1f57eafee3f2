"""Our side of `bench.poll`: polls every device once for each line on standard input, and prints what it cost."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from inventory.public import AuthProtocol, PrivProtocol, SnmpV2c, SnmpV3, bundled_profiles
from kernel.clock import SystemClock
from monitor.current import CurrentState
from monitor.probes.port import Outcome, Target
from monitor.probes.snmp import SnmpProbe
from monitor.rates import RateMemory, samples_of
from monitor.samples import Sample
from monitor.store.duckdb import open_duckdb
from monitor.thresholds import first_rules

IN_FLIGHT = 100
PROFILE = "network-interfaces"


async def work(order: dict[str, Any]) -> None:
    """Answer rounds until standard input ends."""
    user = order["user"]
    credential: SnmpV2c | SnmpV3 = SnmpV2c(SecretStr(order["community"]))
    if order["snmp"] == "v3":
        credential = SnmpV3(
            user["name"],
            AuthProtocol(user["auth"]),
            SecretStr(user["auth_key"]),
            PrivProtocol.AES128,
            SecretStr(user["priv_key"]),
        )
    targets = [Target(code, address, order["port"], credential, timeout_s=5.0) for code, address in order["devices"]]
    profile = bundled_profiles()[PROFILE]
    probe, slots = SnmpProbe(SystemClock()), asyncio.Semaphore(IN_FLIGHT)
    current = CurrentState(first_rules(hold_s=60), 60)
    current.plan({target.device: {} for target in targets})
    rates = {target.device: RateMemory(longest_gap_s=600) for target in targets}
    waiting: list[Sample] = []
    whole = order["mode"] == "pipeline"

    async def one(target: Target) -> int:
        async with slots:
            result = await probe.poll(target, profile)
        assert result.outcome is Outcome.ANSWERED, f"{target.device}: {result.outcome} {result.why}"
        if whole:
            samples = samples_of(result, rates[target.device])
            current.take(
                target.device,
                samples,
                outcome=result.outcome,
                why=result.why,
                at_ms=result.started_at_ms,
                duration_s=result.duration_s,
                completeness_ratio=result.completeness,
            )
            waiting.extend(samples)
        return len(result.readings)

    with tempfile.TemporaryDirectory(prefix="vungcao-bench-") as folder:
        store = await open_duckdb(Path(folder))
        while await asyncio.to_thread(sys.stdin.readline):
            cpu_s, wall_s = time.process_time(), time.perf_counter()
            counts = await asyncio.gather(*(one(target) for target in targets))
            for start in range(0, len(waiting), 10_000):
                await store.append(waiting[start : start + 10_000])
            waiting.clear()
            print(
                json.dumps(
                    {
                        "cpu_s": time.process_time() - cpu_s,
                        "wall_s": time.perf_counter() - wall_s,
                        "values": sum(counts),
                    }
                ),
                flush=True,
            )
        await store.close()


if __name__ == "__main__":
    asyncio.run(work(json.loads(sys.stdin.readline())))
