"""What a poll costs, from the request to committed history, beside what Debian's prometheus-snmp-exporter costs.

Workload: synthetic devices of the country mix (70 % with 2 interfaces, 25 % with 7, 5 % with 48) answered by one
responder on loopback. In each round every device is polled once, at most 100 at a time, in turn by

- `pipeline`: our whole path: poll, samples and rates, rules, commit to DuckDB;
- `polls`: our polls alone;
- `exporter`: the exporter asked for the same columns of the same devices over HTTP; its process alone is counted, its
  caller is not, and nothing that a Prometheus would then do to store the values;
- `collectd` (v2c): its snmp plugin asked for the same columns, by its own clock; no plugin writes.

With `--snmp both`, our pipeline over v3 beside the one over v2c, and nothing else.

At least 5 rounds, interleaved. Figures are CPU seconds (user and system) for 1,000 polls, all threads. The values of
each round are counted on both sides; a round in which a device did not answer whole ends the run with an error.

    python -m bench.poll [--devices 500] [--rounds 5] [--snmp v2c|v3|both] [--save]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import socket
import statistics
import sys
import tempfile
from asyncio.subprocess import DEVNULL
from pathlib import Path
from typing import Any, Self

import httpx

from bench.agents import COMMUNITY, USER, Device, agents, country
from bench.machine import cpu_s_of, machine

IN_FLIGHT = 100
COLUMNS = {  # what the profile network-interfaces asks of an interface, as the exporter names it
    "ifAdminStatus": ("1.3.6.1.2.1.2.2.1.7", "gauge"),
    "ifOperStatus": ("1.3.6.1.2.1.2.2.1.8", "gauge"),
    "ifInDiscards": ("1.3.6.1.2.1.2.2.1.13", "counter"),
    "ifInErrors": ("1.3.6.1.2.1.2.2.1.14", "counter"),
    "ifOutDiscards": ("1.3.6.1.2.1.2.2.1.19", "counter"),
    "ifOutErrors": ("1.3.6.1.2.1.2.2.1.20", "counter"),
    "ifHCInOctets": ("1.3.6.1.2.1.31.1.1.1.6", "counter"),
    "ifHCOutOctets": ("1.3.6.1.2.1.31.1.1.1.10", "counter"),
    "ifHighSpeed": ("1.3.6.1.2.1.31.1.1.1.15", "gauge"),
}
LABELS = {"ifName": "1.3.6.1.2.1.31.1.1.1.1"}
UPTIME = "1.3.6.1.2.1.1.3.0"


class Pollers:
    """Our side: a child process that polls everything once when told to, and says what it cost."""

    def __init__(self, mode: str, devices: list[Device], port: int, snmp: str) -> None:
        self.mode = mode
        self._order = {
            "mode": mode,
            "port": port,
            "snmp": snmp,
            "community": COMMUNITY,
            "user": USER,
            "devices": [[device.code, device.address] for device in devices],
        }

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.poll_worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**20,
        )
        await self._say(self._order)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def round(self) -> dict[str, float]:
        """Poll everything once; return CPU seconds, wall seconds and values."""
        await self._say({})
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, f"the poller of {self.mode} died"
        answer: dict[str, float] = json.loads(line)
        return answer

    async def _say(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()


class Exporter:
    """Debian's prometheus-snmp-exporter, on a free port and with a module of its own."""

    def __init__(self, devices: list[Device], port: int, snmp: str) -> None:
        program = shutil.which("prometheus-snmp-exporter")
        assert program, "prometheus-snmp-exporter is missing: apt-get install prometheus-snmp-exporter"
        self._program, self._devices, self._port, self._snmp = program, devices, port, snmp
        self._folder = tempfile.TemporaryDirectory(prefix="vungcao-bench-")

    async def __aenter__(self) -> Self:
        module = Path(self._folder.name) / "snmp.yml"
        module.write_text(json.dumps({"bench": exporter_module(self._snmp)}), encoding="utf-8")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            http_port = probe.getsockname()[1]
        self._process = await asyncio.create_subprocess_exec(
            self._program,
            f"--config.file={module}",
            f"--web.listen-address=127.0.0.1:{http_port}",
            "--log.level=error",
        )
        self._http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{http_port}", timeout=60)
        for _ in range(100):
            try:
                await self._http.get("/")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return self
        message = "the exporter did not start"
        raise RuntimeError(message)

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()
        self._process.terminate()
        await self._process.wait()
        self._folder.cleanup()

    async def round(self) -> dict[str, float]:
        """Scrape everything once; return CPU seconds of the exporter, wall seconds and values."""
        slots = asyncio.Semaphore(IN_FLIGHT)

        async def scrape(device: Device) -> int:
            async with slots:
                answer = await self._http.get(
                    "/snmp", params={"module": "bench", "target": f"{device.address}:{self._port}"}
                )
            assert answer.is_success, answer.text[:500]
            return len(re.findall(r"^(?:if|sysUpTime)", answer.text, re.MULTILINE))

        loop = asyncio.get_running_loop()
        before, began = cpu_s_of(self._process.pid), loop.time()
        counts = await asyncio.gather(*(scrape(device) for device in self._devices))
        return {"cpu_s": cpu_s_of(self._process.pid) - before, "wall_s": loop.time() - began, "values": sum(counts)}


