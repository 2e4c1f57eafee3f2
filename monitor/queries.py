"""Read models of alerts. What an actor may not see is cut off in the statement itself, by the inventory."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import Row, Select, Subquery, and_, case, func, select, tuple_

from inventory.public import ALERTS_READ, ALERTS_TAKE, AUDIT_READ, day_of, holds, may_at, persons, visible_devices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from monitor.alerts import SEVERITIES
from monitor.maintenance import Maintenance
from monitor.models import AlertChangeRow, AlertRow, NotificationRow
from monitor.views import AlertCounts, AlertPage, AlertStory, AlertView, NotificationView, Severity

MOST_A_PAGE = 200
SILENT = and_(AlertRow.cleared_at.is_(None), AlertRow.maintenance_until.is_not(None))
SEVERITY = case({severity: rank for rank, severity in enumerate(SEVERITIES)}, value=AlertRow.severity)
RANK = SEVERITY + case((SILENT, len(SEVERITIES)), else_=0)


@dataclass(frozen=True, slots=True)
class AlertChange:
    """Something that happened to an alert: `raised`, `outlasted`, `cleared`, `taken`, `released`; and by whom."""

    at: datetime
    change: str
    actor: str
    alert: AlertView


async def open_alerts(
    actor: Actor,
    tx: Transaction,
    *,
    severity: Severity | None = None,
    maintenance: bool | None = None,
    query: str = "",
    limit: int = 50,
    after: str | None = None,
) -> AlertPage:
    """Return a page of open alerts, worst first, of one severity the newest first; those within maintenance last.

    Args:
        actor: Who reads.
        tx: The transaction.
        severity: Only these.
        maintenance: Only those within maintenance, or none of them.
        query: Only those whose device, office, unit or interface holds it; accents may be missing.
        limit: Most in this page, up to 200.
        after: Cursor of the page before.
    """
    limit = min(limit, MOST_A_PAGE)
    statement, place = _alerts(actor, day_of(tx.now()))
    statement = statement.where(AlertRow.cleared_at.is_(None))
    if severity is not None:
        statement = statement.where(AlertRow.severity == severity)
    if maintenance is not None:
        statement = statement.where(SILENT if maintenance else AlertRow.maintenance_until.is_(None))
    if query:
        statement = statement.where(
            holds(query, place.c.code, place.c.name, place.c.office_name, place.c.unit_name, AlertRow.instance)
        )
    age = -func.extract("epoch", AlertRow.raised_at)
    if after is not None:
        statement = statement.where(tuple_(RANK, age, AlertRow.id) > tuple_(*_read_cursor(after)))
    rows = list(
        await tx.session.execute(statement.add_columns(RANK, age).order_by(RANK, age, AlertRow.id).limit(limit + 1))
    )
    alerts = [_view(row) for row in rows[:limit]]
    cursor = f"{rows[limit - 1][-2]}|{rows[limit - 1][-1]}|{alerts[-1].id}" if len(rows) > limit else None
    return AlertPage(alerts, cursor)


async def alert_counts(actor: Actor, tx: Transaction) -> AlertCounts:
    """Return how many alerts are open that `actor` may see, by severity, and how many of them nobody has taken.

    Those within maintenance are counted for themselves: nobody has to do anything about them yet.
    """
    actor.require(ALERTS_READ)
    place = visible_devices(actor, day_of(tx.now()), ALERTS_READ)
    loud = AlertRow.maintenance_until.is_(None)
    rows = await tx.session.execute(
        select(
            AlertRow.severity,
            func.count().filter(loud),
            func.count().filter(loud, AlertRow.taken_by_id.is_(None)),
            func.count().filter(~loud),
        )
        .join(place, place.c.id == AlertRow.device_id)
        .where(AlertRow.cleared_at.is_(None))
        .group_by(AlertRow.severity)
    )
    counts: dict[str, int] = {"maintenance": 0}
    for severity, total, untaken, silent in rows:
        counts["maintenance"] += silent
        counts[severity] = total
        counts[f"{severity}_untaken"] = untaken
    return AlertCounts(**counts)


async def alert_for(actor: Actor, alert_id: uuid.UUID, tx: Transaction) -> AlertView:
    """Return one alert, open or over; NotFound if there is none that `actor` may see."""
    statement, _ = _alerts(actor, day_of(tx.now()))
    row = (await tx.session.execute(statement.where(AlertRow.id == alert_id))).one_or_none()
    if row is None:
        raise NotFound(kind="alert", code=alert_id)
    return _view(row)


async def alert_story(actor: Actor, alert_id: uuid.UUID, tx: Transaction) -> AlertStory:
    """Return one alert with what was told about it, oldest first."""
    alert = await alert_for(actor, alert_id, tx)
    rows = await tx.session.execute(
        select(NotificationRow).where(NotificationRow.alert_id == alert_id).order_by(NotificationRow.at)
    )
    return AlertStory(
        alert,
        [NotificationView(at=row.at, channel=row.channel, state=row.state, why=row.why) for row in rows.scalars()],
    )


async def alerts_of_device(actor: Actor, device: str, tx: Transaction, *, limit: int = 20) -> list[AlertView]:
    """Return the device's alerts: open ones first, then those that were cleared last."""
    statement, place = _alerts(actor, day_of(tx.now()))
    statement = (
        statement.where(place.c.code == device)
        .order_by(AlertRow.cleared_at.desc().nulls_first(), RANK, AlertRow.raised_at.desc())
        .limit(min(limit, MOST_A_PAGE))
    )
    return [_view(row) for row in await tx.session.execute(statement)]


