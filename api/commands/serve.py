"""Runs the platform under the supervisor, and prints where to open it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog

from api import wiring
from api.migrations.upgrade import upgrade
from api.processes.serve import ChildPlan, platform_parts, refuse_a_second, serve
from api.processes.web import free_port
from inventory.public import EXAMPLE_PASSWORD, ensure_setup_link
from kernel.settings import PREFIX, Settings

log = structlog.get_logger()


async def run(settings: Settings, *, first: Sequence[ChildPlan] = (), prepare: wiring.Prepare | None = None) -> int:
    """Supervise the platform until told to stop; return the exit code.

    Args:
        settings: Of this process.
        first: Children that start before the platform's own.
        prepare: Run on the upgraded database before any child starts.

    Raises:
        AlreadyServed: Another one runs on this data folder.
    """
    refuse_a_second(settings)  # that its port is taken is no news
    port = free_port(settings.http_host, settings.http_port)
    if port != settings.http_port:
        log.info("port_taken", wanted=settings.http_port, instead=port)
    address = settings.public_url or f"http://{settings.http_host}:{port}"

    async def migrate(url: str) -> None:
        await upgrade(url)
        async with wiring.database(url, "serve") as database:
            if prepare is not None:
                await prepare(database)
            async with database.transaction() as tx:
                token = None if settings.demo else await ensure_setup_link(tx)
        _greet(address, token, demo=settings.demo)

    plans = [
        *first,
        *(
            replace(plan, environment={**plan.environment, f"{PREFIX}HTTP_PORT": str(port)})
            for plan in platform_parts(settings)
        ),
    ]
    return await serve(settings, plans, migrate=migrate)


def _greet(address: str, token: str | None, *, demo: bool) -> None:
    """Tell the person at the terminal where to go."""
    lines = ["", f"  Vùng Cao: {address}"]
    if demo:
        lines.append(f"  Sign in as anninh, password {EXAMPLE_PASSWORD}; the sign-in page shows the other accounts")
    if token is not None:
        lines.append(f"  First administrator, once: {address}/setup?token={token}")
    print("\n".join([*lines, ""]), flush=True)  # noqa: T201 - not a log line: it is read once, by a person
