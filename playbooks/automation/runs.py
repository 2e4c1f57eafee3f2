"""The life of a run, from its launch to its end. Pure: what happened comes in, the next state comes out.

A run on one office begins now or not at all:

held ──> waiting ──> running ──> succeeded | failed | cancelled | timed-out | interrupted
│         ├──> refused          (a room came into session while it waited)
└─────────┴──> cancelled

A rollout waits until it may go on, wave by wave, and says for what:

proposed ──> waiting <──> running ──> succeeded | partly | failed
│              ├──> paused, by a person     ──> waiting again
│              ├──> stopped, by a rule      ──> waiting again, by a person
└──> expired   └──> cancelled, from all of them
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class RunState(StrEnum):
    """How a run is. Stored: add, never rename."""

    HELD = "held"
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed-out"
    INTERRUPTED = "interrupted"
    REFUSED = "refused"
    PROPOSED = "proposed"
    PAUSED = "paused"
    STOPPED = "stopped"
    PARTLY = "partly"
    EXPIRED = "expired"


class HostState(StrEnum):
    """How it is with a host of a run. Stored: add, never rename."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    """In its lane: tried again when it is seen."""
    INTERRUPTED = "interrupted"
    """Nobody knows what was done."""
    EXPIRED = "expired"
    """It was not seen in time."""
    LEFT = "left"
    """The run ended before its turn."""


class Priority(StrEnum):
    """Which run a site that is there for ten minutes gets first: the order of the members. Stored."""

    SECURITY = "security"
    MEETING = "meeting"
    ROUTINE = "routine"


class Why(StrEnum):
    """Why a run ended as it did, where its state alone does not say it. Stored: add, never rename."""

    NOTHING = ""
    HOST_FAILED = "host-failed"
    HOST_UNREACHABLE = "host-unreachable"
    PLAYBOOK_BROKEN = "playbook-broken"
    CREDENTIAL = "credential"
    NO_TARGETS = "no-targets"
    WORKER_DIED = "worker-died"
    RUNNER_DIED = "runner-died"
    ROOM_IN_SESSION = "room-in-session"
    BLACKOUT = "blackout"
    OFFICE_BUSY = "office-busy"
    TIME_LIMIT = "time-limit"
    TOO_MANY_FAILED = "too-many-failed"
    HEALTH = "health"
    MEETING_HURT = "meeting-hurt"
    WAVE_INTERRUPTED = "wave-interrupted"
    PLAYBOOK_CHANGED = "playbook-changed"
    NOBODY_APPROVED = "nobody-approved"
    NOT_APPROVED = "not-approved"
    HOSTS_LEFT = "hosts-left"


NEXT: Final[Mapping[RunState, frozenset[RunState]]] = MappingProxyType(
    {
        RunState.HELD: frozenset({RunState.WAITING, RunState.CANCELLED}),
        RunState.PROPOSED: frozenset({RunState.WAITING, RunState.CANCELLED, RunState.EXPIRED, RunState.REFUSED}),
        RunState.WAITING: frozenset(
            {
                RunState.RUNNING,
                RunState.REFUSED,
                RunState.CANCELLED,
                RunState.PAUSED,
                RunState.STOPPED,
                RunState.SUCCEEDED,
                RunState.PARTLY,
                RunState.FAILED,
            }
        ),
        RunState.RUNNING: frozenset(
            {
                RunState.WAITING,
                RunState.PAUSED,
                RunState.STOPPED,
                RunState.SUCCEEDED,
                RunState.PARTLY,
                RunState.FAILED,
                RunState.CANCELLED,
                RunState.TIMED_OUT,
                RunState.INTERRUPTED,
            }
        ),
        RunState.PAUSED: frozenset({RunState.WAITING, RunState.RUNNING, RunState.CANCELLED}),
        RunState.STOPPED: frozenset({RunState.WAITING, RunState.CANCELLED}),
    }
)

TAKES_THE_OFFICE: Final = (RunState.WAITING, RunState.RUNNING)
"""While a run is so, no other may be launched on its office; the partial index in `models.py` says the same."""


class Stop(StrEnum):
    """Why we ended what ran."""

    CANCELLED = "cancelled"
    TIME_LIMIT = "time-limit"


@dataclass(frozen=True, slots=True)
class HostCount:
    """What a run did to one host, in tasks."""

    ok: int = 0
    changed: int = 0
    failed: int = 0
    skipped: int = 0
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much a dry run could foretell: `foretold` of `tasks`.

    Attributes:
        foretold: Tasks whose effect was computed on each host that they came to, or that only read.
        untold: Names of tasks that check mode passes over; only a real run shows what they do.
    """

    foretold: int
    untold: tuple[str, ...]

    @property
    def tasks(self) -> int:
        """All tasks that came up."""
        return self.foretold + len(self.untold)


