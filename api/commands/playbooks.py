"""What `vungcao playbooks` and `vungcao runs` do: launch, follow, list, steer. The platform's workers do the runs."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Callable
from typing import Any, Final

from api.glue import outside, rooms_in_session
from kernel.actors import Actor, system
from kernel.db.transaction import Database
from kernel.errors import BadInput
from kernel.settings import Settings
from playbooks.public import (
    Catalog,
    Kind,
    LaunchRequest,
    LineView,
    OfferedPlaybooks,
    RolloutRequest,
    RunFilter,
    RunState,
    RunView,
    TargetWish,
    cancel,
    launch,
    pause,
    resume,
    retry_failed,
    roll_out,
    run_for,
    run_lines,
    runs,
    undo,
)

ASK_EVERY_S = 0.5
LINES_AT_ONCE = 1000
ERRORS: Final = (Kind.FAILED, Kind.UNREACHABLE)

NO: Final = 3
PART: Final = 4
NOT_DONE: Final = 5
WAITS_FOR_PERSON: Final = 6

CODES: Final = {
    RunState.SUCCEEDED: 0,
    RunState.FAILED: NO,
    RunState.TIMED_OUT: NO,
    RunState.INTERRUPTED: NO,
    RunState.PARTLY: PART,
    RunState.CANCELLED: NOT_DONE,
    RunState.REFUSED: NOT_DONE,
    RunState.EXPIRED: NOT_DONE,
    RunState.STOPPED: WAITS_FOR_PERSON,
    RunState.PAUSED: WAITS_FOR_PERSON,
}
"""Exit codes by outcome; documented in docs/how-to/playbook.md. What goes on has 0."""

KINDS: Final = {
    "unit": "units",
    "office": "offices",
    "level": "levels",
    "role": "roles",
    "profile": "profiles",
    "device": "devices",
}
WAVES: Final = ("wave", "kind", "state", "devices", "done", "failed", "not reached", "interrupted")


def actor() -> Actor:
    """Return whoever sits at the command line of the platform's own machine."""
    return system("command line")


def known(settings: Settings) -> OfferedPlaybooks:
    """Return the playbooks that are offered: those of this release, and those in the folder of one's own."""
    return OfferedPlaybooks(settings.playbooks_dir)


def arguments_of(words: list[str]) -> dict[str, Any]:
    """Return `name=value` words as arguments; BadInput if one is none."""
    found: dict[str, Any] = {}
    for word in words:
        name, is_one, value = word.partition("=")
        if not is_one or not name:
            raise BadInput(what=f"The argument {word}", why="it must be written as name=value")
        found[name] = value
    return found


def wish_of(words: list[str]) -> TargetWish:
    """Return `kind:code,code` words as a wish; BadInput if one is none."""
    found: dict[str, tuple[str, ...]] = {}
    for word in words:
        kind, _, codes = word.partition(":")
        if kind not in KINDS or not codes.strip(", "):
            why = f"write it as KIND:CODE, with one of {', '.join(KINDS)}"
            raise BadInput(what=f"The place {word[:50]}", why=why)
        more = tuple(code.strip() for code in codes.split(",") if code.strip())
        found[KINDS[kind]] = (*found.get(KINDS[kind], ()), *more)
    return TargetWish(**found)


async def launched(
    database: Database, playbook: str, office: str, arguments: dict[str, Any], *, check: bool, catalog: Catalog
) -> RunView:
    """Launch on one office, now or not at all, and return the run; refusals as `playbooks.public.launch`."""
    async with database.transaction() as tx:
        return await launch(
            LaunchRequest(playbook, office, check, arguments), actor(), tx, rooms_in_session, catalog=catalog
        )


async def rolled_out(
    database: Database,
    playbook: str,
    wish: TargetWish,
    arguments: dict[str, Any],
    *,
    check: bool,
    note: str,
    windows: bool,
    catalog: Catalog,
) -> RunView:
    """Launch wave by wave and return the run; refusals as `playbooks.public.roll_out`."""
    wanted = RolloutRequest(
        playbook, wish, check=check, arguments=arguments, only_in_windows=windows, note=note
    )  # fmt: skip
    async with database.transaction() as tx:
        return await roll_out(wanted, actor(), tx, outside(), catalog=catalog)


async def followed(
    database: Database, run: uuid.UUID, show: Callable[[LineView], None], say: Callable[[str], None]
) -> RunView:
    """Give each line of `run` to `show` as it comes, and return the run when it is over, or waits for a person.

    What it waits for in between is said once, by `say`.
    """
    last, told = 0, ""
    while True:
        async with database.transaction() as tx:
            found = await run_for(actor(), run, tx)
            lines = await run_lines(actor(), run, tx, after=last, limit=LINES_AT_ONCE)
        for line in lines:
            show(line)
            last = line.number
        if (words := "; ".join(waits_for(found))) != told:
            told = words
            if words:
                say(f"It waits: {words}")
        done = found.over or found.state in {RunState.STOPPED, RunState.PAUSED}
        if done and len(lines) < LINES_AT_ONCE:
            return found
        await asyncio.sleep(ASK_EVERY_S)


