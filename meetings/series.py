"""Reads series and the official calendar: what their use cases and their readers ask."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import cast
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, exists, func, select

from inventory.public import MEETINGS_READ, day_of, persons, visible_offices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from kernel.recurrence import parse
from meetings.models import CalendarDayRow, MeetingRow, RoomRow, SeriesRoomRow, SeriesRow
from meetings.queries import views_of
from meetings.recurrence import OnHoliday, Pattern
from meetings.reserving import About
from meetings.room_queries import MOST_A_PAGE
from meetings.views import MeetingView, SeriesState, SeriesView
from meetings.working_days import Calendar, OfficialDay


async def calendar_of(tx: Transaction) -> Calendar:
    """Return the official calendar with what was entered here."""
    rows = await tx.session.execute(select(CalendarDayRow.day, CalendarDayRow.off, CalendarDayRow.name))
    return Calendar({day: OfficialDay(day, off, name) for day, off, name in rows})


async def series_for(actor: Actor, series_id: uuid.UUID, tx: Transaction) -> SeriesView:
    """Return one series; NotFound if there is none that `actor` may see: one with a room of an office they see."""
    actor.require(MEETINGS_READ)
    row = (await tx.session.execute(_visible(actor, tx).where(SeriesRow.id == series_id))).scalar_one_or_none()
    if row is None:
        raise NotFound(kind="series", code=series_id)
    return (await _views(actor, tx, [row]))[0]


async def family_of(actor: Actor, family_id: uuid.UUID, tx: Transaction) -> list[SeriesView]:
    """Return the series that splits have made of one, the first to begin first; what was before and after a change."""
    actor.require(MEETINGS_READ)
    statement = _visible(actor, tx).where(SeriesRow.family_id == family_id).order_by(SeriesRow.first_local)
    return await _views(actor, tx, list((await tx.session.execute(statement.limit(MOST_A_PAGE))).scalars()))


async def meetings_of_series(
    actor: Actor, series_id: uuid.UUID, tx: Transaction, *, limit: int = MOST_A_PAGE
) -> list[MeetingView]:
    """Return the meetings of a series that are not over, booked or cancelled, in the order of the rule.

    Raises:
        NotFound: There is no such series that `actor` may see.
    """
    await series_for(actor, series_id, tx)
    rows = await tx.session.execute(
        select(MeetingRow)
        .where(MeetingRow.series_id == series_id, MeetingRow.ends_at > tx.now())
        .order_by(MeetingRow.original_local)
        .limit(min(limit, MOST_A_PAGE))
    )
    return await views_of(actor, tx, list(rows.scalars()))


def pattern_of(row: SeriesRow) -> Pattern:
    """Return when the meetings of a stored series are."""
    zone = ZoneInfo(row.zone)
    return Pattern(
        parse(row.rule, zone), row.first_local, zone, row.minutes, tuple(row.left_out),
        cast("OnHoliday", row.on_holiday), row.until_local,
    )  # fmt: skip


def about(row: SeriesRow, title: str = "") -> About:
    """Return what the meetings of a stored series are; with another title if one is given."""
    booked_by = Actor(row.booked_by_id, row.booked_by) if row.booked_by else None
    return About(title or row.title, Actor(row.organiser_id, row.organiser), booked_by, row.kind)


def _visible(actor: Actor, tx: Transaction) -> Select[SeriesRow]:
    place = visible_offices(actor, day_of(tx.now()), MEETINGS_READ)
    return select(SeriesRow).where(
        exists()
        .where(SeriesRoomRow.series_id == SeriesRow.id, SeriesRoomRow.room_id == RoomRow.id)
        .where(place.c.id == RoomRow.office_id)
    )


async def _views(actor: Actor, tx: Transaction, rows: Sequence[SeriesRow]) -> list[SeriesView]:
    ids = [row.id for row in rows]
    place = visible_offices(actor, day_of(tx.now()), MEETINGS_READ)
    rooms: dict[uuid.UUID, list[tuple[str, bool]]] = {}
    for series_id, code, required in await tx.session.execute(
        select(SeriesRoomRow.series_id, RoomRow.code, SeriesRoomRow.required)
        .join(RoomRow, RoomRow.id == SeriesRoomRow.room_id)
        .join(place, place.c.id == RoomRow.office_id)
        .where(SeriesRoomRow.series_id.in_(ids))
        .order_by(RoomRow.name_sort, RoomRow.code)
    ):
        rooms.setdefault(series_id, []).append((code, required))
    ahead = and_(MeetingRow.state == "booked", MeetingRow.ends_at > tx.now())
    counts = {
        series_id: (number, next_at)
        for series_id, number, next_at in await tx.session.execute(
            select(MeetingRow.series_id, func.count(), func.min(MeetingRow.starts_at))
            .where(MeetingRow.series_id.in_(ids), ahead)
            .group_by(MeetingRow.series_id)
        )
    }
    people = await persons.of([one for row in rows for one in (row.organiser_id, row.booked_by_id)], tx)
    names = {account: person.display_name for account, person in people.items()}
    return [
        SeriesView(
            id=row.id,
            family=row.family_id,
            title=row.title,
            rule=row.rule,
            zone=row.zone,
            first=row.first_local,
            until=row.until_local,
            minutes=row.minutes,
            left_out=tuple(row.left_out),
            on_holiday=cast("OnHoliday", row.on_holiday),
            booked_until=row.booked_until,
            rooms=tuple(code for code, _ in rooms.get(row.id, ())),
            optional=tuple(code for code, required in rooms.get(row.id, ()) if not required),
            meetings=counts.get(row.id, (0, None))[0],
            next_at=counts.get(row.id, (0, None))[1],
            organiser=names.get(row.organiser_id, row.organiser),
            state=cast("SeriesState", row.state),
            version=row.version,
            kind=row.kind,
            booked_by=names.get(row.booked_by_id, row.booked_by),
        )
        for row in rows
    ]
