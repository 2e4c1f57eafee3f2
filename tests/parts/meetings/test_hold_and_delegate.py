"""Holds, who books for whom, deputies, kinds, rooms kept for some or closed, and rooms' own calendars."""

from __future__ import annotations

from datetime import date, time, timedelta

import icalendar
import pytest
from sqlalchemy import select, text

from inventory.grants import Grant
from inventory.models import UnitRow
from inventory.public import create_account
from kernel.actors import Actor, Place, system
from kernel.audit import AuditEntryRow
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.errors import BadInput, NotFound, Refused
from kernel.ids import new_id
from meetings.errors import (
    BadHold,
    HoldOver,
    NoCalendar,
    NotForYou,
    NotTheirDelegate,
    NotYourMeeting,
    NotYourOffice,
    NotYourRoom,
    RoomClosed,
    RoomTaken,
)
from meetings.hold import end_holds
from meetings.models import RoomRow
from meetings.public import (
    BookingRequest,
    BusyCache,
    Hours,
    MeetingKind,
    MeetingView,
    Outage,
    SeriesRequest,
    TimeQuestion,
    add_delegate,
    book,
    book_series,
    busy_of,
    cancel,
    confirm,
    delegates,
    door_of,
    forget_kind,
    held,
    kinds,
    leaders,
    make_feed,
    make_room_feed,
    meeting_for,
    meetings_between,
    offices_to_speak_for,
    propose,
    question_of,
    recall_deputy,
    remove_delegate,
    revoke_room_feed,
    risky_hours,
    room_busy_of,
    room_calendar,
    room_feed_of,
    send_deputy,
    set_kind,
    to_approve,
    use_by_unit,
    waiting,
)
from tests.builders.actors import account_actor
from tests.parts.meetings.conftest import NINE, NOW, OFFICIAL, OTHER_OFFICIAL, SECRETARY, TECHNICIAN, Book

HOUR = timedelta(hours=1)
TOMORROW = date(2026, 11, 25)
LAN_CALLED = "Nguyễn Thị Lan"


def hold(until: timedelta = timedelta(hours=2)) -> BookingRequest:
    return BookingRequest("Giữ chỗ", ("ps-room",), NINE, NINE + HOUR, hold_until=NOW + until)


@pytest.fixture
async def people(database: Database, rooms_loaded: None) -> dict[str, Actor]:
    """A leader, two who work for them, and one at a far office only; with accounts."""
    found = {}
    async with database.transaction() as tx:
        for name, called in (("chutich", "Trần Văn Minh"), ("lan", LAN_CALLED), ("hoa", "Lê Thị Hoa")):
            account = await create_account(
                system("test"), tx, name=name, display_name=called, password=None, grant=Grant("official")
            )
            found[name] = account.actor
    return found


async def attempt(database: Database, request: BookingRequest, by: Actor) -> MeetingView:
    async with database.transaction() as tx:
        return await book(request, by, tx)


async def audited(database: Database, action: str) -> dict[str, object]:
    async with database.transaction() as tx:
        row = (await tx.session.execute(select(AuditEntryRow).where(AuditEntryRow.action == action))).scalar_one()
        return {"actor": row.actor, **(row.after or {})}


async def test_a_hold_keeps_others_out_is_told_to_nobody_and_becomes_a_booking(
    booked: Book, database: Database, clock: FrozenClock
) -> None:
    meeting = await attempt(database, hold(), OFFICIAL)
    assert meeting.held_until == NOW + timedelta(hours=2)
    with pytest.raises(RoomTaken):
        await booked("ps-room", by=OTHER_OFFICIAL)
    async with database.transaction() as tx:
        assert await tx.session.scalar(text("SELECT count(*) FROM event WHERE name = 'meeting.booked'")) == 0
        assert [one.id for one in await held(OFFICIAL, tx)] == [meeting.id]
        assert await held(OTHER_OFFICIAL, tx) == []
        with pytest.raises(NotYourMeeting):
            await confirm(OTHER_OFFICIAL, meeting.id, tx)
    for _ in range(2):
        async with database.transaction() as tx:
            assert (await confirm(OFFICIAL, meeting.id, tx)).held_until is None
    clock.forward(timedelta(hours=3))
    assert await end_holds(database) == 0
    async with database.transaction() as tx:
        assert await tx.session.scalar(text("SELECT count(*) FROM event WHERE name = 'meeting.booked'")) == 1
        assert (await meeting_for(OFFICIAL, meeting.id, tx)).state == "booked"


