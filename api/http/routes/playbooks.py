"""The JSON API on playbooks: what there is, launching one on an office, what runs did and say, line by line."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import Field

from api.glue import rooms_in_session
from api.http.deps import CurrentActor, State_, Tx
from api.http.paging import After, Limit, Page, Shape, cut
from api.http.routes.router import api_router, problems
from kernel.actors import Actor
from playbooks.public import (
    PLAYBOOKS_READ,
    PLAYBOOKS_RUN,
    ArgumentType,
    Kind,
    LaunchRequest,
    PlaybookView,
    Risk,
    RunState,
    Why,
    WhyLeftOut,
    ask_override,
    cancel,
    launch,
    override,
    run_for,
    run_hosts,
    run_lines,
    runs,
)

router = api_router("playbooks")


async def _runner(actor: CurrentActor) -> Actor:
    actor.require(PLAYBOOKS_RUN)
    return actor


Runner = Annotated[Actor, Depends(_runner)]
"""Who may run playbooks; asked before what they sent is looked at."""


class Words(Shape):
    """The same in both languages."""

    vi: str
    en: str


class Argument(Shape):
    """An argument of a playbook."""

    title: Words
    help: Words | None
    type: ArgumentType
    default: bool | int | str | tuple[str, ...] | None = Field(description="Null: it must be given.")
    pattern: str = Field(description="Regular expression that a text, or each item of a list, matches; empty: any.")
    choices: tuple[str, ...]
    least: int | None
    most: int | None


class Playbook(Shape):
    """A playbook that may be run."""

    name: str
    title: Words
    help: Words
    risk: Risk
    check_note: Words = Field(description="What a dry run of it can tell, and what not.")
    roles: tuple[str, ...] = Field(description="Roles that may run it.")
    limit_s: int = Field(description="Seconds after which a run is ended.")
    arguments: dict[str, Argument]


class Coverage(Shape):
    """How much a dry run could foretell."""

    foretold: int = Field(description="Tasks, counted for each host.")
    untold: tuple[str, ...] = Field(description="Tasks that check mode passes over.")


class LeftOut(Shape):
    """A device of the office that a run does not go to."""

    device: str
    why: WhyLeftOut


class Run(Shape):
    """One launch of a playbook on an office."""

    id: uuid.UUID
    playbook: str
    office: str
    office_name: str
    check: bool = Field(description="A dry run: it says what would change, and changes nothing.")
    arguments: dict[str, Any]
    targets: tuple[str, ...] = Field(description="Devices that it goes to.")
    left_out: tuple[LeftOut, ...] = Field(description="The office's other devices at the launch.")
    state: RunState
    why: Why
    details: dict[str, Any]
    launched_by: str = Field(description="Sign-in name; fields that end in `_name` say what colleagues call somebody.")
    launched_by_name: str
    launched_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    held_room: str = Field(description="Room in session that held it up; empty if none.")
    held_meeting: str
    held_until: datetime | None
    overridden_by: str | None
    overridden_by_name: str | None
    override_reason: str
    cancelled_by: str | None
    cancelled_by_name: str | None
    lines: int
    coverage: Coverage | None


class Line(Shape):
    """A line of a run's log."""

    number: int
    at: datetime
    host: str
    kind: Kind
    text: str


class Difference(Shape):
    """What a task changed in one place, or would."""

    task: str
    place: str
    before: str
    after: str


class Host(Shape):
    """What a run did to one host."""

    host: str
    ok: int
    changed: int
    failed: int
    skipped: int
    unreachable: bool
    differences: tuple[Difference, ...]


class Launch(Shape):
    """What to run."""

    playbook: str
    office: str = Field(description="Code of the office.")
    check: bool = Field(default=False, description="Only say what would change.")
    arguments: dict[str, Any] = Field(default_factory=dict)
    ask: bool = Field(default=False, description="Held up by a room in session: keep it for a second technician.")


