"""The JSON API on what is wrong: open alerts, one alert's story, taking one and giving it back."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from api.glue import SOON
from api.http.deps import CurrentActor, Tx
from api.http.paging import After, Limit, Page, Search, Shape
from api.http.routes.router import api_router, problems
from inventory.public import MEETINGS_READ
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from meetings.public import meetings_needing
from monitor.public import AlertView, Severity, alert_story, open_alerts, release, take

router = api_router("alerts")


class Meeting(Shape):
    """A meeting in one line."""

    id: uuid.UUID
    title: str
    starts_at: datetime
    offices: int = Field(description="How many take part.")


class Maintenance(Shape):
    """A maintenance window."""

    window: str = Field(description="Its title.")
    until: datetime


class Alert(Shape):
    """One alert: what is wrong, where, since when, who has it."""

    id: uuid.UUID
    rule: str = Field(description="Which rule it broke, such as `uplink-down`.")
    severity: Severity
    device: str
    device_name: str
    office: str
    office_name: str
    unit_name: str
    instance: str = Field(description="Interface or other part; empty for the device as a whole.")
    details: dict[str, Any]
    raised_at: datetime
    cleared_at: datetime | None = Field(description="Null while it is open.")
    taken_by: str | None = Field(description="Sign-in name of who works on it.")
    taken_by_name: str | None = Field(description="What colleagues call that person.")
    taken_at: datetime | None
    maintenance: Maintenance | None = Field(
        description="The window in which it was raised: nobody is told until that closes. Null: none."
    )
    meetings: list[Meeting] = Field(
        description="Those of the next 24 hours that need the device, soonest first. Empty once the alert is over."
    )


class Notification(Shape):
    """What was sent about an alert, or why nothing was."""

    at: datetime
    channel: str
    state: str
    why: str


class Story(Shape):
    """An alert with what was told about it."""

    alert: Alert
    notifications: list[Notification]


@router.get("/alerts", summary="Open alerts")
async def list_alerts(
    actor: CurrentActor,
    tx: Tx,
    severity: Annotated[Severity | None, Query(description="Only these.")] = None,
    maintenance: Annotated[bool | None, Query(description="Only those within maintenance, or none of them.")] = None,
    query: Search = "",
    limit: Limit = 50,
    after: After = None,
) -> Page[Alert]:
    """Worst first, of one severity the newest first; those within maintenance last."""
    page = await open_alerts(
        actor, tx, severity=severity, maintenance=maintenance, query=query, limit=limit, after=after
    )
    return Page(items=await _with_meetings(actor, tx, page.alerts), next=page.next_cursor)


@router.get("/alerts/{alert}", summary="One alert and what was told about it", responses=problems(404))
async def read_alert(actor: CurrentActor, tx: Tx, alert: uuid.UUID) -> Story:
    """Open or cleared."""
    story = await alert_story(actor, alert, tx)
    (told,) = await _with_meetings(actor, tx, [story.alert])
    return Story(alert=told, notifications=[Notification.model_validate(one) for one in story.notifications])


@router.post("/alerts/{alert}/take", summary="Take an alert", responses=problems(404, 409))
async def take_alert(actor: CurrentActor, tx: Tx, alert: uuid.UUID) -> Alert:
    """You work on it from now on, and all see that. Twice is as once."""
    (changed,) = await _with_meetings(actor, tx, [await take(actor, alert, tx)])
    return changed


@router.post("/alerts/{alert}/release", summary="Give an alert back", responses=problems(404, 409))
async def release_alert(actor: CurrentActor, tx: Tx, alert: uuid.UUID) -> Alert:
    """Nobody works on it any more. Twice is as once."""
    (changed,) = await _with_meetings(actor, tx, [await release(actor, alert, tx)])
    return changed


async def _with_meetings(actor: Actor, tx: Transaction, alerts: Sequence[AlertView]) -> list[Alert]:
    """Return `alerts` as the API tells them, each with the meetings that it hurts: one more statement for all."""
    devices = sorted({alert.device for alert in alerts if alert.cleared_at is None})
    hurt = await meetings_needing(actor, tx, devices, tx.now() + SOON) if devices and actor.may(MEETINGS_READ) else {}
    return [
        Alert.model_validate(
            {
                **asdict(alert),
                "maintenance": alert.maintenance and alert.maintenance._asdict(),
                "meetings": [] if alert.cleared_at else hurt.get(alert.device, []),
            }
        )
        for alert in alerts
    ]
