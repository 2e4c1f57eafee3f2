"""The engine process: polls, judges, keeps history, and answers on its local socket."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry

from api import wiring
from api.processes.engine_api import engine_app
from api.processes.engine_metrics import EngineMetrics
from api.processes.entry import run_process
from api.processes.http_server import serve_until
from api.processes.local_socket import private_socket
from kernel.collecting import keep_collections_short
from kernel.settings import Settings

SHUTDOWN_S = 3


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Run the engine until `stop` is set."""
    keep_collections_short()
    async with wiring.engine(settings) as engine:
        registry = CollectorRegistry()
        registry.register(EngineMetrics(engine))
        with private_socket(settings.engine_socket) as socket:
            async with asyncio.TaskGroup() as tasks:
                polling = tasks.create_task(engine.run())
                app = engine_app(engine, registry)
                serving = tasks.create_task(serve_until(stop, app, socket, shutdown_s=SHUTDOWN_S, lifespan=False))
                await stop.wait()
                engine.stopping.set()
                await serving
                polling.cancel()


if __name__ == "__main__":
    run_process("engine", work)
