"""Kinds of meetings: what a booking of each begins with. They are data, which who manages meetings may change."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import time
from typing import Any, Final, cast

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from inventory.public import MEETINGS_MANAGE
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from meetings.conflicts import LONGEST
from meetings.find_time import Hours
from meetings.models import MeetingKindRow
from meetings.propose import TimeQuestion
from meetings.recurrence import OnHoliday

CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
SPAN: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
MOST: Final = 50
MOST_NAME: Final = 80
MOST_CAPACITY: Final = 100_000
MOST_PARTS: Final = 10


@dataclass(frozen=True, slots=True)
class MeetingKind:
    """A kind of meeting: briefing, training, an emergency, a hearing with citizens, or what a programme adds.

    Attributes:
        code: Stable code, such as `briefing`.
        name: What people call it, in Vietnamese.
        name_en: The same in English.
        minutes: How long one lasts.
        hours: Parts of the day within which it lies.
        every_day: Days off and weekends too.
        on_holiday: What becomes of one of a series on a day off.
        capacity: How many people a room has to seat.
        equipment: What has to be in a room.
        accessible: Whether a wheelchair has to get in.
        position: Place in the list, from 0.
    """

    code: str
    name: str
    name_en: str
    minutes: int
    hours: tuple[Hours, ...]
    every_day: bool = False
    on_holiday: OnHoliday = "keep"
    capacity: int = 1
    equipment: tuple[str, ...] = ()
    accessible: bool = False
    position: int = 0


async def kinds(tx: Transaction) -> list[MeetingKind]:
    """Return the kinds that there are, in their order."""
    rows = await tx.session.scalars(select(MeetingKindRow).order_by(MeetingKindRow.position, MeetingKindRow.code))
    return [_view(row) for row in rows]


async def kind_named(code: str, tx: Transaction) -> MeetingKind:
    """Return the kind with this code; NotFound if there is none."""
    row = await tx.session.get(MeetingKindRow, code) if CODE.fullmatch(code) else None
    if row is None:
        raise NotFound(kind="meeting kind", code=code[:100])
    return _view(row)


async def check_kind(code: str, tx: Transaction) -> None:
    """Return if a meeting can be of the kind `code`, or of none (empty); raise NotFound if there is no such kind."""
    if code:
        await kind_named(code, tx)


async def set_kind(actor: Actor, kind: MeetingKind, tx: Transaction) -> MeetingKind:
    """Add a kind, or change it. Meetings that are booked already stay as they are.

    Raises:
        Refused: The role may not change what others have booked, everywhere.
        BadInput: It makes no sense.
    """
    actor.require_everywhere(MEETINGS_MANAGE)
    _check(kind)
    if len(await kinds(tx)) >= MOST and await tx.session.get(MeetingKindRow, kind.code) is None:
        raise BadInput(what="The list", why=f"it has {MOST} kinds already, and takes no more")
    values: dict[str, Any] = {**asdict(kind), "hours": written(kind.hours), "equipment": sorted(set(kind.equipment))}
    del values["code"]
    statement = insert(MeetingKindRow).values(code=kind.code, **values)
    await tx.session.execute(
        statement.on_conflict_do_update(index_elements=["code"], set_=values),
        execution_options={"populate_existing": True},
    )
    tx.session.expire_all()
    tx.audit(actor, "meeting-kind.set", f"meeting-kind:{kind.code}", after=values)
    return await kind_named(kind.code, tx)


async def forget_kind(actor: Actor, code: str, tx: Transaction) -> None:
    """Take a kind from the list; meetings of it keep its code. Raises NotFound if there is none."""
    actor.require_everywhere(MEETINGS_MANAGE)
    gone = await tx.session.execute(
        delete(MeetingKindRow).where(MeetingKindRow.code == code[:100]).returning(MeetingKindRow.code)
    )
    if gone.one_or_none() is None:
        raise NotFound(kind="meeting kind", code=code[:100])
    tx.audit(actor, "meeting-kind.forgotten", f"meeting-kind:{code}")


def question_of(kind: MeetingKind, **given: Any) -> TimeQuestion:
    """Return a question for a meeting of this kind: what `given` does not say is as the kind has it."""
    names = ("minutes", "hours", "every_day", "on_holiday", "capacity", "equipment", "accessible")
    return TimeQuestion(**{**{name: getattr(kind, name) for name in names}, **given})


def read_hours(text: str) -> tuple[Hours, ...]:
    """Return the parts of the day that `text` means, such as `07:30-11:30,13:30-17:00`; BadInput if it is none."""
    found: list[Hours] = []
    for part in text.split(","):
        span = SPAN.fullmatch(part.strip())
        begin, _, end = part.strip().partition("-")
        if span is None or end <= begin or len(found) >= MOST_PARTS:
            raise BadInput(what=f"The hours {text[:100]}", why="write them as 07:30-11:30,13:30-17:00")
        found.append(Hours(time.fromisoformat(begin), time() if end == "24:00" else time.fromisoformat(end)))
    return tuple(found)


def written(hours: tuple[Hours, ...]) -> str:
    """Return parts of the day as `read_hours` reads them."""
    return ",".join(f"{one.begin:%H:%M}-{'24:00' if one.end == time() else f'{one.end:%H:%M}'}" for one in hours)


def _check(kind: MeetingKind) -> None:
    if not CODE.fullmatch(kind.code):
        raise BadInput(what="The code", why="write small letters, digits and hyphens, such as village-meeting")
    for name in (kind.name, kind.name_en):
        if not 1 <= len(name.strip()) <= MOST_NAME or not name.isprintable():
            raise BadInput(what="The name", why=f"write one line of 1 to {MOST_NAME} characters")
    if not 1 <= kind.minutes * 60 <= LONGEST.total_seconds():
        raise BadInput(what="The length", why="a meeting lasts at most a day")
    if not 1 <= kind.capacity <= MOST_CAPACITY:
        raise BadInput(what="The capacity", why=f"it is 1 to {MOST_CAPACITY}")
    if not all(CODE.fullmatch(word) for word in kind.equipment):
        raise BadInput(what="The equipment", why="write each as rooms have it, such as camera")
    read_hours(written(kind.hours))


def _view(row: MeetingKindRow) -> MeetingKind:
    return MeetingKind(
        row.code, row.name, row.name_en, row.minutes, read_hours(row.hours), row.every_day,
        cast("OnHoliday", row.on_holiday), row.capacity, tuple(row.equipment), row.accessible, row.position,
    )  # fmt: skip
