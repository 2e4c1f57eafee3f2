"""Steers a run: approve or refuse it, pause and resume it, try what failed again, take it back. All of it on record."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import select

from inventory.public import PLAYBOOKS_RUN, TargetWish, require_offices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from playbooks.automation.catalog import Catalog, bundled_catalog, playbook_of
from playbooks.automation.errors import (
    ApprovalByTheLauncher,
    ApprovalNotByAPerson,
    NothingToRetry,
    NothingToUndo,
    OverrideWithoutReason,
    RunNotGoing,
    RunNotOver,
    RunNotPaused,
    RunNotProposed,
)
from playbooks.automation.events import PlaybookLaunched
from playbooks.automation.finish import end_run
from playbooks.automation.guards import may_decide
from playbooks.automation.models import PlaybookHostRow, PlaybookRunRow
from playbooks.automation.outside import Outside
from playbooks.automation.queries import RunView, offices_of_run, run_for
from playbooks.automation.record import refusals_on_record
from playbooks.automation.repository import locked, state_of, waves_of
from playbooks.automation.roll_out import RolloutRequest, roll_out
from playbooks.automation.runs import HostState, Priority, RunState, Why, move, over
from playbooks.automation.waves import GOING, WaveState, WaveWish

MOST_REASON: Final = 500

NOT_DONE: Final = (
    HostState.FAILED, HostState.INTERRUPTED, HostState.UNREACHABLE, HostState.EXPIRED, HostState.LEFT,
)  # fmt: skip
BEGUN: Final = (HostState.DONE, HostState.FAILED, HostState.INTERRUPTED)
"""Hosts on which something may have been changed."""


async def approve(actor: Actor, run: uuid.UUID, tx: Transaction, *, reason: str = "") -> RunView:
    """Let a proposed run go on, and return it. A refusal is audited.

    Raises:
        Refused: `actor` may not run playbooks at each of its offices, is no person, or is the one who launched it.
        NotFound: There is no such run that `actor` may see.
        RunNotProposed: It does not wait for approval.
    """
    with _on_record(tx, actor, "playbook.approve-refused", run):
        row = await _steered(actor, run, tx)
        _decides(row, actor)
        row.state = str(move(state_of(row), RunState.WAITING))
        row.approved_by_id, row.approved_by, row.approved_at = actor.id, actor.name, tx.now()
        row.hindrances, row.look_at = [], tx.now()
    tx.audit(actor, "playbook.approved", f"run:{run}", after={"content": row.content}, reason=_reason(reason))
    launched = PlaybookLaunched(
        run=str(run), playbook=row.playbook, office="", check=row.check_mode, overridden=False
    )  # fmt: skip
    tx.emit(launched, actor)
    await tx.session.flush()
    return await run_for(actor, run, tx)


async def refuse(actor: Actor, run: uuid.UUID, reason: str, tx: Transaction) -> RunView:
    """End a proposed run, with a reason, and return it. Errors as `approve`; OverrideWithoutReason without one."""
    with _on_record(tx, actor, "playbook.refuse-refused", run):
        if not _reason(reason):
            raise OverrideWithoutReason
        row = await _steered(actor, run, tx)
        _decides(row, actor)
        row.details = {**row.details, "by": actor.name, "reason": _reason(reason)}
        await end_run(row, RunState.REFUSED, Why.NOT_APPROVED, actor, tx)
    await tx.session.flush()
    return await run_for(actor, run, tx)


async def pause(actor: Actor, run: uuid.UUID, tx: Transaction) -> RunView:
    """Let no further wave of a rollout begin, and return it: paused, or still running until its wave has ended.

    Raises:
        Refused, NotFound: As `approve`.
        RunNotGoing: It is none that can be paused.
    """
    with _on_record(tx, actor, "playbook.pause-refused", run):
        row = await _steered(actor, run, tx)
        if row.office_id is not None or state_of(row) not in {RunState.WAITING, RunState.RUNNING}:
            raise RunNotGoing
    if row.paused_by is None:
        row.paused_by = actor.name
        going = [wave for wave in await waves_of(tx, run) if wave.state in (*GOING, WaveState.SOAKING)]
        if not going:
            row.state, row.hindrances, row.look_at = str(move(state_of(row), RunState.PAUSED)), [], None
        tx.audit(actor, "playbook.paused", f"run:{run}", after={"state": row.state})
    await tx.session.flush()
    return await run_for(actor, run, tx)


async def resume(actor: Actor, run: uuid.UUID, tx: Transaction, *, catalog: Catalog | None = None) -> RunView:
    """Let a paused or stopped rollout go on, and return it. Whoever resumes it takes the playbooks as they are now.

    Raises:
        Refused, NotFound: As `approve`.
        RunNotPaused: It is neither.
    """
    with _on_record(tx, actor, "playbook.resume-refused", run):
        row = await _steered(actor, run, tx)
        if row.paused_by is None and state_of(row) is not RunState.STOPPED:
            raise RunNotPaused
    before = {"state": row.state, "why": row.why, "content": row.content}
    playbook = playbook_of(bundled_catalog() if catalog is None else catalog, row.playbook)
    if state_of(row) in {RunState.PAUSED, RunState.STOPPED}:
        row.state = str(move(state_of(row), RunState.WAITING))
    row.paused_by, row.why, row.content, row.look_at = None, "", playbook.content, tx.now()
    row.details = {name: value for name, value in row.details.items() if name == "coverage"}
    tx.audit(actor, "playbook.resumed", f"run:{run}", before=before, after={"content": row.content})
    await tx.session.flush()
    return await run_for(actor, run, tx)


async def retry_failed(
    actor: Actor, run: uuid.UUID, tx: Transaction, outside: Outside, *, catalog: Catalog | None = None
) -> RunView:
    """Launch the same on the devices of an ended run that were not done well, and return the new run.

    Raises:
        Refused, NotFound: As `approve`; and as `roll_out`.
        RunNotOver: It goes on.
        NothingToRetry: All were done well.
    """
    with _on_record(tx, actor, "playbook.retry-refused", run):
        row = await _ended(actor, run, tx)
        devices = await _devices(row, NOT_DONE, tx)
        if not devices:
            raise NothingToRetry
        request = _again(row, row.playbook, row.arguments, devices)
        return await roll_out(request, actor, tx, outside, catalog=catalog, retry_of=run)


async def undo(
    actor: Actor, run: uuid.UUID, tx: Transaction, outside: Outside, *, catalog: Catalog | None = None
) -> RunView:
    """Launch what takes an ended run back, on the devices that it had begun, and return the new run.

    It is given the arguments of the run that its playbook knows, and goes in the same waves.

    Raises:
        Refused, NotFound: As `approve`; and as `roll_out`.
        RunNotOver: It goes on.
        NothingToUndo: It was a dry run, its playbook cannot be taken back, or nothing was begun.
    """
    playbooks = bundled_catalog() if catalog is None else catalog
    with _on_record(tx, actor, "playbook.undo-refused", run):
        row = await _ended(actor, run, tx)
        name = playbook_of(playbooks, row.playbook).undo
        if row.check_mode:
            raise NothingToUndo(why="it was a dry run")
        if not name:
            raise NothingToUndo(why="its playbook has none that takes it back")
        devices = await _devices(row, BEGUN, tx)
        if not devices:
            raise NothingToUndo(why="nothing was begun")
        known = playbook_of(playbooks, name).arguments
        arguments = {key: value for key, value in row.arguments.items() if key in known}
        request = _again(row, name, arguments, devices)
        return await roll_out(request, actor, tx, outside, catalog=catalog, undo_of=run)


def _again(row: PlaybookRunRow, playbook: str, arguments: dict[str, Any], devices: list[str]) -> RolloutRequest:
    waves = row.plan.get("waves")
    return RolloutRequest(
        playbook,
        TargetWish(devices=tuple(devices)),
        check=row.check_mode,
        arguments=arguments,
        waves=WaveWish.model_validate(waves) if waves else None,
        only_in_windows=bool(row.plan.get("only_in_windows")),
        priority=Priority(row.priority),
    )


async def _devices(row: PlaybookRunRow, states: Collection[HostState], tx: Transaction) -> list[str]:
    found = select(PlaybookHostRow.host).where(
        PlaybookHostRow.run_id == row.id, PlaybookHostRow.state.in_([str(state) for state in states])
    )
    return list(await tx.session.scalars(found.order_by(PlaybookHostRow.host)))


async def _ended(actor: Actor, run: uuid.UUID, tx: Transaction) -> PlaybookRunRow:
    row = await _steered(actor, run, tx)
    if not over(state_of(row)):
        raise RunNotOver
    return row


async def _steered(actor: Actor, run: uuid.UUID, tx: Transaction) -> PlaybookRunRow:
    """Return the locked run, which `actor` may see, and run playbooks at all of its offices."""
    await may_steer(actor, await run_for(actor, run, tx), tx)
    row = await locked(tx, run)
    if row is None:
        raise NotFound(kind="run", code=run)
    return row


async def may_steer(actor: Actor, run: RunView, tx: Transaction) -> None:
    """Raise Refused unless `actor` may run playbooks at each office that `run` goes to."""
    actor.require(PLAYBOOKS_RUN)
    offices = [run.office] if run.office else await offices_of_run(run.id, tx)
    await require_offices(actor, PLAYBOOKS_RUN, offices, tx)


def _decides(row: PlaybookRunRow, actor: Actor) -> None:
    if state_of(row) is not RunState.PROPOSED:
        raise RunNotProposed
    if actor.id is None:
        raise ApprovalNotByAPerson
    if not may_decide(row.launched_by_id, actor.id):
        raise ApprovalByTheLauncher


def _reason(reason: str) -> str:
    return " ".join(reason.split())[:MOST_REASON]


@contextmanager
def _on_record(tx: Transaction, actor: Actor, action: str, run: uuid.UUID) -> Iterator[None]:
    with refusals_on_record(tx, actor, action, f"run:{run}", {}):
        yield
