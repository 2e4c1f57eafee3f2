"""Decides how ready a room is for a meeting, from what was measured of its devices; and when to look. Pure.

A reason is a code with the values that its sentence needs; the pages have the words. One cause is told once: behind a
router that cannot be reached nothing answers, so only the router is named.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from inventory.public import Role

ReadinessState = Literal["ready", "at-risk", "unknown", "not-ready"]
Stage = Literal["booking", "t24h", "t60m", "t10m"]

FRESH: Final = timedelta(minutes=5)
"""What was measured longer ago says nothing of now."""

LOSS_AT_RISK: Final = 0.05
LOSS_NOT_READY: Final = 0.2
SLOW_S: Final = 0.4

STAGES: Final[Mapping[Stage, timedelta | None]] = {
    "booking": None,
    "t24h": timedelta(hours=24),
    "t60m": timedelta(minutes=60),
    "t10m": timedelta(minutes=10),
}
"""When rooms are looked at: as soon as they are booked, and so long before the meeting begins; in this order."""

CLOSE: Final = timedelta(minutes=60)
"""So long before the meeting, and until it ends, the last look is repeated: a line is cut when it is cut."""

REPEAT: Final = timedelta(seconds=60)

UNKNOWN_SHARE: Final = 48
UNKNOWN_SOONEST: Final = timedelta(seconds=15)
UNKNOWN_LATEST: Final = timedelta(hours=1)
"""What is unknown is asked again after this share of the time that is left: half an hour of a day. A young booking is
asked again after as long as it has stood: whoever has just booked is still looking."""

REASONS: Final[Mapping[str, ReadinessState]] = {
    "no-router-reachable": "not-ready",  # device
    "no-uplink": "not-ready",  # uplinks
    "loss-high": "not-ready",  # device, loss_ratio
    "device-unreachable": "not-ready",  # device, role
    "battery-short": "not-ready",  # device, runtime_s, needed_s
    "no-router-known": "unknown",
    "no-uplink-known": "unknown",
    "uplink-unknown": "unknown",  # uplinks
    "not-watched": "unknown",  # device
    "not-understood": "unknown",  # device, outcome
    "old-data": "unknown",  # device, at
    "health-away": "unknown",  # why
    "router-unreachable": "at-risk",  # device; another one works
    "router-unknown": "at-risk",  # device; another one works
    "uplink-down": "at-risk",  # uplink
    "uplink-busy": "at-risk",  # uplink, utilisation_ratio
    "loss": "at-risk",  # device, loss_ratio
    "slow": "at-risk",  # device, rtt_s
    "on-battery": "at-risk",  # device, runtime_s
    "power-unknown": "at-risk",  # device
}
"""Every reason, worst first, with what it makes of the room; beside it the fields that its sentence needs."""

WORST_FIRST: Final[Sequence[ReadinessState]] = ("not-ready", "unknown", "at-risk", "ready")
ANSWERS: Final = frozenset({"answered", "partial"})
"""Outcomes of a poll that show that the device can be reached."""


@dataclass(frozen=True, slots=True)
class UplinkFacts:
    """An uplink now: `critical` when down, `warning` when busy; its use of the committed rate, 0..1 or more."""

    code: str
    state: str
    utilisation_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What was measured of a device. A value is None where nothing was measured, or too long ago.

    Attributes:
        device: Its code.
        role: As in the inventory.
        outcome: How its last poll ended, in the monitor's words; empty before the first.
        state: In the monitor's words.
        uplinks: Those that end on it.
        loss_ratio: Share of echo requests without an answer, 0..1.
        rtt_s: Round trip of those with one.
        on_battery: Of a UPS.
        battery_runtime_s: How long its battery lasts at the present load.
        at: When it was polled last (aware UTC); None before the first.
    """

    device: str
    role: str
    outcome: str
    state: str
    uplinks: tuple[UplinkFacts, ...] = ()
    loss_ratio: float | None = None
    rtt_s: float | None = None
    on_battery: bool | None = None
    battery_runtime_s: float | None = None
    at: datetime | None = None


HealthPort = Callable[[Sequence[str]], Awaitable[Mapping[str, DeviceFacts]]]
"""Tells how devices (codes) are: the facts of each that is watched. Raises Unavailable if nobody can tell now."""