async def test_a_hold_that_is_over_is_given_to_who_waits(booked: Book, database: Database, clock: FrozenClock) -> None:
    meeting = await attempt(database, hold(), OFFICIAL)
    request = BookingRequest("Chờ", ("sl-room",), NINE, NINE + HOUR, ("ps-room",))
    other = await attempt(database, request, OTHER_OFFICIAL)
    async with database.transaction() as tx:
        (one,) = await waiting(OTHER_OFFICIAL, tx)
        assert (one.meeting, one.room, one.place) == (other.id, "ps-room", 1)
        assert await waiting(OFFICIAL, tx) == []
        assert await waiting(SECRETARY, tx) == [one]
    clock.forward(timedelta(hours=2))
    with pytest.raises(HoldOver):
        async with database.transaction() as tx:
            await confirm(OFFICIAL, meeting.id, tx)
    assert (await end_holds(database), await end_holds(database)) == (1, 0)
    async with database.transaction() as tx:
        assert (await meeting_for(OFFICIAL, meeting.id, tx)).state == "cancelled"
        assert {one.state for one in (await meeting_for(OFFICIAL, other.id, tx)).reservations} == {"confirmed"}
        assert await tx.session.scalar(text("SELECT count(*) FROM event WHERE name = 'meeting.cancelled'")) == 0


@pytest.mark.parametrize("until", [timedelta(), timedelta(hours=73), NINE - NOW - timedelta(minutes=29)], ids=str)
async def test_a_hold_ends_within_three_days_and_before_people_set_out(
    rooms_loaded: None, database: Database, until: timedelta
) -> None:
    with pytest.raises(BadHold):
        await attempt(database, hold(until), OFFICIAL)


async def test_a_manager_is_not_asked_about_what_is_only_held(booked: Book, database: Database) -> None:
    async with database.transaction() as tx:
        (await tx.session.execute(select(RoomRow).where(RoomRow.code == "ps-room"))).scalar_one().approval = True
    meeting = await attempt(database, hold(), OFFICIAL)
    async with database.transaction() as tx:
        assert await to_approve(SECRETARY, tx) == []
        await confirm(OFFICIAL, meeting.id, tx)
        assert [one.meeting for one in await to_approve(SECRETARY, tx)] == [meeting.id]


async def test_a_secretary_books_for_a_leader_and_both_stand_on_the_meeting_and_in_the_audit_log(
    people: dict[str, Actor], database: Database
) -> None:
    leader, lan, hoa = people["chutich"], people["lan"], people["hoa"]
    request = BookingRequest("Họp", ("ps-room",), NINE, NINE + HOUR, on_behalf="chutich")
    for who in (lan, hoa):
        with pytest.raises(NotTheirDelegate):
            await attempt(database, request, who)
    with pytest.raises(NotTheirDelegate):
        await attempt(database, BookingRequest("Họp", ("ps-room",), NINE, NINE + HOUR, on_behalf="khongco"), lan)
    async with database.transaction() as tx:
        assert (await add_delegate(leader, "lan", tx)).display_name == LAN_CALLED
        await add_delegate(leader, "lan", tx)
        assert [one.name for one in await delegates(leader, tx)] == ["lan"]
        assert [one.name for one in await leaders(lan, tx)] == ["chutich"]
        for wrong, error in (("khongco", NotFound), ("chutich", BadInput)):
            with pytest.raises(error):
                await add_delegate(leader, wrong, tx)
    meeting = await attempt(database, request, lan)
    assert (meeting.organiser, meeting.booked_by) == ("Trần Văn Minh", LAN_CALLED)
    entry = await audited(database, "meeting.booked")
    assert (entry["actor"], entry["organiser"]) == ("lan", "chutich")
    async with database.transaction() as tx:
        for who, number in ((leader, 1), (lan, 1), (hoa, 0)):
            page = await meetings_between(who, tx, NOW, NINE + HOUR, mine=True)
            assert len(page.meetings) == number, who.name
        (use,) = await room_calendar(hoa, "ps-room", tx, NOW, NINE + HOUR)
        assert use.organiser == "Trần Văn Minh"
        with pytest.raises(NotYourMeeting, match="Trần Văn Minh"):
            await cancel(hoa, meeting.id, tx)
        series = await book_series(
            SeriesRequest(
                "Giao ban", ("sl-room",), "FREQ=WEEKLY;COUNT=2", NINE.replace(tzinfo=None) + timedelta(days=1),
                "Asia/Ho_Chi_Minh", 60, kind="briefing", on_behalf="chutich",
            ),
            lan,
            tx,
        )  # fmt: skip
        assert (series.organiser, series.booked_by, series.kind) == ("Trần Văn Minh", LAN_CALLED, "briefing")
        await remove_delegate(leader, "lan", tx)
        with pytest.raises(NotYourMeeting):
            await cancel(lan, meeting.id, tx)
        with pytest.raises(NotFound):
            await remove_delegate(leader, "lan", tx)


