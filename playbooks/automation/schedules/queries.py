"""Read models of schedules: lists, one of them, and what became of its times. Cut to what the actor may see."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import distinct_on

from inventory.public import PLAYBOOKS_READ, PLAYBOOKS_RUN, persons
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from playbooks.automation.orders import Order, wish_of
from playbooks.automation.schedules.models import FireRow, ScheduleRow
from playbooks.automation.schedules.times import OnHoliday

ScheduleState = Literal["on", "paused", "ended"]
Outcome = Literal["launched", "refused", "missed"]

MOST_A_PAGE = 200


@dataclass(frozen=True, slots=True)
class FireView:
    """What became of one time: the run that was launched, or the code and words of why there is none."""

    due_at: datetime
    at: datetime
    outcome: Outcome
    run: uuid.UUID | None
    code: str
    why: str


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A schedule as others see it.

    Attributes:
        id: Its id.
        name: How people call it.
        order: What is run.
        rule: When it comes again (RRULE).
        first: Local time of the first time.
        zone: Where that is meant.
        on_holiday: What becomes of a time on a day off.
        owner_id: Whose rights it has.
        owner: Their sign-in name.
        owner_name: What colleagues call them.
        state: on, paused or ended.
        next_at: When it is due next; None if it is not.
        made_at: When it was made.
        last: What became of its last time.
        may_steer: Whether the reader may pause, resume and end it.
    """

    id: uuid.UUID
    name: str
    order: Order
    rule: str
    first: datetime
    zone: str
    on_holiday: OnHoliday
    owner_id: uuid.UUID
    owner: str
    owner_name: str
    state: ScheduleState
    next_at: datetime | None
    made_at: datetime
    last: FireView | None
    may_steer: bool


@dataclass(frozen=True, slots=True)
class SchedulePage:
    """A page of schedules, the newest first; `next_cursor` is None on the last."""

    schedules: list[ScheduleView]
    next_cursor: str | None


async def schedules(
    actor: Actor, tx: Transaction, *, ended: bool = False, limit: int = 50, after: str | None = None
) -> SchedulePage:
    """Return a page of schedules that `actor` may see, the newest first; those that have ended with `ended` only."""
    limit = min(limit, MOST_A_PAGE)
    statement = _visible(actor).order_by(ScheduleRow.id.desc()).limit(limit + 1)
    if not ended:
        statement = statement.where(ScheduleRow.state != "ended")
    if after is not None:
        try:
            statement = statement.where(ScheduleRow.id < uuid.UUID(after))
        except ValueError:
            raise BadInput(what="The cursor", why="it is not one that this list gave") from None
    rows = (await tx.session.scalars(statement)).all()
    return SchedulePage(await _views(actor, tx, rows[:limit]), str(rows[limit - 1].id) if len(rows) > limit else None)


async def schedule_for(actor: Actor, schedule: uuid.UUID, tx: Transaction) -> ScheduleView:
    """Return one schedule; NotFound if there is none that `actor` may see."""
    row = await tx.session.scalar(
        _visible(actor).where(ScheduleRow.id == schedule).execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound(kind="schedule", code=schedule)
    return (await _views(actor, tx, [row]))[0]


async def fires(actor: Actor, schedule: uuid.UUID, tx: Transaction, *, limit: int = 20) -> list[FireView]:
    """Return what became of a schedule's latest times, the newest first; NotFound as `schedule_for`."""
    await schedule_for(actor, schedule, tx)
    rows = await tx.session.scalars(
        select(FireRow).where(FireRow.schedule_id == schedule).order_by(FireRow.due_at.desc()).limit(limit)
    )
    return [_fire(row) for row in rows]


def _visible(actor: Actor) -> Select[ScheduleRow]:
    actor.require(PLAYBOOKS_READ)
    statement = select(ScheduleRow)
    return statement if actor.may_everywhere(PLAYBOOKS_READ) else statement.where(ScheduleRow.owner_id == actor.id)


async def _views(actor: Actor, tx: Transaction, rows: Sequence[ScheduleRow]) -> list[ScheduleView]:
    last: Mapping[uuid.UUID, FireRow] = {
        row.schedule_id: row
        for row in await tx.session.scalars(
            select(FireRow)
            .where(FireRow.schedule_id.in_([row.id for row in rows]))
            .order_by(FireRow.schedule_id, FireRow.due_at.desc())
            .ext(distinct_on(FireRow.schedule_id))
        )
    }
    people = await persons.of([row.owner_id for row in rows], tx)
    return [
        ScheduleView(
            id=row.id,
            name=row.name,
            order=Order(row.playbook, wish_of(row.target), row.check_mode, row.arguments, row.only_in_windows),
            rule=row.rule,
            first=row.first_local,
            zone=row.zone,
            on_holiday=cast("OnHoliday", row.on_holiday),
            owner_id=row.owner_id,
            owner=row.owner,
            owner_name=people[row.owner_id].display_name if row.owner_id in people else row.owner,
            state=cast("ScheduleState", row.state),
            next_at=row.next_at,
            made_at=row.made_at,
            last=_fire(last[row.id]) if row.id in last else None,
            may_steer=row.state != "ended"
            and (actor.may_everywhere(PLAYBOOKS_RUN) if row.owner_id != actor.id else actor.may(PLAYBOOKS_RUN)),
        )
        for row in rows
    ]


def _fire(row: FireRow) -> FireView:
    return FireView(row.due_at, row.at, cast("Outcome", row.outcome), row.run_id, row.code, row.why)