@dataclass(frozen=True, slots=True)
class RoomNeeds:
    """What a room needs for a meeting: codes of its office's routers and UPSs, and of its own other devices."""

    routers: tuple[str, ...]
    devices: tuple[str, ...] = ()
    upses: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Everything that has to be asked."""
        return (*self.routers, *self.devices, *self.upses)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a room is not simply ready: a key of `REASONS`, and what its sentence needs."""

    code: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> ReadinessState:
        """What it makes of the room; a code of another release: unknown."""
        return REASONS.get(self.code, "unknown")


def state_of(reasons: Sequence[Reason]) -> ReadinessState:
    """Return the worst that `reasons` say; `ready` if there are none."""
    found = {reason.state for reason in reasons}
    return next((state for state in WORST_FIRST if state in found), "ready")


def needs_of(linked: Mapping[str, str], in_office: Mapping[str, str]) -> RoomNeeds:
    """Return what a room needs: all that is linked to it, and whatever routers and UPSs its office has.

    Args:
        linked: Role of each device of the room, by code.
        in_office: Role of each device of its office, by code.
    """
    every = {**in_office, **linked}

    def of(role: Role) -> tuple[str, ...]:
        return tuple(sorted(code for code, its in every.items() if its == role))

    others = sorted(code for code, role in linked.items() if role not in (Role.ROUTER, Role.UPS))
    return RoomNeeds(of(Role.ROUTER), tuple(others), of(Role.UPS))


def assess(
    needs: RoomNeeds, facts: Mapping[str, DeviceFacts], *, starts_at: datetime, ends_at: datetime, now: datetime
) -> list[Reason]:
    """Return why a room is not ready, worst first; empty if it is.

    Args:
        needs: What it needs.
        facts: What was measured, by device.
        starts_at: When the meeting begins.
        ends_at: When it ends.
        now: Aware instant of the decision.
    """
    link = _link(needs.routers, facts, now)
    reasons = list(link)
    if not any(reason.code == "no-router-reachable" for reason in link):
        for code in needs.devices:
            reasons += _device(code, facts.get(code), now)
    for code in needs.upses:
        reasons += _power(code, facts.get(code), ends_at - max(starts_at, now), now)
    place = {code: number for number, code in enumerate(REASONS)}
    return sorted(reasons, key=lambda reason: (place[reason.code], str(sorted(reason.fields.items()))))


def first_checks(starts_at: datetime, now: datetime) -> dict[Stage, datetime]:
    """Return when to look at the rooms of a meeting that is booked `now`; what would be in the past is left out."""
    due: dict[Stage, datetime] = {"booking": now}
    for stage, ahead in STAGES.items():
        if ahead is not None and starts_at - ahead > now:
            due[stage] = starts_at - ahead
    return due


def last_of(stages: Iterable[str]) -> str:
    """Return the one of `stages` that comes last: it says all that the others due with it would say."""
    return max(stages, key=lambda stage: len(before(stage)))


def before(stage: str) -> tuple[str, ...]:
    """Return the stages that are over once `stage` has come."""
    order: tuple[str, ...] = tuple(STAGES)
    return order[: order.index(stage)] if stage in order else ()


def again_at(
    starts_at: datetime, ends_at: datetime, now: datetime, *, known: bool, booked_at: datetime | None = None
) -> datetime | None:
    """Return when to repeat a look that was made `now`; None if the next stage will do, or the meeting is over.

    Args:
        starts_at: When the meeting begins.
        ends_at: When it ends.
        now: Aware instant of the look.
        known: Whether it said something of every room. What is unknown is asked again, the sooner the nearer.
        booked_at: When the meeting was booked; None: long ago.
    """
    wait = REPEAT if now + REPEAT >= starts_at - CLOSE else None
    if not known:
        share = (starts_at - now) / UNKNOWN_SHARE
        if booked_at is not None:
            share = min(share, now - booked_at)
        soon = min(max(share, UNKNOWN_SOONEST), UNKNOWN_LATEST)
        wait = soon if wait is None else min(wait, soon)
    return now + wait if wait is not None and now + wait < ends_at else None


