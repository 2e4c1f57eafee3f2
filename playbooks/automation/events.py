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