async def test_a_deputy_is_named_on_the_meeting_by_who_books_for_the_office(booked: Book, database: Database) -> None:
    meeting = await booked("ps-room", "sl-room")
    async with database.transaction() as tx:
        await send_deputy(OFFICIAL, meeting.id, "ps", tx, deputy=" Trần  Thị Hoa, Phó Chủ tịch ", instead_of="Chủ tịch")
        seen = await send_deputy(OTHER_OFFICIAL, meeting.id, "sl", tx, deputy="Lò Văn An")
        assert [(one.office, one.deputy, one.instead_of) for one in seen.deputies] == [
            ("ps", "Trần Thị Hoa, Phó Chủ tịch", "Chủ tịch"), ("sl", "Lò Văn An", ""),
        ]  # fmt: skip
        for wrong, error in ((("dk", "An"), NotFound), (("ps", " "), BadInput), (("ps", "x" * 201), BadInput)):
            with pytest.raises(error):
                await send_deputy(OFFICIAL, meeting.id, wrong[0], tx, deputy=wrong[1])
        with pytest.raises(Refused):
            await send_deputy(TECHNICIAN, meeting.id, "ps", tx, deputy="An")
        for _ in range(2):
            seen = await recall_deputy(OFFICIAL, meeting.id, "sl", tx)
        assert [one.office for one in seen.deputies] == ["ps"]
    assert (await audited(database, "meeting.deputy-recalled"))["actor"] == "canbo"
    assert issubclass(NotYourOffice, Refused)


async def test_kinds_have_their_defaults_as_data_and_a_question_takes_what_it_does_not_say_from_its_kind(
    rooms_loaded: None, database: Database
) -> None:
    async with database.transaction() as tx:
        found = {kind.code: kind for kind in await kinds(tx)}
        assert list(found) == ["briefing", "training", "emergency", "hearing"]
        assert found["hearing"].accessible
        assert (found["emergency"].every_day, found["emergency"].hours) == (True, (Hours(time(), time()),))
        asked = question_of(found["hearing"], offices=("ps",), first=TOMORROW, last=TOMORROW, zone="UTC", minutes=30)
        assert (asked.minutes, asked.accessible, asked.on_holiday) == (30, True, "move")
        mine = MeetingKind("thon", "Họp thôn", "Village meeting", 45, (Hours(time(19), time(21)),), position=9)
        assert await set_kind(SECRETARY, mine, tx) == mine
        assert await set_kind(SECRETARY, mine, tx) in await kinds(tx)
        with pytest.raises(Refused):
            await set_kind(OFFICIAL, mine, tx)
        for wrong in ({"code": "Thôn"}, {"name": ""}, {"minutes": 2000}, {"capacity": 0}, {"hours": ()}):
            with pytest.raises(BadInput):
                await set_kind(SECRETARY, MeetingKind(**{**{n: getattr(mine, n) for n in mine.__slots__}, **wrong}), tx)
        request = BookingRequest("Họp", ("ps-room",), NINE, NINE + HOUR, kind="thon")
        assert (await book(request, OFFICIAL, tx)).kind == "thon"
        await forget_kind(SECRETARY, "thon", tx)
        with pytest.raises(NotFound):
            await forget_kind(SECRETARY, "thon", tx)
    with pytest.raises(NotFound):
        await attempt(database, BookingRequest("Họp", ("sl-room",), NINE, NINE + HOUR, kind="thon"), OFFICIAL)