def _doubt(code: str, facts: DeviceFacts | None, now: datetime) -> Reason | None:
    """Return why nothing is known of a device now; None if something is, be it that it is silent."""
    if facts is None or facts.at is None or not facts.outcome:
        return Reason("not-watched", {"device": code})
    if now - facts.at > FRESH:
        return Reason("old-data", {"device": code, "at": facts.at.isoformat()})
    if facts.outcome not in ANSWERS and facts.outcome != "silent":
        return Reason("not-understood", {"device": code, "outcome": facts.outcome})
    return None


def _link(routers: Sequence[str], facts: Mapping[str, DeviceFacts], now: datetime) -> list[Reason]:
    """Judge the way out of the office: one router with one line that is up is enough, more are a reserve."""
    if not routers:
        return [Reason("no-router-known")]
    doubts = {code: doubt for code in routers if (doubt := _doubt(code, facts.get(code), now))}
    told = [facts[code] for code in routers if code not in doubts]
    working = [router for router in told if router.outcome in ANSWERS]
    silent = [router.device for router in told if router.outcome not in ANSWERS]
    if not working:
        return list(doubts.values()) or [Reason("no-router-reachable", {"device": ", ".join(silent)})]
    reasons = [Reason("router-unknown", {"device": code}) for code in doubts]
    reasons += [Reason("router-unreachable", {"device": code}) for code in silent]
    reasons += _uplinks([uplink for router in working for uplink in router.uplinks])
    return reasons + _path(working)


def _uplinks(uplinks: Sequence[UplinkFacts]) -> list[Reason]:
    if not uplinks:
        return [Reason("no-uplink-known")]
    down = [uplink for uplink in uplinks if uplink.state == "critical"]
    unclear = [uplink for uplink in uplinks if uplink.state == "unknown"]
    if len(down) == len(uplinks):
        return [Reason("no-uplink", {"uplinks": ", ".join(uplink.code for uplink in uplinks)})]
    if len(down) + len(unclear) == len(uplinks):
        return [Reason("uplink-unknown", {"uplinks": ", ".join(uplink.code for uplink in unclear)})]
    busy = [uplink for uplink in uplinks if uplink.state == "warning"]
    return [Reason("uplink-down", {"uplink": uplink.code}) for uplink in down] + [
        Reason("uplink-busy", {"uplink": uplink.code, "utilisation_ratio": uplink.utilisation_ratio}) for uplink in busy
    ]


def _path(working: Sequence[DeviceFacts]) -> list[Reason]:
    """Judge loss and delay by the best router: the meeting can take that way."""
    reasons = []
    lossy = [(router.loss_ratio, router.device) for router in working if router.loss_ratio is not None]
    if lossy and (best := min(lossy))[0] > LOSS_AT_RISK:
        code = "loss-high" if best[0] > LOSS_NOT_READY else "loss"
        reasons.append(Reason(code, {"device": best[1], "loss_ratio": best[0]}))
    slow = [(router.rtt_s, router.device) for router in working if router.rtt_s is not None]
    if slow and (quickest := min(slow))[0] > SLOW_S:
        reasons.append(Reason("slow", {"device": quickest[1], "rtt_s": quickest[0]}))
    return reasons


def _device(code: str, facts: DeviceFacts | None, now: datetime) -> list[Reason]:
    doubt = _doubt(code, facts, now)
    if doubt is not None or facts is None:
        return [doubt] if doubt else []
    return [] if facts.outcome in ANSWERS else [Reason("device-unreachable", {"device": code, "role": facts.role})]


def _power(code: str, facts: DeviceFacts | None, needed: timedelta, now: datetime) -> list[Reason]:
    """Judge a UPS: one that says nothing stops no meeting, but nobody knows whether there is power in reserve."""
    if facts is None or _doubt(code, facts, now) or facts.outcome not in ANSWERS or facts.on_battery is None:
        return [Reason("power-unknown", {"device": code})]
    if not facts.on_battery:
        return []
    runtime_s = facts.battery_runtime_s
    if runtime_s is not None and runtime_s < needed.total_seconds():
        fields = {"device": code, "runtime_s": runtime_s, "needed_s": needed.total_seconds()}
        return [Reason("battery-short", fields)]
    return [Reason("on-battery", {"device": code, "runtime_s": runtime_s})]
