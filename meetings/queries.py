"""Read models of meetings: what pages, commands and other parts ask. What an actor may not see is cut off in SQL.

A meeting is seen by who may see at least one of its offices.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, DateTime, Select, and_, exists, func, literal, or_, select, text, true, tuple_
from sqlalchemy.dialects.postgresql import Range

from inventory.public import (
    AUDIT_READ,
    MEETINGS_BOOK,
    MEETINGS_READ,
    Role,
    day_of,
    persons,
    visible_devices,
    visible_offices,
)
from kernel.actors import Actor, Permission, system
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from meetings.conflicts import LONGEST
from meetings.models import OCCUPIES, DeputyRow, MeetingRow, ReservationRow, RoomDeviceRow, RoomRow
from meetings.room_queries import MOST_A_PAGE, STATES, room_statement, room_view
from meetings.rooms import RoomView
from meetings.views import Deputy, MeetingBrief, MeetingPage, MeetingState, MeetingView, Reservation, Session


async def meeting_for(actor: Actor, meeting_id: uuid.UUID, tx: Transaction) -> MeetingView:
    """Return one meeting, booked or cancelled; NotFound if there is none that `actor` may see."""
    actor.require(MEETINGS_READ)
    statement = select(MeetingRow).where(MeetingRow.id == meeting_id, _visible(actor, tx))
    row = (await tx.session.execute(statement)).scalar_one_or_none()
    if row is None:
        raise NotFound(kind="meeting", code=meeting_id)
    return (await views_of(actor, tx, [row]))[0]


async def made(actor: Actor, meeting_id: uuid.UUID, tx: Transaction) -> MeetingView:
    """Return a meeting that `actor` has just made, whatever they may read."""
    return (await views_of(actor, tx, [await tx.session.get_one(MeetingRow, meeting_id)], MEETINGS_BOOK))[0]


async def meetings_between(
    actor: Actor,
    tx: Transaction,
    start: datetime,
    end: datetime,
    *,
    mine: bool = False,
    limit: int = 50,
    after: str | None = None,
) -> MeetingPage:
    """Return a page of the booked meetings of which a part lies in the half-open time, the first to begin first.

    Args:
        start: Aware beginning of that time.
        end: Aware first instant after it.
        mine: Only those that `actor` organises, or booked for who does.
        limit: Most in this page, up to 200.
        after: Cursor of the page before.
    """
    actor.require(MEETINGS_READ)
    limit = min(limit, MOST_A_PAGE)
    statement = (
        select(MeetingRow)
        .where(
            MeetingRow.state == "booked",
            # No meeting lasts longer: with both ends the index on the beginning serves, whatever the past holds.
            MeetingRow.starts_at > start - LONGEST - timedelta(seconds=1),
            MeetingRow.starts_at < end,
            MeetingRow.ends_at > start,
            _visible(actor, tx),
        )
        .order_by(MeetingRow.starts_at, MeetingRow.id)
        .limit(limit + 1)
    )
    if mine:
        statement = statement.where(own(actor))
    if after is not None:
        begin, last_id = _read_cursor(after)
        statement = statement.where(
            tuple_(MeetingRow.starts_at, MeetingRow.id)
            > tuple_(literal(begin, DateTime(timezone=True)), literal(last_id))
        )
    found = list((await tx.session.execute(statement)).scalars())
    last = found[limit - 1] if len(found) > limit else None
    cursor = f"{last.starts_at.isoformat()}|{last.id}" if last else None
    return MeetingPage(await views_of(actor, tx, found[:limit]), cursor)


async def in_session(
    tx: Transaction, offices: Sequence[str], at: datetime, *, before: timedelta = timedelta()
) -> list[Session]:
    """Return who meets in the rooms of `offices` (codes) at `at`, or begins within `before` after it; soonest first.

    For guards, which protect a meeting whoever asks: nothing is cut off.
    """
    place = visible_offices(system("guard"), day_of(tx.now()))
    rows = await tx.session.execute(
        select(
            RoomRow.code,
            RoomRow.name,
            place.c.code,
            MeetingRow.id,
            MeetingRow.title,
            MeetingRow.starts_at,
            MeetingRow.ends_at,
        )
        .join(place, place.c.id == RoomRow.office_id)
        .join(ReservationRow, ReservationRow.room_id == RoomRow.id)
        .join(MeetingRow, MeetingRow.id == ReservationRow.meeting_id)
        .where(
            place.c.code.in_(offices),
            RoomRow.kind == "room",
            text(f"reservation.{OCCUPIES}"),
            ReservationRow.during.overlaps(Range(at, at + before, bounds="[]")),
        )
        .order_by(MeetingRow.starts_at, RoomRow.code)
    )
    return [Session(*row) for row in rows]


async def meetings_needing(
    actor: Actor, tx: Transaction, devices: Sequence[str], until: datetime
) -> dict[str, list[MeetingBrief]]:
    """Return the meetings from now to `until` that need each of `devices` (codes), soonest first; none: no entry.

    A meeting needs the devices of its rooms, and the routers and UPSs of their offices.
    """
    actor.require(MEETINGS_READ)
    place = visible_devices(actor, day_of(tx.now()), MEETINGS_READ)
    linked = exists().where(RoomDeviceRow.room_id == RoomRow.id, RoomDeviceRow.device_id == place.c.id)
    of_the_office = and_(RoomRow.office_id == place.c.office_id, place.c.role.in_([Role.ROUTER, Role.UPS]))
    other, other_room = ReservationRow.__table__.alias(), RoomRow.__table__.alias()
    seen = visible_offices(actor, day_of(tx.now()), MEETINGS_READ)
    offices = (
        select(func.count(other_room.c.office_id.distinct()))
        .join(other, other.c.room_id == other_room.c.id)
        .join(seen, seen.c.id == other_room.c.office_id)
        .where(other.c.meeting_id == MeetingRow.id)
        .correlate(MeetingRow)
        .scalar_subquery()
    )
    rows = await tx.session.execute(
        select(place.c.code, MeetingRow.id, MeetingRow.title, MeetingRow.starts_at, offices)
        .distinct()
        .select_from(place)
        .join(RoomRow, or_(linked, of_the_office))
        .join(ReservationRow, ReservationRow.room_id == RoomRow.id)
        .join(MeetingRow, MeetingRow.id == ReservationRow.meeting_id)
        .where(
            place.c.code.in_(devices),
            text(f"reservation.{OCCUPIES}"),
            ReservationRow.during.overlaps(Range(tx.now(), until, bounds="[)")),
        )
        .order_by(MeetingRow.starts_at, MeetingRow.id)
    )
    found: dict[str, list[MeetingBrief]] = {}
    for device, *brief in rows:
        found.setdefault(device, []).append(MeetingBrief(*brief))
    return found


def own(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that a meeting is the actor's own: they organise it, or booked it for who does.

    Every one is the platform's own, as for its commands.
    """
    if actor.platform:
        return true()
    return or_(MeetingRow.organiser_id == actor.id, MeetingRow.booked_by_id == actor.id)


