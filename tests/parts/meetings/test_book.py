"""Booking on a real database: all rooms or none, an exact answer on loss, and what is left behind."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from inventory.access import MEETINGS_BOOK
from kernel.actors import Actor, Hold
from kernel.audit import AuditEntryRow
from kernel.clock import FrozenClock
from kernel.db.transaction import Database, Transaction
from kernel.errors import NotFound, Refused
from kernel.events.models import EventRow
from kernel.ids import new_id
from meetings import reserving
from meetings.conflicts import BookingRequest
from meetings.errors import InThePast, KeyReused, MeetingOver, NotYourMeeting, RoomBusy, RoomTaken
from meetings.models import DueCheckRow, MeetingRow, ReservationRow
from meetings.public import book, cancel, meeting_for
from meetings.repository import Wanted, reserve
from tests.parts.meetings.conftest import (
    NINE,
    NOW,
    OFFICIAL,
    OTHER_OFFICIAL,
    SECRETARY,
    TECHNICIAN,
    Book,
)

HOUR = timedelta(hours=1)


async def count(database: Database, row: type) -> int:
    async with database.transaction() as tx:
        return int((await tx.session.execute(select(func.count()).select_from(row))).scalar_one())


async def test_all_rooms_of_a_meeting_are_booked_with_its_event_its_record_and_its_checks(
    booked: Book, database: Database
) -> None:
    meeting = await booked("ps-room", "sl-room", "dl-hall", "ps-room")
    assert [room.code for room in meeting.rooms] == ["dl-hall", "ps-room", "sl-room"], "in the order of their names"
    assert re.fullmatch("[a-z0-9]{12,}", meeting.conference)
    async with database.transaction() as tx:
        assert await meeting_for(TECHNICIAN, meeting.id, tx) == meeting
        (event,) = (await tx.session.execute(select(EventRow))).scalars()
        entry = (
            await tx.session.execute(select(AuditEntryRow).where(AuditEntryRow.action == "meeting.booked"))
        ).scalar_one()
        due = {row.stage: row.due_at for row in await tx.session.execute(select(DueCheckRow.stage, DueCheckRow.due_at))}
    assert (event.name, event.data["rooms"]) == ("meeting.booked", ["dl-hall", "ps-room", "sl-room"])
    assert (entry.actor, entry.target) == ("canbo", f"meeting:{meeting.id}")
    assert due == {
        "booking": NOW, "t24h": NINE - timedelta(hours=24), "t60m": NINE - HOUR, "t10m": NINE - timedelta(minutes=10),
    }  # fmt: skip


async def test_two_meetings_have_two_conference_names(booked: Book) -> None:
    assert (await booked("ps-room")).conference != (await booked("sl-room")).conference


async def test_the_loser_learns_which_rooms_are_taken_by_whom_and_until_when(booked: Book, database: Database) -> None:
    first = await booked("ps-room", "sl-room", title="Họp giao ban", minutes=90)
    second = await booked("ps-room", at=NINE + timedelta(minutes=90), minutes=30, title="Tập huấn", by=SECRETARY)
    with pytest.raises(RoomTaken) as raised:
        await booked(
            "hn-room", "ps-room", "sl-room", "dk-room", at=NINE + HOUR, minutes=60, by=OTHER_OFFICIAL, title="Muộn"
        )
    assert [(one.room, one.until, one.meeting, one.organiser) for one in raised.value.taken] == [
        ("ps-room", first.ends_at, first.id, "canbo"),
        ("ps-room", second.ends_at, second.id, "thuky"),
        ("sl-room", first.ends_at, first.id, "canbo"),
    ]
    assert raised.value.fields["count"] == 2
    assert await count(database, MeetingRow) == 2
    assert await count(database, ReservationRow) == 3, "hn-room and dk-room were not booked without the others"


async def test_who_may_not_read_meetings_learns_only_until_when_a_room_is_busy(
    booked: Book, database: Database
) -> None:
    meeting = await booked("ps-room", title="Kín")
    only_books = Actor(new_id(), "may-dat", (Hold("kiosk", frozenset({MEETINGS_BOOK})),))
    with pytest.raises(RoomBusy) as raised:
        await booked("ps-room", by=only_books)
    assert "Kín" not in str(raised.value) + repr(raised.value.fields)
    (taken,) = raised.value.taken
    assert (taken.until, taken.meeting, taken.organiser) == (meeting.ends_at, None, None)


async def test_a_meeting_may_begin_as_another_ends(booked: Book) -> None:
    await booked("ps-room", minutes=60)
    await booked("ps-room", at=NINE + HOUR, minutes=60)
    await booked("ps-room", at=NINE - HOUR, minutes=60)
    with pytest.raises(RoomTaken):
        await booked("ps-room", at=NINE + HOUR - timedelta(seconds=1), minutes=1)


async def test_times_of_any_zone_are_the_same_instant(booked: Book) -> None:
    meeting = await booked("ps-room", at=NINE.astimezone(ZoneInfo("Asia/Ho_Chi_Minh")))
    assert (meeting.starts_at, meeting.starts_at.utcoffset()) == (NINE, timedelta())


async def test_a_room_that_is_not_there_books_nothing(booked: Book, database: Database) -> None:
    with pytest.raises(NotFound) as raised:
        await booked("ps-room", "no-room")
    assert raised.value.fields == {"kind": "room", "code": "no-room"}
    assert await count(database, MeetingRow) == 0


async def test_a_technician_books_nothing(booked: Book) -> None:
    with pytest.raises(Refused):
        await booked("ps-room", by=TECHNICIAN)


async def test_a_cancelled_meeting_gives_its_rooms_back_and_is_checked_no_more(
    booked: Book, database: Database
) -> None:
    meeting = await booked("ps-room", "sl-room")
    async with database.transaction() as tx:
        cancelled = await cancel(OFFICIAL, meeting.id, tx)
        again = await cancel(OFFICIAL, meeting.id, tx)
    assert (cancelled.state, again) == ("cancelled", cancelled)
    assert [room.code for room in cancelled.rooms] == ["ps-room", "sl-room"], "what it was stays readable"
    assert await count(database, DueCheckRow) == 0
    await booked("ps-room", "sl-room")
    async with database.transaction() as tx:
        events = list((await tx.session.execute(select(EventRow.name).order_by(EventRow.id))).scalars())
    assert events == ["meeting.booked", "meeting.cancelled", "meeting.booked"]


async def test_only_who_booked_and_a_secretary_cancel_and_never_what_is_over(
    booked: Book, database: Database, clock: FrozenClock
) -> None:
    meeting = await booked("ps-room")
    async with database.transaction() as tx:
        with pytest.raises(NotYourMeeting) as raised:
            await cancel(OTHER_OFFICIAL, meeting.id, tx)
        with pytest.raises(Refused):
            await cancel(TECHNICIAN, meeting.id, tx)
        with pytest.raises(NotFound):
            await cancel(OFFICIAL, new_id(), tx)
    assert raised.value.fields == {"organiser": "canbo"}
    clock.forward(meeting.ends_at - clock.now())
    async with database.transaction() as tx:
        with pytest.raises(MeetingOver):
            await cancel(OFFICIAL, meeting.id, tx)
    clock.forward(-timedelta(minutes=1))
    async with database.transaction() as tx:
        assert (await cancel(SECRETARY, meeting.id, tx)).state == "cancelled"


async def test_the_same_key_gives_the_same_meeting_also_when_it_has_begun(booked: Book, clock: FrozenClock) -> None:
    first = await booked("ps-room", "sl-room", key="k1")
    assert await booked("sl-room", "ps-room", key="k1") == await booked("ps-room", "sl-room", key="k1")
    clock.forward(timedelta(days=2))
    assert (await booked("ps-room", "sl-room", key="k1")).id == first.id
    with pytest.raises(InThePast):
        await booked("ps-room", "sl-room", key="k2")


async def test_a_key_serves_one_request_of_one_person(booked: Book) -> None:
    await booked("ps-room", key="k1")
    with pytest.raises(KeyReused):
        await booked("ps-room", title="Khác", key="k1")
    await booked("sl-room", key="k1", by=OTHER_OFFICIAL)


async def test_a_lost_booking_does_not_use_up_its_key(booked: Book, database: Database) -> None:
    first = await booked("ps-room")
    with pytest.raises(RoomTaken):
        await booked("ps-room", key="k1")
    async with database.transaction() as tx:
        await cancel(OFFICIAL, first.id, tx)
    assert (await booked("ps-room", key="k1")).state == "booked"


async def test_the_same_key_sent_twice_at_once_books_once(booked: Book, database: Database) -> None:
    both = await asyncio.gather(*(booked("ps-room", key="k1") for _ in range(4)))
    assert len({meeting.id for meeting in both}) == 1
    assert await count(database, MeetingRow) == 1


async def test_the_guard_holds_against_who_does_not_lock_and_the_answer_is_still_exact(
    rooms_loaded: None, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody reserves a room by hand between our look and our insert: only the constraint stands then."""
    request = BookingRequest("Muộn", ("hn-room", "ps-room"), NINE, NINE + HOUR)
    outside = new_id()

    async def by_hand() -> None:
        async with database.transaction() as other:
            times = {"id": outside, "s": NINE, "e": NINE + HOUR}
            meeting = "INSERT INTO meeting VALUES (:id, 'Tay', 'bangtaybangtay', NULL, 'dba', :s, :e, 'booked', :s, 1)"
            await other.session.execute(text(meeting), times)
            room = "INSERT INTO reservation SELECT :id, id, tstzrange(:s, :e), 2 FROM room WHERE code = 'ps-room'"
            await other.session.execute(text(room), times)

    async def reserve_late(tx: Transaction, wanted: Sequence[Wanted]) -> set[tuple[uuid.UUID, int]]:
        await by_hand()
        return await reserve(tx, wanted)

    monkeypatch.setattr(reserving, "reserve", reserve_late)
    with pytest.raises(RoomTaken) as raised:
        async with database.transaction() as tx:
            await book(request, OFFICIAL, tx)
    (taken,) = raised.value.taken
    assert (taken.room, taken.meeting, taken.organiser) == ("ps-room", outside, "dba")


async def test_postgresql_itself_refuses_an_overlap(booked: Book, database: Database) -> None:
    meeting = await booked("ps-room")
    with pytest.raises(IntegrityError, match="reservation_no_overlap"):
        async with database.transaction() as tx:
            await _reserve_again(tx, meeting.id)


async def _reserve_again(tx: Transaction, like: object) -> None:
    await tx.session.execute(
        text(
            "INSERT INTO meeting SELECT :id, title, 'x' || conference, NULL, organiser, starts_at, ends_at, state,"
            " created_at, 1 FROM meeting WHERE id = :like"
        ),
        {"id": (other := new_id()), "like": like},
    )
    await tx.session.execute(
        text("INSERT INTO reservation SELECT :id, room_id, during, 1 FROM reservation WHERE meeting_id = :like"),
        {"id": other, "like": like},
    )
