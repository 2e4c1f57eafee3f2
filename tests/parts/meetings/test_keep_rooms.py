"""A room's manager agrees or not, people check in, and what nobody answered or used is given back to who waits."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.errors import BadInput, NotFound, Refused
from kernel.ids import new_id
from meetings.errors import CheckInLater, NothingHeld, NotYourRoom
from meetings.keep_rooms import give_back, run_keeping
from meetings.models import RoomRow
from meetings.public import BookingRequest, MeetingView, answer, book, check_in, meeting_for, to_approve
from tests.builders.actors import account_actor
from tests.parts.meetings.conftest import NINE, NOW, OFFICIAL, OTHER_OFFICIAL, SECRETARY, TECHNICIAN, Book

HOUR = timedelta(hours=1)
KEEPER = account_actor(new_id(), "quanly", "official")


@pytest.fixture
async def kept(database: Database, rooms_loaded: None) -> None:
    """One room whose manager has to agree, and which is given back ten minutes after the beginning."""
    async with database.transaction() as tx:
        room = (await tx.session.execute(select(RoomRow).where(RoomRow.code == "ps-room"))).scalar_one()
        room.approval, room.manager, room.release_min = True, "quanly", 10


async def state(database: Database, meeting: uuid.UUID, room: str = "ps-room") -> tuple[str, str]:
    async with database.transaction() as tx:
        seen = await meeting_for(OFFICIAL, meeting, tx)
    return next((one.state, one.why) for one in seen.reservations if one.room == room)


async def waits(database: Database) -> MeetingView:
    async with database.transaction() as tx:
        return await book(BookingRequest("Chờ", ("sl-room",), NINE, NINE + HOUR, ("ps-room",)), OTHER_OFFICIAL, tx)


async def test_a_room_is_held_until_its_manager_agrees(kept: None, booked: Book, database: Database) -> None:
    meeting = await booked("ps-room", "dk-room")
    assert await state(database, meeting.id) == ("held", "")
    assert await state(database, meeting.id, "dk-room") == ("confirmed", "")
    async with database.transaction() as tx:
        (waiting,) = await to_approve(KEEPER, tx)
        assert (waiting.meeting, waiting.room) == (meeting.id, "ps-room")
        assert await to_approve(OTHER_OFFICIAL, tx) == []
        assert await to_approve(SECRETARY, tx) == [waiting]
        with pytest.raises(NotYourRoom):
            await answer(OTHER_OFFICIAL, meeting.id, "ps-room", tx, agreed=True)
        await answer(KEEPER, meeting.id, "ps-room", tx, agreed=True)
        await answer(KEEPER, meeting.id, "ps-room", tx, agreed=True)
        assert await to_approve(KEEPER, tx) == []
        with pytest.raises(NothingHeld):
            await answer(KEEPER, meeting.id, "ps-room", tx, agreed=False)
        with pytest.raises(NotFound):
            await answer(KEEPER, meeting.id, "sl-room", tx, agreed=True)
    assert await state(database, meeting.id) == ("confirmed", "")


async def test_its_manager_and_a_secretary_need_nobodys_agreement(kept: None, booked: Book, database: Database) -> None:
    assert await state(database, (await booked("ps-room", by=KEEPER)).id) == ("confirmed", "")
    later = await booked("ps-room", by=SECRETARY, at=NINE + 3 * HOUR)
    assert await state(database, later.id) == ("confirmed", "")


async def test_a_room_that_was_refused_goes_to_who_waits_and_is_held_for_them(
    kept: None, booked: Book, database: Database
) -> None:
    meeting = await booked("ps-room", "dk-room")
    other = await waits(database)
    assert await state(database, other.id) == ("waiting", "")
    async with database.transaction() as tx:
        for wrong in ("x" * 501, "a\x00b"):
            with pytest.raises(BadInput):
                await answer(KEEPER, meeting.id, "ps-room", tx, agreed=False, reason=wrong)
        refused = await answer(KEEPER, meeting.id, "ps-room", tx, agreed=False, reason=" Phòng  đang sửa\n")
    assert [one.answer for one in refused.reservations] == ["", "Phòng đang sửa"]
    assert await state(database, meeting.id) == ("released", "denied")
    assert await state(database, other.id) == ("held", "")


async def test_what_nobody_answered_is_given_back_when_the_meeting_begins(
    kept: None, booked: Book, database: Database, clock: FrozenClock
) -> None:
    meeting = await booked("ps-room", "dk-room")
    clock.forward(NINE - NOW - timedelta(seconds=1))
    assert await give_back(database) == 0
    clock.forward(timedelta(seconds=1))
    assert (await give_back(database), await give_back(database)) == (1, 0)
    assert await state(database, meeting.id) == ("released", "unanswered")
    assert await state(database, meeting.id, "dk-room") == ("confirmed", "")


async def test_a_no_show_gives_the_room_back_and_who_checked_in_keeps_it(
    kept: None, booked: Book, database: Database, clock: FrozenClock
) -> None:
    meeting, later = await booked("ps-room", by=KEEPER, minutes=60), await booked("ps-room", by=KEEPER, at=NINE + HOUR)
    with pytest.raises(CheckInLater):
        async with database.transaction() as tx:
            await check_in(KEEPER, meeting.id, "ps-room", tx)
    clock.forward(NINE - NOW + timedelta(minutes=9))
    assert await give_back(database) == 0
    async with database.transaction() as tx:
        with pytest.raises(Refused):
            await check_in(TECHNICIAN, meeting.id, "ps-room", tx)
        first = await check_in(KEEPER, meeting.id, "ps-room", tx)
        assert await check_in(KEEPER, meeting.id, "ps-room", tx) == first
    assert first.reservations[0].checked_in_at == NINE + timedelta(minutes=9)
    clock.forward(timedelta(minutes=62))
    stop = asyncio.Event()
    task = asyncio.create_task(run_keeping(database, stop))
    while await state(database, later.id) == ("confirmed", ""):
        await asyncio.sleep(0.05)
    stop.set()
    await task
    assert await state(database, later.id) == ("released", "no-show")
    assert await state(database, meeting.id) == ("confirmed", "")
    with pytest.raises(CheckInLater):
        async with database.transaction() as tx:
            await check_in(KEEPER, later.id, "ps-room", tx)
