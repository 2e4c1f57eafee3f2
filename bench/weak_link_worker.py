"""Our side of `bench.weak_link`: polls one device as the engine would, and prints how many values each poll brought."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from inventory.public import SnmpV2c, bundled_profiles
from kernel.clock import SystemClock
from monitor.poller.patience import Patience
from monitor.poller.silence import Silence
from monitor.probes.port import Target
from monitor.probes.snmp import SnmpProbe


async def work(order: dict[str, Any]) -> list[int]:
    """Return the number of values of each poll."""
    target = Target("d", order["address"], 161, SnmpV2c(SecretStr(order["community"])), deadline_s=60)
    profile = bundled_profiles()["network-interfaces"]
    probe, patience, silence, found = SnmpProbe(SystemClock()), Patience(), Silence(), list[int]()
    for _ in range(order["polls"]):
        asked = replace(target, timeout_s=patience.timeout_s, retries=patience.retries)
        if silence.knocks_first("d") and not (await probe.knock(asked)).answered:
            silence.told("d", silent=True)
            found.append(0)
            continue
        result = await probe.poll(asked, profile)
        patience.learn(result.traffic)
        silence.told("d", silent=not result.readings)
        found.append(len(result.readings))
    return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(work(json.load(sys.stdin)))))
