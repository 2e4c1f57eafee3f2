"""Launches a playbook on many devices: who is meant and who not is frozen into the run, with the waves that it goes in.

A rollout waits until it may go on, and says for what (`advance.py`). What a launch would meet is told before it.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from inventory.public import (
    PLAYBOOKS_RUN,
    PlayTarget,
    TargetWish,
    WindowKind,
    offices_behind,
    play_targets,
    redundancy_groups,
    window_times,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.ids import new_id
from playbooks.automation.ask_guards import Guarded, ask_guards
from playbooks.automation.best_hours import Busy, GoodHour, best_times
from playbooks.automation.catalog import Catalog, Misfit, PlaybookView, bundled_catalog, playbook_of
from playbooks.automation.errors import NoTargetsAtAll, NotForYourRole, NothingMeant, TooManyTargets
from playbooks.automation.events import PlaybookLaunched, PlaybookProposed
from playbooks.automation.guards import Hindrance, HindranceKind, gathered
from playbooks.automation.outside import Outside
from playbooks.automation.queries import RunView, run_for
from playbooks.automation.record import refusals_on_record
from playbooks.automation.repository import add_planned_hosts, insert_run
from playbooks.automation.runs import Priority, RunState
from playbooks.automation.targets import LeftOut, WhyLeftOut, sorted_out
from playbooks.automation.waves import Member, PlannedWave, WaveWish, all_at_once, plan, summary

MOST_TARGETS: Final = 20_000
MOST_SHOWN: Final = 50
MOST_NOTE: Final = 500
MOST_NAME: Final = 63
ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")

__all__ = [
    "Outside",
    "RolloutProspect",
    "RolloutRequest",
    "TargetView",
    "TargetWish",
    "best_hours",
    "roll_out",
    "rollout_prospect",
]


@dataclass(frozen=True, slots=True)
class RolloutRequest:
    """What somebody wants to run, and where.

    Attributes:
        playbook: Its name in the catalog.
        wish: Which devices.
        check: Only say what would change.
        arguments: By name; those left out take their defaults.
        waves: How it grows; None: as the playbook says.
        only_in_windows: Go on in maintenance windows only.
        priority: Which run a site that is there for minutes gets first; None: as the playbook says.
        expires_h: Hours after which a device that was not seen is given up; None: as the playbook says.
        note: Why, for those who read it later.
    """

    playbook: str
    wish: TargetWish
    check: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)
    waves: WaveWish | None = None
    only_in_windows: bool = False
    priority: Priority | None = None
    expires_h: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class TargetView:
    """A device that a rollout would go to, and in which wave."""

    device: str
    name: str
    role: str
    office: str
    office_name: str
    wave: int


@dataclass(frozen=True, slots=True)
class RolloutProspect:
    """What a launch would meet now. It may be otherwise a moment later: the run looks again before each wave.

    Attributes:
        playbook: Name of the playbook.
        devices: How many devices it would go to.
        offices: At how many offices.
        first: The first of them in the order of the waves.
        left_out: Devices that are meant and that it would not go to.
        waves: How it would grow.
        hindrances: What would hold the first wave up.
        needs_approval: Whether a second person must approve it.
        content: Hash of the playbooks' folder.
        misfits: What is wrong with arguments, by their names.
    """

    playbook: str
    devices: int
    offices: int
    first: tuple[TargetView, ...]
    left_out: tuple[LeftOut, ...]
    waves: tuple[PlannedWave, ...]
    hindrances: tuple[Hindrance, ...]
    needs_approval: bool
    content: str
    misfits: Mapping[str, Misfit]

    @property
    def left_out_by(self) -> Mapping[WhyLeftOut, int]:
        """How many are left out for which reason."""
        return Counter(one.why for one in self.left_out)


@dataclass(frozen=True, slots=True)
class _Found:
    targets: Mapping[str, PlayTarget]
    left_out: list[LeftOut]
    waves: list[PlannedWave]


async def roll_out(
    request: RolloutRequest,
    actor: Actor,
    tx: Transaction,
    outside: Outside,  # noqa: ARG001 - as every launch has it
    *,
    catalog: Catalog | None = None,
    retry_of: uuid.UUID | None = None,
    undo_of: uuid.UUID | None = None,
) -> RunView:
    """Launch the rollout and return its run: it waits for its first wave, or for approval. A refusal is audited.

    Raises:
        Refused: The role may not run playbooks, or not this one.
        NotFound: There is no such playbook.
        BadArgument: An argument is unknown, missing or not of its form.
        NothingMeant, TooManyTargets: Nothing is named, or too much.
        NoTargetsAtAll: Nothing that is meant can be gone to, or not by `actor`.
    """
    wanted = {"playbook": request.playbook[:MOST_NAME], "check": request.check, "wish": _stored(request.wish)}
    with refusals_on_record(tx, actor, "playbook.refused", f"playbook:{request.playbook[:MOST_NAME]}", wanted):
        playbook = _playbook(request, actor, catalog)
        arguments = playbook.read_arguments(request.arguments)
        found = await _found(request, playbook, actor, tx)
        if not found.targets:
            raise NoTargetsAtAll
    proposed = playbook.needs_approval(check=request.check)
    now, run = tx.now(), new_id()
    expires = timedelta(hours=request.expires_h or playbook.expires_h)
    approve_by = now + timedelta(hours=playbook.approval_h) if proposed else None
    wish = request.waves or playbook.waves
    values = {
        "id": run,
        "playbook": playbook.name,
        "office_id": None,
        "check_mode": request.check,
        "arguments": arguments,
        "targets": [],
        "left_out": [asdict(one) for one in found.left_out],
        "state": str(RunState.PROPOSED if proposed else RunState.WAITING),
        "why": "",
        "details": {},
        "launched_by_id": actor.id,
        "launched_by": actor.name,
        "launched_at": now,
        "override_reason": "",
        "wish": _stored(request.wish),
        "plan": {
            "waves": wish.as_json(),
            "planned": summary(found.waves),
            "only_in_windows": request.only_in_windows,
            "changes": playbook.changes(check=request.check),
        },
        "devices": len(found.targets),
        "offices": len({target.office for target in found.targets.values()}),
        "content": playbook.content,
        "note": " ".join(request.note.split())[:MOST_NOTE],
        "priority": str(request.priority or playbook.priority),
        "approve_by": approve_by,
        "expires_at": now + expires,
        "retry_of": retry_of,
        "undo_of": undo_of,
        "hindrances": [Hindrance(HindranceKind.APPROVAL, approve_by).as_json()] if proposed else [],
        "look_at": now,
    }
    await insert_run(tx, values)
    await add_planned_hosts(tx, run, _host_rows(found))
    about = {
        name: values[name]
        for name in ("playbook", "arguments", "wish", "plan", "devices", "offices", "content", "note", "priority")
    } | {
        "check": request.check,
        "left_out": dict(Counter(str(one.why) for one in found.left_out)),
        "retry_of": str(retry_of or ""),
        "undo_of": str(undo_of or ""),
    }
    tx.audit(actor, "playbook.proposed" if proposed else "playbook.launched", f"run:{run}", after=about)
    if proposed:
        tx.emit(PlaybookProposed(run=str(run), playbook=playbook.name, devices=len(found.targets)), actor)
    else:
        tx.emit(
            PlaybookLaunched(
                run=str(run), playbook=playbook.name, office="", check=request.check, overridden=False
            ),
            actor,
        )  # fmt: skip
    await tx.session.flush()
    return await run_for(actor, run, tx)


async def rollout_prospect(
    request: RolloutRequest, actor: Actor, tx: Transaction, outside: Outside, *, catalog: Catalog | None = None
) -> RolloutProspect:
    """Return what the launch would meet; nothing is stored. Errors as `roll_out`, but for arguments and no targets."""
    playbook = _playbook(request, actor, catalog)
    _, misfits = playbook.judge_arguments(request.arguments)
    found = await _found(request, playbook, actor, tx)
    first = found.waves[0].members if found.waves else ()
    held = await ask_guards(
        tx,
        outside,
        [Guarded(one.device, one.office, one.groups) for one in first],
        changes=playbook.changes(check=request.check),
        only_in_windows=request.only_in_windows,
    )
    shown = [(member, wave.number) for wave in found.waves for member in wave.members][:MOST_SHOWN]
    return RolloutProspect(
        playbook=playbook.name,
        devices=len(found.targets),
        offices=len({target.office for target in found.targets.values()}),
        first=tuple(_target_view(found.targets[member.device], number) for member, number in shown),
        left_out=tuple(found.left_out),
        waves=tuple(found.waves),
        hindrances=tuple(gathered(held.values())),
        needs_approval=playbook.needs_approval(check=request.check),
        content=playbook.content,
        misfits=misfits,
    )


async def best_hours(
    wish: TargetWish, actor: Actor, tx: Transaction, outside: Outside, *, minutes: int = 60, days: int = 7
) -> list[GoodHour]:
    """Return the best times for `minutes` of work on what `wish` means, in the next `days`, the best first.

    Raises:
        NothingMeant, TooManyTargets: As `roll_out`.
    """
    targets = await _meant(wish, actor, tx)
    devices = [target.device for target in targets]
    behind = await offices_behind(tx, devices)
    offices = {target.office for target in targets}.union(*behind.values())
    start, until = tx.now(), tx.now() + timedelta(days=min(days, 31))
    times = await window_times(tx, devices, start, until)
    blackouts = {one for found in times.values() for one in found if one.kind is WindowKind.BLACKOUT}
    return best_times(
        await outside.busy(tx, sorted(offices), start, until),
        [Busy(one.title, one.starts_at, one.ends_at) for one in blackouts],
        lasts=timedelta(minutes=max(15, min(minutes, 24 * 60))),
        start=start,
        until=until,
        zone=ZONE,
    )


def _playbook(request: RolloutRequest, actor: Actor, catalog: Catalog | None) -> PlaybookView:
    actor.require(PLAYBOOKS_RUN)
    playbook = playbook_of(bundled_catalog() if catalog is None else catalog, request.playbook)
    if not playbook.runner(actor).may(PLAYBOOKS_RUN):
        raise NotForYourRole(playbook=playbook.name)
    return playbook


async def _meant(wish: TargetWish, actor: Actor, tx: Transaction) -> list[PlayTarget]:
    if not wish:
        raise NothingMeant
    found = await play_targets(actor, tx, wish, PLAYBOOKS_RUN, limit=MOST_TARGETS + 1)
    if len(found) > MOST_TARGETS:
        raise TooManyTargets(most=MOST_TARGETS)
    return found


async def _found(request: RolloutRequest, playbook: PlaybookView, actor: Actor, tx: Transaction) -> _Found:
    meant = await _meant(request.wish, playbook.runner(actor), tx)
    going, left_out = sorted_out(meant, request.wish.devices)
    devices = [target.device for target in going]
    groups = await redundancy_groups(tx, devices)
    behind = await offices_behind(tx, devices)
    members = [
        Member(
            device=target.device,
            office=target.office,
            region=target.region,
            depth=target.depth,
            behind=len(behind.get(target.device, ())),
            groups=groups.get(target.device, frozenset()),
        )
        for target in going
    ]
    changes = playbook.changes(check=request.check)
    waves = plan(members, request.waves or playbook.waves) if changes else all_at_once(members)
    return _Found({target.device: target for target in going}, left_out, waves)


def _host_rows(found: _Found) -> Sequence[dict[str, Any]]:
    return [
        {
            "host": member.device,
            "office_id": found.targets[member.device].office_id,
            "wave": wave.number,
            "groups": sorted(member.groups),
        }
        for wave in found.waves
        for member in wave.members
    ]


def _target_view(target: PlayTarget, wave: int) -> TargetView:
    return TargetView(target.device, target.name, str(target.role), target.office, target.office_name, wave)


def _stored(wish: TargetWish) -> dict[str, Any]:
    return {name: list(codes)[:MOST_TARGETS] for name, codes in asdict(wish).items() if codes}
