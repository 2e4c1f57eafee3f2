"""Rooms and meetings from the command line: loading rooms, listing what is booked, booking."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from kernel.actors import system
from kernel.db.transaction import Database
from kernel.errors import BadInput
from kernel.settings import Settings
from meetings.public import BookingRequest, MeetingView, book, load_rooms, meetings_between

ACTOR = system("command line")
A_PAGE = 200
COLUMNS = ("starts_at", "ends_at", "title", "organiser", "rooms")
"""Of the table; JSON has more."""


async def load(file: Path, database: Database) -> int:
    """Load rooms from `file` and return how many were added or changed."""
    async with database.transaction() as tx:
        return (await load_rooms(file, ACTOR, tx)).rooms


async def booked(settings: Settings, database: Database, *, start: str, days: int) -> list[dict[str, Any]]:
    """Return every meeting of the `days` from `start` (empty: now), as scripts and tables show it."""
    rows: list[dict[str, Any]] = []
    after: str | None = None
    async with database.transaction() as tx:
        begin = instant(start, settings) if start else tx.now()
        while True:
            page = await meetings_between(
                ACTOR, tx, begin, begin + timedelta(days=days), limit=A_PAGE, after=after
            )  # fmt: skip
            rows += [as_row(meeting, settings) for meeting in page.meetings]
            if (after := page.next_cursor) is None:
                return rows


async def book_now(
    settings: Settings, database: Database, *, title: str, rooms: list[str], start: str, minutes: int, key: str
) -> dict[str, Any]:
    """Book every room or none, and return the meeting."""
    begin = instant(start, settings)
    request = BookingRequest(title, tuple(rooms), begin, begin + timedelta(minutes=minutes))
    async with database.transaction() as tx:
        return as_row(await book(request, ACTOR, tx, key=key), settings)


def instant(text: str, settings: Settings) -> datetime:
    """Return the instant that `text` (RFC 3339) means; without a zone, in that of the settings.

    Raises:
        BadInput: It is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(what=f"The time {text}", why="write it as 2026-11-25T09:00, or with a zone") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(settings.timezone))


def as_row(meeting: MeetingView, settings: Settings) -> dict[str, Any]:
    """Return a meeting as scripts get it: times with their zone, rooms by code; nothing that opens its conference."""
    row = asdict(meeting)
    del row["conference"]
    for name in ("starts_at", "ends_at"):
        row[name] = row[name].astimezone(ZoneInfo(settings.timezone)).isoformat(timespec="minutes")
    return {**row, "id": str(meeting.id), "rooms": [room.code for room in meeting.rooms]}
