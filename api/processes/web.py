"""The web process: pages, the JSON API, live streams."""

from __future__ import annotations

import asyncio
import socket

from api import wiring
from api.processes.entry import run_process
from api.processes.http_server import serve_until
from kernel.collecting import keep_collections_short
from kernel.errors import BadSetting
from kernel.settings import Settings

SHUTDOWN_S = 5
BACKLOG = 512


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set."""
    keep_collections_short()
    with listening_socket(settings.http_host, settings.http_port) as listener:
        async with wiring.web(settings, stop) as app:
            await serve_until(stop, app, listener, shutdown_s=SHUTDOWN_S)


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens; BadSetting if the address or port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise BadSetting(name="http_port", why=f"{host} port {port} cannot be had: {error.strerror}") from error
    listener.listen(BACKLOG)
    return listener


def free_port(host: str, wanted: int) -> int:
    """Return `wanted` if it can be had on `host`, else the next higher port that can."""
    for port in range(wanted, min(wanted + 100, 65536)):
        try:
            listening_socket(host, port).close()
        except BadSetting:
            continue
        return port
    raise BadSetting(name="http_port", why=f"{host} has no free port from {wanted} on")


if __name__ == "__main__":
    run_process("web", work)
