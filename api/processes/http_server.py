"""uvicorn, tied to our own way of stopping."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp


class _Server(uvicorn.Server):
    """uvicorn takes the process's signals for itself; ours are set already, and stop more than the server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


async def serve_until(
    stop: asyncio.Event,
    app: ASGIApp,
    listener: socket.socket,
    *,
    shutdown_s: int,
    lifespan: bool = True,
) -> None:
    """Serve `app` on `listener` until `stop` is set; open requests then get `shutdown_s` seconds to end."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=shutdown_s,
            proxy_headers=False,
            server_header=False,
            lifespan="on" if lifespan else "off",
        )
    )
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve([listener]))
        stopping = tasks.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        stopping.cancel()
        await serving
