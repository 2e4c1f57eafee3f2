"""Makes the meetings of series 18 months ahead, as time goes on. The worker runs it."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import select

from kernel.actors import system
from kernel.db.transaction import Database, Transaction
from kernel.errors import DatabaseUnavailable
from meetings.conflicts import FARTHEST
from meetings.models import RoomRow, SeriesRoomRow, SeriesRow
from meetings.recurrence import occurrences
from meetings.reserving import Place, find_places, new_meeting, put_into_calendar
from meetings.series import about, calendar_of, pattern_of

EVERY_S: Final = 3600.0
STEP: Final = timedelta(days=7)
"""A series is extended when it falls this far behind: once a week, not once an hour."""

ACTOR: Final = system("series")

log = structlog.get_logger(__name__)


async def run_extension(database: Database, stop: asyncio.Event) -> None:
    """Extend series every hour until `stop` is set; a database away is waited for."""
    while not stop.is_set():
        try:
            for series_id in await behind(database):
                try:
                    await extend(database, series_id)
                except DatabaseUnavailable:
                    raise
                except Exception:  # the others shall have their turn; this one comes again in an hour
                    log.exception("series_failed", series=str(series_id))
        except DatabaseUnavailable as error:
            log.warning("series_wait", why=str(error))
        try:
            async with asyncio.timeout(EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue


async def behind(database: Database) -> list[uuid.UUID]:
    """Return the series whose meetings are not made far enough ahead, the furthest behind first."""
    async with database.transaction() as tx:
        rows = await tx.session.execute(
            select(SeriesRow.id)
            .where(SeriesRow.state == "running", SeriesRow.booked_until < tx.now() + FARTHEST - STEP)
            .order_by(SeriesRow.booked_until)
        )
        return list(rows.scalars())


async def extend(database: Database, series_id: uuid.UUID) -> int:
    """Make the meetings of a series that are still to be made, and return how many. Twice is as once."""
    async with database.transaction() as tx:
        horizon = tx.now() + FARTHEST
        row = (
            await tx.session.execute(select(SeriesRow).where(SeriesRow.id == series_id).with_for_update())
        ).scalar_one()
        if row.state != "running" or row.booked_until >= horizon - STEP:
            return 0
        pattern = pattern_of(row)
        last, since = (at.astimezone(pattern.zone).replace(tzinfo=None) for at in (horizon, row.booked_until))
        found = [
            new_meeting(one.starts_at, one.ends_at, one.original)
            for one in occurrences(pattern, await calendar_of(tx), last)
            if one.original > since
        ]
        row.booked_until = horizon
        if found:
            places = await places_of(tx, series_id)
            # Nobody is there to be asked: who booked a room of a far meeting first keeps it, and ours waits for it.
            await put_into_calendar(tx, ACTOR, found, places, about(row), series=series_id, or_wait=True)
            after = {"meetings": len(found), "until": horizon.isoformat()}
            tx.audit(ACTOR, "series.extended", f"series:{series_id}", after=after)
        return len(found)


async def places_of(tx: Transaction, series_id: uuid.UUID) -> list[Place]:
    """Return the rooms of each meeting of a series."""
    rows = await tx.session.execute(
        select(RoomRow.code, SeriesRoomRow.required)
        .join(RoomRow, RoomRow.id == SeriesRoomRow.room_id)
        .where(SeriesRoomRow.series_id == series_id)
    )
    needs = {row.code: row.required for row in rows}
    optional = [code for code, required in needs.items() if not required]
    return await find_places(ACTOR, tx, [code for code, required in needs.items() if required], optional)
