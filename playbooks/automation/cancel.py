"""Ends a run before its time: at once if nothing of it runs, else by the worker that runs it."""

from __future__ import annotations

import uuid

from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from playbooks.automation.errors import RunOver
from playbooks.automation.finish import end_run
from playbooks.automation.queries import RunView, run_for
from playbooks.automation.repository import locked, release, state_of, waves_of
from playbooks.automation.runs import RunState, Why, over
from playbooks.automation.steer import may_steer
from playbooks.automation.waves import GOING, WaveState


async def cancel(actor: Actor, run: uuid.UUID, tx: Transaction) -> RunView:
    """Have the run ended and return it: over, or still running with `cancelled_by` for the seconds that this takes.

    Raises:
        Refused: The role may not run playbooks.
        NotFound: There is no such run that `actor` may see.
        RunOver: It has ended already.
    """
    await may_steer(actor, await run_for(actor, run, tx), tx)
    row = await locked(tx, run)
    if row is None:
        raise NotFound(kind="run", code=run)
    state = state_of(row)
    if over(state):
        raise RunOver
    if row.cancelled_by is not None:
        return await run_for(actor, run, tx)
    row.cancelled_by = actor.name
    waves = await waves_of(tx, run)
    going = state is RunState.RUNNING and row.office_id is not None
    going = going or any(wave.state in GOING for wave in waves)
    if not going:
        for wave in waves:
            await release(tx, wave.id)
            if wave.state == WaveState.SOAKING:
                wave.state = str(WaveState.PASSED)
        await end_run(row, RunState.CANCELLED, Why.NOTHING, actor, tx)
    tx.audit(actor, "playbook.cancelled", f"run:{run}", before={"state": str(state)}, after={"state": row.state})
    await tx.session.flush()
    return await run_for(actor, run, tx)
