"""Ends a run before its time: at once if it has not begun, else by the worker that runs it."""

from __future__ import annotations

import uuid

from inventory.public import PLAYBOOKS_RUN, require_offices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from playbooks.automation.errors import RunOver
from playbooks.automation.events import PlaybookEnded
from playbooks.automation.queries import RunView, run_for
from playbooks.automation.repository import locked, state_of
from playbooks.automation.runs import RunState, move, over


async def cancel(actor: Actor, run: uuid.UUID, tx: Transaction) -> RunView:
    """Have the run ended and return it: over, or still running with `cancelled_by` for the seconds that this takes.

    Raises:
        Refused: The role may not run playbooks.
        NotFound: There is no such run that `actor` may see.
        RunOver: It has ended already.
    """
    actor.require(PLAYBOOKS_RUN)
    seen = await run_for(actor, run, tx)
    await require_offices(actor, PLAYBOOKS_RUN, [seen.office], tx)
    row = await locked(tx, run)
    if row is None:
        raise NotFound(kind="run", code=run)
    state = state_of(row)
    if over(state):
        raise RunOver
    if row.cancelled_by is not None:
        return await run_for(actor, run, tx)
    row.cancelled_by = actor.name
    if state is not RunState.RUNNING:
        row.state, row.ended_at = str(move(state, RunState.CANCELLED)), tx.now()
        tx.emit(
            PlaybookEnded(
                run=str(run), playbook=row.playbook, office=seen.office, check=row.check_mode, state=row.state
            ),
            actor,
        )
    tx.audit(actor, "playbook.cancelled", f"run:{run}", before={"state": str(state)}, after={"state": row.state})
    await tx.session.flush()
    return await run_for(actor, run, tx)
