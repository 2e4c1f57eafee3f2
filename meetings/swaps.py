"""Keeps the official calendar right: days that are off, or worked, against what the package of holidays knows."""

from __future__ import annotations

from datetime import date

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from inventory.public import MEETINGS_MANAGE, MEETINGS_READ
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from kernel.sentences import Sentence
from meetings.models import CalendarDayRow
from meetings.series import calendar_of
from meetings.working_days import OfficialDay

YEARS = range(1976, 2100)
"""The lunar calendar is known, and was compared, for these."""

MOST_NAME = 200


async def official_days(actor: Actor, year: int, tx: Transaction) -> list[OfficialDay]:
    """Return the days of `year` that are off, or worked against the week, in order. Raises BadInput for a far year."""
    actor.require(MEETINGS_READ)
    _check(year)
    return (await calendar_of(tx)).official_days(year)


async def set_day(actor: Actor, day: OfficialDay, tx: Transaction) -> OfficialDay:
    """Let `day` be off, or worked, from now on. Meetings that are booked already stay where they are.

    Raises:
        Refused: The role may not change what others have booked.
        BadInput: The year is too far, or it has no name.
    """
    actor.require_everywhere(MEETINGS_MANAGE)
    _check(day.day.year)
    name = day.name.strip()
    if not 1 <= len(name) <= MOST_NAME or not name.isprintable():
        raise BadInput(what="The name", why=Sentence("write one line of 1 to {most} characters", most=MOST_NAME))
    values = {"off": day.off, "name": name}
    statement = insert(CalendarDayRow).values(day=day.day, **values)
    await tx.session.execute(statement.on_conflict_do_update(index_elements=["day"], set_=values))
    tx.audit(actor, "calendar.set", f"day:{day.day}", after=values)
    return OfficialDay(day.day, day.off, name)


async def forget_day(actor: Actor, day: date, tx: Transaction) -> None:
    """Let `day` be again what the package of holidays says. Raises NotFound if nothing else was entered."""
    actor.require_everywhere(MEETINGS_MANAGE)
    gone = await tx.session.execute(
        delete(CalendarDayRow).where(CalendarDayRow.day == day).returning(CalendarDayRow.day)
    )
    if gone.one_or_none() is None:
        raise NotFound(kind="day", code=day)
    tx.audit(actor, "calendar.forgotten", f"day:{day}")


def _check(year: int) -> None:
    if year not in YEARS:
        raise BadInput(
            what="The year",
            why=Sentence("the calendar is known from {first} to {last}", first=YEARS[0], last=YEARS[-1]),
        )
