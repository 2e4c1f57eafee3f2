"""`python -m api.demo.responder`: serves the agents that the first line of standard input names, until SIGTERM.

Further lines are commands (`commands.py`), as are those on the control socket; their answers go to standard output and
back on the socket. It ends with its parent.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from api.demo.responder.commands import obey
from api.demo.responder.configuration import Configuration, read
from api.demo.responder.recordings import RecordingMissing
from api.demo.responder.server import Responder

PR_SET_PDEATHSIG = 1
CHUNK = 1 << 20
MAX_COMMAND = 1 << 16
USAGE = 2


def main() -> int:
    """Return the exit code: 0 after SIGTERM or SIGINT, 1 if the port is taken, 2 for a configuration that cannot be."""
    end_with_parent(os.getppid())
    first, rest = read_first_line()
    try:
        configuration = read(first)
    except (ValueError, RecordingMissing) as error:
        print(f"responder: {error}", file=sys.stderr)  # noqa: T201 - a start that fails says why
        return USAGE
    try:
        asyncio.run(serve(configuration, rest))
    except OSError as error:
        print(f"responder: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


async def serve(configuration: Configuration, rest: bytes) -> None:
    """Serve until a signal asks to end; OSError if the port or the control socket cannot be had."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for asked in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(asked, stop.set)
    async with Responder(configuration.agents, configuration.port) as responder:
        lines = _Lines(responder, rest)
        # A file cannot be waited for, and needs not: it has nothing more to say later.
        with suppress(PermissionError):
            loop.add_reader(sys.stdin.fileno(), lines.take)
        control = await listen(responder, configuration.control_socket)
        print(f"ready {len(responder.agents)} agents on udp port {responder.port}", flush=True)  # noqa: T201
        try:
            await stop.wait()
        finally:
            loop.remove_reader(sys.stdin.fileno())
            if control is not None:
                control.close()
                forget(configuration.control_socket)


async def listen(responder: Responder, path: str) -> asyncio.Server | None:
    """Return the server of the control socket, mode 0600; None if `path` is empty."""
    if not path:
        return None

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(obey(responder, line))
                await writer.drain()
        except (ValueError, ConnectionError):  # a line beyond all measure, or the other side has gone
            pass
        finally:
            writer.close()

    forget(path)  # one that a killed responder left behind
    mask = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(talk, path, limit=MAX_COMMAND)
    finally:
        os.umask(mask)


def forget(path: str) -> None:
    """Remove the control socket's name, if it is there."""
    Path(path).unlink(missing_ok=True)


class _Lines:
    """Commands from standard input."""

    def __init__(self, responder: Responder, rest: bytes) -> None:
        self._responder = responder
        self._rest = rest

    def take(self) -> None:
        """Obey the lines that have arrived; at the end of the input stop listening."""
        chunk = os.read(sys.stdin.fileno(), CHUNK)
        if not chunk:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            return
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in filter(None, lines):
            print(obey(self._responder, line).decode(), end="", flush=True)  # noqa: T201 - the answer


def read_first_line() -> tuple[bytes, bytes]:
    """Return the first line of standard input and what was read behind it."""
    parts: list[bytes] = []
    while chunk := os.read(sys.stdin.fileno(), CHUNK):
        line, newline, rest = chunk.partition(b"\n")
        parts.append(line)
        if newline:
            return b"".join(parts), rest
    return b"".join(parts), b""


def end_with_parent(parent: int) -> None:
    """Ask the kernel for SIGTERM when the parent dies (Linux, prctl(2)); end now if it already has."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
