"""Read models of readiness: how ready rooms were found for their meetings."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, FromClause, Subquery, and_, func, literal, select, text
from sqlalchemy.dialects.postgresql import Range, distinct_on

from inventory.public import MEETINGS_READ, day_of, visible_offices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from meetings.models import OCCUPIES, MeetingRow, ReadinessRow, ReservationRow, RoomRow
from meetings.queries import meeting_for
from meetings.readiness import ReadinessState, Reason
from meetings.room_queries import MOST_A_PAGE
from meetings.views import ReadinessSummary, RoomMeeting, RoomReadiness


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
