"""Reads and writes alerts, and tells the engine's listeners of every change once it is committed."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final, Literal

from pydantic import ValidationError
from sqlalchemy import func, insert, select, update

from inventory.public import WindowKind, now_open, window_times
from kernel.actors import Actor
from kernel.clock import epoch_ms, from_epoch_ms
from kernel.db.transaction import Transaction
from kernel.ids import new_id
from monitor.alerts import AlertKey, Decision
from monitor.events import AlertCleared, AlertOutlasted, AlertRaised
from monitor.live import AlertChanged
from monitor.maintenance import Look, Maintenance, Silent
from monitor.models import AlertChangeRow, AlertRow

LIVE_CHANNEL = "vungcao_live"
"""PostgreSQL notification channel of live events; the payload is a `LiveEvent` as JSON, far below 8,000 bytes."""

Change = Literal["raised", "outlasted", "cleared", "taken", "released"]

A_MOMENT: Final = timedelta(seconds=1)


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
    windows = await open_windows({wrong.key.device for wrong in decision.raise_ if wrong.key.device in devices}, tx)
    for wrong in decision.raise_:
        if wrong.key.device not in devices:
            continue
        alert_id, window = new_id(), windows.get(wrong.key.device)
        await tx.session.execute(
            insert(AlertRow).values(
                id=alert_id,
                rule=wrong.key.rule,
                severity=wrong.severity,
                device_id=devices[wrong.key.device],
                instance=wrong.key.instance,
                details=dict(wrong.details),
                raised_at=from_epoch_ms(wrong.since_ms),
                maintenance=window.window if window else None,
                maintenance_until=window.until if window else None,
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
                maintenance=window.window if window else "",
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
            .returning(AlertRow.id, AlertRow.severity, AlertRow.maintenance, AlertRow.maintenance_until)
        )
        for alert_id, severity, window_title, silent_until in rows:
            key = by_id[alert_id]
            await note(alert_id, "cleared", key.device, actor, tx)
            tx.emit(
                AlertCleared(
                    alert_id=str(alert_id),
                    rule=key.rule,
                    severity=severity,
                    device=key.device,
                    instance=key.instance,
                    maintenance=(window_title or "") if silent_until is not None else "",
                ),
                by=actor,
            )
        outcome.update(dict.fromkeys(by_id.values()))
    return outcome


async def open_windows(devices: Collection[str], tx: Transaction) -> dict[str, Maintenance]:
    """Return the maintenance window that is open now over each of `devices` (codes) that has one: two statements."""
    if not devices:
        return {}
    times = await window_times(tx, devices, tx.now(), tx.now() + A_MOMENT)
    found = {code: now_open(each, WindowKind.MAINTENANCE, tx.now()) for code, each in times.items()}
    return {code: Maintenance(one.title, one.ends_at) for code, one in found.items() if one is not None}


async def load_silent(tx: Transaction, devices: Mapping[str, uuid.UUID]) -> list[Silent]:
    """Return the open alerts of `devices` (code to id) of which nobody was told because of maintenance."""
    statement = (
        select(AlertRow.id, AlertRow.device_id, AlertRow.maintenance, AlertRow.maintenance_until)
        .where(AlertRow.cleared_at.is_(None), AlertRow.maintenance_until.is_not(None))
        .order_by(AlertRow.id)
    )
    rows = list(await tx.session.execute(statement))
    codes = {device_id: code for code, device_id in devices.items()} if rows else {}
    return [
        Silent(row, codes[device], Maintenance(window or "", until))
        for row, device, window, until in rows
        if device in codes and until is not None
    ]


async def save_look(found: Look, devices: Mapping[str, uuid.UUID], actor: Actor, tx: Transaction) -> None:
    """Write what a look at silent alerts found; who is silent no longer leaves with its event, once."""
    for window, alerts in found.moved.items():
        await tx.session.execute(
            update(AlertRow)
            .where(AlertRow.id.in_(alerts))
            .values(maintenance=window.window, maintenance_until=window.until)
        )
    codes = {device_id: code for code, device_id in devices.items()}
    rows = await tx.session.execute(
        update(AlertRow)
        .where(AlertRow.id.in_(found.over), AlertRow.cleared_at.is_(None), AlertRow.maintenance_until.is_not(None))
        .values(maintenance_until=None)
        .returning(
            AlertRow.id, AlertRow.rule, AlertRow.severity, AlertRow.device_id, AlertRow.instance, AlertRow.details,
            AlertRow.raised_at,
        )
    )  # fmt: skip
    for alert_id, rule, severity, device, instance, details, raised_at in rows:
        await note(alert_id, "outlasted", codes[device], actor, tx)
        tx.emit(
            AlertOutlasted(
                alert_id=str(alert_id),
                rule=rule,
                severity=severity,
                device=codes[device],
                instance=instance,
                details=details,
                raised_at=raised_at.isoformat(),
            ),
            by=actor,
        )


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
