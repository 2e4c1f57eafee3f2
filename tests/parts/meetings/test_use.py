"""Use by unit, against counting every meeting and room by hand."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.errors import Conflict
from meetings.keep_rooms import give_back
from meetings.models import RoomRow
from meetings.public import (
    BookingRequest,
    MeetingView,
    answer,
    book,
    cancel,
    check_in,
    meetings_between,
    to_approve,
    use_by_unit,
)
from tests.parts.meetings.conftest import NINE, NOW, OFFICIAL, OTHER_OFFICIAL, SECRETARY

HOUR = timedelta(hours=1)
ROOMS = ("ps-room", "sl-room", "dk-room", "dl-room", "dl-hall", "hn-room")
Counted = tuple[int, float, float, float, int, int]


@pytest.fixture
async def kept(database: Database, rooms_loaded: None) -> None:
    """Rooms that need an answer, that are given back without a check-in, and one that is no room."""
    async with database.transaction() as tx:
        rooms = {row.code: row for row in await tx.session.scalars(select(RoomRow))}
        for code in ("ps-room", "dl-hall"):
            rooms[code].approval = True
        for code in ("sl-room", "dk-room", "dl-hall"):
            rooms[code].release_min = 10
        rooms["dl-room"].before_min = 30
        rooms["hn-room"].kind = "kit"


def by_hand(meetings: Iterable[MeetingView], start: datetime, end: datetime) -> dict[str, Counted]:
    """Return for each unit (its name) what `use_by_unit` counts, from what people see of the meetings."""
    had: dict[str, set[object]] = defaultdict(set)
    hours: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    lost: dict[str, int] = defaultdict(int)
    vain: dict[str, int] = defaultdict(int)
    for meeting in meetings:
        if meeting.state == "cancelled" or not start <= meeting.starts_at < end:
            continue
        length = (meeting.ends_at - meeting.starts_at) / HOUR
        for room, part in zip(meeting.rooms, meeting.reservations, strict=True):
            if room.kind != "room":
                continue
            kept = part.state in {"held", "confirmed"}
            if kept:
                had[room.unit_name].add(meeting.id)
            hours[room.unit_name][not kept] += length * (part.state != "waiting")
            lost[room.unit_name] += part.why == "no-show"
            vain[room.unit_name] += part.state == "waiting"
    return {
        unit: (len(had[unit]), kept + back, kept, back, lost[unit], vain[unit]) for unit, (kept, back) in hours.items()
    }


async def book_some(database: Database, chance: random.Random) -> list[MeetingView]:
    """Book what is free of 40 meetings of one to three rooms on two days, the first room required."""
    booked: list[MeetingView] = []
    for _ in range(40):
        rooms = chance.sample(ROOMS, chance.randint(1, 3))
        begin = NINE + timedelta(minutes=30 * chance.randrange(16), days=chance.randrange(2))
        end = begin + timedelta(minutes=chance.choice((30, 45, 100)))
        request = BookingRequest("Họp", tuple(rooms[:1]), begin, end, tuple(rooms[1:]))
        with suppress(Conflict):
            async with database.transaction() as tx:
                booked.append(await book(request, chance.choice((OFFICIAL, OTHER_OFFICIAL)), tx))
    return booked


async def live_through(database: Database, clock: FrozenClock) -> None:
    """Let two days pass: people come to every other meeting, and what is due is given back."""
    clock.forward(NINE - NOW)
    while clock.now() < NINE + timedelta(days=2):
        async with database.transaction() as tx:
            for meeting in (await meetings_between(SECRETARY, tx, tx.now(), tx.now() + HOUR)).meetings[::2]:
                for part in meeting.reservations:
                    if part.state == "confirmed" and meeting.starts_at <= tx.now():
                        await check_in(SECRETARY, meeting.id, part.room, tx)
        await give_back(database)
        clock.forward(timedelta(minutes=45) if clock.now().hour < 11 else timedelta(hours=14))


async def test_use_by_unit_is_what_counting_each_meeting_gives(
    kept: None, database: Database, clock: FrozenClock
) -> None:
    chance = random.Random(6)  # noqa: S311 - no secret, and the same each time
    booked = await book_some(database, chance)
    async with database.transaction() as tx:
        for meeting in chance.sample(booked, 4):
            await cancel(SECRETARY, meeting.id, tx)
        for number, waiting in enumerate(await to_approve(SECRETARY, tx)):
            if number % 3 < 2:
                await answer(SECRETARY, waiting.meeting, waiting.room, tx, agreed=number % 3 == 0)
    await live_through(database, clock)
    day, last = timedelta(days=1), NINE + timedelta(days=3)
    async with database.transaction() as tx:
        seen = (await meetings_between(SECRETARY, tx, NOW, last, limit=200)).meetings
        assert {part.why for one in seen for part in one.reservations} == {"", "denied", "unanswered", "no-show"}
        assert {part.state for one in seen for part in one.reservations} >= {"confirmed", "released", "waiting"}
        for start, end in ((NOW, last), (NINE + HOUR, NINE + 3 * HOUR), (NINE + day, NINE + 2 * day)):
            page = await use_by_unit(SECRETARY, tx, start, end, limit=200)
            used = [one for one in page.units if one.booked_h or one.waiting]
            expected = by_hand(seen, start, end)
            assert {one.unit_name for one in used} == expected.keys()
            for one in used:
                figures = one.meetings, one.booked_h, one.kept_h, one.released_h, one.no_shows, one.waiting
                assert figures == pytest.approx(expected[one.unit_name], abs=0.01), one.unit_name
