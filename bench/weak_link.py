"""What polling costs a weak line, in bytes for a device and minute, and whether a device that lives is called dead.

Workload: an office of the lab (real snmpd, namespaces of its own) behind a line of 256 kbit/s with 50 ms and
10 % loss each way. The same things are asked of it in turn, one poll after another, by

- `ours`: the platform's probe with the profile `network-interfaces`, patience and silence as the engine has them;
- `snmpbulkwalk`: net-snmp's tool, one walk for each of the same columns, five tries a request as by default;
- `exporter`: Debian's prometheus-snmp-exporter with the same columns in its module, retries as by default.

Bytes are those of the line's own counters, Ethernet headers included, in both directions. A poll fails if not a single
value came of it; a device is called down when two polls in a row failed, as the rule `device-unreachable` has it with
its hold of an interval.

    python -m bench.weak_link [--polls 60] [--save]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.machine import machine
from bench.poll import COLUMNS, LABELS, UPTIME, exporter_module
from tests.real.lab import Lab, Office

KBIT, LOSS, DELAY_MS = 256, 0.1, 50
HTTP_PORT = 19116
ROUNDS = 5
ASK = """
import json, sys, urllib.request, urllib.error
try:
    with urllib.request.urlopen(sys.argv[1], timeout=110) as answer:
        print(sum(1 for line in answer.read().decode().splitlines() if line.startswith(("if", "sysUpTime"))))
except (urllib.error.URLError, TimeoutError):
    print(0)
"""


def octets(lab: Lab) -> int:
    """Return what has passed the office's line so far, in both directions, as the hub's end of it counts."""
    told = json.loads(lab.run("ip", "-s", "-j", "link", "show", "dev", "c1-0").stdout)[0]["stats64"]
    return int(told["rx"]["bytes"]) + int(told["tx"]["bytes"])


def ours(lab: Lab, office: Office, polls: int) -> list[int]:
    """Return how many values each of our polls brought."""
    order = {"address": office.address, "community": lab.community, "polls": polls}
    done = subprocess.run(
        [*lab.prefix, sys.executable, "-m", "bench.weak_link_worker"], input=json.dumps(order), capture_output=True,
        text=True, check=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    values: list[int] = json.loads(done.stdout)
    return values


def bulkwalk(lab: Lab, office: Office, polls: int) -> list[int]:
    """Return how many values each round of snmpbulkwalk brought."""
    found = []
    for _ in range(polls):
        values = 0
        for oid in (UPTIME, *(oid for oid, _ in COLUMNS.values()), *LABELS.values()):
            done = lab.run(
                "env", "MIBS=", "snmpbulkwalk", "-v2c", "-c", lab.community, "-Onq", office.address, f".{oid}",
                check=False,
            )  # fmt: skip
            values += len(done.stdout.splitlines())
        found.append(values)
    return found


def exporter(lab: Lab, office: Office, polls: int) -> list[int]:
    """Return how many values each scrape brought."""
    url = f"http://127.0.0.1:{HTTP_PORT}/snmp?module=bench&target={office.address}"
    return [int(lab.run(sys.executable, "-c", ASK, url, check=False).stdout or 0) for _ in range(polls)]


def measure(polls: int) -> dict[str, Any]:
    """Return bytes for a poll and failures of each rival."""
    rivals: dict[str, Callable[[Lab, Office, int], list[int]]] = {
        "ours": ours, "snmpbulkwalk": bulkwalk, "exporter": exporter,
    }  # fmt: skip
    spent: dict[str, int] = dict.fromkeys(rivals, 0)
    values: dict[str, list[int]] = {name: [] for name in rivals}
    with Lab(1) as lab, tempfile.TemporaryDirectory() as folder:
        office = lab.offices["c1"]
        module = Path(folder) / "snmp.yml"
        module.write_text(json.dumps({"bench": exporter_module("v2c", lab.community)}), encoding="utf-8")
        program = [
            *lab.prefix, "prometheus-snmp-exporter", f"--config.file={module}",
            f"--web.listen-address=127.0.0.1:{HTTP_PORT}", "--log.level=error",
        ]  # fmt: skip
        with subprocess.Popen(program) as server:
            try:
                while not exporter(lab, office, 1)[0]:
                    asyncio.run(asyncio.sleep(0.2))
                office.weaken(delay_ms=DELAY_MS, loss=LOSS, kbit=KBIT)
                for _ in range(ROUNDS):
                    for name, poll in rivals.items():
                        before = octets(lab)
                        values[name] += poll(lab, office, polls // ROUNDS)
                        spent[name] += octets(lab) - before
            finally:
                server.terminate()
    return {
        "line": f"{KBIT} kbit/s, {DELAY_MS} ms and {LOSS:.0%} loss each way",
        "machine": machine(),
        "polls": polls,
        **{
            name: {
                "bytes_for_a_device_and_minute": round(spent[name] / polls),
                "values": max(values[name]),
                "whole": sum(1 for each in values[name] if each == max(values[name])),
                "failed": values[name].count(0),
                "called_down": sum(
                    1 for one, next_ in zip(values[name], values[name][1:], strict=False) if not one and not next_
                ),
            }
            for name in rivals
        },
    }


def main() -> None:
    """Run, print, and keep the result if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--polls", type=int, default=60)
    parser.add_argument("--save", action="store_true", help="write bench/results/weak-link.json")
    given = parser.parse_args()
    result = json.dumps(measure(given.polls), indent=2)
    print(result)
    if given.save:
        Path(__file__).with_name("results").joinpath("weak-link.json").write_text(result + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
