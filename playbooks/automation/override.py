"""In an emergency two people do away with what holds a run up: who wants it, and a second one who lets it."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.exc import IntegrityError

from inventory.public import PLAYBOOKS_RUN
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from playbooks.automation.errors import (
    NothingToOverride,
    OfficeTakenMeanwhile,
    OverrideByTheLauncher,
    OverrideNotByAPerson,
    OverrideWithoutReason,
    RunNotHeld,
)
from playbooks.automation.guards import may_decide
from playbooks.automation.launch import busy, started
from playbooks.automation.models import PlaybookRunRow
from playbooks.automation.queries import RunView, run_for
from playbooks.automation.record import refusals_on_record
from playbooks.automation.repository import locked, run_on, state_of
from playbooks.automation.runs import RunState, move, over
from playbooks.automation.steer import may_steer

MOST_REASON = 500


async def override(actor: Actor, run: uuid.UUID, reason: str, tx: Transaction) -> RunView:
    """Let the held run begin, or the rollout go on, put that on record with its reason, and return it.

    A refusal is audited as well.

    Raises:
        Refused: `actor` may not run playbooks, is no person, or is the one who wants the run.
        OverrideWithoutReason: No reason was given.
        NotFound: There is no such run that `actor` may see.
        RunNotHeld: It does not wait for anybody's word any more.
        NothingToOverride: Nothing holds the rollout up that two people could do away with.
        OfficeBusy, OfficeTakenMeanwhile: Another run has the office.
    """
    reason = " ".join(reason.split())[:MOST_REASON]
    with refusals_on_record(tx, actor, "playbook.override-refused", f"run:{run}", {}, reason=reason):
        actor.require(PLAYBOOKS_RUN)
        if actor.id is None:
            raise OverrideNotByAPerson
        if not reason:
            raise OverrideWithoutReason
        seen = await run_for(actor, run, tx)
        await may_steer(actor, seen, tx)
        if seen.rollout:
            await _let_on(actor, seen, reason, tx)
        else:
            values = await _let(actor, seen, reason, tx)
    if not seen.rollout:
        return await started(actor, tx, values, seen.office, overridden=True)
    tx.audit(actor, "playbook.overridden", f"run:{run}", after={"hindrances": _named(seen)}, reason=reason)
    await tx.session.flush()
    return await run_for(actor, run, tx)


async def _let_on(actor: Actor, seen: RunView, reason: str, tx: Transaction) -> None:
    """Let a rollout go on to its end in spite of meetings and windows."""
    row = await locked(tx, seen.id)
    if row is None:
        raise NotFound(kind="run", code=seen.id)
    if not may_decide(row.launched_by_id, actor.id):
        raise OverrideByTheLauncher
    if over(state_of(row)) or not any(one.may_override for one in seen.hindrances):
        raise NothingToOverride
    row.overridden_by_id, row.overridden_by, row.override_reason = actor.id, actor.name, reason
    row.look_at = tx.now()


def _named(seen: RunView) -> list[dict[str, Any]]:
    return [one.as_json() for one in seen.hindrances if one.may_override]


async def _let(actor: Actor, seen: RunView, reason: str, tx: Transaction) -> dict[str, Any]:
    """Let the held run wait for a worker, and return its columns."""
    row = await locked(tx, seen.id)
    if row is None:
        raise NotFound(kind="run", code=seen.id)
    if state_of(row) is not RunState.HELD:
        raise RunNotHeld
    if not may_decide(row.launched_by_id, actor.id):
        raise OverrideByTheLauncher
    other = None if row.office_id is None else await run_on(tx, row.office_id)
    if other is not None:
        raise busy(str(other.id), other.launched_by, other.playbook, seen.office, other.launched_at)
    try:
        async with tx.session.begin_nested():
            row.state = str(move(RunState.HELD, RunState.WAITING))
            row.overridden_by_id, row.overridden_by, row.override_reason = actor.id, actor.name, reason
            await tx.session.flush()
    except IntegrityError:
        raise OfficeTakenMeanwhile(office=seen.office) from None
    return {column.key: getattr(row, column.key) for column in PlaybookRunRow.__table__.columns}