async def one(database: Database, run: uuid.UUID) -> RunView:
    """Return a run; NotFound if there is none."""
    async with database.transaction() as tx:
        return await run_for(actor(), run, tx)


async def latest(
    database: Database, *, office: str | None, playbook: str | None, view: str, limit: int
) -> list[RunView]:
    """Return the newest runs; BadInput if there is no such view."""
    if view and view not in set(RunFilter):
        raise BadInput(what=f"The view {view[:50]}", why="it is going-on or failed")
    async with database.transaction() as tx:
        chosen = RunFilter(view) if view else None
        return (await runs(actor(), tx, office=office, playbook=playbook, view=chosen, limit=limit)).runs


async def said(
    database: Database,
    run: uuid.UUID,
    show: Callable[[LineView], None],
    *,
    errors: bool = False,
    host: str = "",
    after: int = 0,
) -> RunView:
    """Give each line that `run` has said so far to `show`, and return the run."""
    last = after
    async with database.transaction() as tx:
        found = await run_for(actor(), run, tx)
        while lines := await run_lines(
            actor(), run, tx, after=last, limit=LINES_AT_ONCE, kinds=ERRORS if errors else (), host=host
        ):
            for line in lines:
                show(line)
            last = lines[-1].number
    return found


async def steer(database: Database, verb: str, run: uuid.UUID, catalog: Catalog) -> RunView:
    """Pause, resume, cancel, retry or undo `run`, and return it, or the new one."""
    async with database.transaction() as tx:
        match verb:
            case "pause":
                return await pause(actor(), run, tx)
            case "resume":
                return await resume(actor(), run, tx, catalog=catalog)
            case "retry":
                return await retry_failed(actor(), run, tx, outside(), catalog=catalog)
            case "undo":
                return await undo(actor(), run, tx, outside(), catalog=catalog)
        return await cancel(actor(), run, tx)


def exit_code(run: RunView) -> int:
    """Return the exit code that says what became of a run; 0 while it goes on."""
    return CODES.get(run.state, 0)


def waits_for(run: RunView) -> list[str]:
    """Return what a run waits for, each guard by its name."""
    return [
        " ".join(
            part
            for part in (
                str(one.kind),
                ", ".join(f"{name} {value}" for name, value in one.fields.items()),
                f"until {one.until.isoformat()}" if one.until else "",
            )
            if part
        )
        for one in run.hindrances
        if not run.over
    ]


def place_of(run: RunView) -> str:
    """Return where a run goes, in a word."""
    return run.office or f"{run.devices} devices"


def in_words(run: RunView) -> str:
    """Return how a run is, in a line."""
    words = [
        f"{run.id}: {run.playbook} at {place_of(run)}",
        "dry run" if run.check else "",
        str(run.state),
        str(run.why),
    ]
    if run.details:
        words.append(", ".join(f"{name} {value}" for name, value in run.details.items()))
    return ", ".join(word for word in words if word)


def wave_rows(run: RunView) -> list[list[str]]:
    """Return the waves of a run as rows of `WAVES`."""
    return [
        [
            str(cell)
            for cell in (
                wave.number, wave.kind, wave.state, wave.devices, wave.done, wave.failed, wave.unreachable,
                wave.interrupted,
            )
        ]
        for wave in run.waves
    ]  # fmt: skip


def as_json(run: RunView) -> dict[str, Any]:
    """Return a run as scripts get it."""
    return {
        "id": str(run.id),
        "playbook": run.playbook,
        "on": place_of(run),
        "office": run.office,
        "wish": dict(run.wish),
        "devices": run.devices,
        "check": run.check,
        "arguments": dict(run.arguments),
        "targets": list(run.targets),
        "left_out": {one.device: str(one.why) for one in run.left_out},
        "state": str(run.state),
        "why": str(run.why),
        "details": dict(run.details),
        "counts": {str(state): number for state, number in run.counts.items()},
        "changed": run.changed,
        "waves": [
            {"number": wave.number, "kind": str(wave.kind), "state": str(wave.state), "devices": wave.devices}
            for wave in run.waves
        ],
        "waits_for": waits_for(run),
        "content": run.content,
        "note": run.note,
        "launched_by": run.launched_by,
        "launched_by_name": run.launched_by_name,
        "launched_at": run.launched_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "approved_by": run.approved_by,
        "overridden_by": run.overridden_by,
        "cancelled_by": run.cancelled_by,
        "lines": run.lines,
    }


def print_line(line: LineView) -> None:
    """Print a line of a run's log."""
    sys.stdout.write(f"{line.text}\n")
    sys.stdout.flush()
