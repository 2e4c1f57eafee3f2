"""`vungcao playbooks`: what there is, running one on an office, what runs did. The platform's worker does the run."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Callable
from typing import Any

from api.glue import rooms_in_session
from kernel.actors import Actor, system
from kernel.db.transaction import Database
from kernel.errors import BadInput
from playbooks.public import (
    LaunchRequest,
    LineView,
    PlaybookView,
    RunState,
    RunView,
    catalog,
    launch,
    run_for,
    run_lines,
    runs,
)

ASK_EVERY_S = 0.5
LINES_AT_ONCE = 1000


def actor() -> Actor:
    """Return whoever sits at the command line of the platform's own machine."""
    return system("command line")


async def offered() -> list[PlaybookView]:
    """Return the playbooks by name."""
    return catalog(actor())


def arguments_of(words: list[str]) -> dict[str, Any]:
    """Return `name=value` words as arguments; BadInput if one is none."""
    found: dict[str, Any] = {}
    for word in words:
        name, is_one, value = word.partition("=")
        if not is_one or not name:
            raise BadInput(what=f"The argument {word}", why="it must be written as name=value")
        found[name] = value
    return found


async def launched(database: Database, request: LaunchRequest) -> RunView:
    """Launch and return the run; refusals as `playbooks.public.launch`."""
    async with database.transaction() as tx:
        return await launch(request, actor(), tx, rooms_in_session)


async def followed(database: Database, run: uuid.UUID, show: Callable[[LineView], None]) -> RunView:
    """Give each line of `run` to `show` as it comes, and return the run when it is over."""
    last = 0
    while True:
        async with database.transaction() as tx:
            found = await run_for(actor(), run, tx)
            lines = await run_lines(actor(), run, tx, after=last, limit=LINES_AT_ONCE)
        for line in lines:
            show(line)
            last = line.number
        if found.over and len(lines) < LINES_AT_ONCE:
            return found
        await asyncio.sleep(ASK_EVERY_S)


async def latest(database: Database, office: str | None, limit: int) -> list[RunView]:
    """Return the newest runs, of `office` only if given."""
    async with database.transaction() as tx:
        return (await runs(actor(), tx, office=office, limit=limit)).runs


async def shown(database: Database, run: uuid.UUID, show: Callable[[LineView], None]) -> RunView:
    """Give each line that `run` has said so far to `show`, and return the run."""
    last = 0
    async with database.transaction() as tx:
        found = await run_for(actor(), run, tx)
        while lines := await run_lines(actor(), run, tx, after=last, limit=LINES_AT_ONCE):
            for line in lines:
                show(line)
            last = lines[-1].number
    return found


def in_words(run: RunView) -> str:
    """Return how a run is, in a line."""
    words = [f"{run.id}: {run.playbook} at {run.office}", "dry run" if run.check else "", str(run.state), str(run.why)]
    if run.details:
        words.append(", ".join(f"{name} {value}" for name, value in run.details.items()))
    return ", ".join(word for word in words if word)


def as_json(run: RunView) -> dict[str, Any]:
    """Return a run as scripts get it."""
    return {
        "id": str(run.id),
        "playbook": run.playbook,
        "office": run.office,
        "check": run.check,
        "arguments": dict(run.arguments),
        "targets": list(run.targets),
        "left_out": {one.device: str(one.why) for one in run.left_out},
        "state": str(run.state),
        "why": str(run.why),
        "details": dict(run.details),
        "launched_by": run.launched_by,
        "launched_at": run.launched_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "overridden_by": run.overridden_by,
        "cancelled_by": run.cancelled_by,
        "lines": run.lines,
    }


def well(run: RunView) -> bool:
    """Return whether a run did what it was to do."""
    return run.state is RunState.SUCCEEDED


def print_line(line: LineView) -> None:
    """Print a line of a run's log."""
    sys.stdout.write(f"{line.text}\n")
    sys.stdout.flush()
