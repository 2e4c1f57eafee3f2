"""Can one engine keep a country polled? The platform itself, as `serve` runs it, on synthetic devices of the mix.

The engine polls every device once an interval over SNMP v2c, judges, keeps its history in DuckDB; meanwhile somebody
opens the board, the list of devices, a device's and an office's page, one a second. Agents and platform share this
machine. Printed are turns that were missed, memory of the platform's processes at its most, how late the engine's event
loop was, the pages' times, and the points committed to history beside what the polls must have given.

Targets: none missed, less than 1.5 GB, loop lag p99 below 100 ms, pages' p95 below 200 ms. Give it the machine alone.

    python -m bench.sustain [--devices 10000] [--minutes 10] [--interval 60] [--save]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

from bench.agents import COMMUNITY, Device, agents, country
from bench.machine import cpu_s_of, machine
from tests.flows.reader import Reader, setup_token, use_setup_link
from tests.real.platform import PlainPlatform

OFFICES = 200
PAGES = ("/", "/devices", "/devices/d1", "/offices/o1")


def programme(devices: list[Device], port: int) -> str:
    """Return the inventory file of `devices`, spread over offices without uplinks: nothing here slows a poll down."""
    return yaml.safe_dump(
        {
            "version": 1,
            "units": {"tinh": {"name": "Tỉnh", "level": "province", "valid_from": "2025-07-01"}},
            "offices": {f"o{number}": {"name": f"Văn phòng {number}", "unit": "tinh"} for number in range(OFFICES)},
            "devices": {
                device.code: {
                    "name": f"Thiết bị {device.code}", "office": f"o{number % OFFICES}", "role": "switch",
                    "profile": "network-interfaces", "address": device.address, "port": port, "snmp": "v2c",
                    "credential": "bench",
                }
                for number, device in enumerate(devices)
            },
        },
        allow_unicode=True,
    )  # fmt: skip


def metric(text: str, name: str) -> float:
    """Return the sum of a metric over its labels, from Prometheus's text."""
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name) and line[0] != "#")


def resident_mb(pids: list[int]) -> float:
    """Return the resident memory of these processes."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def signed_in(platform: PlainPlatform) -> Reader:
    """Return the first administrator, who uses pages."""
    name, password = "quantri", "a-long-enough-password"
    assert use_setup_link(platform.url, setup_token(platform), name, password) == httpx.codes.SEE_OTHER
    return Reader(platform.url, name, password)


def watch(platform: PlainPlatform, client: Reader, seconds: float) -> dict[str, Any]:
    """Use pages for so long; return their times and the most memory that was seen."""
    pids = [platform.pid, *(child.pid for child in platform.state().children if child.pid)]
    took_s: list[float] = []
    most_mb, ends_s, turn = 0.0, time.monotonic() + seconds, 0
    while time.monotonic() < ends_s:
        began_s = time.monotonic()
        client.page(PAGES[turn % len(PAGES)])
        took_s.append(time.monotonic() - began_s)
        most_mb = max(most_mb, resident_mb(pids))
        turn += 1
        time.sleep(max(0.0, 1 - took_s[-1]))
    return {
        "pages": len(took_s),
        "page_p95_ms": round(statistics.quantiles(took_s, n=20)[18] * 1000),
        "memory_mb": round(most_mb),
    }


def values_of(device: Device) -> int:
    """Return what the profile asks of a device: nine values an interface, and the uptime."""
    return 9 * device.interfaces + 1


async def measure(count: int, minutes: float, interval_s: float) -> dict[str, Any]:
    """Return what was seen."""
    devices = country(count)
    environment = {"VUNGCAO_POLL_INTERVAL_S": str(interval_s), "VUNGCAO_ALERT_HOLD_S": str(interval_s)}
    async with agents(devices) as port:
        return await asyncio.to_thread(_run, devices, port, environment, minutes, interval_s)


def _run(
    devices: list[Device], port: int, environment: dict[str, str], minutes: float, interval_s: float
) -> dict[str, Any]:
    with PlainPlatform(environment) as platform, signed_in(platform) as client:
        return _measured(platform, client, devices, port, minutes, interval_s)


def _measured(
    platform: PlainPlatform, client: Reader, devices: list[Device], port: int, minutes: float, interval_s: float
) -> dict[str, Any]:
    assert platform.command("credential", "set", "bench", given=f"{COMMUNITY}\n").returncode == 0
    file = platform.folder / "programme.yaml"
    file.write_text(programme(devices, port), "utf-8")
    loaded = platform.command("inventory", "load", str(file))
    assert loaded.returncode == 0, loaded.stderr
    time.sleep(2 * interval_s + 10)  # each device is learned in its first turn: that is not the steady state
    engine = platform.child("engine")
    before, cpu_s, began_s = client.page("/metrics"), cpu_s_of(engine), time.monotonic()
    seen = watch(platform, client, minutes * 60)
    after, passed_s = client.page("/metrics"), time.monotonic() - began_s

    def grown(name: str) -> float:
        return metric(after, name) - metric(before, name)

    polls = grown("vungcao_polls_total")
    expected = polls / len(devices) * sum(values_of(device) for device in devices)
    result = {
        "workload": f"{len(devices)} devices every {interval_s:g} s for {minutes:g} minutes",
        "machine": machine(),
        "polls": round(polls),
        "polls_due": round(len(devices) * passed_s / interval_s),
        "missed": round(grown("vungcao_polls_missed_total")),
        "not_answered": round(polls - grown('vungcao_polls_total{outcome="answered"}')),
        "points_committed": round(grown("vungcao_samples_written_total")),
        "points_polled_at_least": round(expected),
        "engine_cpu_share": round((cpu_s_of(engine) - cpu_s) / passed_s, 3),
        "loop_lag_p99_ms": round(metric(after, "vungcao_engine_loop_lag_p99_seconds") * 1000),
        **seen,
    }
    assert result["points_committed"] >= 0.98 * expected, result
    return result


def main() -> None:
    """Run, print, and keep the result if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--interval", type=float, default=60)
    parser.add_argument("--save", action="store_true", help="write bench/results/sustain.json")
    given = parser.parse_args()
    result = json.dumps(asyncio.run(measure(given.devices, given.minutes, given.interval)), indent=2)
    print(result)
    if given.save:
        Path(__file__).with_name("results").joinpath("sustain.json").write_text(result + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
