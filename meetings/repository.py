"""Reads and writes rows of meetings. Who may see what is decided by the inventory's access, not here."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    Boolean,
    DateTime,
    Integer,
    Select,
    SmallInteger,
    Uuid,
    case,
    column,
    delete,
    func,
    literal,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSTZRANGE, Range, distinct_on, insert

from inventory.public import persons
from kernel.db.transaction import Transaction
from meetings.conflicts import Booked, served
from meetings.models import (
    CONFIRMED,
    HELD,
    OCCUPIES,
    RELEASED,
    WAITING,
    BookingKeyRow,
    DueCheckRow,
    MeetingRow,
    ReadinessRow,
    ReservationRow,
    RoomRow,
)
from meetings.readiness import STAGES, Stage, before, last_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """A room (its id) for a meeting, and the half-open time that it is needed for, getting ready included."""

    meeting: uuid.UUID
    room: int
    during: Range[datetime]
    state: int = CONFIRMED
    required: bool = True


class Due(NamedTuple):
    """A check that is ours until `until`; after that another worker may take it."""

    meeting_id: uuid.UUID
    stage: str
    until: datetime


async def lock_rooms(tx: Transaction, rooms: Iterable[int]) -> None:
    """Keep others from booking `rooms` until the end of this transaction, and say that their calendar changes.

    Whoever changes a reservation holds its room's lock. Always in the order of ids: two bookings of the same rooms wait
    for each other once, and never in a circle. Without this the exclusion constraint alone lets two of them deadlock
    (they insert first, then wait).
    """
    locked = (
        select(RoomRow.id)
        .where(RoomRow.id == func.any(literal(sorted(rooms), ARRAY(Integer))))
        .order_by(RoomRow.id)
        .with_for_update(key_share=True)
        .cte("locked")
        .prefix_with("MATERIALIZED")
    )
    await tx.session.execute(
        update(RoomRow)
        .where(RoomRow.id == locked.c.id)
        .values(calendar=RoomRow.calendar + 1)
        .execution_options(synchronize_session=False)
    )


def overlapping(wanted: Sequence[Wanted]) -> Select[uuid.UUID, int, Range[datetime], datetime]:
    """Return the statement for reservations that keep others out of the rooms and half-open times of `wanted`.

    Its last column is when the time began that it was found for. One probe of the guard's own index for each. The ids
    go over as INTEGER[]: PostgreSQL cannot use that index for a smallint, which is what the driver makes of a small
    Python number, and would read whatever overlaps in time.
    """
    asked = (
        func.unnest(
            literal([one.room for one in wanted], ARRAY(Integer)),
            literal([one.during.lower for one in wanted], ARRAY(DateTime(timezone=True))),
            literal([one.during.upper for one in wanted], ARRAY(DateTime(timezone=True))),
        )
        .table_valued(column("room_id", Integer), column("begin", DateTime), column("end", DateTime), name="wanted")
        .render_derived()
    )
    during = func.tstzrange(asked.c.begin, asked.c.end, "[)", type_=TSTZRANGE)
    return (
        select(ReservationRow.meeting_id, ReservationRow.room_id, ReservationRow.during, asked.c.begin)
        .select_from(asked)
        .join(ReservationRow, ReservationRow.room_id == asked.c.room_id)
        .where(ReservationRow.during.overlaps(during), text(f"reservation.{OCCUPIES}"))
    )


async def booked_in(tx: Transaction, rooms: Mapping[int, str], wanted: Sequence[Wanted]) -> list[Booked]:
    """Return what is booked in the rooms (id to code) and times of `wanted`; `against` is when that time begins."""
    found = overlapping(wanted).subquery()
    rows = await tx.session.execute(
        select(
            found.c.room_id,
            found.c.during,
            found.c.begin,
            MeetingRow.id,
            MeetingRow.title,
            persons.called(MeetingRow.organiser_id, MeetingRow.organiser),
        )
        .join(MeetingRow, MeetingRow.id == found.c.meeting_id)
        .order_by(found.c.begin, found.c.during, MeetingRow.id)
    )
    return [
        Booked(rooms[room], during.lower, during.upper, meeting, title, organiser, begin)
        for room, during, begin, meeting, title, organiser in rows
    ]


async def reserve(tx: Transaction, wanted: Sequence[Wanted]) -> set[tuple[uuid.UUID, int]]:
    """Reserve all that is `wanted` in one statement; return which (meeting, room) it got: the guard decides about each.

    The rows go over as columns: thousands of them are a few parameters.
    """
    ordered = sorted(wanted, key=lambda one: (one.room, one.during.lower))
    columns = (
        ("meeting_id", Uuid(), [one.meeting for one in ordered]),
        ("room_id", Integer(), [one.room for one in ordered]),
        ("lower", DateTime(timezone=True), [one.during.lower for one in ordered]),
        ("upper", DateTime(timezone=True), [one.during.upper for one in ordered]),
        ("state", SmallInteger(), [one.state for one in ordered]),
        ("required", Boolean(), [one.required for one in ordered]),
    )
    given = (
        func.unnest(*(literal(values, ARRAY(kind)) for _, kind, values in columns))
        .table_valued(*(column(name, kind) for name, kind, _ in columns), name="given")
        .render_derived()
    )
    rows = select(
        given.c.meeting_id,
        given.c.room_id,
        func.tstzrange(given.c.lower, given.c.upper, "[)", type_=TSTZRANGE),
        given.c.state,
        given.c.required,
        literal(tx.now(), DateTime(timezone=True)),
    )
    names = ("meeting_id", "room_id", "during", "state", "required", "asked_at")
    got = await tx.session.execute(
        insert(ReservationRow)
        .from_select(names, rows)
        .on_conflict_do_nothing()
        .returning(ReservationRow.meeting_id, ReservationRow.room_id)
    )
    return {(meeting_id, room_id) for meeting_id, room_id in got}


async def release(tx: Transaction, meetings: Sequence[uuid.UUID]) -> list[int]:
    """Let others have the rooms (returned by id, locked) of `meetings`, and look at them no more."""
    theirs = select(ReservationRow.room_id).where(ReservationRow.meeting_id.in_(meetings)).distinct()
    rooms = list(await tx.session.scalars(theirs))
    await lock_rooms(tx, rooms)
    await tx.session.execute(
        update(ReservationRow).where(ReservationRow.meeting_id.in_(meetings)).values(state=RELEASED)
    )
    await tx.session.execute(delete(DueCheckRow).where(DueCheckRow.meeting_id.in_(meetings)))
    return rooms


async def serve_waiting(tx: Transaction, rooms: Sequence[int]) -> list[tuple[uuid.UUID, str]]:
    """Give `rooms`, which are locked, to those who wait for them; return which meeting got which room (its code)."""
    during, asked = ReservationRow.during, literal(list(rooms), ARRAY(Integer))
    coming = (ReservationRow.room_id == func.any(asked), func.upper(during) > tx.now())
    columns = (ReservationRow.room_id, func.lower(during), func.upper(during))
    waiting = list(
        await tx.session.execute(
            select(ReservationRow.meeting_id, *columns)
            .where(*coming, ReservationRow.state == WAITING)
            .order_by(ReservationRow.asked_at, ReservationRow.meeting_id, ReservationRow.room_id)
        )
    )
    if not waiting:
        return []
    taken = await tx.session.execute(select(*columns).where(*coming, text(f"reservation.{OCCUPIES}")))
    got = served([(*row,) for row in waiting], [(*row,) for row in taken])
    if not got:
        return []
    needs = select(RoomRow.approval).where(RoomRow.id == ReservationRow.room_id).scalar_subquery()
    await tx.session.execute(
        update(ReservationRow)
        .where(tuple_(ReservationRow.meeting_id, ReservationRow.room_id).in_(got))
        .values(state=case((needs, HELD), else_=CONFIRMED))
        .execution_options(synchronize_session=False)
    )
    ids = [room for _, room in got]
    rows = await tx.session.execute(select(RoomRow.id, RoomRow.code).where(RoomRow.id.in_(ids)))
    codes = {row.id: row.code for row in rows}
    return [(meeting, codes[room]) for meeting, room in got]


async def claim_key(
    tx: Transaction, actor: str, key: str, request: bytes, meeting_id: uuid.UUID
) -> tuple[uuid.UUID, bytes] | None:
    """Take `key` for a new meeting and return None; taken before, the meeting and the request that it was taken for.

    Waits for another transaction that is just taking the same key.
    """
    taken = await tx.session.execute(
        insert(BookingKeyRow)
        .values(actor=actor, key=key, request=request, meeting_id=meeting_id, at=tx.now())
        .on_conflict_do_nothing()
        .returning(BookingKeyRow.key)
    )
    if taken.one_or_none() is not None:
        return None
    known = await tx.session.execute(
        select(BookingKeyRow.meeting_id, BookingKeyRow.request).where(
            BookingKeyRow.actor == actor, BookingKeyRow.key == key
        )
    )
    row = known.one()
    return row.meeting_id, row.request


async def save_checks(tx: Transaction, due: Mapping[uuid.UUID, Mapping[Stage, datetime]]) -> None:
    """Have the rooms of each meeting looked at when each of its stages is due."""
    await tx.session.execute(
        insert(DueCheckRow),
        [
            {"meeting_id": meeting_id, "stage": stage, "due_at": at}
            for meeting_id, stages in due.items()
            for stage, at in stages.items()
        ],
    )


async def take_due_checks(tx: Transaction, *, limit: int, lease: timedelta) -> list[Due]:
    """Take at most `limit` checks that are due, oldest first; of one meeting the last stage only.

    Its earlier stages are over then. What was taken is ours for `lease`: who dies over it leaves it to the next.
    """
    rows = await tx.session.execute(
        select(DueCheckRow.meeting_id, DueCheckRow.stage)
        .where(DueCheckRow.due_at <= tx.now())
        .order_by(DueCheckRow.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    stages: dict[uuid.UUID, list[str]] = {}
    for meeting_id, stage in rows:
        stages.setdefault(meeting_id, []).append(stage)
    taken = [Due(meeting_id, last_of(due), tx.now() + lease) for meeting_id, due in stages.items()]
    over = [(due.meeting_id, stage) for due in taken for stage in before(due.stage)]
    if over:
        await tx.session.execute(delete(DueCheckRow).where(_these(over)))
    if taken:
        await tx.session.execute(
            update(DueCheckRow)
            .where(_these([(due.meeting_id, due.stage) for due in taken]))
            .values(due_at=tx.now() + lease)
        )
    return taken


async def finish_check(tx: Transaction, due: Due, again: datetime | None) -> None:
    """Repeat the check at `again`, or never; nothing happens if it is no longer ours."""
    ours = (
        DueCheckRow.meeting_id == due.meeting_id, DueCheckRow.stage == due.stage, DueCheckRow.due_at == due.until
    )  # fmt: skip
    if again is None:
        await tx.session.execute(delete(DueCheckRow).where(*ours))
    else:
        await tx.session.execute(update(DueCheckRow).where(*ours).values(due_at=again))


async def bring_forward(tx: Transaction, meetings: Sequence[uuid.UUID]) -> None:
    """Have each of `meetings` looked at now: its first stage that is not over, be it being looked at this moment."""
    place = case({stage: number for number, stage in enumerate(STAGES)}, value=DueCheckRow.stage)
    first = (
        select(DueCheckRow.meeting_id, DueCheckRow.stage)
        .where(DueCheckRow.meeting_id.in_(meetings))
        .ext(distinct_on(DueCheckRow.meeting_id))
        .order_by(DueCheckRow.meeting_id, place)
        .subquery()
    )
    await tx.session.execute(
        update(DueCheckRow)
        .where(tuple_(DueCheckRow.meeting_id, DueCheckRow.stage).in_(select(first)), DueCheckRow.due_at > tx.now())
        .values(due_at=tx.now())
        .execution_options(synchronize_session=False)
    )


async def save_readiness(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep what a check found, unless a later one of the same stage is there already."""
    if not rows:
        return
    statement = insert(ReadinessRow).values(list(rows))
    await tx.session.execute(
        statement.on_conflict_do_update(
            index_elements=["meeting_id", "room_id", "stage"],
            set_={name: statement.excluded[name] for name in ("checked_at", "state", "reasons")},
            where=ReadinessRow.checked_at <= statement.excluded.checked_at,
        )
    )


def _these(checks: Sequence[tuple[uuid.UUID, str]]) -> Any:  # noqa: ANN401 - a condition, whose type SQLAlchemy keeps
    return tuple_(DueCheckRow.meeting_id, DueCheckRow.stage).in_(
        [tuple_(literal(meeting_id), literal(stage)) for meeting_id, stage in checks]
    )