class Collectd:
    """Debian's collectd with its snmp plugin and no plugin that writes: the same columns, dispatched and forgotten.

    It polls by its own clock. A round lets it run until every device has given its values, and then counts what two
    intervals cost.
    """

    INTERVAL_S = 10

    def __init__(self, devices: list[Device], port: int) -> None:
        program = shutil.which("collectd", path="/usr/sbin:/usr/bin")
        assert program, "collectd is missing: apt-get install collectd-core"
        self._program, self._devices, self._port = program, devices, port
        self._folder = tempfile.TemporaryDirectory(prefix="vungcao-bench-")
        self._socket = f"{self._folder.name}/socket"
        self._file = Path(self._folder.name) / "collectd.conf"

    async def __aenter__(self) -> Self:
        self._file.write_text(self._configuration(), encoding="utf-8")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._folder.cleanup()

    async def round(self) -> dict[str, float]:
        """Return CPU seconds of one interval, wall seconds, and how many values it knows."""
        process = await asyncio.create_subprocess_exec(self._program, "-f", "-C", str(self._file), stderr=DEVNULL)
        try:
            least = sum(device.interfaces for device in self._devices)
            while (known := await self._values()) < least:  # noqa: ASYNC110 - another process's doing
                await asyncio.sleep(1)
            before = cpu_s_of(process.pid)
            await asyncio.sleep(2 * self.INTERVAL_S)
            return {"cpu_s": (cpu_s_of(process.pid) - before) / 2, "wall_s": self.INTERVAL_S, "values": known}
        finally:
            process.terminate()
            await process.wait()

    async def _values(self) -> int:
        """Return how many values collectd remembers, counted in ours: a pair of counters is two."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            return 0
        writer.write(b"LISTVAL\n")
        lines = int((await reader.readline()).split()[0])
        names = [(await reader.readline()).decode() for _ in range(max(0, lines))]
        writer.close()
        return sum(2 if re.search(r"/if_(octets|errors|dropped)", name) else 1 for name in names)

    def _configuration(self) -> str:
        pairs = {
            "if_octets": ("ifHCInOctets", "ifHCOutOctets"), "if_errors": ("ifInErrors", "ifOutErrors"),
            "if_dropped": ("ifInDiscards", "ifOutDiscards"), "gauge": ("ifHighSpeed",), "bool": ("ifOperStatus",),
            "count": ("ifAdminStatus",),
        }  # fmt: skip
        data = "".join(
            f'<Data "{kind}">\nType "{kind}"\nTable true\nTypeInstanceOID "{LABELS["ifName"]}"\nValues '
            + " ".join(f'"{COLUMNS[name][0]}"' for name in names) + "\n</Data>\n"
            for kind, names in pairs.items()
        )  # fmt: skip
        collect = " ".join(f'"{kind}"' for kind in [*pairs, "uptime"])
        hosts = "".join(
            f'<Host "{device.code}">\nAddress "udp:{device.address}:{self._port}"\nVersion 2\n'
            f'Community "{COMMUNITY}"\nBulkSize 50\nCollect {collect}\n</Host>\n'
            for device in self._devices
        )
        return (
            f'BaseDir "{self._folder.name}"\nPIDFile "{self._folder.name}/pid"\n'
            'TypesDB "/usr/share/collectd/types.db"\n'
            f"Interval {self.INTERVAL_S}\nReadThreads 50\nLoadPlugin snmp\nLoadPlugin unixsock\n"
            f'<Plugin unixsock>\nSocketFile "{self._socket}"\n</Plugin>\n'
            f'<Plugin snmp>\n{data}<Data "uptime">\nType "uptime"\nTable false\nValues "{UPTIME}"\n</Data>\n'
            f"{hosts}</Plugin>\n"
        )


def exporter_module(snmp: str, community: str = COMMUNITY) -> dict[str, Any]:
    """Return the exporter's module that asks for the same columns as our profile."""
    index = [{"labelname": "ifIndex", "type": "gauge"}]
    lookups = [
        {"labels": ["ifIndex"], "labelname": name, "oid": oid, "type": "DisplayString"} for name, oid in LABELS.items()
    ]
    access: dict[str, Any] = {"version": 2, "auth": {"community": community}}
    if snmp == "v3":
        access = {
            "version": 3,
            "auth": {
                "security_level": "authPriv",
                "username": USER["name"],
                "auth_protocol": "SHA256",
                "password": USER["auth_key"],
                "priv_protocol": "AES",
                "priv_password": USER["priv_key"],
            },
        }
    return {
        **access,
        "walk": [oid for oid, _ in COLUMNS.values()] + list(LABELS.values()),
        "get": [UPTIME],
        "max_repetitions": 50,
        "metrics": [
            {"name": "sysUpTime", "oid": UPTIME.removesuffix(".0"), "type": "gauge", "help": "sysUpTime"},
            *(
                {"name": name, "oid": oid, "type": kind, "help": name, "indexes": index, "lookups": lookups}
                for name, (oid, kind) in COLUMNS.items()
            ),
        ],
    }


