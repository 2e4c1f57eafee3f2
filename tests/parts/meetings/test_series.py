"""Series on a real database: all meetings or none, who is in the way of which, and what is made later."""

# ruff: noqa: DTZ001 - rules live in local time

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from kernel.actors import Actor
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.errors import BadInput, NotFound, Refused
from kernel.ids import new_id
from kernel.recurrence import BadRule, BeginsElsewhere
from meetings import book_series as book_series_module
from meetings.errors import (
    BadTime,
    BadZone,
    InThePast,
    KeyReused,
    NoRooms,
    OverlapsItself,
    RoomTaken,
    SeriesRoomTaken,
    TooLong,
    TooManyBookings,
)
from meetings.extend import behind, extend, run_extension
from meetings.models import DueCheckRow, MeetingRow, ReservationRow, RoomRow, SeriesRow
from meetings.public import (
    OfficialDay,
    SeriesRequest,
    SeriesView,
    book_series,
    forget_day,
    meetings_of_series,
    official_days,
    series_for,
    set_day,
)
from tests.parts.meetings.conftest import OFFICIAL, OTHER_OFFICIAL, SECRETARY, TECHNICIAN, Book

HANOI = "Asia/Ho_Chi_Minh"
MONDAY = datetime(2026, 11, 30, 8)
Repeat = Callable[..., Awaitable[SeriesView]]


@pytest.fixture
def repeated(database: Database, rooms_loaded: None) -> Repeat:
    """What books a series in a transaction of its own."""

    async def make(
        *rooms: str, rule: str = "FREQ=WEEKLY;COUNT=4", by: Actor = OFFICIAL, key: str = "", **other: object
    ) -> SeriesView:
        given = {"title": "Giao ban tuần", "first": MONDAY, "zone": HANOI, "minutes": 60, **other}
        request = SeriesRequest(rooms=rooms or ("ps-room",), rule=rule, **given)  # type: ignore[arg-type]
        async with database.transaction() as tx:
            return await book_series(request, by, tx, key=key)

    return make


async def count(database: Database, row: type) -> int:
    async with database.transaction() as tx:
        return int((await tx.session.execute(select(func.count()).select_from(row))).scalar_one())


async def test_every_meeting_of_a_series_has_every_room_its_checks_and_the_local_time_that_the_rule_gave_it(
    repeated: Repeat, database: Database
) -> None:
    series = await repeated("ps-room", "sl-room", optional=("dl-hall",))
    assert (series.rule, series.zone, series.first, series.meetings) == ("FREQ=WEEKLY;COUNT=4", HANOI, MONDAY, 4)
    assert (series.rooms, series.optional) == (("dl-hall", "ps-room", "sl-room"), ("dl-hall",))
    assert (series.family, series.next_at) == (series.id, datetime(2026, 11, 30, 1, tzinfo=UTC))
    async with database.transaction() as tx:
        meetings = await meetings_of_series(TECHNICIAN, series.id, tx)
        assert await series_for(TECHNICIAN, series.id, tx) == series
    assert [meeting.original for meeting in meetings] == [MONDAY + timedelta(weeks=n) for n in range(4)]
    assert {meeting.title for meeting in meetings} == {"Giao ban tuần"}
    assert {meeting.series for meeting in meetings} == {series.id}
    assert len({meeting.conference for meeting in meetings}) == 4
    assert all([one.state for one in meeting.reservations] == ["confirmed"] * 3 for meeting in meetings)
    assert await count(database, DueCheckRow) == 4 * 4


async def test_a_series_without_an_end_is_made_18_months_ahead_and_goes_on(
    repeated: Repeat, database: Database, clock: FrozenClock
) -> None:
    series = await repeated(rule="FREQ=WEEKLY")
    assert series.meetings == 78
    assert await behind(database) == []
    assert await extend(database, series.id) == 0
    clock.forward(timedelta(days=28))
    assert await behind(database) == [series.id]
    assert await extend(database, series.id) == 4
    assert await extend(database, series.id) == 0, "twice is as once"
    async with database.transaction() as tx:
        locals_ = list(await tx.session.scalars(select(MeetingRow.original_local).order_by(MeetingRow.original_local)))
    assert locals_ == [MONDAY + timedelta(weeks=n) for n in range(82)]


