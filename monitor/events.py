"""What happened in the monitor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kernel.events.event import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRaised(Fact):
    """An alert was opened."""

    name: ClassVar[str] = "alert.raised"
    alert_id: str
    rule: str
    severity: str
    device: str
    instance: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCleared(Fact):
    """An alert is over."""

    name: ClassVar[str] = "alert.cleared"
    alert_id: str
    rule: str
    severity: str
    device: str
    instance: str