def over(state: RunState) -> bool:
    """Return whether nothing more happens to a run in `state`."""
    return state not in NEXT


def move(state: RunState, to: RunState) -> RunState:
    """Return `to`; ValueError if a run cannot come there from `state`."""
    if to not in NEXT.get(state, ()):
        message = f"a run that is {state} does not become {to}"
        raise ValueError(message)
    return to


def begin(state: RunState, *, ours: bool) -> RunState:
    """Return what becomes of a run that a worker has been handed.

    Args:
        state: How it is.
        ours: Whether this very attempt has begun it already, and did not hear the database's answer.
    """
    if state is RunState.WAITING:
        return RunState.RUNNING
    if state is RunState.RUNNING and not ours:
        # Its worker died in the middle. Nobody knows what was done, so that nothing is done again by itself.
        return RunState.INTERRUPTED
    return state


def host_state(count: HostCount | None, code: int | None) -> HostState:
    """Return how it is with a host after its wave.

    Args:
        count: What was done to it; None if its tasks were never counted.
        code: Exit code of ansible-playbook; None if the child died without telling it.
    """
    if count is None:
        return HostState.INTERRUPTED
    if count.unreachable:
        return HostState.UNREACHABLE
    if count.failed:
        return HostState.FAILED
    return HostState.INTERRUPTED if code is None else HostState.DONE


def rollout_outcome(counts: Mapping[HostState, int]) -> tuple[RunState, Why]:
    """Return how a rollout ended of which no host waits any more, from how many hosts are how."""
    done, all_ = counts.get(HostState.DONE, 0), sum(counts.values())
    if done == all_:
        return RunState.SUCCEEDED, Why.NOTHING
    if done:
        return RunState.PARTLY, Why.HOSTS_LEFT
    why = Why.HOST_FAILED if counts.get(HostState.FAILED) else Why.HOST_UNREACHABLE
    return RunState.FAILED, Why.WAVE_INTERRUPTED if counts.get(HostState.INTERRUPTED, 0) == all_ else why


def outcome(
    code: int | None, stopped: Stop | None, hosts: Iterable[HostCount], *, expected: int
) -> tuple[RunState, Why]:
    """Return how a run ended.

    Args:
        code: Exit code of ansible-playbook; None if the child died without telling it.
        stopped: Why we ended it, if we did.
        hosts: What was done to each host that was heard of.
        expected: How many hosts there should be.
    """
    found = list(hosts)
    if code == 0 and len(found) == expected and not any(host.failed or host.unreachable for host in found):
        return RunState.SUCCEEDED, Why.NOTHING  # it may have ended by itself in the moment of a cancel
    if stopped is not None:
        return (RunState.CANCELLED if stopped is Stop.CANCELLED else RunState.TIMED_OUT), Why.NOTHING
    if code is None:
        why = Why.RUNNER_DIED
    elif any(host.unreachable for host in found):
        why = Why.HOST_UNREACHABLE
    elif any(host.failed for host in found):
        why = Why.HOST_FAILED
    else:
        why = Why.PLAYBOOK_BROKEN
    return RunState.FAILED, why
