"""In what order a rollout goes to its devices: a canary, then waves that grow, along the hierarchy from its edge. Pure.

First what hurts fewest if it fails: devices that nothing hangs on, far from the centre, of different provinces. Two
devices that stand in for each other are never in one wave.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MOST_IN_A_WAVE: Final = 500
"""Devices in one child process: Ansible keeps something of each in memory for as long as it runs."""

SHARE: Final = re.compile(r"([1-9]\d?|100)\s*%")


class WaveKind(StrEnum):
    """What a wave is for. Stored: add, never rename."""

    ALL = "all"
    CANARY = "canary"
    GROWING = "growing"
    LANE = "lane"
    """Devices that did not answer, tried again because they were seen."""


class WaveState(StrEnum):
    """How a wave is. Stored: add, never rename."""

    WAITING = "waiting"
    RUNNING = "running"
    SOAKING = "soaking"
    PASSED = "passed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"


GOING: Final = (WaveState.WAITING, WaveState.RUNNING)
"""A child process is wanted or there."""


def _read_step(step: object) -> object:
    if isinstance(step, str) and not SHARE.fullmatch(step.strip()):
        raise ValueError('a step is a number of devices, or a share such as "25%"')
    if isinstance(step, bool) or (isinstance(step, int) and step < 1):
        raise ValueError("a step has at least one device")
    return step


Step = Annotated[int | str, BeforeValidator(_read_step)]


class WaveWish(BaseModel):
    """How a rollout grows, and what stops it.

    Attributes:
        canary: Devices of the first wave.
        steps: Sizes of the waves after it, each a number or a share of all; the last one is repeated to the end.
        soak_s: Seconds after a wave in which health is looked at before the next one.
        most_failed_percent: A wave of which more has failed stops the rollout.
        stop_on_health: Whether an alert that came after a wave's begin, at one of its offices, stops it.
        stop_on_meetings: Whether any alert, also a small one, stops it where a room is in session.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    canary: Annotated[int, Field(ge=1, le=MOST_IN_A_WAVE)] = 1
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=20)] = (5, "25%")
    soak_s: Annotated[int, Field(ge=0, le=86_400)] = 300
    most_failed_percent: Annotated[int, Field(ge=0, le=100)] = 10
    stop_on_health: bool = True
    stop_on_meetings: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored with a run."""
        return self.model_dump(mode="json")


@dataclass(frozen=True, slots=True)
class Member:
    """A device of a rollout.

    Attributes:
        device: Its code.
        office: Code of its office.
        region: Code of its province.
        depth: Position of its unit's level: the greater, the farther from the centre.
        behind: How many other offices hang on it.
        groups: Groups of lines that it carries; devices that share one stand in for each other.
    """

    device: str
    office: str
    region: str = ""
    depth: int = 0
    behind: int = 0
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PlannedWave:
    """A wave as it is planned. `number` counts from 1."""

    number: int
    kind: WaveKind
    members: tuple[Member, ...]

    @property
    def devices(self) -> tuple[str, ...]:
        """Codes of its devices."""
        return tuple(member.device for member in self.members)

    @property
    def offices(self) -> frozenset[str]:
        """Codes of its offices."""
        return frozenset(member.office for member in self.members)


def plan(members: Sequence[Member], wish: WaveWish) -> list[PlannedWave]:
    """Return the waves, in their order; every member is in exactly one, and no two of one redundancy group share one.

    A wave may be smaller than its step, where the devices left stand in for each other.
    """
    left = in_order(members)
    waves: list[PlannedWave] = []
    while left:
        number = len(waves) + 1
        most = _size(number, wish, len(members))
        taken, left = _fill(left, most)
        waves.append(PlannedWave(number, WaveKind.CANARY if number == 1 else WaveKind.GROWING, tuple(taken)))
    return waves


def all_at_once(members: Sequence[Member]) -> list[PlannedWave]:
    """Return the waves of what changes nothing: as few as memory allows."""
    found = in_order(members)
    parts = [found[start : start + MOST_IN_A_WAVE] for start in range(0, len(found), MOST_IN_A_WAVE)]
    return [PlannedWave(number, WaveKind.ALL, tuple(part)) for number, part in enumerate(parts, 1)]


def in_order(members: Sequence[Member]) -> list[Member]:
    """Return `members` in the order of what they risk; among equals one of each province, then one more of each."""
    by_code = sorted(members, key=lambda one: (one.behind, -one.depth, one.device))
    turns: dict[tuple[int, int, str], int] = {}
    keyed = []
    for one in by_code:
        same = (one.behind, one.depth, one.region)
        turns[same] = turn = turns.get(same, 0) + 1
        keyed.append(((one.behind, -one.depth, turn, one.region, one.device), one))
    return [one for _, one in sorted(keyed, key=lambda pair: pair[0])]


def may_join(member: Member, taken: frozenset[str] | set[str]) -> bool:
    """Return whether `member` may be touched while devices that carry the groups `taken` are."""
    return member.groups.isdisjoint(taken)


def _size(number: int, wish: WaveWish, members: int) -> int:
    if number == 1:
        return wish.canary
    step = wish.steps[min(number - 2, len(wish.steps) - 1)]
    wanted = step if isinstance(step, int) else math.ceil(members * int(step.rstrip("% ")) / 100)
    return max(1, min(wanted, MOST_IN_A_WAVE))


def _fill(left: Sequence[Member], most: int) -> tuple[list[Member], list[Member]]:
    taken: list[Member] = []
    passed_over: list[Member] = []
    groups: set[str] = set()
    for index, member in enumerate(left):
        if len(taken) == most:
            passed_over.extend(left[index:])
            break
        if may_join(member, groups):
            taken.append(member)
            groups |= member.groups
        else:
            passed_over.append(member)
    return taken, passed_over


def summary(waves: Sequence[PlannedWave]) -> list[dict[str, Any]]:
    """Return the plan as it is put on record: how many devices and offices each wave has."""
    return [
        {"number": wave.number, "kind": str(wave.kind), "devices": len(wave.members), "offices": len(wave.offices)}
        for wave in waves
    ]