async def test_an_extended_meeting_whose_room_is_taken_waits_for_it(
    repeated: Repeat, booked: Book, database: Database, clock: FrozenClock
) -> None:
    series = await repeated(rule="FREQ=WEEKLY")
    clock.forward(timedelta(days=14))
    far = datetime(2028, 5, 29, 1, tzinfo=UTC)
    await booked("ps-room", at=far, by=OTHER_OFFICIAL)
    assert await extend(database, series.id) == 2
    async with database.transaction() as tx:
        theirs = select(ReservationRow.state).join(MeetingRow).where(MeetingRow.starts_at >= far)
        states = list(await tx.session.scalars(theirs.where(MeetingRow.series_id == series.id)))
        required = set(await tx.session.scalars(select(ReservationRow.required)))
    assert sorted(states) == [2, 4], "confirmed, and waiting"
    assert required == {True}


async def test_the_worker_extends_one_series_after_another_and_a_broken_one_stops_no_other(
    repeated: Repeat, database: Database, clock: FrozenClock
) -> None:
    broken, whole = await repeated(rule="FREQ=WEEKLY"), await repeated("sl-room", rule="FREQ=WEEKLY")
    async with database.transaction() as tx:
        (await tx.session.get_one(SeriesRow, broken.id)).rule = "FREQ=NEVER"
    clock.forward(timedelta(days=14))
    stop = asyncio.Event()
    task = asyncio.create_task(run_extension(database, stop))
    try:
        while await behind(database) != [broken.id]:
            await asyncio.sleep(0.05)
    finally:
        stop.set()
        await task
    async with database.transaction() as tx:
        assert (await series_for(OFFICIAL, whole.id, tx)).meetings == 78, "two are over, two were made"


async def test_the_loser_of_a_series_learns_each_meeting_and_room_and_books_nothing(
    repeated: Repeat, booked: Book, database: Database
) -> None:
    second, third = (datetime(2026, 12, day, 1, 30, tzinfo=UTC) for day in (7, 14))
    first_taken = await booked("sl-room", at=second, by=OTHER_OFFICIAL, title="Tập huấn")
    await booked("ps-room", at=third, by=SECRETARY)
    with pytest.raises(SeriesRoomTaken) as raised:
        await repeated("ps-room", "sl-room")
    assert [(one.at, one.room, one.organiser) for one in raised.value.taken] == [
        (datetime(2026, 12, 7, 1, tzinfo=UTC), "sl-room", "lan"),
        (datetime(2026, 12, 14, 1, tzinfo=UTC), "ps-room", "thuky"),
    ]
    assert raised.value.fields["meetings"] == 2
    assert raised.value.taken[0].meeting == first_taken.id
    assert "Tập huấn" in str(raised.value)
    assert (await count(database, MeetingRow), await count(database, SeriesRow)) == (2, 0)


async def test_an_optional_room_that_is_taken_is_waited_for(repeated: Repeat, booked: Book, database: Database) -> None:
    await booked("dl-hall", at=datetime(2026, 12, 7, 1, tzinfo=UTC), by=OTHER_OFFICIAL)
    series = await repeated("ps-room", optional=("dl-hall",))
    async with database.transaction() as tx:
        meetings = await meetings_of_series(OFFICIAL, series.id, tx)
    assert [[one.state for one in meeting.reservations] for meeting in meetings] == [
        ["confirmed", "confirmed"], ["waiting", "confirmed"], ["confirmed", "confirmed"], ["confirmed", "confirmed"],
    ]  # fmt: skip


async def test_the_time_to_get_ready_keeps_others_out_and_half_open_edges_touch(
    repeated: Repeat, booked: Book, database: Database, rooms_loaded: None
) -> None:
    async with database.transaction() as tx:
        room = (await tx.session.execute(select(RoomRow).where(RoomRow.code == "ps-room"))).scalar_one()
        room.before_min, room.after_min = 15, 10
    await repeated("ps-room", rule="FREQ=WEEKLY;COUNT=1")
    start, end = datetime(2026, 11, 30, 1, tzinfo=UTC), datetime(2026, 11, 30, 2, tzinfo=UTC)
    for at, minutes in ((end + timedelta(minutes=24), 30), (start - timedelta(minutes=54), 30)):
        with pytest.raises(RoomTaken):
            await booked("ps-room", at=at, minutes=minutes)
    await booked("ps-room", at=end + timedelta(minutes=25), minutes=30)
    await booked("ps-room", at=start - timedelta(minutes=55), minutes=30)