@pytest.fixture
async def kept(database: Database, rooms_loaded: None) -> None:
    """One room for secretaries only, another one that is closed after ten."""
    async with database.transaction() as tx:
        rooms = {row.code: row for row in await tx.session.scalars(select(RoomRow))}
        rooms["ps-room"].bookable_by = ["secretary", "canbo"]
        rooms["sl-room"].hours = "Mo-Fr 07:30-10:00"


async def test_a_room_is_kept_for_some_or_closed_and_is_not_proposed_then(kept: None, database: Database) -> None:
    late = BookingRequest("Họp", ("sl-room",), NINE, NINE + HOUR + timedelta(minutes=1))
    with pytest.raises(NotForYou, match="secretary"):
        await attempt(database, BookingRequest("Họp", ("ps-room",), NINE, NINE + HOUR), OTHER_OFFICIAL)
    with pytest.raises(RoomClosed):
        await attempt(database, late, OTHER_OFFICIAL)
    question = TimeQuestion(
        ("ps", "sl"), TOMORROW, TOMORROW, 60, "Asia/Ho_Chi_Minh", hours=(Hours(time(9), time(11)),), limit=2
    )
    async with database.transaction() as tx:
        for who, missing in ((OTHER_OFFICIAL, [["ps"], ["ps", "sl"]]), (OFFICIAL, [[], ["sl"]])):
            found = await propose(question, who, tx, BusyCache())
            assert [[one.code for one in slot.missing] for slot in found] == missing, who.name
    assert (await attempt(database, late, SECRETARY)).state == "booked", "who manages it uses it at any hour"
    assert (await attempt(database, BookingRequest("Họp", ("ps-room",), NINE, NINE + HOUR), OFFICIAL)).state == "booked"


async def test_of_equal_times_comes_first_where_fewer_are_often_cut_off_and_it_says_why(
    rooms_loaded: None, database: Database
) -> None:
    nine = NINE - timedelta(weeks=1)
    out = [Outage("ps", "line", nine - week, nine - week + HOUR) for week in (timedelta(), timedelta(weeks=3))]

    async def risks(_tx: object) -> dict[str, dict[int, tuple[str, int]]]:
        return risky_hours(out, NOW)  # type: ignore[return-value]

    question = TimeQuestion(("ps", "sl"), TOMORROW, TOMORROW, 60, "Asia/Ho_Chi_Minh", hours=(Hours(time(9), time(11)),))
    async with database.transaction() as tx:
        ten, at_nine = await propose(question, OFFICIAL, tx, BusyCache(), risks=risks)  # type: ignore[arg-type]
    assert (ten.starts_at, ten.risks, at_nine.starts_at) == (NINE + HOUR, (), NINE)
    assert [(one.code, one.what, one.weeks, one.of_weeks) for one in at_nine.risks] == [("ps", "line", 2, 8)]


async def test_a_room_has_a_secret_address_that_its_manager_takes_back(
    people: dict[str, Actor], booked: Book, database: Database
) -> None:
    async with database.transaction() as tx:
        (await tx.session.execute(select(RoomRow).where(RoomRow.code == "ps-room"))).scalar_one().before_min = 15
    meeting = await booked("ps-room", title="Giao ban; tuần", by=people["lan"])
    async with database.transaction() as tx:
        with pytest.raises(NotYourRoom):
            await make_room_feed(OTHER_OFFICIAL, "ps-room", tx)
        with pytest.raises(NotFound):
            await make_room_feed(SECRETARY, "khong-co", tx)
        first, secret = [await make_room_feed(SECRETARY, "ps-room", tx) for _ in range(2)]
        with pytest.raises(NoCalendar):
            await room_feed_of(first, tx)
        (event,) = icalendar.Calendar.from_ical(await room_feed_of(secret, tx)).walk("VEVENT")
        assert (str(event["uid"]), str(event["summary"])) == (f"{meeting.id}@vungcao", "Giao ban; tuần")
        busy = await room_busy_of(secret, tx)
        assert len(icalendar.Calendar.from_ical(busy).walk("VFREEBUSY")) == 1
        assert b"\r\nFREEBUSY;FBTYPE=BUSY:20261125T014500Z/20261125T033000Z\r\n" in busy
        assert b"Giao ban" not in busy
        own = await make_feed(people["lan"], tx)
        assert b"\r\nFREEBUSY;FBTYPE=BUSY:20261125T020000Z/20261125T033000Z\r\n" in await busy_of(own, tx)
        door = await door_of(secret, tx)
        assert [use.meeting for use in door.uses] == [meeting.id], "tomorrow's is what comes next"
        assert door.until == NOW.replace(hour=17, minute=0) + timedelta(days=6), "a week, from midnight in Vietnam on"
        await revoke_room_feed(SECRETARY, "ps-room", tx)
        for opens in (room_feed_of, room_busy_of, door_of):
            with pytest.raises(NoCalendar):
                await opens(secret, tx)


