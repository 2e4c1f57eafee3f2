"""Takes an alert: somebody says, I work on it. And gives it back."""

from __future__ import annotations

import uuid

from inventory.public import ALERTS_TAKE, require_offices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from monitor.errors import AlertOver, AlertTaken, NotYours
from monitor.models import AlertRow
from monitor.queries import alert_for
from monitor.repository import lock_open, note
from monitor.views import AlertView


async def take(actor: Actor, alert_id: uuid.UUID, tx: Transaction) -> AlertView:
    """Give the alert to `actor` and return it. Taking one's own again changes nothing.

    Raises:
        Refused: The role may not take alerts.
        NotFound: There is no such alert that `actor` may see.
        AlertTaken: Somebody else has it.
        AlertOver: It is cleared.
    """
    view, row = await _locked(actor, alert_id, tx)
    if row.cleared_at is not None:
        raise AlertOver
    if row.taken_by_id is not None:
        if row.taken_by_id != actor.id:
            raise AlertTaken(holder=row.taken_by)
        return view
    row.taken_by_id, row.taken_by, row.taken_at = actor.id, actor.name, tx.now()
    await note(alert_id, "taken", view.device, actor, tx)
    tx.audit(
        actor, "alert.taken", f"alert:{alert_id}", after={"rule": row.rule, "device": view.device, "by": actor.name}
    )
    await tx.session.flush()
    return await alert_for(actor, alert_id, tx)


async def release(actor: Actor, alert_id: uuid.UUID, tx: Transaction) -> AlertView:
    """Give the alert back, so that somebody else may take it, and return it.

    Raises:
        Refused: The role may not take alerts.
        NotFound: There is no such alert that `actor` may see.
        NotYours: Somebody else has it.
    """
    view, row = await _locked(actor, alert_id, tx)
    if row.taken_by_id is None:
        return view
    if row.taken_by_id != actor.id:
        raise NotYours(holder=row.taken_by)
    row.taken_by_id = row.taken_by = row.taken_at = None
    await note(alert_id, "released", view.device, actor, tx)
    tx.audit(actor, "alert.released", f"alert:{alert_id}", before={"by": actor.name})
    await tx.session.flush()
    return await alert_for(actor, alert_id, tx)


async def _locked(actor: Actor, alert_id: uuid.UUID, tx: Transaction) -> tuple[AlertView, AlertRow]:
    actor.require(ALERTS_TAKE)
    row = await lock_open(alert_id, tx)
    view = await alert_for(actor, alert_id, tx)
    if row is None:
        raise NotFound(kind="alert", code=alert_id)
    await require_offices(actor, ALERTS_TAKE, [view.office], tx)
    return view, row
