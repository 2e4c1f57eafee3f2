"""Bookings and the tree: when units are reorganised, people want to know which meetings meet in offices that move.

A room stays in its office and a meeting in its room, so that nothing of them changes.
"""

from __future__ import annotations

import uuid

from sqlalchemy import ARRAY, Select, Uuid, any_, func, literal, select, tuple_

from inventory.public import Line, LinePage, Moved, start_of
from kernel.actors import Actor
from kernel.clock import epoch_ms, from_epoch_ms
from kernel.db.transaction import Transaction
from kernel.errors import BadInput
from meetings.models import MeetingRow, ReservationRow, RoomRow


class Bookings:
    """Meetings booked in offices that move, from the day of the move on."""

    kind = "bookings"

    async def count(self, moved: Moved, tx: Transaction) -> int:
        return await tx.session.scalar(select(func.count()).select_from(_booked(moved).subquery())) or 0

    async def page(self, moved: Moved, tx: Transaction, *, limit: int, after: str | None) -> LinePage:
        statement = (
            select(MeetingRow.id, MeetingRow.title, MeetingRow.starts_at)
            .where(MeetingRow.id.in_(_booked(moved)))
            .order_by(MeetingRow.starts_at, MeetingRow.id)
            .limit(limit + 1)
        )
        if after is not None:
            statement = statement.where(tuple_(MeetingRow.starts_at, MeetingRow.id) > tuple_(*_cursor(after)))
        rows = list(await tx.session.execute(statement))
        lines = [Line(str(row.id), row.title) for row in rows[:limit]]
        last = rows[limit - 1] if len(rows) > limit else None
        return LinePage(lines, f"{epoch_ms(last.starts_at)}|{last.id}" if last else None)

    async def follow(self, moved: Moved, actor: Actor, tx: Transaction) -> None:
        """Change nothing."""


def _booked(moved: Moved) -> Select[uuid.UUID]:
    return (
        select(MeetingRow.id)
        .join(ReservationRow, ReservationRow.meeting_id == MeetingRow.id)
        .join(RoomRow, RoomRow.id == ReservationRow.room_id)
        .where(
            RoomRow.office_id == any_(literal(list(moved.offices), ARRAY(Uuid))),
            MeetingRow.state == "booked",
            MeetingRow.ends_at > start_of(moved.day),
        )
        .distinct()
    )


def _cursor(after: str) -> tuple[object, object]:
    at_ms, _, which = after.partition("|")
    try:
        return literal(from_epoch_ms(int(at_ms))), literal(uuid.UUID(which))
    except (ValueError, OverflowError):
        raise BadInput(what="The cursor", why="it is not `next` of a page of this list") from None
