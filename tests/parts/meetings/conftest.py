"""The example programme with its rooms, in a database of its own, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from api.demo.agents import PROGRAMME, ROOMS
from inventory.public import bundled_profiles, load_file
from kernel.actors import Actor, system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.ids import new_id
from meetings.public import BookingRequest, MeetingView, book, load_rooms
from tests.builders.actors import account_actor

NOW = datetime(2026, 11, 24, 1, 26, tzinfo=UTC)
NINE = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
"""Nine o'clock in Vietnam, tomorrow."""

OFFICIAL = account_actor(new_id(), "canbo", "official")
OTHER_OFFICIAL = account_actor(new_id(), "lan", "official")
SECRETARY = account_actor(new_id(), "thuky", "secretary")
TECHNICIAN = account_actor(new_id(), "kythuat", "technician")

Book = Callable[..., Awaitable[MeetingView]]


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


@pytest.fixture
async def rooms_loaded(database: Database) -> None:
    async with database.transaction() as tx:
        await load_file(PROGRAMME, system("test"), tx, bundled_profiles())
        await load_rooms(ROOMS, system("test"), tx)


@pytest.fixture
def booked(database: Database, rooms_loaded: None) -> Book:
    """What books in a transaction of its own."""

    async def make(
        *rooms: str,
        at: datetime = NINE,
        minutes: float = 90,
        title: str = "Họp giao ban",
        by: Actor = OFFICIAL,
        key: str = "",
    ) -> MeetingView:
        request = BookingRequest(title, rooms or ("ps-room",), at, at + timedelta(minutes=minutes))
        async with database.transaction() as tx:
            return await book(request, by, tx, key=key)

    return make