async def test_a_door_shows_the_next_booking_however_far_it_is(booked: Book, database: Database) -> None:
    far = await booked("ps-room", at=NINE + timedelta(days=40))
    async with database.transaction() as tx:
        secret = await make_room_feed(SECRETARY, "ps-room", tx)
        assert [use.meeting for use in (await door_of(secret, tx)).uses] == [far.id]
    over_midnight = await booked("ps-room", at=NINE + timedelta(days=6, hours=14), minutes=300)
    async with database.transaction() as tx:
        assert [use.meeting for use in (await door_of(secret, tx)).uses] == [over_midnight.id], "each is there once"


async def test_who_manages_meetings_everywhere_says_who_books_for_a_leader(
    people: dict[str, Actor], database: Database
) -> None:
    console = system("command line")
    async with database.transaction() as tx:
        with pytest.raises(Refused):
            await add_delegate(people["hoa"], "lan", tx, leader="chutich")
        with pytest.raises(Refused):
            await delegates(people["hoa"], tx, leader="chutich")
        with pytest.raises(NotFound):
            await add_delegate(console, "lan", tx, leader="khongco")
        with pytest.raises(BadInput):
            await add_delegate(console, "chutich", tx, leader="chutich")
        await add_delegate(console, "lan", tx, leader="chutich")
        assert [one.name for one in await delegates(people["chutich"], tx)] == ["lan"]
        assert [one.name for one in await delegates(console, tx, leader="chutich")] == ["lan"]
        await remove_delegate(console, "lan", tx, leader="chutich")
        assert await leaders(people["lan"], tx) == []
    assert (await audited(database, "delegate.named"))["actor"] == console.name


async def test_an_office_is_spoken_for_by_who_books_there_and_by_who_may_change_the_meeting(
    booked: Book, database: Database, clock: FrozenClock
) -> None:
    async with database.transaction() as tx:
        unit = (await tx.session.execute(select(UnitRow.id).where(UnitRow.code == "la-da"))).scalar_one()
    there = account_actor(new_id(), "lada", "official", Place(unit))
    meeting = await booked("ps-room", "ld-room")
    async with database.transaction() as tx:
        seen = await meeting_for(OFFICIAL, meeting.id, tx)
        assert set(await offices_to_speak_for(OFFICIAL, seen, tx)) == {"ps", "ld"}
        assert await offices_to_speak_for(TECHNICIAN, seen, tx) == {}
        theirs = await meeting_for(there, meeting.id, tx)
        assert set(await offices_to_speak_for(there, theirs, tx)) == {"ld"}
        clock.forward(timedelta(days=2))
    async with database.transaction() as tx:
        assert await offices_to_speak_for(OFFICIAL, seen, tx) == {}


async def test_use_is_counted_by_unit_in_pages(booked: Book, database: Database) -> None:
    await booked("ps-room", "sl-room", minutes=90)
    await booked("ps-room", at=NINE + 3 * HOUR, minutes=30)
    async with database.transaction() as tx:
        page = await use_by_unit(OFFICIAL, tx, NOW, NINE + timedelta(days=1))
        used = [(one.rooms, one.meetings, one.booked_h, one.kept_h, one.released_h) for one in page.units]
        assert sorted(one for one in used if one[1]) == [(1, 1, 1.5, 1.5, 0.0), (1, 2, 2.0, 2.0, 0.0)]
        names, after = [], None
        while True:
            part = await use_by_unit(OFFICIAL, tx, NOW, NINE + timedelta(days=1), limit=4, after=after)
            names += [one.unit for one in part.units]
            if (after := part.next_cursor) is None:
                break
        assert names == [one.unit for one in page.units]
        with pytest.raises(BadInput):
            await use_by_unit(OFFICIAL, tx, NINE, NOW)