async def compare(count: int, rounds: int) -> dict[str, Any]:
    """Return what v3 (authPriv) costs beside v2c: our whole path on the same devices, round about, in one run."""
    devices = country(count)
    seconds: dict[str, list[float]] = {"v2c": [], "v3": []}
    async with (
        agents(devices) as there,
        Pollers("pipeline", devices, there.port, "v2c") as v2c,
        Pollers("pipeline", devices, there.port, "v3") as v3,
    ):
        for number in range(rounds + 2):
            for name, side in (("v2c", v2c), ("v3", v3)):
                one = await side.round()
                if number > 1:  # first polls learn what a device has
                    seconds[name].append(one["cpu_s"] / count * 1000)
    ratios = [one / other for one, other in zip(seconds["v3"], seconds["v2c"], strict=True)]
    return {
        "workload": f"{count} devices, pipeline of v3 (SHA-256, AES-128) beside v2c",
        "machine": machine(),
        "cpu_s_per_1000_polls": {name: statistics.median(all_) for name, all_ in seconds.items()},
        "v3_to_v2c": {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)},
    }


async def measure(count: int, rounds: int, snmp: str) -> dict[str, Any]:
    """Return CPU seconds for 1,000 polls of each side, round by round, and what was counted."""
    devices = country(count)
    result: dict[str, Any] = {
        "workload": f"{count} devices, {sum(device.interfaces for device in devices)} interfaces, SNMP {snmp}",
        "machine": machine(),
    }
    async with (
        agents(devices) as there,
        Pollers("pipeline", devices, there.port, snmp) as pipeline,
        Pollers("polls", devices, there.port, snmp) as polls,
        Exporter(devices, there.port, snmp) as exporter,
        Collectd(devices, there.port) as collectd,
    ):
        sides: dict[str, Pollers | Exporter | Collectd] = {"pipeline": pipeline, "polls": polls, "exporter": exporter}
        if snmp == "v2c":
            sides["collectd"] = collectd
        warmed: list[Pollers | Exporter] = [pipeline, polls, exporter]
        for each in warmed:  # first polls learn what a device has, and first scrapes warm up: not counted
            await each.round()
            await each.round()
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, side in sides.items():
                one = await side.round()
                seconds[name].append(one["cpu_s"] / count * 1000)
                result.setdefault("values", {})[name] = one["values"]
    result["cpu_s_per_1000_polls"] = {
        name: {"median": statistics.median(all_), "low": min(all_), "high": max(all_)} for name, all_ in seconds.items()
    }
    pairs = [ours / theirs for ours, theirs in zip(seconds["pipeline"], seconds["exporter"], strict=True)]
    result["pipeline_to_exporter"] = {"median": statistics.median(pairs), "low": min(pairs), "high": max(pairs)}
    result["machine"]["load_after"] = machine()["load"]
    return result


def main() -> None:
    """Run, print, and keep the result if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--snmp", choices=["v2c", "v3", "both"], default="v2c")
    parser.add_argument("--save", action="store_true", help="write bench/results/poll-<snmp>.json")
    given = parser.parse_args()
    work = (
        compare(given.devices, given.rounds)
        if given.snmp == "both"
        else measure(given.devices, given.rounds, given.snmp)
    )
    result = asyncio.run(work)
    print(json.dumps(result, indent=2))
    if given.save:
        Path(__file__).with_name("results").joinpath(f"poll-{given.snmp}.json").write_text(
            json.dumps(result, indent=2) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
