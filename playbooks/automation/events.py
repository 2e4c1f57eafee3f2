"""What happened with playbooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events.event import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookLaunched(Fact):
    """A run may begin as soon as a worker is free."""

    name: ClassVar[str] = "playbook.launched"
    run: str
    playbook: str
    office: str
    check: bool
    overridden: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookEnded(Fact):
    """A run is over, one way or another; `state` says which."""

    name: ClassVar[str] = "playbook.ended"
    run: str
    playbook: str
    office: str
    check: bool
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleMissed(Fact):
    """Times of a schedule passed while nothing ran; they are not made up for. `times` says how many."""

    name: ClassVar[str] = "schedule.missed"
    schedule: str
    title: str
    playbook: str
    times: int
    last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookProposed(Fact):
    """A run waits for a second person's approval."""

    name: ClassVar[str] = "playbook.proposed"
    run: str
    playbook: str
    devices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveEnded(Fact):
    """A wave of a rollout is over; `state` says how."""

    name: ClassVar[str] = "playbook.wave-ended"
    run: str
    playbook: str
    wave: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStopped(Fact):
    """A rollout stopped by itself and waits for a person; `why` says which rule it was."""

    name: ClassVar[str] = "playbook.stopped"
    run: str
    playbook: str
    why: str
