"""Makes, pauses, resumes and ends schedules. A schedule runs with the rights that its maker has at the time.

Its maker sees it, and who may look at playbooks everywhere; its maker steers it, and who may run playbooks everywhere.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from inventory.public import PLAYBOOKS_RUN
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from kernel.ids import new_id
from kernel.recurrence import begins, parse
from playbooks.automation.catalog import Catalog
from playbooks.automation.orders import Order, judged
from playbooks.automation.outside import Outside
from playbooks.automation.schedules.errors import (
    ScheduleNameMissing,
    ScheduleNeverDue,
    ScheduleNotByAPerson,
    ScheduleOver,
    ScheduleZoneUnknown,
    TooManySchedules,
)
from playbooks.automation.schedules.models import ScheduleRow
from playbooks.automation.schedules.queries import ScheduleView, schedule_for
from playbooks.automation.schedules.times import DaysOff, Due, OnHoliday, Timing, next_times

MOST_NAME: Final = 100
MOST_OF_ONE: Final = 100
"""Schedules of one person that have not ended."""

SHOWN: Final = 5
"""Next times that are told before a schedule is made, and beside one."""


@dataclass(frozen=True, slots=True)
class ScheduleRequest:
    """What somebody wants to run by itself.

    Attributes:
        name: How people call it.
        order: What is run.
        rule: When it comes again (RFC 5545, RRULE).
        first: Local time from which the rule counts.
        zone: Where that is meant.
        on_holiday: What becomes of a time on an official day off.
    """

    name: str
    order: Order
    rule: str
    first: datetime
    zone: str = "Asia/Ho_Chi_Minh"
    on_holiday: OnHoliday = "keep"


def timing_of(request: ScheduleRequest) -> Timing:
    """Return when the request is due: its first time is the first that the rule gives. Raises BadRule and others."""
    if request.first.tzinfo is not None:
        raise BadInput(what="The first time", why="it is a local time, without a zone")
    try:
        zone = ZoneInfo(request.zone)
    except (KeyError, ValueError, OSError):
        raise ScheduleZoneUnknown(zone=request.zone[:50]) from None
    rule = parse(request.rule, zone)
    return Timing(rule, begins(rule, request.first), zone, request.on_holiday)


def preview(request: ScheduleRequest, days: DaysOff, now: datetime) -> list[Due]:
    """Return the next times of the request.

    Raises:
        BadRule, ScheduleZoneUnknown, BadInput: It makes no sense.
        ScheduleNeverDue: They have all passed.
    """
    found = next_times(timing_of(request), days, now, SHOWN)
    if not found:
        raise ScheduleNeverDue
    return found


async def make_schedule(
    request: ScheduleRequest,
    actor: Actor,
    tx: Transaction,
    outside: Outside,
    days: DaysOff,
    *,
    catalog: Catalog | None = None,
) -> ScheduleView:
    """Keep the schedule, and return it with its next times. What could not be launched now is refused now.

    Raises:
        ScheduleNotByAPerson: A part of the platform has no rights that could be taken from it.
        ScheduleNameMissing, ScheduleZoneUnknown, ScheduleNeverDue, BadRule: It makes no sense.
        TooManySchedules: One person can only look after so many.
        Refused, NotFound, BadArgument, BadInput: As a launch.
    """
    actor.require(PLAYBOOKS_RUN)
    if actor.id is None:
        raise ScheduleNotByAPerson
    name = " ".join(request.name.split())
    if not 1 <= len(name) <= MOST_NAME or not name.isprintable():
        raise ScheduleNameMissing(most=MOST_NAME)
    timing = timing_of(request)
    times = preview(request, days, tx.now())
    await judged(request.order, actor, tx, outside, catalog)
    others = await tx.session.scalar(
        select(func.count()).where(ScheduleRow.owner_id == actor.id, ScheduleRow.state != "ended")
    )
    if (others or 0) >= MOST_OF_ONE:
        raise TooManySchedules(most=MOST_OF_ONE)
    values: dict[str, Any] = {
        **request.order.columns(),
        "name": name,
        "rule": str(timing.rule),
        "zone": request.zone,
        "on_holiday": request.on_holiday,
    }
    row = ScheduleRow(
        id=new_id(),
        **values,
        first_local=timing.first,
        owner_id=actor.id,
        owner=actor.name,
        state="on",
        next_at=times[0].at,
        made_at=tx.now(),
    )
    tx.session.add(row)
    tx.audit(actor, "schedule.made", f"schedule:{row.id}", after={**values, "first": timing.first.isoformat()})
    await tx.session.flush()
    return await schedule_for(actor, row.id, tx)


async def pause_schedule(actor: Actor, schedule: uuid.UUID, tx: Transaction) -> ScheduleView:
    """Let nothing be launched by it until it is resumed. Raises NotFound, Refused, ScheduleOver."""
    row = await _to_steer(actor, schedule, tx)
    if row.state == "on":
        row.state, row.next_at = "paused", None
        tx.audit(actor, "schedule.paused", f"schedule:{schedule}")
    await tx.session.flush()
    return await schedule_for(actor, schedule, tx)


async def resume_schedule(actor: Actor, schedule: uuid.UUID, tx: Transaction, days: DaysOff) -> ScheduleView:
    """Let it go on; times that passed meanwhile are not made up for. Raises as `pause_schedule`, ScheduleNeverDue."""
    row = await _to_steer(actor, schedule, tx)
    if row.state == "paused":
        times = next_times(stored_timing(row), days, tx.now(), 1)
        if not times:
            raise ScheduleNeverDue
        row.state, row.next_at = "on", times[0].at
        tx.audit(actor, "schedule.resumed", f"schedule:{schedule}")
    await tx.session.flush()
    return await schedule_for(actor, schedule, tx)


async def end_schedule(actor: Actor, schedule: uuid.UUID, tx: Transaction) -> ScheduleView:
    """End it for good; its past stays. Raises as `pause_schedule`."""
    row = await _to_steer(actor, schedule, tx)
    before = row.state
    row.state, row.next_at = "ended", None
    tx.audit(actor, "schedule.ended", f"schedule:{schedule}", before={"state": before}, after={"state": "ended"})
    await tx.session.flush()
    return await schedule_for(actor, schedule, tx)


def stored_timing(row: ScheduleRow) -> Timing:
    """Return when a stored schedule is due."""
    zone = ZoneInfo(row.zone)
    return Timing(parse(row.rule, zone), row.first_local, zone, row.on_holiday)  # type: ignore[arg-type]  # by a check


def view_timing(schedule: ScheduleView) -> Timing:
    """Return when a schedule, as others see it, is due."""
    zone = ZoneInfo(schedule.zone)
    return Timing(parse(schedule.rule, zone), schedule.first, zone, schedule.on_holiday)


async def _to_steer(actor: Actor, schedule: uuid.UUID, tx: Transaction) -> ScheduleRow:
    actor.require(PLAYBOOKS_RUN)
    await schedule_for(actor, schedule, tx)
    row = await tx.session.scalar(select(ScheduleRow).where(ScheduleRow.id == schedule).with_for_update())
    if row is None:
        raise NotFound(kind="schedule", code=schedule)
    if row.owner_id != actor.id:
        actor.require_everywhere(PLAYBOOKS_RUN)
    if row.state == "ended":
        raise ScheduleOver
    return row
