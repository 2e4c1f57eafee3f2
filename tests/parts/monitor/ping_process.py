"""A process that pings addresses by the best way it has and tells what came of it, for tests under other accounts."""

from __future__ import annotations

import asyncio
import json
import sys

from kernel.clock import SystemClock
from monitor.probes.icmp import open_pinger
from monitor.probes.ping import Burst, PingTarget


async def main(addresses: list[str]) -> None:
    """Ping once and print a line of JSON for each address."""
    pinger = await open_pinger(SystemClock())
    targets = [PingTarget(address, address) for address in addresses]
    for result in await pinger.ping(targets, Burst(count=5, gap_s=0.1, timeout_s=1.0)):
        print(  # noqa: T201 - the answer
            json.dumps(
                {
                    "address": result.device,
                    "method": result.method,
                    "loss": result.loss_ratio,
                    "received": result.received,
                    "rtt_s": result.rtt_s,
                }
            )
        )
    pinger.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
