"""Finding a time on a real database: the ranking, why somebody is missing, and a copy in memory that is never old."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from sqlalchemy import select

from kernel.actors import Actor
from kernel.db.transaction import Database
from kernel.errors import BadInput, NotFound, Refused
from kernel.ids import new_id
from kernel.recurrence import BadRule
from meetings.errors import BadZone, NoOffices, TooLong
from meetings.models import RoomRow
from meetings.public import BusyCache, Group, Hours, ProposedTime, TimeQuestion, Wish, cancel, propose
from tests.parts.meetings.conftest import NINE, OFFICIAL, OTHER_OFFICIAL, TECHNICIAN, Book

HANOI = "Asia/Ho_Chi_Minh"
TOMORROW = date(2026, 11, 25)
HOUR = timedelta(hours=1)
EIGHT_TO_TEN = (Hours(time(8), time(10)),)


def question(*offices: str, **other: object) -> TimeQuestion:
    given = {"first": TOMORROW, "last": TOMORROW, "minutes": 60, "zone": HANOI, "hours": EIGHT_TO_TEN, **other}
    return TimeQuestion(offices or ("ps", "sl"), **given)  # type: ignore[arg-type]


async def ask(database: Database, asked: TimeQuestion, cache: BusyCache | None = None) -> list[ProposedTime]:
    async with database.transaction() as tx:
        return await propose(asked, TECHNICIAN, tx, cache or BusyCache())


async def test_the_time_with_fewest_missing_comes_first_and_says_whose_booking_of_what_level_keeps_whom_out(
    booked: Book, database: Database
) -> None:
    taken = await booked("ps-room", at=NINE - HOUR, minutes=60, title="Tập huấn", by=OTHER_OFFICIAL)
    nine, eight = await ask(database, question())
    assert (nine.starts_at, nine.there, nine.missing) == (NINE, 2, ())
    assert nine.rooms == {"ps": "ps-room", "sl": "sl-room"}
    assert (eight.starts_at, eight.there, eight.ends_at) == (NINE - HOUR, 1, NINE)
    (missing,) = eight.missing
    (blocker,) = missing.blockers
    assert (missing.code, missing.meetings, missing.has_rooms) == ("ps", 1, True)
    assert (blocker.meeting, blocker.title, blocker.organiser, blocker.level) == (
        taken.id,
        "Tập huấn",
        "lan",
        "commune",
    )
    assert (blocker.starts_at, blocker.ends_at) == (taken.starts_at, taken.ends_at)
    assert missing.others, "there is a room in the same unit, above or beside"
    assert "ps-room" not in {other.room for other in missing.others}


async def test_a_room_that_the_time_uses_already_or_that_is_taken_is_no_other_room(
    booked: Book, database: Database
) -> None:
    await booked("ps-room", at=NINE - HOUR, minutes=60)
    (_, eight) = await ask(database, question())
    first = eight.missing[0].others[0].room
    await booked(first, at=NINE - HOUR, minutes=30)
    (_, eight) = await ask(database, question())
    assert first not in {other.room for other in eight.missing[0].others}


async def test_a_copy_in_memory_is_as_true_as_the_database(booked: Book, database: Database) -> None:
    cache = BusyCache()
    assert all(not one.missing for one in await ask(database, question(), cache))
    meeting = await booked("ps-room", at=NINE)
    assert [one.starts_at for one in await ask(database, question(), cache)] == [NINE - HOUR, NINE]
    async with database.transaction() as tx:
        await cancel(OFFICIAL, meeting.id, tx)
    assert all(not one.missing for one in await ask(database, question(), cache))
    wider = question(last=TOMORROW + timedelta(days=1))
    await booked("ps-room", at=NINE + timedelta(days=1))
    found = await ask(database, wider, cache)
    assert [one.starts_at for one in found if one.missing] == [NINE + timedelta(days=1)]
    assert await ask(database, wider, cache) == found, "asked again"
    await booked("sl-room", at=NINE)
    assert len([one for one in await ask(database, wider, cache) if one.missing]) > 1


async def test_the_time_a_room_needs_to_get_ready_keeps_it_out(booked: Book, database: Database) -> None:
    await booked("ps-room", at=NINE - HOUR, minutes=60)
    assert not (await ask(database, question()))[0].missing
    async with database.transaction() as tx:
        (await tx.session.execute(select(RoomRow).where(RoomRow.code == "ps-room"))).scalar_one().before_min = 5
    assert all(one.missing for one in await ask(database, question()))


async def test_days_off_weekends_and_what_is_over_are_not_proposed(rooms_loaded: None, database: Database) -> None:
    tet = question(first=date(2027, 2, 4), last=date(2027, 2, 10))
    assert await ask(database, tet) == []
    assert await ask(database, question(first=date(2026, 11, 28), last=date(2026, 11, 29))) == []
    every = question(first=date(2026, 11, 28), last=date(2026, 11, 29), every_day=True)
    assert len(await ask(database, every)) == 4
    assert await ask(database, question(first=date(2026, 11, 20), last=date(2026, 11, 23))) == []


async def test_who_is_optional_counts_less_and_a_veto_lets_no_time_through(booked: Book, database: Database) -> None:
    await booked("ps-room", at=NINE - HOUR, minutes=60)
    await booked("sl-room", at=NINE, minutes=60)
    assert (await ask(database, question("ps", optional=("sl",))))[0].starts_at == NINE
    found = await ask(database, question("ps", vetoes=("sl",)))
    assert [(one.starts_at, [missing.code for missing in one.missing]) for one in found] == [(NINE - HOUR, ["ps"])]
    assert await ask(database, question("ps", rooms=("ps-room",), hours=(Hours(time(8), time(9)),))) == []


async def test_of_a_group_so_many_have_to_be_there(booked: Book, database: Database) -> None:
    await booked("ps-room", "sl-room", at=NINE - HOUR, minutes=60)
    group = Group(("ps", "sl", "dk"), 2)
    nine, eight = await ask(database, question("hn", groups=(group,)))
    assert [(one.starts_at, one.short) for one in (nine, eight)] == [(NINE, 0), (NINE - HOUR, 1)]


async def test_of_equal_times_comes_first_what_the_chair_likes(rooms_loaded: None, database: Database) -> None:
    wish = Wish(frozenset({TOMORROW.weekday()}), time(9), time(10))
    assert [one.starts_at for one in await ask(database, question(wishes=(wish,)))] == [NINE, NINE - HOUR]


async def test_a_series_is_judged_by_all_of_its_meetings(booked: Book, database: Database) -> None:
    blocker = await booked("ps-room", at=NINE + timedelta(weeks=2) - HOUR, minutes=60)
    nine, eight = await ask(database, question(rule="FREQ=WEEKLY;COUNT=4"))
    assert [(one.starts_at, one.meetings, len(one.missing)) for one in (nine, eight)] == [
        (NINE, 4, 0), (NINE - HOUR, 4, 1),
    ]  # fmt: skip
    assert (eight.missing[0].meetings, eight.missing[0].blockers[0].meeting) == (1, blocker.id)
    assert await ask(database, question(rule="FREQ=WEEKLY;BYDAY=MO")) == [], "that Wednesday is no Monday"


async def test_an_office_without_a_room_that_seats_enough_is_missing_and_told_so(
    rooms_loaded: None, database: Database
) -> None:
    found = await ask(database, question("ps", capacity=100_000))
    assert [(one.missing[0].code, one.missing[0].has_rooms) for one in found] == [("ps", False)] * 2


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"offices": ()}, NoOffices),
        ({"optional": tuple(f"o{n}" for n in range(1001))}, NoOffices),
        ({"optional": ("ps",)}, BadInput),
        ({"optional": ("no-office",)}, NotFound),
        ({"optional": ("\x00",)}, NotFound),
        ({"rooms": ("\x00",)}, NotFound),
        ({"rooms": ("no-room",)}, NotFound),
        ({"zone": "Mars"}, BadZone),
        ({"minutes": 0}, TooLong),
        ({"minutes": 1441}, TooLong),
        ({"last": TOMORROW - timedelta(days=1)}, BadInput),
        ({"last": TOMORROW + timedelta(days=92)}, BadInput),
        ({"rule": "FREQ=HOURLY"}, BadRule),
    ],
    ids=str,
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(
    rooms_loaded: None, database: Database, wrong: dict[str, object], error: type[Exception]
) -> None:
    offices = wrong.pop("offices", ("ps", "sl"))
    with pytest.raises(error):
        await ask(database, question(**wrong) if offices else TimeQuestion((), TOMORROW, TOMORROW, 60, HANOI))


async def test_who_may_not_read_meetings_finds_no_time(rooms_loaded: None, database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(Refused):
            await propose(question(), Actor(id=new_id(), name="nobody"), tx, BusyCache())


async def test_a_room_has_to_be_what_was_asked_for_and_a_person_is_no_room(booked: Book, database: Database) -> None:
    async with database.transaction() as tx:
        rooms = {row.code: row for row in await tx.session.scalars(select(RoomRow))}
        rooms["ps-room"].equipment, rooms["ps-room"].accessible = ["camera", "projector"], True
        rooms["sl-room"].kind = "interpreter"
    (found, _) = await ask(database, question("ps", equipment=("camera",), accessible=True))
    assert found.rooms == {"ps": "ps-room"}
    assert not (await ask(database, question("ps", equipment=("recorder",))))[0].missing[0].has_rooms
    assert not (await ask(database, question("sl")))[0].missing[0].has_rooms
    await booked("sl-room", at=NINE, minutes=60)
    slots = await ask(database, question("ps", rooms=("sl-room",)))
    assert [one.starts_at for one in slots] == [NINE - HOUR], "the interpreter's time is not booked twice"
