"""Contracts and leases: who provides what until when, what they promised, and when somebody has to be reminded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class ContractKind(StrEnum):
    """What a contract is about."""

    LINE = "line"
    LEASE = "lease"
    SUPPORT = "support"


class ContractState(StrEnum):
    """How a contract is on a day."""

    AHEAD = "ahead"
    RUNNING = "running"
    ENDING = "ending"
    """It runs, and ends within the days before which it warns."""
    OVER = "over"


def state_on(day: date, starts: date, ends: date | None, warn_days: int) -> ContractState:
    """Return how a contract is on `day`; `ends` is its last day, None if it runs on."""
    if day < starts:
        return ContractState.AHEAD
    if ends is None or day <= ends - timedelta(days=warn_days + 1):
        return ContractState.RUNNING
    return ContractState.ENDING if day <= ends else ContractState.OVER


@dataclass(frozen=True, slots=True)
class ContractView:
    """A contract as others see it.

    Attributes:
        code: Stable code, such as `vnpt-2026-17`.
        kind: What it is about.
        party: The carrier or lessor.
        number: Its number on paper; empty if nobody wrote it down.
        starts: First day.
        ends: Last day; None if it runs on.
        warn_days: So many days before its end it warns.
        state: How it is today.
        sla_percent: Availability that was promised, in percent; None if none was.
        repair_hours: Hours in which a fault is to be mended; None if none were promised.
        cost: Dong a month; None if nobody wrote it down.
        note: Whatever else is to be known.
        uplinks: Codes of the lines that it covers, of those that the reader may see.
        devices: Codes of the devices that it covers, of those that the reader may see.
    """

    code: str
    kind: ContractKind
    party: str
    number: str
    starts: date
    ends: date | None
    warn_days: int
    state: ContractState
    sla_percent: float | None
    repair_hours: float | None
    cost: int | None
    note: str
    uplinks: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