async def held(actor: Actor, tx: Transaction) -> list[MeetingView]:
    """Return the actor's own meetings whose rooms are only held, the first to run out first; at most 200."""
    actor.require(MEETINGS_READ)
    rows = await tx.session.scalars(
        select(MeetingRow)
        .where(MeetingRow.held_until > tx.now(), MeetingRow.state == "booked", own(actor), _visible(actor, tx))
        .order_by(MeetingRow.held_until, MeetingRow.id)
        .limit(MOST_A_PAGE)
    )
    return await views_of(actor, tx, list(rows))


def audited_meetings(actor: Actor, tx: Transaction) -> Select[str]:
    """Return the statement for the meetings of which `actor` may read the audit log, as it names them."""
    return select(func.concat("meeting:", MeetingRow.id)).where(_visible(actor, tx, AUDIT_READ))


def _visible(actor: Actor, tx: Transaction, permission: Permission = MEETINGS_READ) -> ColumnElement[bool]:
    place = visible_offices(actor, day_of(tx.now()), permission)
    return (
        exists()
        .where(ReservationRow.meeting_id == MeetingRow.id, ReservationRow.room_id == RoomRow.id)
        .where(place.c.id == RoomRow.office_id)
    )


async def views_of(
    actor: Actor, tx: Transaction, meetings: Sequence[MeetingRow], permission: Permission = MEETINGS_READ
) -> list[MeetingView]:
    """Return the meetings with the rooms where `actor` holds `permission`: three statements, however many."""
    statement, place = room_statement(actor, tx, permission)
    ids = [meeting.id for meeting in meetings]
    people = await persons.of([one for row in meetings for one in (row.organiser_id, row.booked_by_id)], tx)
    names = {account: person.display_name for account, person in people.items()}
    deputies: dict[uuid.UUID, list[Deputy]] = {}
    for meeting_id, *deputy in await tx.session.execute(
        select(DeputyRow.meeting_id, place.c.code, place.c.name, DeputyRow.deputy, DeputyRow.instead_of)
        .join(place, place.c.id == DeputyRow.office_id)
        .where(DeputyRow.meeting_id.in_(ids))
        .order_by(place.c.code)
    ):
        deputies.setdefault(meeting_id, []).append(Deputy(*deputy))
    rows = await tx.session.execute(
        statement.join(ReservationRow, ReservationRow.room_id == RoomRow.id)
        .where(ReservationRow.meeting_id.in_(ids))
        .add_columns(
            ReservationRow.meeting_id,
            ReservationRow.state,
            ReservationRow.required,
            ReservationRow.checked_in_at,
            ReservationRow.why,
            ReservationRow.answer,
        )
        .order_by(RoomRow.name_sort, RoomRow.code)
    )
    of_meeting: dict[uuid.UUID, list[tuple[RoomView, Reservation]]] = {}
    for *room, meeting_id, state, required, checked_in_at, why, answer in rows:
        view = room_view(*room)
        reservation = Reservation(view.code, STATES[state], required, checked_in_at, why, answer)
        of_meeting.setdefault(meeting_id, []).append((view, reservation))
    return [
        MeetingView(
            id=meeting.id,
            title=meeting.title,
            conference=meeting.conference,
            organiser=names.get(meeting.organiser_id, meeting.organiser),
            starts_at=meeting.starts_at,
            ends_at=meeting.ends_at,
            state=cast("MeetingState", meeting.state),
            rooms=tuple(view for view, _ in of_meeting.get(meeting.id, ())),
            reservations=tuple(reservation for _, reservation in of_meeting.get(meeting.id, ())),
            version=meeting.version,
            series=meeting.series_id,
            original=meeting.original_local,
            kind=meeting.kind,
            booked_by=names.get(meeting.booked_by_id, meeting.booked_by),
            held_until=meeting.held_until,
            deputies=tuple(deputies.get(meeting.id, ())),
        )
        for meeting in meetings
    ]


def _read_cursor(cursor: str) -> tuple[datetime, uuid.UUID]:
    try:
        begin, _, meeting_id = cursor.partition("|")
        return datetime.fromisoformat(begin).astimezone(UTC), uuid.UUID(meeting_id)
    except ValueError:
        raise BadInput(what="The cursor", why="it is not one that this list gave") from None
