"""The JSON API on rollouts: launching on many devices, what a launch would meet, steering, devices and times."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from api.glue import outside
from api.http.deps import CurrentActor, State_, Tx
from api.http.paging import After, Limit, Page, Shape
from api.http.routes.playbooks import Difference, LeftOut, Reason, Run, Runner
from api.http.routes.router import api_router, problems
from playbooks.public import (
    HindranceKind,
    HostState,
    Priority,
    RolloutRequest,
    TargetWish,
    WaveKind,
    WaveState,
    approve,
    best_hours,
    host_differences,
    hosts_of_run,
    pause,
    refuse,
    resume,
    retry_failed,
    roll_out,
    rollout_prospect,
    run_for,
    task_times,
    undo,
)

router = api_router("playbooks")


class Targets(Shape):
    """Which devices are meant: those in one of each list that is not empty."""

    units: tuple[str, ...] = Field(default=(), description="Codes of units, each with all below it.")
    offices: tuple[str, ...] = ()
    levels: tuple[str, ...] = Field(default=(), description="Levels of the units that offices belong to.")
    roles: tuple[str, ...] = Field(default=(), description="Roles of devices.")
    profiles: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()

    def wish(self) -> TargetWish:
        """Return them as the domain has them."""
        return TargetWish(**self.model_dump())


class Rollout(Shape):
    """What to run, and where."""

    playbook: str
    targets: Targets
    check: bool = Field(default=False, description="Only say what would change.")
    arguments: dict[str, Any] = Field(default_factory=dict)
    only_in_windows: bool = Field(default=False, description="Go on in maintenance windows only.")
    priority: Priority | None = None
    note: str = Field(default="", max_length=500)

    def request(self) -> RolloutRequest:
        """Return it as the domain has it."""
        return RolloutRequest(
            self.playbook,
            self.targets.wish(),
            check=self.check,
            arguments=self.arguments,
            only_in_windows=self.only_in_windows,
            priority=self.priority,
            note=self.note,
        )


class Hindrance(Shape):
    """What holds a run up."""

    kind: HindranceKind
    until: datetime | None
    devices: int
    fields: dict[str, str | int]


class Wave(Shape):
    """A wave of a run."""

    number: int
    kind: WaveKind
    state: WaveState
    devices: int
    done: int
    failed: int
    unreachable: int
    interrupted: int
    started_at: datetime | None
    ended_at: datetime | None
    soak_until: datetime | None


class RolloutRun(Run):
    """A run with its waves and what it waits for."""

    devices: int
    offices: int
    wish: dict[str, Any]
    note: str
    content: str = Field(description="Hash of the playbooks' folder that was looked at.")
    priority: Priority
    waves: tuple[Wave, ...]
    counts: dict[HostState, int] = Field(description="How many devices are how.")
    changed: int
    hindrances: tuple[Hindrance, ...]
    approve_by: datetime | None
    approved_by: str | None
    approved_by_name: str | None
    paused_by: str | None
    paused_by_name: str | None
    expires_at: datetime | None
    retry_of: uuid.UUID | None
    undo_of: uuid.UUID | None


class Prospect(Shape):
    """What a launch would meet now."""

    devices: int
    offices: int
    first: tuple[str, ...] = Field(description="Codes of the first devices, in the order of the waves.")
    left_out: tuple[LeftOut, ...]
    waves: tuple[int, ...] = Field(description="Devices of each wave.")
    hindrances: tuple[Hindrance, ...]
    needs_approval: bool
    content: str
    misfits: dict[str, str] = Field(description="What is wrong with arguments.")


class Hours(Shape):
    """A time for the work, and the meetings that it would hurt."""

    starts_at: datetime
    ends_at: datetime
    meetings: tuple[str, ...]


class HostOfRun(Shape):
    """A device of a run."""

    host: str
    office: str
    wave: int
    state: HostState
    tries: int
    ok: int
    changed: int
    failed: int
    skipped: int
    seconds: float
    task: str
    started_at: datetime | None
    ended_at: datetime | None


class TaskTime(Shape):
    """How long a task of a wave took."""

    wave: int
    number: int
    task: str
    hosts: int
    seconds: float
    longest_s: float
    slowest_host: str


@router.post("/playbook-rollouts", status_code=201, summary="Launch on many devices", responses=problems(400, 404, 409))
async def launch_rollout(state: State_, actor: Runner, tx: Tx, wanted: Rollout) -> RolloutRun:
    """It waits until it may go on, wave by wave, and says for what."""
    return RolloutRun.model_validate(await roll_out(wanted.request(), actor, tx, outside(), catalog=state.playbooks))


@router.post("/playbook-prospects", summary="What a launch would meet", responses=problems(400, 404))
async def read_prospect(state: State_, actor: Runner, tx: Tx, wanted: Rollout) -> Prospect:
    """Nothing is stored. It may be otherwise a moment later: a run looks again before each wave."""
    found = await rollout_prospect(wanted.request(), actor, tx, outside(), catalog=state.playbooks)
    return Prospect(
        devices=found.devices,
        offices=found.offices,
        first=tuple(one.device for one in found.first),
        left_out=tuple(LeftOut.model_validate(one) for one in found.left_out),
        waves=tuple(len(wave.members) for wave in found.waves),
        hindrances=tuple(Hindrance.model_validate(one) for one in found.hindrances),
        needs_approval=found.needs_approval,
        content=found.content,
        misfits={name: str(misfit) for name, misfit in found.misfits.items()},
    )


@router.post("/playbook-hours", summary="Best hours for work", responses=problems(400))
async def read_hours(
    actor: Runner,
    tx: Tx,
    targets: Targets,
    minutes: Annotated[int, Query(ge=15, le=1440, description="How long the work takes.")] = 60,
) -> list[Hours]:
    """In the next seven days, the best first; without meetings means that none is hurt."""
    found = await best_hours(targets.wish(), actor, tx, outside(), minutes=minutes)
    return [Hours.model_validate(one) for one in found]


@router.get("/playbook-rollouts/{run_id}", summary="One run with its waves", responses=problems(404))
async def read_rollout(actor: CurrentActor, tx: Tx, run_id: uuid.UUID) -> RolloutRun:
    """How it is, and what it waits for."""
    return RolloutRun.model_validate(await run_for(actor, run_id, tx))


@router.get("/playbook-rollouts/{run_id}/hosts", summary="Devices of a run", responses=problems(404))
async def read_rollout_hosts(
    actor: CurrentActor,
    tx: Tx,
    run_id: uuid.UUID,
    state: Annotated[HostState | None, Query(description="Only these.")] = None,
    wave: Annotated[int | None, Query(ge=0, description="Only those of this wave.")] = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[HostOfRun]:
    """By their codes."""
    page = await hosts_of_run(actor, run_id, tx, state=state, wave=wave, limit=limit, after=after)
    return Page(items=[HostOfRun.model_validate(host) for host in page.hosts], next=page.next_cursor)


@router.get("/playbook-rollouts/{run_id}/hosts/{host}", summary="What a run changed there", responses=problems(404))
async def read_differences(actor: CurrentActor, tx: Tx, run_id: uuid.UUID, host: str) -> list[Difference]:
    """Or would change, in a dry run."""
    return [Difference.model_validate(one) for one in await host_differences(actor, run_id, host, tx)]


@router.get("/playbook-rollouts/{run_id}/times", summary="How long each task took", responses=problems(404))
async def read_times(actor: CurrentActor, tx: Tx, run_id: uuid.UUID) -> list[TaskTime]:
    """By wave, in the order of the tasks."""
    return [TaskTime.model_validate(one) for one in await task_times(actor, run_id, tx)]


@router.post("/playbook-rollouts/{run_id}/approve", summary="Approve a run", responses=problems(404, 409))
async def approve_rollout(actor: Runner, tx: Tx, run_id: uuid.UUID, why: Reason) -> RolloutRun:
    """By a second person, never by the one who launched it."""
    return RolloutRun.model_validate(await approve(actor, run_id, tx, reason=why.reason))


@router.post("/playbook-rollouts/{run_id}/refuse", summary="Do not approve a run", responses=problems(404, 409))
async def refuse_rollout(actor: Runner, tx: Tx, run_id: uuid.UUID, why: Reason) -> RolloutRun:
    """With a reason."""
    return RolloutRun.model_validate(await refuse(actor, run_id, why.reason, tx))


@router.post("/playbook-rollouts/{run_id}/pause", summary="Let no further wave begin", responses=problems(404, 409))
async def pause_rollout(actor: Runner, tx: Tx, run_id: uuid.UUID) -> RolloutRun:
    """What runs now is ended."""
    return RolloutRun.model_validate(await pause(actor, run_id, tx))


@router.post("/playbook-rollouts/{run_id}/resume", summary="Let a run go on", responses=problems(404, 409))
async def resume_rollout(state: State_, actor: Runner, tx: Tx, run_id: uuid.UUID) -> RolloutRun:
    """One that was paused, or stopped by itself."""
    return RolloutRun.model_validate(await resume(actor, run_id, tx, catalog=state.playbooks))


@router.post("/playbook-rollouts/{run_id}/retry", status_code=201, summary="Try again", responses=problems(404, 409))
async def retry_rollout(state: State_, actor: Runner, tx: Tx, run_id: uuid.UUID) -> RolloutRun:
    """The same on the devices that were not done well; the new run is returned."""
    return RolloutRun.model_validate(await retry_failed(actor, run_id, tx, outside(), catalog=state.playbooks))


@router.post("/playbook-rollouts/{run_id}/undo", status_code=201, summary="Take back", responses=problems(404, 409))
async def undo_rollout(state: State_, actor: Runner, tx: Tx, run_id: uuid.UUID) -> RolloutRun:
    """By the playbook that its own names, on the devices that were begun; the new run is returned."""
    return RolloutRun.model_validate(await undo(actor, run_id, tx, outside(), catalog=state.playbooks))
