"""The JSON API on schedules: playbooks that run by themselves."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from api.glue import days_off, outside
from api.http.deps import CurrentActor, State_, Tx
from api.http.paging import After, Limit, Page, Shape
from api.http.routes.playbooks import Runner
from api.http.routes.rollouts import Targets
from api.http.routes.router import api_router, problems
from playbooks.public import (
    OnHoliday,
    Order,
    ScheduleRequest,
    ScheduleView,
    end_schedule,
    fires,
    make_schedule,
    next_times,
    pause_schedule,
    preview_schedule,
    resume_schedule,
    schedule_for,
    schedules,
    timing_of_schedule,
)

router = api_router("playbooks")

NEXT = 5


class NewSchedule(Shape):
    """What is to run by itself, with the rights that its maker has at the time."""

    name: str = Field(max_length=100)
    playbook: str
    targets: Targets
    check: bool = Field(default=False, description="Only say what would change.")
    arguments: dict[str, Any] = Field(default_factory=dict)
    only_in_windows: bool = False
    rule: str = Field(max_length=500, description="When it comes again (RFC 5545, RRULE).")
    first: datetime = Field(description="Local time from which the rule counts, without a zone.")
    zone: str = Field(default="Asia/Ho_Chi_Minh", max_length=60)
    on_holiday: OnHoliday = Field(default="skip", description="On an official day off: runs, does not, or moves.")

    def request(self) -> ScheduleRequest:
        """Return it as the domain has it."""
        order = Order(self.playbook, self.targets.wish(), self.check, self.arguments, self.only_in_windows)
        return ScheduleRequest(self.name, order, self.rule, self.first, self.zone, self.on_holiday)


class Schedule(Shape):
    """A schedule."""

    id: uuid.UUID
    name: str
    playbook: str
    targets: Targets
    check: bool
    arguments: dict[str, Any]
    only_in_windows: bool
    rule: str
    first: datetime
    zone: str
    on_holiday: OnHoliday
    owner: str
    owner_name: str = Field(description="What colleagues call them.")
    state: str = Field(description="on, paused or ended.")
    next_at: datetime | None


class Due(Shape):
    """One time of a schedule."""

    at: datetime
    moved: bool = Field(description="Whether a day off moved it.")


class Fire(Shape):
    """What became of one time: launched with its run, refused with why, or missed."""

    due_at: datetime
    outcome: str
    run: uuid.UUID | None
    code: str
    why: str


@router.get("/playbook-schedules", summary="Schedules")
async def list_schedules(
    actor: CurrentActor,
    tx: Tx,
    ended: Annotated[bool, Query(description="Also those that have ended.")] = False,  # noqa: FBT002
    limit: Limit = 50,
    after: After = None,
) -> Page[Schedule]:
    """One's own; all, with a look at playbooks everywhere. The newest first."""
    page = await schedules(actor, tx, ended=ended, limit=limit, after=after)
    return Page(items=[_shape(one) for one in page.schedules], next=page.next_cursor)


@router.post("/playbook-schedules", status_code=201, summary="Make a schedule", responses=problems(400, 404, 409))
async def add_schedule(state: State_, actor: Runner, tx: Tx, wanted: NewSchedule) -> Schedule:
    """What could not be launched now is refused now."""
    return _shape(
        await make_schedule(wanted.request(), actor, tx, outside(), await days_off(tx), catalog=state.playbooks)
    )


@router.post("/playbook-schedules/preview", summary="Next times of a schedule", responses=problems(400))
async def preview(actor: Runner, tx: Tx, wanted: NewSchedule) -> list[Due]:  # noqa: ARG001 - who may run playbooks
    """Nothing is stored."""
    return [Due.model_validate(one) for one in preview_schedule(wanted.request(), await days_off(tx), tx.now())]


@router.get("/playbook-schedules/{schedule_id}", summary="One schedule", responses=problems(404))
async def read_schedule(actor: CurrentActor, tx: Tx, schedule_id: uuid.UUID) -> Schedule:
    """How it is."""
    return _shape(await schedule_for(actor, schedule_id, tx))


@router.get("/playbook-schedules/{schedule_id}/times", summary="Its next times", responses=problems(404))
async def read_next(actor: CurrentActor, tx: Tx, schedule_id: uuid.UUID) -> list[Due]:
    """The next five."""
    found = await schedule_for(actor, schedule_id, tx)
    if found.state != "on":
        return []
    ahead = next_times(timing_of_schedule(found), await days_off(tx), tx.now(), NEXT)
    return [Due.model_validate(one) for one in ahead]


@router.get("/playbook-schedules/{schedule_id}/past", summary="What became of its times", responses=problems(404))
async def read_past(actor: CurrentActor, tx: Tx, schedule_id: uuid.UUID) -> list[Fire]:
    """The latest first."""
    return [Fire.model_validate(one) for one in await fires(actor, schedule_id, tx)]


@router.post("/playbook-schedules/{schedule_id}/pause", summary="Pause a schedule", responses=problems(404, 409))
async def pause(actor: Runner, tx: Tx, schedule_id: uuid.UUID) -> Schedule:
    """Nothing is launched by it until it is resumed."""
    return _shape(await pause_schedule(actor, schedule_id, tx))


@router.post("/playbook-schedules/{schedule_id}/resume", summary="Resume a schedule", responses=problems(404, 409))
async def resume(actor: Runner, tx: Tx, schedule_id: uuid.UUID) -> Schedule:
    """Times that passed meanwhile are not made up for."""
    return _shape(await resume_schedule(actor, schedule_id, tx, await days_off(tx)))


@router.post("/playbook-schedules/{schedule_id}/end", summary="End a schedule", responses=problems(404, 409))
async def end(actor: Runner, tx: Tx, schedule_id: uuid.UUID) -> Schedule:
    """For good; its past stays."""
    return _shape(await end_schedule(actor, schedule_id, tx))


def _shape(found: ScheduleView) -> Schedule:
    order = found.order
    return Schedule(
        id=found.id,
        name=found.name,
        playbook=order.playbook,
        targets=Targets.model_validate(order.wish, from_attributes=True),
        check=order.check,
        arguments=dict(order.arguments),
        only_in_windows=order.only_in_windows,
        rule=found.rule,
        first=found.first,
        zone=found.zone,
        on_holiday=found.on_holiday,
        owner=found.owner,
        owner_name=found.owner_name,
        state=found.state,
        next_at=found.next_at,
    )
