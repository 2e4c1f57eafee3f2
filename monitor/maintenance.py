"""Decides which alerts are silent because work is expected where they are, and when that is over. Pure.

An alert that is raised within a maintenance window is on record and on the board, and nobody is told. If the window
closes and it is still open, people are told then; if it is over before, it was the work, and nobody ever is. Only new
alerts fall silent: of one that was told of already, its end is told too.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Maintenance(NamedTuple):
    """The maintenance window that an alert was raised in.

    Attributes:
        window: Its title.
        until: When it closes, as far as was known at the last look.
    """

    window: str
    until: datetime


class Silent(NamedTuple):
    """An open alert of which nobody was told."""

    alert: uuid.UUID
    device: str
    maintenance: Maintenance


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the silent alerts found.

    Attributes:
        over: Those of which people are to be told now.
        moved: Those that stay silent, but within another window or until another time than is written down.
    """

    over: tuple[uuid.UUID, ...]
    moved: Mapping[Maintenance, tuple[uuid.UUID, ...]]


def look(silent: Iterable[Silent], open_windows: Mapping[str, Maintenance]) -> Look:
    """Return what to do about `silent`, given the maintenance window that is open over each device that has one.

    A window that somebody ended early, or made longer, counts as it is now and not as it was.
    """
    over: list[uuid.UUID] = []
    moved: dict[Maintenance, list[uuid.UUID]] = {}
    for alert, device, known in silent:
        window = open_windows.get(device)
        if window is None:
            over.append(alert)
        elif window != known:
            moved.setdefault(window, []).append(alert)
    return Look(tuple(over), {window: tuple(alerts) for window, alerts in moved.items()})
