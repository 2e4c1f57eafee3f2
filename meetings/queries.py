"""Read models of meetings: what pages, commands and other parts ask. What an actor may not see is cut off in SQL.

A meeting is seen by who may see at least one of its offices.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import (
    ColumnElement,
    DateTime,
    FromClause,
    Select,
    Subquery,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import Range, aggregate_order_by, distinct_on

from inventory.public import (
    AUDIT_READ,
    MEETINGS_BOOK,
    MEETINGS_READ,
    Role,
    day_of,
    holds,
    visible_devices,
    visible_offices,
)
from kernel.actors import Actor, Permission, system
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from meetings.conflicts import LONGEST, Booked, BookingRequest, in_the_way, taken_by
from meetings.errors import Taken
from meetings.models import (
    CONFIRMED,
    HELD,
    OCCUPIES,
    RELEASED,
    WAITING,
    MeetingRow,
    ReadinessRow,
    ReservationRow,
    RoomDeviceRow,
    RoomRow,
)
from meetings.readiness import ReadinessState, Reason
from meetings.repository import Wanted, booked_in
from meetings.rooms import Kind, RoomView
from meetings.views import (
    MeetingBrief,
    MeetingPage,
    MeetingState,
    MeetingView,
    ReadinessSummary,
    Reservation,
    ReservationState,
    RoomMeeting,
    RoomPage,
    RoomReadiness,
    RoomUse,
    Session,
)

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
    statement, place = _rooms(actor, tx, permission)
    statement = statement.order_by(RoomRow.name_sort, RoomRow.code).limit(limit + 1)
    if query:
        statement = statement.where(holds(query, RoomRow.name, RoomRow.code, place.c.name, place.c.unit_name))
    if after is not None:
        name_sort, _, code = after.rpartition("|")
        statement = statement.where(tuple_(RoomRow.name_sort, RoomRow.code) > tuple_(literal(name_sort), literal(code)))
    rows = list(await tx.session.execute(statement))
    last = rows[limit - 1][0] if len(rows) > limit else None
    return RoomPage([_room(*row) for row in rows[:limit]], f"{last.name_sort}|{last.code}" if last else None)


async def rooms_by_code(
    actor: Actor, tx: Transaction, codes: Sequence[str], permission: Permission = MEETINGS_READ
) -> dict[str, tuple[int, RoomView]]:
    """Return id and view of those of `codes` where `actor` holds `permission`, by code, in the order of their names."""
    statement, _ = _rooms(actor, tx, permission)
    # PostgreSQL takes no NUL in text: such a code is that of no room, and no reason to fail.
    statement = statement.where(RoomRow.code.in_([code for code in codes if code.isprintable()])).order_by(
        RoomRow.name_sort, RoomRow.code
    )
    rows = await tx.session.execute(statement)
    return {row[0].code: (row[0].id, _room(*row)) for row in rows}


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
        mine: Only those that `actor` organises.
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
        statement = statement.where(MeetingRow.organiser_id == actor.id)
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


async def readiness_of(actor: Actor, meeting_id: uuid.UUID, tx: Transaction) -> list[RoomReadiness]:
    """Return how ready each room of a meeting was when it was looked at last, in the order of their names.

    Raises:
        NotFound: There is no such meeting that `actor` may see.
    """
    await meeting_for(actor, meeting_id, tx)
    place, latest = visible_offices(actor, day_of(tx.now()), MEETINGS_READ), _latest([meeting_id])
    rows = await tx.session.execute(
        select(*_readiness_columns(place, latest))
        .join(place, place.c.id == RoomRow.office_id)
        .join(ReservationRow, ReservationRow.room_id == RoomRow.id)
        .outerjoin(latest, latest.c.room_id == RoomRow.id)
        .where(ReservationRow.meeting_id == meeting_id, RoomRow.kind == "room")
        .order_by(RoomRow.name_sort, RoomRow.code)
    )
    return [_readiness(*row) for row in rows]


async def readiness_summaries(
    actor: Actor, tx: Transaction, meetings: Sequence[uuid.UUID]
) -> dict[uuid.UUID, ReadinessSummary]:
    """Return how ready the rooms of each of `meetings` are that `actor` may see, counted; none: no entry."""
    actor.require(MEETINGS_READ)
    place, latest = visible_offices(actor, day_of(tx.now()), MEETINGS_READ), _latest(meetings)
    state = func.coalesce(latest.c.state, "unknown")
    rows = await tx.session.execute(
        select(ReservationRow.meeting_id, state, latest.c.state.is_(None), func.count())
        .join(RoomRow, RoomRow.id == ReservationRow.room_id)
        .join(place, place.c.id == RoomRow.office_id)
        .outerjoin(
            latest, and_(latest.c.room_id == RoomRow.id, latest.c.meeting_id == ReservationRow.meeting_id)
        )
        .where(ReservationRow.meeting_id.in_(meetings), RoomRow.kind == "room")
        .group_by(ReservationRow.meeting_id, state, latest.c.state.is_(None))
    )  # fmt: skip
    counts: dict[uuid.UUID, Counter[ReadinessState]] = {}
    unchecked: Counter[uuid.UUID] = Counter()
    for meeting_id, found, not_yet, number in rows:
        counts.setdefault(meeting_id, Counter())[cast("ReadinessState", found)] += number
        unchecked[meeting_id] += number if not_yet else 0
    return {meeting_id: ReadinessSummary(rooms, unchecked[meeting_id]) for meeting_id, rooms in counts.items()}


async def meetings_in_office(
    actor: Actor, office: str, tx: Transaction, *, until: datetime, limit: int = 20
) -> list[RoomMeeting]:
    """Return what is booked from now to `until` in each room of `office` (its code), with the room's readiness.

    The first to begin first, at most `limit`; a meeting in two of its rooms comes twice.
    """
    actor.require(MEETINGS_READ)
    place = visible_offices(actor, day_of(tx.now()), MEETINGS_READ)
    latest = (
        select(ReadinessRow.state, ReadinessRow.reasons, ReadinessRow.stage, ReadinessRow.checked_at)
        .where(ReadinessRow.meeting_id == MeetingRow.id, ReadinessRow.room_id == RoomRow.id)
        .order_by(ReadinessRow.checked_at.desc())
        .limit(1)
        .lateral()
    )
    rows = await tx.session.execute(
        select(
            MeetingRow.id,
            MeetingRow.title,
            MeetingRow.starts_at,
            MeetingRow.ends_at,
            *_readiness_columns(place, latest),
        )
        .select_from(RoomRow)
        .join(place, place.c.id == RoomRow.office_id)
        .join(ReservationRow, ReservationRow.room_id == RoomRow.id)
        .join(MeetingRow, MeetingRow.id == ReservationRow.meeting_id)
        .outerjoin(latest, literal(True))  # noqa: FBT003 - SQL's `on true`
        .where(
            place.c.code == office,
            RoomRow.kind == "room",
            text(f"reservation.{OCCUPIES}"),
            ReservationRow.during.overlaps(Range(tx.now(), until, bounds="[)")),
        )
        .order_by(MeetingRow.starts_at, MeetingRow.id, RoomRow.name_sort)
        .limit(min(limit, MOST_A_PAGE))
    )
    return [
        RoomMeeting(meeting_id, title, starts_at, ends_at, _readiness(*readiness))
        for meeting_id, title, starts_at, ends_at, *readiness in rows
    ]


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
    columns = ("id", "title", "organiser", "starts_at", "ends_at")
    rows = await tx.session.execute(
        select(*(MeetingRow.__table__.c[name] for name in columns), ReservationRow.during, ReservationRow.state)
        .join(ReservationRow, ReservationRow.meeting_id == MeetingRow.id)
        .where(
            ReservationRow.room_id == found[room][0],
            ReservationRow.during.overlaps(Range(start, end, bounds="[)")),
            text(f"reservation.{OCCUPIES}"),
        )
        .order_by(func.lower(ReservationRow.during))
        .limit(min(limit, MOST_A_PAGE))
    )
    return [
        RoomUse(
            row.id, row.title, row.organiser, row.starts_at, row.ends_at, row.during.lower, row.during.upper,
            STATES[row.state],
        )
        for row in rows
    ]  # fmt: skip


async def rooms_named(
    actor: Actor, tx: Transaction, codes: Sequence[str], permission: Permission = MEETINGS_READ
) -> list[RoomView]:
    """Return those of `codes` where `actor` holds `permission`, in the order of their names."""
    actor.require(permission)
    return [room for _, room in (await rooms_by_code(actor, tx, codes, permission)).values()]


async def taken_between(
    actor: Actor, tx: Transaction, rooms: Sequence[str], starts_at: datetime, ends_at: datetime
) -> list[Taken]:
    """Return what keeps others out of those of `rooms` (codes) that `actor` may book, in this half-open time.

    By room, then by time; what they may not read of, they are only told until when it lasts.
    """
    actor.require(MEETINGS_BOOK)
    views = await rooms_by_code(actor, tx, rooms, MEETINGS_BOOK)
    ids, during = {room_id: code for code, (room_id, _) in views.items()}, Range(starts_at, ends_at, bounds="[)")
    booked = await booked_in(tx, ids, [Wanted(uuid.UUID(int=0), room_id, during) for room_id in ids])
    found = in_the_way(BookingRequest("", tuple(rooms), starts_at, ends_at), booked)
    names = {code: view.name for code, (_, view) in views.items()}
    return taken_by([replace(one, against=None) for one in found], names, await seen_of(actor, found, tx))


async def seen_of(actor: Actor, booked: Sequence[Booked], tx: Transaction) -> set[uuid.UUID]:
    """Return those meetings of `booked` that `actor` may read of: one of their rooms here is where they may."""
    if not booked or not actor.may(MEETINGS_READ):
        return set()
    read = await rooms_by_code(actor, tx, [one.room for one in booked])
    return {one.meeting for one in booked if one.room in read}


def audited_meetings(actor: Actor, tx: Transaction) -> Select[str]:
    """Return the statement for the meetings of which `actor` may read the audit log, as it names them."""
    return select(func.concat("meeting:", MeetingRow.id)).where(_visible(actor, tx, AUDIT_READ))


def _latest(meetings: Sequence[uuid.UUID]) -> Subquery:
    """Return the newest look at each room of each of `meetings`."""
    return (
        select(ReadinessRow)
        .where(ReadinessRow.meeting_id.in_(meetings))
        .ext(distinct_on(ReadinessRow.meeting_id, ReadinessRow.room_id))
        .order_by(ReadinessRow.meeting_id, ReadinessRow.room_id, ReadinessRow.checked_at.desc())
        .subquery()
    )


def _readiness_columns(place: Subquery, latest: FromClause) -> list[ColumnElement[Any]]:
    return [
        *(RoomRow.__table__.c[name] for name in ("code", "name")),
        *(place.c[name] for name in ("code", "name")),
        *(latest.c[name] for name in ("state", "reasons", "stage", "checked_at")),
    ]


def _readiness(
    room: str,
    room_name: str,
    office: str,
    office_name: str,
    state: str | None,
    reasons: list[dict[str, Any]] | None,
    stage: str | None,
    checked_at: datetime | None,
) -> RoomReadiness:
    return RoomReadiness(
        room=room,
        room_name=room_name,
        office=office,
        office_name=office_name,
        state=cast("ReadinessState", state or "unknown"),
        reasons=tuple(Reason(reason["code"], reason["fields"]) for reason in reasons or ()),
        stage=stage or "",
        checked_at=checked_at,
    )


def _visible(actor: Actor, tx: Transaction, permission: Permission = MEETINGS_READ) -> ColumnElement[bool]:
    place = visible_offices(actor, day_of(tx.now()), permission)
    return (
        exists()
        .where(ReservationRow.meeting_id == MeetingRow.id, ReservationRow.room_id == RoomRow.id)
        .where(place.c.id == RoomRow.office_id)
    )


def _rooms(
    actor: Actor, tx: Transaction, permission: Permission = MEETINGS_READ
) -> tuple[Select[RoomRow, str, str, str, list[str]], Subquery]:
    today = day_of(tx.now())
    place, device = visible_offices(actor, today, permission), visible_devices(actor, today, permission)
    devices = (
        select(func.array_agg(aggregate_order_by(device.c.code, device.c.code)))
        .join(RoomDeviceRow, RoomDeviceRow.device_id == device.c.id)
        .where(RoomDeviceRow.room_id == RoomRow.id)
        .correlate(RoomRow)
        .scalar_subquery()
    )
    statement = select(RoomRow, place.c.code, place.c.name, place.c.unit_name, devices).join(
        place, place.c.id == RoomRow.office_id
    )
    return statement, place


async def views_of(
    actor: Actor, tx: Transaction, meetings: Sequence[MeetingRow], permission: Permission = MEETINGS_READ
) -> list[MeetingView]:
    """Return the meetings with the rooms where `actor` holds `permission`: one more statement, however many."""
    statement, _ = _rooms(actor, tx, permission)
    rows = await tx.session.execute(
        statement.join(ReservationRow, ReservationRow.room_id == RoomRow.id)
        .where(ReservationRow.meeting_id.in_([meeting.id for meeting in meetings]))
        .add_columns(
            ReservationRow.meeting_id,
            ReservationRow.state,
            ReservationRow.required,
            ReservationRow.checked_in_at,
            ReservationRow.why,
        )
        .order_by(RoomRow.name_sort, RoomRow.code)
    )
    of_meeting: dict[uuid.UUID, list[tuple[RoomView, Reservation]]] = {}
    for *room, meeting_id, state, required, checked_in_at, why in rows:
        view = _room(*room)
        reservation = Reservation(view.code, STATES[state], required, checked_in_at, why)
        of_meeting.setdefault(meeting_id, []).append((view, reservation))
    return [
        MeetingView(
            id=meeting.id,
            title=meeting.title,
            conference=meeting.conference,
            organiser=meeting.organiser,
            starts_at=meeting.starts_at,
            ends_at=meeting.ends_at,
            state=cast("MeetingState", meeting.state),
            rooms=tuple(view for view, _ in of_meeting.get(meeting.id, ())),
            reservations=tuple(reservation for _, reservation in of_meeting.get(meeting.id, ())),
            version=meeting.version,
            series=meeting.series_id,
            original=meeting.original_local,
        )
        for meeting in meetings
    ]


def _room(row: RoomRow, office: str, office_name: str, unit_name: str, devices: list[str] | None) -> RoomView:
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
    )


def _read_cursor(cursor: str) -> tuple[datetime, uuid.UUID]:
    try:
        begin, _, meeting_id = cursor.partition("|")
        return datetime.fromisoformat(begin).astimezone(UTC), uuid.UUID(meeting_id)
    except ValueError:
        raise BadInput(what="The cursor", why="it is not one that this list gave") from None
