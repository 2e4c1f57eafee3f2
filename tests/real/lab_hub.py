"""The middle of the lab: the first process of the hub's namespaces, beneath which everything else of the lab runs.

Run by `tests/real/lab.py`; needs nothing beyond the standard library. A line of JSON says what to build; the answer is
a line of JSON with the process ids of the offices, as seen in here. Then orders come, a line each, and are answered by
a line each: for a line to the relay, or `{"door": port, "path": …}` for a Unix socket that leads to a TCP port of the
hub. It ends with its standard input, however that ends, and then the kernel ends everything in the lab.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.real.lab_office import checksums_by_software, leave_dead_lines

NEW_NAMESPACES = ("--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
ALL_GROUPS = "0 2147483647"
MAPPED_GROUPS = "0 60000"
"""Within a user namespace only groups that it knows can be named."""


class Child:
    """A child that is talked with in lines."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._name = command[-1]
        self.pid = self._process.pid

    def tell(self, what: object) -> None:
        """Say something."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def hear(self, word: str) -> None:
        """Wait for this word; SystemExit if another comes, or none."""
        assert self._process.stdout is not None
        said = self._process.stdout.readline().strip()
        if said != word:
            sys.exit(f"{self._name}: {said or 'ended'} instead of {word}")

    def first_child(self) -> int:
        """Return the process that it has made."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii").split()[0])


def build(plan: dict[str, Any]) -> tuple[Child, dict[str, int]]:
    """Return the relay, and the first process of every office, when all answer."""
    run("ip", "link", "set", "lo", "up")
    allow_ping()
    relay = Child("unshare", "--net", sys.executable, "-m", "tests.real.lab_links")
    wait_for_namespace(relay.pid)
    offices = {}
    for about in plan["offices"]:
        office = Child("unshare", *NEW_NAMESPACES, sys.executable, "-m", "tests.real.lab_office")
        office.tell(about)
        office.hear("here")
        offices[about["code"]] = office, office.first_child()
        for preference, line in enumerate(about["lines"], 1):
            lay(relay, line, about, offices[about["code"]][1], preference)
        office.tell("go")
    for office, _ in offices.values():
        office.hear("ready")
    return relay, {code: first for code, (_, first) in offices.items()}


def lay(relay: Child, line: dict[str, str], about: dict[str, Any], office: int, preference: int) -> None:
    """Lay one line: hub, relay, office."""
    near, far, middle = line["name"], f"{line['name']}-f", f"{line['name']}-n"
    run("ip", "link", "add", "name", near, "type", "veth", "peer", "name", middle, "netns", str(relay.pid))
    run("ip", "link", "add", "name", line["interface"], "netns", str(office), "type", "veth", "peer", "name", far,
        "netns", str(relay.pid))  # fmt: skip
    checksums_by_software(near)
    leave_dead_lines(near)
    run("ip", "address", "add", f"{line['hub']}/30", "dev", near)
    run("ip", "link", "set", near, "up")
    relay.tell({"link": line["name"], "ends": [middle, far]})
    relay.hear("done")
    run("ip", "route", "add", about["address"], "via", line["office"], "metric", str(preference))


def allow_ping() -> None:
    """Let everybody in here open ICMP sockets."""
    setting = Path("/proc/sys/net/ipv4/ping_group_range")
    try:
        setting.write_text(ALL_GROUPS, "ascii")
    except OSError:
        setting.write_text(MAPPED_GROUPS, "ascii")


def wait_for_namespace(pid: int) -> None:
    """Return when process `pid` has left our network namespace."""
    while Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink():
        os.sched_yield()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until one side ends."""
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def door(port: int, path: str) -> None:
    """Open a Unix socket that leads to a TCP port of the hub."""

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))
        finally:
            inner_writer.close()
            writer.close()

    server = await asyncio.start_unix_server(enter, path)
    DOORS.append(server)


DOORS: list[asyncio.Server] = []


async def obey(relay: Child) -> None:
    """Do what is ordered until nobody orders any more."""
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        order = json.loads(line)
        if "door" in order:
            await door(order["door"], order["path"])
        else:
            relay.tell(order)
            relay.hear("done")
        print("done", flush=True)  # noqa: T201 - the answer


def run(*command: str) -> None:
    """Run a command that must succeed; SystemExit with what it said if it does not."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")


if __name__ == "__main__":
    made, pids = build(json.loads(sys.stdin.readline()))
    print(json.dumps(pids), flush=True)  # noqa: T201 - the answer
    asyncio.run(obey(made))
    os._exit(0)  # PID 1 is gone: the kernel ends everything else in here