async def test_the_same_key_gives_the_same_series(repeated: Repeat, database: Database) -> None:
    first, again = await repeated(key="a"), await repeated(key="a")
    assert first == again
    assert await count(database, MeetingRow) == 4
    with pytest.raises(KeyReused):
        await repeated("sl-room", key="a")
    assert (await repeated("sl-room", key="a", by=OTHER_OFFICIAL)).id != first.id


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"rule": "FREQ=HOURLY"}, BadRule),
        ({"rule": "FREQ=WEEKLY;BYDAY=TU"}, BeginsElsewhere),
        ({"rule": "FREQ=WEEKLY;UNTIL=20261101"}, BadRule),
        ({"rule": "FREQ=DAILY;COUNT=3", "minutes": 1441}, TooLong),
        ({"minutes": 0}, TooLong),
        ({"zone": "Asia/Saigon2"}, BadZone),
        ({"zone": "../../etc/passwd"}, BadZone),
        ({"zone": ""}, BadZone),
        ({"first": MONDAY.replace(tzinfo=UTC)}, BadTime),
        ({"first": datetime(2026, 11, 23, 8)}, InThePast),
        ({"title": " "}, BadInput),
        ({"optional": tuple(f"room-{n}" for n in range(1000))}, NoRooms),
        ({"optional": ("no-room",)}, NotFound),
    ],
    ids=str,
)  # fmt: skip
async def test_what_makes_no_sense_books_nothing(
    repeated: Repeat, database: Database, wrong: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await repeated(**wrong)
    assert await count(database, SeriesRow) == 0


async def test_a_series_that_overlaps_itself_is_told_so(
    repeated: Repeat, database: Database, rooms_loaded: None
) -> None:
    async with database.transaction() as tx:
        (await tx.session.execute(select(RoomRow).where(RoomRow.code == "ps-room"))).scalar_one().after_min = 1
    with pytest.raises(OverlapsItself):
        await repeated(rule="FREQ=DAILY;COUNT=2", minutes=1440)


async def test_a_series_too_large_for_one_transaction_is_refused(
    repeated: Repeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book_series_module, "MOST_BOOKINGS", 7)
    with pytest.raises(TooManyBookings):
        await repeated("ps-room", "sl-room")


async def test_who_may_not_book_books_no_series_and_who_sees_no_office_sees_none(
    repeated: Repeat, database: Database
) -> None:
    with pytest.raises(Refused):
        await repeated(by=TECHNICIAN)
    async with database.transaction() as tx:
        with pytest.raises(NotFound):
            await series_for(OFFICIAL, new_id(), tx)


async def test_a_day_entered_as_off_moves_what_is_booked_after(repeated: Repeat, database: Database) -> None:
    day = OfficialDay(date(2026, 12, 7), off=True, name="Nghỉ phòng chống bão")
    async with database.transaction() as tx:
        with pytest.raises(Refused):
            await set_day(OFFICIAL, day, tx)
        await set_day(SECRETARY, day, tx)
        assert day in await official_days(TECHNICIAN, 2026, tx)
    series = await repeated(on_holiday="move")
    async with database.transaction() as tx:
        second = (await meetings_of_series(OFFICIAL, series.id, tx))[1]
        assert (second.original, second.starts_at) == (datetime(2026, 12, 7, 8), datetime(2026, 12, 8, 1, tzinfo=UTC))
        await forget_day(SECRETARY, day.day, tx)
        assert day not in await official_days(TECHNICIAN, 2026, tx)
        with pytest.raises(NotFound):
            await forget_day(SECRETARY, day.day, tx)
        with pytest.raises(BadInput):
            await set_day(SECRETARY, OfficialDay(day.day, off=True, name="\n"), tx)
        with pytest.raises(BadInput):
            await official_days(TECHNICIAN, 9999, tx)
