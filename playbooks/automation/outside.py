"""What playbooks ask of the parts that are strangers to them: who meets, what is wrong. Supplied by `api/glue.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kernel.db.transaction import Transaction
from playbooks.automation.best_hours import Busy
from playbooks.automation.guards import SessionNotice
from playbooks.automation.stops import Alarm


class RoomsInSession(Protocol):
    """Says which rooms of offices are in session, or about to be, at an instant."""

    def __call__(self, tx: Transaction, offices: Sequence[str], at: datetime) -> Awaitable[Sequence[SessionNotice]]:
        """Return the sessions of the offices with these codes."""
        ...


class OpenAlarms(Protocol):
    """Says what is wrong now at offices: the gate between two waves."""

    def __call__(self, tx: Transaction, offices: Sequence[str]) -> Awaitable[Sequence[Alarm]]:
        """Return the open alerts of all devices of the offices with these codes."""
        ...


class BusyRooms(Protocol):
    """Says when offices meet."""

    def __call__(
        self, tx: Transaction, offices: Sequence[str], start: datetime, until: datetime
    ) -> Awaitable[Sequence[Busy]]:
        """Return the meetings at the offices with these codes between two instants, with their quiet time before."""
        ...


async def no_alarms(tx: Transaction, offices: Sequence[str]) -> Sequence[Alarm]:  # noqa: ARG001
    """Nothing is wrong: for where there is no monitor."""
    return ()


async def no_meetings(
    tx: Transaction,  # noqa: ARG001
    offices: Sequence[str],  # noqa: ARG001
    start: datetime,  # noqa: ARG001
    until: datetime,  # noqa: ARG001
) -> Sequence[Busy]:
    """Nobody meets: for where there are no meetings."""
    return ()


@dataclass(frozen=True, slots=True)
class Outside:
    """All of it together.

    Attributes:
        sessions: Which rooms are in session.
        health: What is wrong.
        busy: When rooms are taken.
    """

    sessions: RoomsInSession
    health: OpenAlarms = no_alarms
    busy: BusyRooms = no_meetings
