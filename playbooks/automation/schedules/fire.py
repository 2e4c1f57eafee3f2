"""Launches what is due by schedule, each time once, and tells what was missed. Every worker runs it.

A time is claimed by its row, in the transaction that launches: of two workers one finds the schedule locked and leaves
it alone, and one that dies in the middle has launched nothing.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from kernel.actors import system
from kernel.db.transaction import Database, Transaction
from kernel.errors import DatabaseUnavailable, VungCaoError
from playbooks.automation.catalog import Catalog
from playbooks.automation.events import ScheduleMissed
from playbooks.automation.orders import Order, launch_order, wish_of
from playbooks.automation.outside import Outside
from playbooks.automation.schedules.models import FireRow, ScheduleRow
from playbooks.automation.schedules.schedule import stored_timing
from playbooks.automation.schedules.times import DaysOff, Due, between, decide, next_times

LOOK_EVERY_S: Final = 10.0
MOST_AT_ONCE: Final = 200
MOST_TOLD: Final = 100
"""Missed times that get a row each; after weeks of rest the last hundred say enough."""

ACTOR: Final = system("schedules")

ReadDaysOff = Callable[[Transaction], Awaitable[DaysOff]]
"""Reads the official calendar of work. Supplied by `api/glue.py`."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Launching:
    """What is needed to launch by schedule or webhook.

    Attributes:
        outside: What a roll-out asks of others.
        days_off: Reads the calendar.
        examples: Whether accounts of the example programme have rights.
        catalog: The playbooks; None: those that every launch takes.
    """

    outside: Outside
    days_off: ReadDaysOff
    examples: bool = False
    catalog: Catalog | None = None


async def run_schedules(database: Database, launching: Launching, stop: asyncio.Event) -> None:
    """Launch what is due until `stop` is set; a database away is waited for."""
    away = False
    while not stop.is_set():
        try:
            await fire_due(database, launching)
        except DatabaseUnavailable as error:
            if not away:
                log.warning("schedules_wait", why=str(error))
            away = True
        else:
            away = False
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue


async def fire_due(database: Database, launching: Launching) -> int:
    """Do what schedules are due for, those that wait longest first, and return how many there were."""
    async with database.transaction() as tx:
        due = await tx.session.scalars(
            select(ScheduleRow.id)
            .where(ScheduleRow.state == "on", ScheduleRow.next_at <= tx.now())
            .order_by(ScheduleRow.next_at)
            .limit(MOST_AT_ONCE)
        )
        ids = list(due)
    for schedule in ids:
        try:
            await _fire_one(database, schedule, launching)
        except DatabaseUnavailable:
            raise
        except Exception:  # the others shall have their turn; nothing was done, and it is tried again
            log.exception("schedule_failed", schedule=str(schedule))
    return len(ids)


async def _fire_one(database: Database, schedule: uuid.UUID, launching: Launching) -> None:
    async with database.transaction() as tx:
        row = await tx.session.scalar(
            select(ScheduleRow)
            .where(ScheduleRow.id == schedule, ScheduleRow.state == "on", ScheduleRow.next_at <= tx.now())
            .with_for_update(skip_locked=True)
        )
        if row is None or row.next_at is None:
            return  # another worker has it
        timing, days, now = stored_timing(row), await launching.days_off(tx), tx.now()
        # The time that was told counts, even if a day became one off since.
        passed = [Due(row.next_at), *between(timing, days, row.next_at, now)]
        due, missed = decide(passed, now)
        await _tell_missed(tx, row, missed)
        if due is not None:
            await _fire(tx, row, due, launching)
        ahead = next_times(timing, days, now, 1)
        row.next_at = ahead[0].at if ahead else None
        if row.next_at is None:
            row.state = "ended"
            tx.audit(ACTOR, "schedule.ended", f"schedule:{row.id}", after={"state": "ended"}, reason="its last time")


async def _tell_missed(tx: Transaction, row: ScheduleRow, missed: list[Due]) -> None:
    if not missed:
        return
    for one in missed[-MOST_TOLD:]:
        await _claim(tx, row.id, one, "missed", "schedule-missed", "", None)
    last = missed[-1].at.isoformat()
    times = {"missed": len(missed), "first": missed[0].at.isoformat(), "last": last}
    tx.audit(ACTOR, "schedule.missed", f"schedule:{row.id}", after=times)
    tx.emit(
        ScheduleMissed(schedule=str(row.id), title=row.name, playbook=row.playbook, times=len(missed), last=last),
        ACTOR,
    )
    log.warning("schedule_missed", schedule=str(row.id), **times)


async def _fire(tx: Transaction, row: ScheduleRow, due: Due, launching: Launching) -> None:
    if not await _claim(tx, row.id, due, "launched", "", "", None):
        return
    order = Order(row.playbook, wish_of(row.target), row.check_mode, row.arguments, row.only_in_windows)
    code = why = ""
    run: uuid.UUID | None = None
    try:
        async with tx.session.begin_nested():
            launched = await launch_order(
                order, row.owner_id, row.owner, tx, launching.outside,
                note=row.name, examples=launching.examples, catalog=launching.catalog,
            )  # fmt: skip
            run = launched.id
    except DatabaseUnavailable:
        raise
    except VungCaoError as error:
        code, why = error.code, str(error)
        tx.audit(ACTOR, "schedule.refused", f"schedule:{row.id}", after={"refused": code, "because": why})
        log.warning("schedule_refused", schedule=str(row.id), why=why)
    fire = await tx.session.get_one(FireRow, (row.id, due.at))
    fire.outcome, fire.run_id, fire.code, fire.why = ("refused" if run is None else "launched"), run, code, why


async def _claim(
    tx: Transaction, schedule: uuid.UUID, due: Due, outcome: str, code: str, why: str, run: uuid.UUID | None
) -> bool:
    """Write what becomes of a time; False if that was written already."""
    found = await tx.session.scalar(
        insert(FireRow)
        .values(schedule_id=schedule, due_at=due.at, at=tx.now(), outcome=outcome, run_id=run, code=code, why=why)
        .on_conflict_do_nothing()
        .returning(FireRow.due_at)
    )
    return found is not None
