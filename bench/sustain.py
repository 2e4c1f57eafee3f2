"""Can one engine keep a country polled? The platform itself, as `serve` runs it, on synthetic devices of the mix.

The engine polls every device once an interval over SNMP v2c, judges, keeps its history in DuckDB; meanwhile one reader
opens a page a second, in turn those of `PAGES`, and another keeps the board open, so that its live events flow. Agents
and platform share this machine; all agents are one process. Printed are

- turns that were missed, polls that were not answered whole, and polls done beside those that were due;
- the points committed to history beside what the polls must have given: a run that lost points ends with an error;
- memory of all the platform's processes at its most, and of the database's;
- how late the engine's event loop was (p99, and the longest), and the times of the pages;
- CPU seconds a second of each part, and the load, by which to judge whether the machine was given to it alone.

Targets: none missed, less than 1.5 GB, loop lag p99 below 100 ms, pages' p95 below 200 ms. `verdict` holds them against
what was seen.

    python -m bench.sustain [--devices 10000] [--minutes 10] [--interval 60] [--save]
"""

from __future__ import annotations

import argparse
import asyncio
import html
import json
import os
import re
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from bench.agents import COMMUNITY, Agents, Device, agents, country
from bench.machine import cpu_s_of_all, machine
from tests.flows.reader import Reader, setup_token, use_setup_link
from tests.real.platform import PlainPlatform

DEVICES_AN_OFFICE: Final = 10
LINE_BPS: Final = 100_000_000
PAGES: Final = ("/", "/devices", "/devices/d1", "/offices", "/offices/o1", "/top", "/uplinks/o1-wan")
LEAST_DONE, MOST_MB, MOST_LAG_MS, MOST_PAGE_MS = 0.98, 1536, 100, 200
PARTS: Final = ("engine", "web", "worker", "postgres")
NAME, PASSWORD = "quantri", "a-long-enough-password"


