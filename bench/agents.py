"""Starts the load agents of a measurement: the example's responder with synthetic devices of the country mix."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from api.demo.responder.synthetic import interfaces_of

COMMUNITY = "bench-community"
USER = {"name": "bench", "auth": "SHA-256", "auth_key": "bench-auth-key", "priv_key": "bench-priv-key"}


@dataclass(frozen=True, slots=True)
class Device:
    """One synthetic device: its code, its loopback address, and how many interfaces it has."""

    code: str
    address: str
    interfaces: int


class Agents(NamedTuple):
    """The agents that run: their UDP port, and the process that all of them are."""

    port: int
    pid: int


def country(count: int) -> list[Device]:
    """Return `count` devices in the country mix, at 127.21.0.1 and up."""
    return [
        Device(f"d{number}", f"127.21.{number // 250}.{number % 250 + 1}", interfaces_of(number))
        for number in range(count)
    ]


@asynccontextmanager
async def agents(devices: list[Device]) -> AsyncIterator[Agents]:
    """Run the agents in a process of their own and yield where they are; it is ended afterwards."""
    configuration = {
        "port": 0,
        "agents": [
            {
                "code": device.code,
                "address": device.address,
                "interfaces": device.interfaces,
                "seed": number,
                "community": COMMUNITY,
                "v3": USER,
            }
            for number, device in enumerate(devices)
        ],
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api.demo.responder", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(configuration).encode() + b"\n")
    await process.stdin.drain()
    try:
        line = (await process.stdout.readline()).decode()
        assert line.startswith("ready"), f"the responder said: {line!r}"
        yield Agents(int(line.split()[-1]), process.pid)
    finally:
        process.terminate()
        await process.wait()
