"""Must a rollout stop after what a wave has done? Pure: what failed, what is wrong since, and who meets, come in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from playbooks.automation.runs import HostState, Why
from playbooks.automation.waves import WaveWish

GRAVE: Final = frozenset({"critical", "warning"})
"""Severities that stop a rollout by themselves; a smaller one only where somebody meets."""

MOST_NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that is wrong now, as the monitor says.

    Attributes:
        id: What makes it another one than an earlier alarm of the same rule and device.
        device: Code of the device.
        office: Code of its office.
        rule: Which rule it broke.
        severity: `critical`, `warning` or `notice`.
        since: When it was raised (aware UTC).
    """

    id: str
    device: str
    office: str
    rule: str
    severity: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why a rollout stops, and more about it as it is stored."""

    why: Why
    details: Mapping[str, Any] = field(default_factory=dict)


def judge(
    wish: WaveWish,
    counts: Mapping[HostState, int],
    alarms: Sequence[Alarm],
    before: Collection[str],
    meeting: Collection[str],
) -> Stopped | None:
    """Return why the rollout stops after this wave; None if it may go on.

    Args:
        wish: Its rules.
        counts: How many hosts of the wave are how. What did not answer counts neither way: it has a lane of its own.
        alarms: What is wrong now at the wave's offices and behind its devices.
        before: Ids of what was wrong there before the wave began.
        meeting: Codes of the offices with a room in session.
    """
    failed = counts.get(HostState.FAILED, 0)
    tried = failed + counts.get(HostState.DONE, 0) + counts.get(HostState.INTERRUPTED, 0)
    if failed * 100 > wish.most_failed_percent * tried:
        details = {"failed": failed, "of": tried, "limit_percent": wish.most_failed_percent}
        return Stopped(Why.TOO_MANY_FAILED, details)
    new = [alarm for alarm in alarms if alarm.id not in before]
    hurt = [alarm for alarm in new if alarm.office in meeting]
    if wish.stop_on_meetings and hurt:
        return Stopped(Why.MEETING_HURT, _named(hurt))
    grave = [alarm for alarm in new if alarm.severity in GRAVE]
    if wish.stop_on_health and grave:
        return Stopped(Why.HEALTH, _named(grave))
    return None


def _named(alarms: Sequence[Alarm]) -> dict[str, Any]:
    told = sorted(alarms, key=lambda one: (one.since, one.device, one.rule))[:MOST_NAMED]
    return {
        "count": len(alarms),
        "alerts": [
            {"device": one.device, "office": one.office, "rule": one.rule, "severity": one.severity,
             "since": one.since.isoformat()}
            for one in told
        ],
    }  # fmt: skip
