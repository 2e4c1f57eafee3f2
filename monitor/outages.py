"""Read model of what was out: for those who plan around hours at which a place is often cut off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import or_, select

from inventory.public import ALERTS_READ, day_of, visible_devices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from monitor.models import AlertRow

RULES: Final = ("device-unreachable", "uplink-down", "uplink-busy", "link-lossy", "on-battery")
"""What interrupts a meeting; the others are about care."""


@dataclass(frozen=True, slots=True)
class OutageView:
    """One thing that was out.

    Attributes:
        office: Code of the office.
        role: Of the device that it was about, such as `router`.
        rule: Which rule it broke.
        begin: Since when.
        end: Until when; None while it lasts.
    """

    office: str
    role: str
    rule: str
    begin: datetime
    end: datetime | None


async def outages(actor: Actor, tx: Transaction, since: datetime) -> list[OutageView]:
    """Return what was out at some time after `since` where `actor` may read alerts, in no order."""
    place = visible_devices(actor, day_of(tx.now()), ALERTS_READ)
    rows = await tx.session.execute(
        select(place.c.office, place.c.role, AlertRow.rule, AlertRow.raised_at, AlertRow.cleared_at)
        .join(place, place.c.id == AlertRow.device_id)
        .where(AlertRow.rule.in_(RULES), or_(AlertRow.cleared_at.is_(None), AlertRow.cleared_at > since))
    )
    return [OutageView(*row) for row in rows]
