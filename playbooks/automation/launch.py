"""Launches a playbook on one office, or asks a second technician to let it run although a room is in session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from inventory.public import PLAYBOOKS_RUN, DeviceWish, devices_on, office_id, ssh_access
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import Conflict
from kernel.ids import new_id
from playbooks.automation.ask_guards import Guarded, ask_guards
from playbooks.automation.catalog import Catalog, PlaybookView, bundled_catalog, playbook_of
from playbooks.automation.errors import (
    InBlackout,
    NeedsApproval,
    NotForYourRole,
    OfficeBusy,
    OverrideNotNeeded,
    RoomInSession,
)
from playbooks.automation.events import PlaybookLaunched
from playbooks.automation.guards import Held, HindranceKind, SessionNotice
from playbooks.automation.outside import Outside, RoomsInSession
from playbooks.automation.queries import RunView, run_for
from playbooks.automation.record import refusals_on_record
from playbooks.automation.repository import insert_run, run_on
from playbooks.automation.runs import RunState
from playbooks.automation.targets import left_out, targets

RUN_PLAYBOOK: Final = "run-playbook"
"""Name of the durable work that runs one playbook; its argument is the run's id."""

TRIES: Final = 3

MOST_DEVICES: Final = 200
"""Of an office; of those that a run leaves out more are not named."""

MOST_NAME: Final = 63
"""Characters of a name that nobody has looked at yet."""


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """What somebody wants to run.

    Attributes:
        playbook: Its name in the catalog.
        office: Code of the office.
        check: Only say what would change.
        arguments: By name; those left out take their defaults.
    """

    playbook: str
    office: str
    check: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)


async def launch(
    request: LaunchRequest,
    actor: Actor,
    tx: Transaction,
    sessions: RoomsInSession,
    *,
    catalog: Catalog | None = None,
) -> RunView:
    """Launch the playbook and return its run, which begins as soon as a worker is free. A refusal is audited.

    Raises:
        Refused: The role may not run playbooks, or not this one.
        NotFound: There is no such playbook, or no such office on which `actor` may run it.
        BadArgument: An argument is unknown, missing or not of its form.
        NoTargets, SshKeyMissing, HostKeyUnknown: The office has no devices that can be let in to over SSH.
        OfficeBusy: Another run has the office; it is named.
        RoomInSession: A room of the office is in session, or one behind it; with the time from when it may run.
        InBlackout: A window forbids changes now.
        NeedsApproval: It is run with a second person's approval only.
    """
    with refusals_on_record(tx, actor, "playbook.refused", f"office:{request.office[:MOST_NAME]}", _wanted(request)):
        playbook, values = await _judged(request, actor, tx, catalog)
        if playbook.needs_approval(check=request.check):
            raise NeedsApproval(playbook=playbook.name)
        held = await _held(request, playbook, values["targets"], tx, sessions)
        if held is not None:
            raise RoomInSession(room=held.notice.room, meeting=held.notice.meeting, until=held.until)
        values["state"] = str(RunState.WAITING)
        await take_office(tx, request.office, values)
    return await started(actor, tx, values, request.office, overridden=False)


async def ask_override(
    request: LaunchRequest,
    actor: Actor,
    tx: Transaction,
    sessions: RoomsInSession,
    *,
    catalog: Catalog | None = None,
) -> RunView:
    """Keep what was refused as a held run, for a second technician to let it run, and return it. A refusal is audited.

    Raises:
        OverrideNotNeeded: Nothing stands in its way: launch it.
        Refused, NotFound, BadArgument, NoTargets: As `launch`.
    """
    with refusals_on_record(tx, actor, "playbook.refused", f"office:{request.office[:MOST_NAME]}", _wanted(request)):
        playbook, values = await _judged(request, actor, tx, catalog)
        held = await _held(request, playbook, values["targets"], tx, sessions)
        if held is None:
            raise OverrideNotNeeded
    values |= {"state": str(RunState.HELD), "held_for": held_for(held)}
    await insert_run(tx, values)  # a held run does not take the office
    tx.audit(actor, "playbook.asked", f"run:{values['id']}", after=_about(values, request.office))
    await tx.session.flush()
    return await run_for(actor, values["id"], tx)


async def take_office(tx: Transaction, office: str, values: dict[str, Any]) -> None:
    """Insert a waiting run; OfficeBusy names the run that has the office."""
    for _ in range(TRIES):
        if await insert_run(tx, values):
            return
        other = await run_on(tx, values["office_id"])
        if other is not None:
            raise busy(str(other.id), other.launched_by, other.playbook, office, other.launched_at)
    raise Conflict(what="The office")  # others came and went each time


