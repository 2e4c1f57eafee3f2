"""What happened in the monitor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kernel.events.event import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRaised(Fact):
    """An alert was opened; within `maintenance`, the title of a window, nobody is told of it."""

    name: ClassVar[str] = "alert.raised"
    alert_id: str
    rule: str
    severity: str
    device: str
    instance: str
    details: dict[str, Any]
    maintenance: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertOutlasted(Fact):
    """The maintenance window in which an alert was raised has closed, and it is still open: now people are told."""

    name: ClassVar[str] = "alert.outlasted"
    alert_id: str
    rule: str
    severity: str
    device: str
    instance: str
    details: dict[str, Any]
    raised_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCleared(Fact):
    """An alert is over; if nobody was told that it began, because of `maintenance`, nobody is told of its end."""

    name: ClassVar[str] = "alert.cleared"
    alert_id: str
    rule: str
    severity: str
    device: str
    instance: str
    maintenance: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SitesSeen(Fact):
    """Sites are there again; `devices` names one of each that answers now, and did not before."""

    name: ClassVar[str] = "sites.seen"
    devices: list[str]
