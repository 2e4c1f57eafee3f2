"""Reads and writes rows of meetings. Who may see what is decided by the inventory's access, not here."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Integer, Select, case, column, delete, func, literal, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, Range, distinct_on, insert

from kernel.db.transaction import Transaction
from meetings.conflicts import Booked
from meetings.models import (
    CONFIRMED,
    OCCUPIES,
    RELEASED,
    BookingKeyRow,
    DueCheckRow,
    MeetingRow,
    ReadinessRow,
    ReservationRow,
    RoomRow,
)
from meetings.readiness import STAGES, Stage, before, last_of


class Due(NamedTuple):
    """A check that is ours until `until`; after that another worker may take it."""

    meeting_id: uuid.UUID
    stage: str
    until: datetime


async def lock_rooms(tx: Transaction, rooms: Iterable[int]) -> None:
    """Keep others from booking `rooms` until the end of this transaction.

    Always in the order of ids: two bookings of the same rooms wait for each other once, and never in a circle. Without
    this the exclusion constraint alone lets two of them deadlock (they insert first, then wait).
    """
    await tx.session.execute(
        select(RoomRow.id).where(RoomRow.id.in_(list(rooms))).order_by(RoomRow.id).with_for_update(key_share=True)
    )


def overlapping(
    rooms: Sequence[int], starts_at: datetime, ends_at: datetime
) -> Select[uuid.UUID, int, Range[datetime]]:
    """Return the statement for reservations that keep others out of `rooms` (ids) in this half-open time.

    One probe of the guard's own index for each room. The ids go over as INTEGER[]: PostgreSQL cannot use that index for
    a smallint, which is what the driver makes of a small Python number, and would read whatever overlaps in time.
    """
    wanted = (
        func.unnest(literal(list(rooms), ARRAY(Integer)))
        .table_valued(column("room_id", Integer), name="wanted")
        .render_derived()
    )
    return (
        select(ReservationRow.meeting_id, ReservationRow.room_id, ReservationRow.during)
        .select_from(wanted)
        .join(ReservationRow, ReservationRow.room_id == wanted.c.room_id)
        .where(ReservationRow.during.overlaps(Range(starts_at, ends_at, bounds="[)")), text(f"reservation.{OCCUPIES}"))
    )


async def booked_in(tx: Transaction, rooms: Mapping[int, str], starts_at: datetime, ends_at: datetime) -> list[Booked]:
    """Return what is booked in `rooms` (id to code) in this half-open time."""
    found = overlapping(list(rooms), starts_at, ends_at).subquery()
    rows = await tx.session.execute(
        select(found.c.room_id, found.c.during, MeetingRow.id, MeetingRow.title, MeetingRow.organiser).join(
            MeetingRow, MeetingRow.id == found.c.meeting_id
        )
    )
    return [
        Booked(rooms[room], during.lower, during.upper, meeting, title, organiser)
        for room, during, meeting, title, organiser in rows
    ]


async def reserve(
    tx: Transaction, meeting_id: uuid.UUID, rooms: Sequence[int], starts_at: datetime, ends_at: datetime
) -> int:
    """Reserve `rooms` in one statement and return how many of them it got: the guard decides about each."""
    during = Range(starts_at, ends_at, bounds="[)")
    statement = insert(ReservationRow).values(
        [{"meeting_id": meeting_id, "room_id": room, "during": during, "state": CONFIRMED} for room in sorted(rooms)]
    )
    got = await tx.session.execute(statement.on_conflict_do_nothing().returning(ReservationRow.room_id))
    return len(got.all())


async def release(tx: Transaction, meeting_id: uuid.UUID) -> None:
    """Let others have the meeting's rooms, and look at them no more."""
    await tx.session.execute(
        update(ReservationRow).where(ReservationRow.meeting_id == meeting_id).values(state=RELEASED)
    )
    await tx.session.execute(delete(DueCheckRow).where(DueCheckRow.meeting_id == meeting_id))


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


async def save_checks(tx: Transaction, meeting_id: uuid.UUID, due: Mapping[Stage, datetime]) -> None:
    """Have the meeting's rooms looked at when each stage is due."""
    await tx.session.execute(
        insert(DueCheckRow),
        [{"meeting_id": meeting_id, "stage": stage, "due_at": at} for stage, at in due.items()],
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