def busy(run: str, launcher: str, playbook: str, office: str, since: datetime) -> OfficeBusy:
    """Return the error that names the run which has the office."""
    return OfficeBusy(run=run, launcher=launcher, playbook=playbook, office=office, since=since)


async def started(
    actor: Actor, tx: Transaction, values: Mapping[str, Any], office: str, *, overridden: bool
) -> RunView:
    """Queue a run that is waiting, put it on record, and return it."""
    run = values["id"]
    tx.enqueue(RUN_PLAYBOOK, str(run))
    tx.audit(
        actor,
        "playbook.overridden" if overridden else "playbook.launched",
        f"run:{run}",
        after=_about(values, office),
        reason=values["override_reason"],
    )
    tx.emit(
        PlaybookLaunched(
            run=str(run),
            playbook=values["playbook"],
            office=office,
            check=values["check_mode"],
            overridden=overridden,
        ),
        actor,
    )
    await tx.session.flush()
    return await run_for(actor, run, tx)


def held_for(held: Held) -> dict[str, Any]:
    """Return why a run is held, as it is stored."""
    return {"room": held.notice.room, "meeting": held.notice.meeting, "until": held.until.isoformat()}


async def _held(
    request: LaunchRequest, playbook: PlaybookView, targets: Sequence[str], tx: Transaction, sessions: RoomsInSession
) -> Held | None:
    """Return the session that holds the run up; None if nothing does.

    Raises:
        OfficeBusy: A rollout has one of the devices.
        InBlackout: A window forbids changes now.
    """
    guarded = [Guarded(device, request.office) for device in targets]
    changes = playbook.changes(check=request.check)
    found = await ask_guards(tx, Outside(sessions), guarded, changes=changes, only_in_windows=False)
    held: list[Held] = []
    for one in found.values():
        fields = {name: str(value) for name, value in one.fields.items()}
        if one.kind is HindranceKind.ANOTHER_RUN:
            raise busy(fields["run"], fields["launcher"], fields["playbook"], request.office, tx.now())
        if one.kind is HindranceKind.BLACKOUT:
            raise InBlackout(title=fields["title"], until=one.until)
        if one.until is not None:
            notice = SessionNotice(fields["room"], fields["meeting"], one.until, fields["office"])
            held.append(Held(notice, one.until))
    return max(held, key=lambda one: one.until, default=None)


async def _judged(
    request: LaunchRequest, actor: Actor, tx: Transaction, catalog: Catalog | None
) -> tuple[PlaybookView, dict[str, Any]]:
    """Return the playbook and the columns of a new run, if all but the hour is right."""
    actor.require(PLAYBOOKS_RUN)
    playbook = playbook_of(bundled_catalog() if catalog is None else catalog, request.playbook)
    runner = playbook.runner(actor)
    if not runner.may(PLAYBOOKS_RUN):
        raise NotForYourRole(playbook=playbook.name)
    arguments = playbook.read_arguments(request.arguments)
    office = await office_id(runner, request.office, tx, PLAYBOOKS_RUN)
    access = await ssh_access(runner, tx, request.office, PLAYBOOKS_RUN)
    found = targets(request.office, access)
    wish = DeviceWish(office=request.office)
    known = await devices_on(runner, tx, wish, limit=MOST_DEVICES, permission=PLAYBOOKS_RUN)
    return playbook, {
        "id": new_id(),
        "playbook": playbook.name,
        "office_id": office,
        "check_mode": request.check,
        "arguments": arguments,
        "targets": [target.device for target in found],
        "left_out": [asdict(one) for one in left_out(known.devices, access)],
        "why": "",
        "details": {},
        "launched_by_id": actor.id,
        "launched_by": actor.name,
        "launched_at": tx.now(),
        "override_reason": "",
        "plan": {"changes": playbook.changes(check=request.check)},
        "devices": len(found),
        "offices": 1,
        "content": playbook.content,
    }


def _wanted(request: LaunchRequest) -> dict[str, Any]:
    """Return what was wanted, for the record of a refusal; arguments are not looked at yet."""
    return {"playbook": request.playbook[:MOST_NAME], "office": request.office[:MOST_NAME], "check": request.check}


def _about(values: Mapping[str, Any], office: str) -> dict[str, Any]:
    return {
        "playbook": values["playbook"],
        "office": office,
        "check": values["check_mode"],
        "arguments": values["arguments"],
        "targets": values["targets"],
        "launched_by": values["launched_by"],
        "held_for": values.get("held_for"),
        "content": values["content"],
    }
