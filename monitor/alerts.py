"""Decides what must change about alerts: which are raised, which cleared. Pure.

What should be open (from the rules' verdicts) is compared with what is open (the rows). The engine repeats the
comparison until the database has taken the answer, so that an outage of the database delays an alert but loses none.
"""

from __future__ import annotations

import uuid
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from monitor.views import Severity


class AlertKey(NamedTuple):
    """What an alert is about; at most one is open for each."""

    rule: str
    device: str
    instance: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """A crossed rule: what should be an open alert.

    Attributes:
        since_ms: When it began to be wrong, which is earlier than when it was found.
        details: What the rule's sentence needs.
    """

    key: AlertKey
    severity: Severity
    since_ms: int
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to write: new alerts, and the open ones that are over."""

    raise_: tuple[Wrong, ...]
    clear: tuple[uuid.UUID, ...]

    def __bool__(self) -> bool:
        return bool(self.raise_ or self.clear)


def decide(
    wrong: Iterable[Wrong],
    open_alerts: Mapping[AlertKey, uuid.UUID],
    judged: Container[AlertKey],
    planned: Container[str],
) -> Decision:
    """Return what must be raised and cleared.

    Args:
        wrong: Everything that is wrong now.
        open_alerts: The open rows by key.
        judged: Keys about which something is known; an alert of another stays as it is, for silence is no recovery.
        planned: Devices that are watched at all; an alert about any other is over.
    """
    by_key = {found.key: found for found in wrong}
    return Decision(
        raise_=tuple(found for key, found in by_key.items() if key not in open_alerts),
        clear=tuple(
            row
            for key, row in open_alerts.items()
            if key.device not in planned or (key in judged and key not in by_key)
        ),
    )


SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "notice")
"""From worst to mildest."""


def worst(severities: Iterable[Severity]) -> Severity | None:
    """Return the worst of `severities`; None if there is none."""
    return min(severities, key=SEVERITIES.index, default=None)
