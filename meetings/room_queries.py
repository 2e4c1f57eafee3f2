"""Read models of rooms: which there are, and when each is taken by whom. What one may not see is cut off in SQL."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, cast

from sqlalchemy import Select, Subquery, func, literal, select, text, tuple_
from sqlalchemy.dialects.postgresql import Range, aggregate_order_by

from inventory.public import MEETINGS_READ, day_of, holds, persons, visible_devices, visible_offices
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from meetings.conflicts import Booked
from meetings.models import (
    CONFIRMED,
    HELD,
    OCCUPIES,
    RELEASED,
    WAITING,
    MeetingRow,
    ReservationRow,
    RoomDeviceRow,
    RoomRow,
)
from meetings.rooms import Kind, RoomView
from meetings.views import ReservationState, RoomPage, RoomUse

MOST_A_PAGE = 200
STATES: Final[Mapping[int, ReservationState]] = {
    HELD: "held", CONFIRMED: "confirmed", RELEASED: "released", WAITING: "waiting",
}  # fmt: skip


async def rooms(
    actor: Actor,
    tx: Transaction,
    *,
    query: str = "",
    limit: int = 50,
    after: str | None = None,
    permission: Permission = MEETINGS_READ,
) -> RoomPage:
    """Return a page of the rooms where `actor` holds `permission`, whose name, code, office or unit holds `query`."""
    actor.require(permission)
    limit = min(limit, MOST_A_PAGE)
    statement, place = room_statement(actor, tx, permission)
    statement = statement.order_by(RoomRow.name_sort, RoomRow.code).limit(limit + 1)
    if query:
        statement = statement.where(holds(query, RoomRow.name, RoomRow.code, place.c.name, place.c.unit_name))
    if after is not None:
        name_sort, _, code = after.rpartition("|")
        statement = statement.where(tuple_(RoomRow.name_sort, RoomRow.code) > tuple_(literal(name_sort), literal(code)))
    rows = list(await tx.session.execute(statement))
    last = rows[limit - 1][0] if len(rows) > limit else None
    return RoomPage([room_view(*row) for row in rows[:limit]], f"{last.name_sort}|{last.code}" if last else None)


async def rooms_by_code(
    actor: Actor, tx: Transaction, codes: Sequence[str], permission: Permission = MEETINGS_READ
) -> dict[str, tuple[int, RoomView]]:
    """Return id and view of those of `codes` where `actor` holds `permission`, by code, in the order of their names."""
    statement, _ = room_statement(actor, tx, permission)
    # PostgreSQL takes no NUL in text: such a code is that of no room, and no reason to fail.
    statement = statement.where(RoomRow.code.in_([code for code in codes if code.isprintable()])).order_by(
        RoomRow.name_sort, RoomRow.code
    )
    rows = await tx.session.execute(statement)
    return {row[0].code: (row[0].id, room_view(*row)) for row in rows}


async def rooms_of(
    actor: Actor, meeting_id: uuid.UUID, tx: Transaction, permission: Permission = MEETINGS_READ
) -> set[int]:
    """Return the ids of those rooms of a meeting where `actor` holds `permission`."""
    place = visible_offices(actor, day_of(tx.now()), permission)
    statement = (
        select(ReservationRow.room_id)
        .join(RoomRow, RoomRow.id == ReservationRow.room_id)
        .join(place, place.c.id == RoomRow.office_id)
        .where(ReservationRow.meeting_id == meeting_id)
    )
    return set(await tx.session.scalars(statement))


async def room_calendar(
    actor: Actor, room: str, tx: Transaction, start: datetime, end: datetime, *, limit: int = MOST_A_PAGE
) -> list[RoomUse]:
    """Return what the room (its code) is held or booked for in this half-open time, the first to begin first.

    Raises:
        NotFound: There is no such room that `actor` may see.
    """
    actor.require(MEETINGS_READ)
    found = await rooms_by_code(actor, tx, [room])
    if room not in found:
        raise NotFound(kind="room", code=room)
    return await uses_of(tx, found[room][0], start, end, limit=min(limit, MOST_A_PAGE))


async def rooms_of_meeting(meeting_id: uuid.UUID, tx: Transaction) -> list[str]:
    """Return the codes of all rooms of a meeting, whoever asks."""
    statement = select(RoomRow.code).join(ReservationRow, ReservationRow.room_id == RoomRow.id)
    statement = statement.where(ReservationRow.meeting_id == meeting_id).order_by(RoomRow.code)
    return list(await tx.session.scalars(statement))


async def uses_of(
    tx: Transaction, room: int, start: datetime, end: datetime, *, limit: int = MOST_A_PAGE
) -> list[RoomUse]:
    """Return what a room (its id) is held or booked for, whoever asks; see `room_calendar`."""
    rows = await tx.session.execute(
        select(
            *(MeetingRow.__table__.c[name] for name in ("id", "title", "starts_at", "ends_at")),
            persons.called(MeetingRow.organiser_id, MeetingRow.organiser).label("organiser"),
            *(ReservationRow.__table__.c[name] for name in ("during", "state", "checked_in_at")),
        )
        .join(ReservationRow, ReservationRow.meeting_id == MeetingRow.id)
        .where(
            ReservationRow.room_id == room,
            ReservationRow.during.overlaps(Range(start, end, bounds="[)")),
            text(f"reservation.{OCCUPIES}"),
        )
        .order_by(func.lower(ReservationRow.during))
        .limit(limit)
    )
    return [
        RoomUse(
            row.id, row.title, row.organiser, row.starts_at, row.ends_at, row.during.lower, row.during.upper,
            STATES[row.state], row.checked_in_at,
        )
        for row in rows
    ]  # fmt: skip


async def rooms_named(
    actor: Actor, tx: Transaction, codes: Sequence[str], permission: Permission = MEETINGS_READ
) -> list[RoomView]:
    """Return those of `codes` where `actor` holds `permission`, in the order of their names."""
    actor.require(permission)
    return [room for _, room in (await rooms_by_code(actor, tx, codes, permission)).values()]


async def seen_of(actor: Actor, booked: Sequence[Booked], tx: Transaction) -> set[uuid.UUID]:
    """Return those meetings of `booked` that `actor` may read of: one of their rooms here is where they may."""
    if not booked or not actor.may(MEETINGS_READ):
        return set()
    read = await rooms_by_code(actor, tx, [one.room for one in booked])
    return {one.meeting for one in booked if one.room in read}


def room_statement(
    actor: Actor, tx: Transaction, permission: Permission = MEETINGS_READ
) -> tuple[Select[RoomRow, str, str, str, list[str], str], Subquery]:
    """Return the statement that `room_view` reads, and the offices that it is joined with."""
    today = day_of(tx.now())
    place, device = visible_offices(actor, today, permission), visible_devices(actor, today, permission)
    devices = (
        select(func.array_agg(aggregate_order_by(device.c.code, device.c.code)))
        .join(RoomDeviceRow, RoomDeviceRow.device_id == device.c.id)
        .where(RoomDeviceRow.room_id == RoomRow.id)
        .correlate(RoomRow)
        .scalar_subquery()
    )
    manager = persons.called_by_name(RoomRow.manager)
    statement = select(RoomRow, place.c.code, place.c.name, place.c.unit_name, devices, manager).join(
        place, place.c.id == RoomRow.office_id
    )
    return statement, place


def room_view(
    row: RoomRow, office: str, office_name: str, unit_name: str, devices: list[str] | None, manager_name: str
) -> RoomView:
    """Return a room as others see it."""
    return RoomView(
        code=row.code,
        name=row.name,
        office=office,
        office_name=office_name,
        unit_name=unit_name,
        capacity=row.capacity,
        devices=tuple(devices or ()),
        before_min=row.before_min,
        after_min=row.after_min,
        kind=cast("Kind", row.kind),
        equipment=tuple(row.equipment),
        accessible=row.accessible,
        approval=row.approval,
        manager=row.manager,
        release_min=row.release_min,
        manager_name=manager_name,
        hours=row.hours,
        bookable_by=tuple(row.bookable_by),
    )