class Reason(Shape):
    """Why something is done in spite of what stands in its way."""

    reason: str = Field(max_length=500)


@router.get("/playbooks", summary="Playbooks that may be run")
async def list_playbooks(state: State_, actor: CurrentActor, limit: Limit = 50, after: After = None) -> Page[Playbook]:
    """In the order of their names."""
    actor.require(PLAYBOOKS_READ)
    return cut([_playbook(found) for found in state.playbooks.values()], lambda found: found.name, limit, after)


@router.get("/playbook-runs", summary="Runs")
async def list_runs(
    actor: CurrentActor,
    tx: Tx,
    office: Annotated[str | None, Query(description="Code of an office.")] = None,
    playbook: Annotated[str | None, Query(description="Name of a playbook.")] = None,
    state: Annotated[RunState | None, Query(description="Only these.")] = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[Run]:
    """The newest first."""
    page = await runs(actor, tx, office=office, playbook=playbook, state=state, limit=limit, after=after)
    return Page(items=[Run.model_validate(run) for run in page.runs], next=page.next_cursor)


@router.post("/playbook-runs", status_code=201, summary="Launch a playbook", responses=problems(400, 404, 409))
async def launch_run(state: State_, actor: Runner, tx: Tx, wanted: Launch) -> Run:
    """It begins as soon as a worker is free. 409 names the run that has the office, or the room in session."""
    request = LaunchRequest(wanted.playbook, wanted.office, wanted.check, wanted.arguments)
    use_case = ask_override if wanted.ask else launch
    return Run.model_validate(await use_case(request, actor, tx, rooms_in_session, catalog=state.playbooks))


@router.get("/playbook-runs/{run_id}", summary="One run", responses=problems(404))
async def read_run(actor: CurrentActor, tx: Tx, run_id: uuid.UUID) -> Run:
    """How it is."""
    return Run.model_validate(await run_for(actor, run_id, tx))


@router.get("/playbook-runs/{run_id}/lines", summary="What a run says", responses=problems(404))
async def read_lines(
    actor: CurrentActor,
    tx: Tx,
    run_id: uuid.UUID,
    after: Annotated[int, Query(ge=0, description="Number of the last line that you have.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most lines.")] = 500,
) -> list[Line]:
    """Lines in order; ask again with the last number to go on. Secrets are hidden."""
    return [Line.model_validate(line) for line in await run_lines(actor, run_id, tx, after=after, limit=limit)]


@router.get("/playbook-runs/{run_id}/hosts", summary="What a run did to each host", responses=problems(404))
async def read_hosts(actor: CurrentActor, tx: Tx, run_id: uuid.UUID) -> list[Host]:
    """Counts of tasks, and differences."""
    return [Host.model_validate(host) for host in await run_hosts(actor, run_id, tx)]


@router.post("/playbook-runs/{run_id}/cancel", summary="End a run", responses=problems(404, 409))
async def cancel_run(actor: Runner, tx: Tx, run_id: uuid.UUID) -> Run:
    """At once if it waits; within seconds if it runs."""
    return Run.model_validate(await cancel(actor, run_id, tx))


@router.post("/playbook-runs/{run_id}/override", summary="Let a held run begin", responses=problems(404, 409))
async def override_run(actor: Runner, tx: Tx, run_id: uuid.UUID, why: Reason) -> Run:
    """By a second technician, never by the one who wants it; the reason is kept in the audit log."""
    return Run.model_validate(await override(actor, run_id, why.reason, tx))


def _playbook(found: PlaybookView) -> Playbook:
    return Playbook(
        name=found.name,
        title=Words.model_validate(found.title),
        help=Words.model_validate(found.help),
        risk=found.risk,
        check_note=Words.model_validate(found.check_note),
        roles=found.roles,
        limit_s=found.limit_s,
        arguments={name: Argument.model_validate(argument) for name, argument in found.arguments.items()},
    )
