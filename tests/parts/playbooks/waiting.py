"""Waiting for a run to come so far."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from playbooks.automation.queries import RunView
from playbooks.automation.runner.ansible import MEMORY
from playbooks.automation.runner.leftovers import naming
from playbooks.automation.runs import RunState
from tests.parts.playbooks.office import Site

DEADLINE_S = 240.0
"""Ansible takes seconds of CPU for a task; a busy machine makes minutes of that."""


async def eventually(true: Callable[[], Awaitable[bool]], what: str) -> None:
    """Return when `true` answers True; AssertionError naming `what` after four minutes."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not await true():
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"waited in vain for: {what}") from None


async def over(site: Site, run: uuid.UUID) -> RunView:
    """Return the run when it is over."""

    async def ended() -> bool:
        return (await site.run(run)).over

    await eventually(ended, "the run to end")
    return await site.run(run)


async def sleeping(site: Site, run: uuid.UUID) -> None:
    """Return when the run's command sleeps on the device: Ansible, a worker of it, SSH and its master all run then."""

    async def there() -> bool:
        found = await site.run(run)
        assert found.state in {RunState.WAITING, RunState.RUNNING}, (found, await site.lines(run))
        return any(words[:2] == ["sleep", "40"] for words in command_lines()) and len(of_run(run)) >= 4

    await eventually(there, "the command on the device")


def command_lines() -> list[list[str]]:
    """Return the command lines of all processes that we can see."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                found.append((entry / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0"))
            except OSError:
                continue
    return found


def of_run(run: uuid.UUID) -> list[int]:
    """Return the processes of a run on the platform's side, ssh-agent and SSH's masters among them."""
    return naming(f"vc-{run.hex}")


def folders_of(run: uuid.UUID) -> list[Path]:
    """Return the private folders of a run."""
    return [folder for place in (MEMORY, tempfile.gettempdir()) for folder in Path(place).glob(f"vc-{run.hex}*")]