def programme(devices: list[Device], port: int) -> str:
    """Return the inventory file of `devices`, ten an office, whose line is wide enough that no poll is put off."""
    offices = range(-(-len(devices) // DEVICES_AN_OFFICE))
    return yaml.safe_dump(
        {
            "version": 1,
            "units": {"tinh": {"name": "Tỉnh", "level": "province", "valid_from": "2025-07-01"}},
            "offices": {f"o{number}": {"name": f"Văn phòng {number}", "unit": "tinh"} for number in offices},
            "devices": {
                device.code: {
                    "name": f"Thiết bị {device.code}", "office": f"o{number // DEVICES_AN_OFFICE}", "role": "switch",
                    "profile": "network-interfaces", "address": device.address, "port": port, "snmp": "v2c",
                    "credential": "bench",
                }
                for number, device in enumerate(devices)
            },
            "uplinks": {
                f"o{number}-wan": {
                    "device": devices[number * DEVICES_AN_OFFICE].code, "interface": "Gi0/1", "carrier": "Viettel",
                    "medium": "fibre", "down_bps": LINE_BPS, "up_bps": LINE_BPS,
                }
                for number in offices
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


@contextmanager
def board_kept_open(url: str) -> Iterator[list[int]]:
    """Read the board's live events in a thread of their own; yields a list whose length counts them."""
    heard: list[int] = []
    over = threading.Event()

    def follow() -> None:
        with Reader(url, NAME, PASSWORD) as reader:
            while not over.is_set():
                stream = re.search(r'"(/live/board\?[^"]+)"', reader.page("/"))
                assert stream, "the board names no stream"
                for line in reader.lines(html.unescape(stream[1])):
                    if line.startswith("event:"):
                        heard.append(1)
                    if over.is_set():
                        break

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield heard
    finally:
        over.set()
        thread.join()


def watch(platform: PlainPlatform, client: Reader, seconds: float) -> dict[str, Any]:
    """Use pages for so long; return their times and the most memory that was seen."""
    took_s: dict[str, list[float]] = {page: [] for page in PAGES}
    most_mb, ends_s, turn = 0.0, time.monotonic() + seconds, 0
    while time.monotonic() < ends_s:
        page = PAGES[turn % len(PAGES)]
        began_s = time.monotonic()
        client.page(page)
        took_s[page].append(time.monotonic() - began_s)
        most_mb = max(most_mb, resident_mb([platform.pid, *(platform.child(name) for name in PARTS)]))
        turn += 1
        time.sleep(max(0.0, 1 - took_s[page][-1]))
    return {
        "pages": turn,
        "page_p95_ms": _p95_ms([one for all_ in took_s.values() for one in all_]),
        "page_p95_ms_each": {page: _p95_ms(each) for page, each in took_s.items()},
        "memory_mb": round(most_mb),
    }


def _p95_ms(took_s: list[float]) -> int:
    return round(statistics.quantiles(took_s, n=20)[18] * 1000) if len(took_s) > 1 else -1


def values_of(device: Device) -> int:
    """Return what the profile asks of a device: nine values an interface, and the uptime."""
    return 9 * device.interfaces + 1


async def measure(count: int, minutes: float, interval_s: float) -> dict[str, Any]:
    """Return what was seen."""
    devices = country(count)
    environment = {"VUNGCAO_POLL_INTERVAL_S": str(interval_s), "VUNGCAO_ALERT_HOLD_S": str(interval_s)}
    async with agents(devices) as there:
        return await asyncio.to_thread(_run, devices, there, environment, minutes, interval_s)


def _run(
    devices: list[Device], there: Agents, environment: dict[str, str], minutes: float, interval_s: float
) -> dict[str, Any]:
    with PlainPlatform(environment) as platform:
        assert use_setup_link(platform.url, setup_token(platform), NAME, PASSWORD) == httpx.codes.SEE_OTHER
        with Reader(platform.url, NAME, PASSWORD) as client, board_kept_open(platform.url) as heard:
            result = _measured(platform, client, devices, there, minutes, interval_s)
            return {**result, "live_events": len(heard)}


def _measured(
    platform: PlainPlatform, client: Reader, devices: list[Device], there: Agents, minutes: float, interval_s: float
) -> dict[str, Any]:
    assert platform.command("credential", "set", "bench", given=f"{COMMUNITY}\n").returncode == 0
    file = platform.folder / "programme.yaml"
    file.write_text(programme(devices, there.port), "utf-8")
    loaded = platform.command("inventory", "load", str(file))
    assert loaded.returncode == 0, loaded.stderr
    # Each device is learned in its first turn, and once more soon after: that is not the steady state. The loop's lag
    # is that of the last ten minutes, so a shorter run tells of the start, too.
    time.sleep(2 * interval_s + 10)
    parts = {**{name: platform.child(name) for name in PARTS}, "agents": there.pid}
    load, before = machine(), client.page("/metrics")
    cpu_s, began_s = {name: cpu_s_of_all(pid) for name, pid in parts.items()}, time.monotonic()
    seen = watch(platform, client, minutes * 60)
    after, passed_s = client.page("/metrics"), time.monotonic() - began_s

    def grown(name: str) -> float:
        return metric(after, name) - metric(before, name)

    polls = grown("vungcao_polls_total")
    expected = polls / len(devices) * sum(values_of(device) for device in devices)
    result = {
        "workload": f"{len(devices)} devices every {interval_s:g} s for {minutes:g} minutes",
        "machine": {**load, "load_after": machine()["load"]},
        "polls": round(polls),
        "polls_due": round(len(devices) * passed_s / interval_s),
        "missed": round(grown("vungcao_polls_missed_total")),
        "not_answered": round(polls - grown('vungcao_polls_total{outcome="answered"}')),
        "slowed": round(metric(after, "vungcao_devices_slowed")),
        "points_committed": round(grown("vungcao_samples_written_total")),
        "points_polled_at_least": round(expected),
        "cpu_share": {name: round((cpu_s_of_all(pid) - cpu_s[name]) / passed_s, 3) for name, pid in parts.items()},
        "loop_lag_p99_ms": round(metric(after, "vungcao_engine_loop_lag_p99_seconds") * 1000),
        "loop_lag_longest_ms": round(metric(after, "vungcao_engine_loop_lag_longest_seconds") * 1000),
        **seen,
    }
    assert result["points_committed"] >= LEAST_DONE * expected, result
    return {
        **result,
        "verdict": {
            "none missed": result["missed"] == 0 and polls >= LEAST_DONE * result["polls_due"],
            "memory < 1.5 GB": seen["memory_mb"] < MOST_MB,
            "loop lag p99 < 100 ms": result["loop_lag_p99_ms"] < MOST_LAG_MS,
            "page p95 < 200 ms": seen["page_p95_ms"] < MOST_PAGE_MS,
        },
    }


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
