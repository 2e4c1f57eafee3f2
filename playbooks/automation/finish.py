"""How a run ends on record: its last state, the change log of each device, and the event that tells of it."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from kernel.actors import Actor
from kernel.db.transaction import Transaction
from playbooks.automation.events import PlaybookEnded
from playbooks.automation.models import PlaybookRunRow
from playbooks.automation.queries import run_for
from playbooks.automation.repository import set_hosts_state, state_of
from playbooks.automation.runs import HostCount, HostState, RunState, Why, move

log = structlog.get_logger(__name__)


async def end_run(row: PlaybookRunRow, to: RunState, why: Why, actor: Actor, tx: Transaction) -> None:
    """Bring the locked run to its end `to`; hosts whose turn never came are left."""
    row.state, row.why, row.ended_at = str(move(state_of(row), to)), str(why), tx.now()
    row.hindrances, row.look_at = [], None
    await set_hosts_state(tx, row.id, HostState.LEFT, of=HostState.WAITING)
    await set_hosts_state(tx, row.id, HostState.EXPIRED, of=HostState.UNREACHABLE)
    office = (await run_for(actor, row.id, tx)).office if row.office_id is not None else ""
    tx.audit(actor, "playbook.ended", f"run:{row.id}", after={"state": row.state, "why": row.why, "office": office})
    tx.emit(
        PlaybookEnded(run=str(row.id), playbook=row.playbook, office=office, check=row.check_mode, state=row.state),
        actor,
    )
    log.info("playbook_ended", run=str(row.id), state=row.state, why=row.why)


def note_hosts(
    row: PlaybookRunRow,
    states: Mapping[str, HostState],
    counts: Mapping[str, HostCount],
    actor: Actor,
    tx: Transaction,
) -> None:
    """Put what was done into the change log of each device; a dry run does nothing, and is not in it."""
    if row.check_mode:
        return
    for host, state in states.items():
        count = counts.get(host, HostCount())
        if count.changed or state in {HostState.FAILED, HostState.INTERRUPTED}:
            after = {
                "run": str(row.id),
                "playbook": row.playbook,
                "state": str(state),
                "changed": count.changed,
                "failed": count.failed,
                "content": row.content,
                "launched_by": row.launched_by,
            }
            tx.audit(actor, "device.played", f"device:{host}", after=after)
