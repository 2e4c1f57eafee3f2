"""Read models of use: who waits for a room, and how the rooms of each unit were used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, TypeAlias

from sqlalchemy import ColumnElement, Subquery, Text, any_, func, literal, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from inventory.public import MEETINGS_MANAGE, MEETINGS_READ, day_of, visible_offices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput
from meetings.models import OCCUPIES, RELEASED, WAITING, MeetingRow, ReservationRow, RoomRow
from meetings.queries import own
from meetings.room_queries import MOST_A_PAGE
from meetings.rooms import MOST_BUFFER_MIN
from meetings.views import UnitUse, UsePage, Waiting

MOST_DAYS: Final = timedelta(days=370)
Figures: TypeAlias = tuple[int, float, float, float, int, int]
"""Meetings; hours booked, kept and given back; no-shows; vain waits."""

NO_USE: Final[Figures] = (0, 0.0, 0.0, 0.0, 0, 0)


async def waiting(actor: Actor, tx: Transaction, *, limit: int = MOST_A_PAGE) -> list[Waiting]:
    """Return the rooms that wait for their time to become free: of the actor's own meetings, and those they manage.

    The first meeting first, at most `limit`.
    """
    actor.require(MEETINGS_READ)
    place, before = visible_offices(actor, day_of(tx.now()), MEETINGS_READ), aliased(ReservationRow)
    ahead = (
        select(func.count())
        .where(
            before.room_id == ReservationRow.room_id,
            before.state == WAITING,
            before.during.overlaps(ReservationRow.during),
            tuple_(before.asked_at, before.meeting_id) < tuple_(ReservationRow.asked_at, ReservationRow.meeting_id),
        )
        .correlate(ReservationRow)
        .scalar_subquery()
    )
    rows = await tx.session.execute(
        select(
            MeetingRow.id,
            MeetingRow.title,
            RoomRow.code,
            RoomRow.name,
            MeetingRow.starts_at,
            MeetingRow.ends_at,
            ReservationRow.asked_at,
            ahead + 1,
        )
        .join(ReservationRow, ReservationRow.meeting_id == MeetingRow.id)
        .join(RoomRow, RoomRow.id == ReservationRow.room_id)
        .join(place, place.c.id == RoomRow.office_id)
        .where(
            text(f"reservation.state = {WAITING}"),
            MeetingRow.state == "booked",
            MeetingRow.ends_at > tx.now(),
            or_(own(actor), managed(actor, day_of(tx.now()))),
        )
        .order_by(MeetingRow.starts_at, MeetingRow.id, RoomRow.code)
        .limit(min(limit, MOST_A_PAGE))
    )
    return [Waiting(*row) for row in rows]


def managed(actor: Actor, today: date) -> ColumnElement[bool]:
    """Return the condition that `actor` manages a room: it names them, or they manage meetings in its office."""
    named = RoomRow.manager == actor.name
    if not actor.may(MEETINGS_MANAGE):
        return named
    place = visible_offices(actor, today, MEETINGS_MANAGE)
    return or_(named, RoomRow.office_id.in_(select(place.c.id)))


async def use_by_unit(
    actor: Actor, tx: Transaction, start: datetime, end: datetime, *, limit: int = 50, after: str | None = None
) -> UsePage:
    """Return a page of the units whose rooms `actor` may see, in Vietnamese order, with the use from `start` to `end`.

    A meeting counts when it begins, with its whole length; one that was cancelled does not.

    Raises:
        BadInput: The time is none, or longer than a year.
    """
    actor.require(MEETINGS_READ)
    if not timedelta() < end - start <= MOST_DAYS:
        raise BadInput(what="The time", why=f"look at 1 to {MOST_DAYS.days} days, the beginning first")
    limit = min(limit, MOST_A_PAGE)
    place = visible_offices(actor, day_of(tx.now()), MEETINGS_READ)
    sort, unit = func.min(place.c.unit_sort), place.c.unit_code
    units = (
        select(unit.label("unit"), func.min(place.c.unit_name).label("name"), sort.label("sort"), func.count())
        .select_from(place)
        .join(RoomRow, RoomRow.office_id == place.c.id)
        .where(RoomRow.kind == "room")
        .group_by(unit)
        .order_by(sort, unit)
        .limit(limit + 1)
    )
    if after is not None:
        sort_key, _, code = after.rpartition("|")
        units = units.having(tuple_(sort, unit) > tuple_(literal(sort_key), literal(code)))
    rows = list(await tx.session.execute(units))
    figures = await _figures(tx, place, [row.unit for row in rows[:limit]], start, end)
    last = rows[limit - 1] if len(rows) > limit else None
    return UsePage(
        [UnitUse(code, name, rooms, *figures.get(code, NO_USE)) for code, name, _, rooms in rows[:limit]],
        f"{last.sort}|{last.unit}" if last else None,
    )


async def _figures(
    tx: Transaction, place: Subquery, units: Sequence[str], start: datetime, end: datetime
) -> dict[str, Figures]:
    """Return the use of each unit (its code) that had any, in one statement."""
    begin, kept = func.lower(ReservationRow.during), text(f"reservation.{OCCUPIES}")
    hours = func.sum(func.extract("epoch", MeetingRow.ends_at - MeetingRow.starts_at) / 3600)
    released = ReservationRow.state == RELEASED
    rows = await tx.session.execute(
        select(
            place.c.unit_code,
            func.count(MeetingRow.id.distinct()).filter(kept),
            func.coalesce(hours.filter(or_(kept, released)), 0),
            func.coalesce(hours.filter(kept), 0),
            func.coalesce(hours.filter(released), 0),
            func.count().filter(ReservationRow.why == "no-show"),
            func.count().filter(ReservationRow.state == WAITING),
        )
        .select_from(place)
        .join(RoomRow, RoomRow.office_id == place.c.id)
        .join(ReservationRow, ReservationRow.room_id == RoomRow.id)
        .join(MeetingRow, MeetingRow.id == ReservationRow.meeting_id)
        .where(
            place.c.unit_code == any_(literal(list(units), ARRAY(Text))),
            RoomRow.kind == "room",
            # A room's time to get ready comes before its meeting: with this the index by room and beginning serves.
            begin >= start - timedelta(minutes=MOST_BUFFER_MIN),
            begin < end,
            MeetingRow.starts_at >= start,
            MeetingRow.starts_at < end,
            MeetingRow.state == "booked",
        )
        .group_by(place.c.unit_code)
    )
    return {
        unit: (meetings, *(round(float(each), 2) for each in (booked, its, back)), lost, vain)
        for unit, meetings, booked, its, back, lost, vain in rows
    }
