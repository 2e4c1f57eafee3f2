"""What others see of alerts."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from monitor.maintenance import Maintenance

Severity = Literal["critical", "warning", "notice"]


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert: what is wrong, where, since when, who has it.

    Attributes:
        rule: Which rule it broke: `device-unreachable`, `uplink-down`, `uplink-busy`, `on-battery`, `answers-partly`.
        instance: Interface or other part; empty for the device as a whole.
        details: What the rule's sentence needs, such as `value`, `threshold`, `why`.
        cleared_at: None while it is open.
        taken_by: Sign-in name of who works on it; None while nobody does.
        may_take: Whether the reader may take it.
        taken_by_name: What colleagues call that person.
        maintenance: The maintenance window because of which nobody was told; None if people were, or are to be, told.
    """

    id: uuid.UUID
    rule: str
    severity: Severity
    device: str
    device_name: str
    office: str
    office_name: str
    unit_name: str
    instance: str
    details: dict[str, Any]
    raised_at: datetime
    cleared_at: datetime | None
    taken_by: str | None
    taken_at: datetime | None
    may_take: bool = False
    taken_by_name: str | None = None
    maintenance: Maintenance | None = None


@dataclass(frozen=True, slots=True)
class AlertPage:
    """A page of alerts, worst and newest first; those within maintenance come last.

    Attributes:
        alerts: At most the asked number.
        next_cursor: Give it back for the next page; None on the last.
    """

    alerts: list[AlertView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AlertCounts:
    """Open alerts by severity, and how many of each nobody has taken; those within maintenance are apart."""

    critical: int = 0
    warning: int = 0
    notice: int = 0
    critical_untaken: int = 0
    warning_untaken: int = 0
    notice_untaken: int = 0
    maintenance: int = 0


@dataclass(frozen=True, slots=True)
class NotificationView:
    """What was sent about an alert, or why nothing was.

    Attributes:
        channel: `webhook`; `none` if nobody was told.
        state: `waiting`, `sent`, `may-have-been-sent`, `refused`, `nobody-to-tell`, `in-maintenance`.
        why: In English, for people.
    """

    at: datetime
    channel: str
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class AlertStory:
    """An alert with what was told about it."""

    alert: AlertView
    notifications: list[NotificationView] = field(default_factory=list)
