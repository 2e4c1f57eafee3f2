"""What `vungcao schedules` does. A schedule has the rights of an account; whoever sits here names it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Final, cast, get_args

from api.commands.playbooks import actor
from api.glue import days_off, outside
from inventory.public import account_for
from kernel.db.transaction import Database
from kernel.errors import BadInput
from playbooks.public import (
    Catalog,
    DaysOff,
    OnHoliday,
    Order,
    ScheduleRequest,
    ScheduleView,
    TargetWish,
    end_schedule,
    fires,
    make_schedule,
    next_times,
    pause_schedule,
    resume_schedule,
    schedule_for,
    schedules,
    timing_of_schedule,
)

NEXT: Final = 5
MOST: Final = 200
PAST: Final = ("due_at", "outcome", "run", "why")


def request(  # noqa: PLR0913 - as many as the command has options
    playbook: str,
    wish: TargetWish,
    arguments: dict[str, Any],
    *,
    name: str,
    rule: str,
    first: str,
    zone: str,
    on_holiday: str,
    check: bool,
) -> ScheduleRequest:
    """Return the options as a request; BadInput if one makes no sense."""
    if on_holiday not in get_args(OnHoliday):
        raise BadInput(what="The option --on-holiday", why=f"it is one of {', '.join(get_args(OnHoliday))}")
    try:
        begin = datetime.fromisoformat(first).replace(tzinfo=None)
    except ValueError:
        raise BadInput(what="The option --first", why="write it as 2026-11-28T22:00") from None
    order = Order(playbook, wish, check, arguments)
    return ScheduleRequest(name, order, rule, begin, zone, cast("OnHoliday", on_holiday))


async def every(database: Database, *, ended: bool) -> list[ScheduleView]:
    """Return the schedules, the newest first."""
    async with database.transaction() as tx:
        return (await schedules(actor(), tx, ended=ended, limit=MOST)).schedules


async def make(
    database: Database, wanted: ScheduleRequest, owner: str, catalog: Catalog
) -> tuple[ScheduleView, list[str]]:
    """Make a schedule with the rights of the account `owner`, and return it with its next times."""
    async with database.transaction() as tx:
        account = await account_for(actor(), owner, tx)
        calendar = await days_off(tx)
        made = await make_schedule(wanted, account.actor, tx, outside(), calendar, catalog=catalog)
        return made, _ahead(made, calendar, tx.now())


async def one(database: Database, schedule: uuid.UUID) -> tuple[ScheduleView, list[str], list[dict[str, Any]]]:
    """Return a schedule, its next times, and what became of the last ones."""
    async with database.transaction() as tx:
        found = await schedule_for(actor(), schedule, tx)
        past = [
            {
                "due_at": fire.due_at.isoformat(),
                "outcome": fire.outcome,
                "run": str(fire.run) if fire.run else None,
                "why": fire.why,
            }
            for fire in await fires(actor(), schedule, tx)
        ]
        return found, _ahead(found, await days_off(tx), tx.now()), past


async def steer(database: Database, verb: str, schedule: uuid.UUID) -> ScheduleView:
    """Pause, resume or end a schedule, and return it."""
    async with database.transaction() as tx:
        if verb == "pause":
            return await pause_schedule(actor(), schedule, tx)
        if verb == "resume":
            return await resume_schedule(actor(), schedule, tx, await days_off(tx))
        return await end_schedule(actor(), schedule, tx)


def as_json(schedule: ScheduleView) -> dict[str, Any]:
    """Return a schedule as scripts get it."""
    return {
        "id": str(schedule.id),
        "name": schedule.name,
        **schedule.order.columns(),
        "rule": schedule.rule,
        "first": schedule.first.isoformat(),
        "zone": schedule.zone,
        "on_holiday": schedule.on_holiday,
        "owner": schedule.owner,
        "owner_name": schedule.owner_name,
        "state": schedule.state,
        "next_at": schedule.next_at.isoformat() if schedule.next_at else None,
    }


def _ahead(schedule: ScheduleView, calendar: DaysOff, now: datetime) -> list[str]:
    if schedule.state != "on":
        return []
    timing = timing_of_schedule(schedule)
    return [due.at.astimezone(timing.zone).isoformat() for due in next_times(timing, calendar, now, NEXT)]