async def alerts_at(actor: Actor, tx: Transaction, offices: Sequence[str]) -> list[AlertView]:
    """Return all open alerts of devices at `offices` (codes), the oldest first: for who decides, not for pages."""
    statement, place = _alerts(actor, day_of(tx.now()))
    statement = statement.where(AlertRow.cleared_at.is_(None), place.c.office.in_(offices)).order_by(AlertRow.raised_at)
    return [_view(row) for row in await tx.session.execute(statement)]


async def latest_changes(actor: Actor, tx: Transaction, *, limit: int = 10) -> list[AlertChange]:
    """Return what happened last to alerts, newest first."""
    statement, _ = _alerts(actor, day_of(tx.now()))
    statement = (
        statement.join(AlertChangeRow, AlertChangeRow.alert_id == AlertRow.id)
        .add_columns(AlertChangeRow.at, AlertChangeRow.change, persons.called_by_name(AlertChangeRow.actor))
        .order_by(AlertChangeRow.at.desc(), AlertChangeRow.id.desc())
        .limit(min(limit, MOST_A_PAGE))
    )
    return [AlertChange(row[-3], row[-2], row[-1], _view(row)) for row in await tx.session.execute(statement)]


def audited_alerts(actor: Actor, tx: Transaction) -> Select[str]:
    """Return the statement for the alerts of which `actor` may read the audit log, as it names them."""
    place = visible_devices(actor, day_of(tx.now()), AUDIT_READ)
    return select(func.concat("alert:", AlertRow.id)).join(place, place.c.id == AlertRow.device_id)


def _alerts(actor: Actor, today: date) -> tuple[Select[*tuple[Any, ...]], Subquery]:
    actor.require(ALERTS_READ)
    place = visible_devices(actor, today, ALERTS_READ)
    statement = select(
        AlertRow,
        place.c.code,
        place.c.name,
        place.c.office,
        place.c.office_name,
        place.c.unit_name,
        may_at(actor, today, ALERTS_TAKE, place.c.office_id),
        persons.called(AlertRow.taken_by_id, AlertRow.taken_by),
    ).join(place, place.c.id == AlertRow.device_id)
    return statement, place


def _view(row: Row[*tuple[Any, ...]]) -> AlertView:
    alert: AlertRow
    alert, device, device_name, office, office_name, unit_name, may_take, taken_by_name = row[:8]
    return AlertView(
        id=alert.id,
        rule=alert.rule,
        severity=cast("Severity", alert.severity),
        device=device,
        device_name=device_name,
        office=office,
        office_name=office_name,
        unit_name=unit_name,
        instance=alert.instance,
        details=alert.details,
        raised_at=alert.raised_at,
        cleared_at=alert.cleared_at,
        taken_by=alert.taken_by,
        taken_at=alert.taken_at,
        may_take=may_take,
        taken_by_name=taken_by_name,
        maintenance=Maintenance(alert.maintenance or "", alert.maintenance_until) if alert.maintenance_until else None,
    )


def _read_cursor(cursor: str) -> tuple[int, float, uuid.UUID]:
    try:
        rank, age, alert_id = cursor.split("|")
        return int(rank), float(age), uuid.UUID(alert_id)
    except ValueError:
        raise BadInput(what="The cursor", why="it is not one that this list gave") from None
