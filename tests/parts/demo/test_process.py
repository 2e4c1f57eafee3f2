"""`python -m api.demo.responder` as a parent meets it: ready line, commands, ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.parts.demo.packets import GET, Asker, question, read
from tests.real.waiting import alive, until

MODULE = [sys.executable, "-m", "api.demo.responder"]
UPTIME = "1.3.6.1.2.1.1.3.0"
V3 = {"name": "poller", "auth": "SHA-256", "auth_key": "secret authentication", "priv_key": "secret privacy"}


def configured(**more: Any) -> bytes:
    agents = [
        {"code": "a", "address": "127.20.202.1", "interfaces": 2, "community": "secret-community"},
        {"code": "b", "address": "127.20.202.2", "interfaces": 7, "v3": V3},
    ]
    return json.dumps({"port": 0, "agents": agents, **more}).encode() + b"\n"


@asynccontextmanager
async def running(configuration: bytes) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Yield a responder that is ready, and its port."""
    process = await asyncio.create_subprocess_exec(
        *MODULE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(configuration)
        await process.stdin.drain()
        async with asyncio.timeout(60):
            line = (await process.stdout.readline()).decode()
        assert line.startswith("ready 2 agents on udp port "), line
        yield process, int(line.split()[-1])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def asked(asker: Asker, port: int) -> bytes:
    data, _ = await asker.ask(question(GET, UPTIME, community=b"secret-community"), "127.20.202.1", port)
    return data


@pytest.mark.parametrize("asks", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_when_it_is_ready_and_ends_well_when_asked(asker: Asker, asks: signal.Signals) -> None:
    async with running(configured()) as (process, port):
        assert read(await asked(asker, port)).status == 0
        process.send_signal(asks)
        async with asyncio.timeout(30):
            assert await process.wait() == 0
        assert process.stderr is not None
        assert await process.stderr.read() == b""


async def test_secrets_stand_neither_on_the_command_line_nor_in_the_environment() -> None:
    secrets = [b"secret-community", V3["auth_key"].encode(), V3["priv_key"].encode()]
    async with running(configured()) as (process, _):
        seen = visible(process.pid)

    assert b"api.demo.responder" in seen
    assert not any(secret in seen for secret in secrets)


def visible(pid: int) -> bytes:
    """Return what others may see of a process."""
    return b"".join(Path(f"/proc/{pid}/{file}").read_bytes() for file in ("cmdline", "environ"))


async def test_commands_come_by_standard_input(asker: Asker) -> None:
    async with running(configured()) as (process, port):
        assert process.stdin is not None
        assert process.stdout is not None
        before = await asked(asker, port)
        process.stdin.write(b'{"device": "a", "fault": "too-big"}\n{"device": "x", "fault": "silent"}\n')
        async with asyncio.timeout(30):
            answers = [json.loads(await process.stdout.readline()) for _ in range(2)]
        after = await asked(asker, port)

    assert [answer["ok"] for answer in answers] == [True, False]
    assert [read(data).status for data in (before, after)] == [0, 1]


async def test_it_goes_on_when_its_standard_input_ends(asker: Asker) -> None:
    async with running(configured()) as (process, port):
        assert process.stdin is not None
        process.stdin.close()
        await process.stdin.wait_closed()
        for _ in range(3):
            assert read(await asked(asker, port)).status == 0


async def test_commands_come_by_a_private_socket(asker: Asker, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.touch()  # as a killed responder leaves it
    async with running(configured(control_socket=str(path))) as (process, port), AsyncExitStack() as stack:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        async with asyncio.timeout(30):
            reader, writer = await asyncio.open_unix_connection(str(path))
            stack.callback(writer.close)
            writer.write(b'{"device": "a", "fault": "too-big", "on": true}\n')
            assert json.loads(await reader.readline()) == {"ok": True}
            assert read(await asked(asker, port)).status == 1
            writer.write(b'{"device": "a", "fault": "too-big", "on": false}\n{"counts": true}\n')
            assert json.loads(await reader.readline()) == {"ok": True}
            assert json.loads(await reader.readline())["answered"] == 1
        assert read(await asked(asker, port)).status == 0
        process.terminate()
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    assert not path.exists()


async def test_it_dies_with_its_parent() -> None:
    parent = (
        "import os, subprocess, sys\n"
        "command = [sys.executable, '-m', 'api.demo.responder']\n"
        "child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdin.write(sys.stdin.buffer.readline())\n"
        "child.stdin.flush()\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate(configured())
    child = int(output)

    assert process.returncode == -signal.SIGKILL
    await asyncio.to_thread(until, ended(child), "the responder to end with its parent")


def ended(pid: int) -> Callable[[], bool]:
    return lambda: not alive(pid)


async def test_a_taken_port_is_said() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("", 0))
        process = await asyncio.create_subprocess_exec(
            *MODULE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        async with asyncio.timeout(60):
            output, errors = await process.communicate(configured(port=holder.getsockname()[1]))

    assert (process.returncode, output) == (1, b"")
    assert errors.startswith(b"responder: ")
    assert b"in use" in errors


@pytest.mark.parametrize(
    ("configuration", "why"),
    [
        (b"", b"Expecting value"),
        (b"[]", b"must be an object"),
        (b'{"agents": [{"code": "a"}]}', b"needs code, address"),
        (b'{"agents": [{"code": "a", "address": "127.0.0.300", "interfaces": 2}]}', b"127.0.0.300"),
        (b'{"agents": [{"code": "a", "address": "127.1.1.1", "recording": "none/such"}]}', b"none/such"),
        (b'{"agents": [{"code": "a", "address": "127.1.1.1", "interfaces": 2, "v3": {"user": "a"}}]}', b"a: "),
        (
            b'{"agents": [{"code": "a", "address": "127.1.1.1", "interfaces": 2, "faults": [{"fault": "fire"}]}]}',
            b"fire",
        ),
    ],
)
async def test_a_configuration_that_cannot_be_is_said(configuration: bytes, why: bytes) -> None:
    process = await asyncio.create_subprocess_exec(
        *MODULE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ}
    )
    async with asyncio.timeout(60):
        output, errors = await process.communicate(configuration)

    assert (process.returncode, output) == (2, b"")
    assert why in errors
    assert b"Traceback" not in errors
