"""Reads and writes alerts, and tells the engine's listeners of every change once it is committed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Literal

from pydantic import ValidationError
from sqlalchemy import func, insert, select, update

from kernel.actors import Actor
from kernel.clock import epoch_ms, from_epoch_ms
from kernel.db.transaction import Transaction
from kernel.ids import new_id
from monitor.alerts import AlertKey, Decision
from monitor.events import AlertCleared, AlertRaised
from monitor.live import AlertChanged
from monitor.models import AlertChangeRow, AlertRow

LIVE_CHANNEL = "vungcao_live"
"""PostgreSQL notification channel of live events; the payload is a `LiveEvent` as JSON, far below 8,000 bytes."""

Change = Literal["raised", "cleared", "taken", "released"]


async def load_open(tx: Transaction, devices: Mapping[str, uuid.UUID]) -> dict[AlertKey, tuple[uuid.UUID, int]]:
    """Return the open alerts of `devices` (code to id): the row's id, and since when, in Unix milliseconds."""
    codes = {device_id: code for code, device_id in devices.items()}
    rows = await tx.session.execute(
        select(AlertRow.id, AlertRow.rule, AlertRow.device_id, AlertRow.instance, AlertRow.raised_at).where(
            AlertRow.cleared_at.is_(None)
        )
    )
    return {
        AlertKey(rule, codes[device], instance): (row, epoch_ms(raised_at))
        for row, rule, device, instance, raised_at in rows
        if device in codes
    }


async def save(
    decision: Decision,
    open_alerts: Mapping[AlertKey, uuid.UUID],
    devices: Mapping[str, uuid.UUID],
    actor: Actor,
    tx: Transaction,
) -> dict[AlertKey, uuid.UUID | None]:
    """Write `decision` with its events; return the id of each alert raised, and None for each cleared.

    Args:
        decision: What to write.
        open_alerts: The open rows by key.
        devices: Id of every device by code; an alert about another one is left out.
        actor: Who decided.
        tx: The transaction.
    """
    outcome: dict[AlertKey, uuid.UUID | None] = {}
    for wrong in decision.raise_:
        if wrong.key.device not in devices:
            continue
        alert_id = new_id()
        await tx.session.execute(
            insert(AlertRow).values(
                id=alert_id,
                rule=wrong.key.rule,
                severity=wrong.severity,
                device_id=devices[wrong.key.device],
                instance=wrong.key.instance,
                details=dict(wrong.details),
                raised_at=from_epoch_ms(wrong.since_ms),
            )
        )
        await note(alert_id, "raised", wrong.key.device, actor, tx)
        tx.emit(
            AlertRaised(
                alert_id=str(alert_id),
                rule=wrong.key.rule,
                severity=wrong.severity,
                device=wrong.key.device,
                instance=wrong.key.instance,
                details=dict(wrong.details),
            ),
            by=actor,
        )
        outcome[wrong.key] = alert_id
    cleared = set(decision.clear)
    by_id = {row: key for key, row in open_alerts.items() if row in cleared}
    if by_id:
        rows = await tx.session.execute(
            update(AlertRow)
            .where(AlertRow.id.in_(by_id), AlertRow.cleared_at.is_(None))
            .values(cleared_at=tx.now())
            .returning(AlertRow.id, AlertRow.severity)
        )
        for alert_id, severity in rows:
            key = by_id[alert_id]
            await note(alert_id, "cleared", key.device, actor, tx)
            tx.emit(
                AlertCleared(
                    alert_id=str(alert_id),
                    rule=key.rule,
                    severity=severity,
                    device=key.device,
                    instance=key.instance,
                ),
                by=actor,
            )
        outcome.update(dict.fromkeys(by_id.values()))
    return outcome


async def note(alert_id: uuid.UUID, change: Change, device: str, actor: Actor, tx: Transaction) -> None:
    """Record that `change` happened to an alert, and let the live pages hear of it after the commit."""
    await tx.session.execute(
        insert(AlertChangeRow).values(
            id=new_id(),
            alert_id=alert_id,
            at=tx.now(),
            change=change,
            actor=actor.name,
        )
    )
    event = AlertChanged(alert_id=str(alert_id), change=change, device=device)
    await tx.session.execute(select(func.pg_notify(LIVE_CHANNEL, event.model_dump_json())))


def read_live_event(payload: str) -> AlertChanged | None:
    """Return the live event that `note` sent; None if it is not one, such as from another release."""
    try:
        return AlertChanged.model_validate_json(payload)
    except ValidationError:
        return None


async def lock_open(alert_id: uuid.UUID, tx: Transaction) -> AlertRow | None:
    """Return the alert's row, locked until the end of the transaction; None if there is none."""
    return (
        await tx.session.execute(select(AlertRow).where(AlertRow.id == alert_id).with_for_update())
    ).scalar_one_or_none()
