"""Changes of a meeting and of all that follow: exact reports, rehearsals, rooms handed on, nothing that comes back."""

# ruff: noqa: DTZ001 - rules live in local time

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from kernel.actors import Actor
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.errors import NotFound
from kernel.events.models import EventRow
from meetings.errors import (
    BadTitle,
    CannotMoveSeries,
    ChangedMeanwhile,
    InThePast,
    MeetingOver,
    NoRooms,
    NoSeries,
    NothingToChange,
    NotYourMeeting,
    SeriesRoomTaken,
)
from meetings.extend import extend
from meetings.models import DueCheckRow, MeetingRow, ReservationRow, SeriesRow
from meetings.public import (
    BookingRequest,
    Change,
    ChangeReport,
    MeetingView,
    SeriesRequest,
    SeriesView,
    book,
    book_series,
    cancel,
    cancel_following,
    change,
    family_of,
    meeting_for,
    meetings_of_series,
    series_for,
)
from tests.parts.meetings.conftest import NINE, OFFICIAL, OTHER_OFFICIAL, SECRETARY, Book

HANOI = "Asia/Ho_Chi_Minh"
MONDAY = datetime(2026, 11, 30, 8)
HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)
Alter = Callable[..., Awaitable[ChangeReport]]


@pytest.fixture
def altered(database: Database) -> Alter:
    """What changes in a transaction of its own, having rehearsed it: the two have to say the same."""

    async def make(
        meeting: uuid.UUID,
        by: Actor = OFFICIAL,
        *,
        following: bool = False,
        version: int | None = None,
        **wanted: object,
    ) -> ChangeReport:
        asked = Change(**wanted)  # type: ignore[arg-type]
        async with database.transaction() as tx:
            rehearsed = await change(meeting, asked, by, tx, following=following, version=version, rehearse=True)
        async with database.transaction() as tx:
            done = await change(meeting, asked, by, tx, following=following, version=version)
        assert rehearsed == done
        return done

    return make


@pytest.fixture
async def weekly(database: Database, rooms_loaded: None) -> SeriesView:
    """Six Mondays at eight, in two rooms."""
    request = SeriesRequest("Giao ban tuần", ("ps-room", "sl-room"), "FREQ=WEEKLY;COUNT=6", MONDAY, HANOI, 60)
    async with database.transaction() as tx:
        return await book_series(request, OFFICIAL, tx)


async def meetings(database: Database, series: uuid.UUID) -> list[MeetingView]:
    async with database.transaction() as tx:
        return await meetings_of_series(OFFICIAL, series, tx)


async def test_one_meeting_is_moved_renamed_and_given_other_rooms(
    booked: Book, altered: Alter, database: Database
) -> None:
    meeting = await booked("ps-room", "sl-room")
    report = await altered(
        meeting.id, title="Tập huấn", starts_at=NINE + HOUR, minutes=30, add=("dk-room",), drop=("sl-room",)
    )
    (line,) = report.lines
    assert (line.fate, line.original, line.before and line.before.rooms) == ("changed", None, ("ps-room", "sl-room"))
    async with database.transaction() as tx:
        now = await meeting_for(OFFICIAL, meeting.id, tx)
        due = set(await tx.session.scalars(select(DueCheckRow.due_at).where(DueCheckRow.stage == "t60m")))
    assert (now.title, now.starts_at, now.ends_at, now.version) == ("Tập huấn", NINE + HOUR, NINE + 1.5 * HOUR, 2)
    assert {room.code for room in now.rooms} == {"ps-room", "dk-room"}
    assert due == {NINE}
    await booked("sl-room", minutes=90, by=OTHER_OFFICIAL)
    await booked("ps-room", minutes=60, by=OTHER_OFFICIAL)


async def test_a_rehearsal_changes_and_tells_nobody_anything(booked: Book, database: Database) -> None:
    meeting = await booked("ps-room")
    async with database.transaction() as tx:
        await change(meeting.id, Change(title="Khác", drop=(), add=("sl-room",)), OFFICIAL, tx, rehearse=True)
    async with database.transaction() as tx:
        assert await meeting_for(OFFICIAL, meeting.id, tx) == meeting
        assert await tx.session.scalar(select(func.count()).select_from(EventRow)) == 1


async def test_a_room_given_back_goes_to_who_waits_for_it_first_come_first_served(
    booked: Book, altered: Alter, database: Database
) -> None:
    first = await booked("ps-room")
    waiting: list[MeetingView] = []
    for by in (OTHER_OFFICIAL, SECRETARY):
        async with database.transaction() as tx:
            own = ("hn-room",) if waiting else ("dk-room",)
            request = BookingRequest("Chờ phòng", own, NINE, NINE + HOUR, ("ps-room",))
            waiting.append(await book(request, by, tx))
    await altered(first.id, drop=("ps-room",), add=("sl-room",))
    states = []
    for meeting in waiting:
        async with database.transaction() as tx:
            seen = await meeting_for(OFFICIAL, meeting.id, tx)
            states.append({one.room: one.state for one in seen.reservations}["ps-room"])
    assert states == ["confirmed", "waiting"]
    async with database.transaction() as tx:
        await cancel(OTHER_OFFICIAL, waiting[0].id, tx)
    async with database.transaction() as tx:
        seen = await meeting_for(OFFICIAL, waiting[1].id, tx)
        event = (await tx.session.execute(select(EventRow).where(EventRow.name == "meeting.rooms-got"))).scalars().all()
    assert {one.room: one.state for one in seen.reservations}["ps-room"] == "confirmed"
    assert [one.data["got"] for one in event] == [[[str(one.id), "ps-room"]] for one in waiting]


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({}, NothingToChange),
        ({"title": "\n"}, BadTitle),
        ({"drop": ("ps-room",)}, NoRooms),
        ({"drop": ("no-room",)}, NotFound),
        ({"add": ("no-room",)}, NotFound),
        ({"add": ("\x00",)}, NotFound),
        ({"starts_at": NINE - timedelta(days=3)}, InThePast),
        ({"title": "x", "following": True}, NoSeries),
        ({"title": "x", "version": 7}, ChangedMeanwhile),
        ({"title": "x", "by": OTHER_OFFICIAL}, NotYourMeeting),
    ],
)  # fmt: skip
async def test_a_change_that_makes_no_sense_is_refused_in_words(
    booked: Book, altered: Alter, wanted: dict[str, object], error: type[Exception]
) -> None:
    meeting = await booked("ps-room")
    with pytest.raises(error):
        await altered(meeting.id, **wanted)


async def test_this_and_following_end_the_series_and_another_of_the_family_goes_on(
    weekly: SeriesView, altered: Alter, database: Database
) -> None:
    before = await meetings(database, weekly.id)
    report = await altered(
        before[2].id, following=True, starts_at=before[2].starts_at + timedelta(days=1, hours=1), version=1
    )
    assert [line.fate for line in report.lines] == ["changed"] * 4
    assert report.series is not None
    after = await meetings(database, report.series)
    assert [one.id for one in after] == [one.id for one in before[2:]]
    assert [one.starts_at for one in after] == [one.starts_at + timedelta(days=1, hours=1) for one in before[2:]]
    assert [one.original for one in after] == [MONDAY + timedelta(days=1, hours=1) + n * WEEK for n in range(2, 6)]
    assert [one.id for one in await meetings(database, weekly.id)] == [one.id for one in before[:2]]
    async with database.transaction() as tx:
        old, new = await family_of(OFFICIAL, weekly.id, tx)
    assert (old.until, old.state, new.family) == (MONDAY + 2 * WEEK, "running", weekly.id)
    assert (new.rule, new.first) == ("FREQ=WEEKLY;COUNT=4", MONDAY + 2 * WEEK + timedelta(days=1, hours=1))


async def test_cancelled_and_changed_meetings_of_a_series_survive_its_change(
    weekly: SeriesView, altered: Alter, database: Database, clock: FrozenClock
) -> None:
    before = await meetings(database, weekly.id)
    async with database.transaction() as tx:
        await cancel(OFFICIAL, before[3].id, tx)
    await altered(before[4].id, starts_at=before[4].starts_at + 3 * HOUR, title="Riêng")
    report = await altered(before[0].id, following=True, starts_at=before[0].starts_at + HOUR, title="Chung")
    assert [line.fate for line in report.lines] == ["changed", "changed", "changed", "kept", "changed"]
    assert report.series is not None
    after = await meetings(database, report.series)
    assert [(one.title, one.state) for one in after] == [
        ("Chung", "booked"), ("Chung", "booked"), ("Chung", "booked"), ("Giao ban tuần", "cancelled"),
        ("Riêng", "booked"), ("Chung", "booked"),
    ]  # fmt: skip
    assert after[4].starts_at == before[4].starts_at + 3 * HOUR
    assert [one.original for one in after] == [MONDAY + HOUR + n * WEEK for n in range(6)]
    clock.forward(timedelta(days=21))
    assert await extend(database, report.series) == 0, "what was cancelled does not come back"
    async with database.transaction() as tx:
        assert (await series_for(OFFICIAL, weekly.id, tx)).state == "ended"


async def test_a_change_of_a_series_that_cannot_be_leaves_everything_as_it_was(
    weekly: SeriesView, booked: Book, altered: Alter, database: Database
) -> None:
    before = await meetings(database, weekly.id)
    theirs = await booked("sl-room", at=before[4].starts_at + 2 * HOUR, minutes=30, by=OTHER_OFFICIAL)
    with pytest.raises(SeriesRoomTaken) as raised:
        await altered(before[1].id, following=True, starts_at=before[1].starts_at + 2 * HOUR)
    assert [(one.at, one.room, one.meeting) for one in raised.value.taken] == [
        (before[4].starts_at + 2 * HOUR, "sl-room", theirs.id)
    ]
    assert await meetings(database, weekly.id) == before


async def test_a_monthly_series_stays_on_its_days_but_may_change_its_hour(
    database: Database, rooms_loaded: None, altered: Alter
) -> None:
    request = SeriesRequest("Tháng", ("ps-room",), "FREQ=MONTHLY;BYDAY=-1MO;COUNT=3", MONDAY, HANOI, 60)
    async with database.transaction() as tx:
        series = await book_series(request, OFFICIAL, tx)
    first, *_ = await meetings(database, series.id)
    with pytest.raises(CannotMoveSeries):
        await altered(first.id, following=True, starts_at=first.starts_at + timedelta(days=1))
    report = await altered(first.id, following=True, starts_at=first.starts_at + HOUR)
    assert len(report.lines) == 3


async def test_cancelling_this_and_following_ends_the_series_and_frees_its_rooms(
    weekly: SeriesView, booked: Book, database: Database, clock: FrozenClock
) -> None:
    before = await meetings(database, weekly.id)
    async with database.transaction() as tx:
        assert await cancel_following(OFFICIAL, before[2].id, tx) == [one.id for one in before[2:]]
    await booked("ps-room", at=before[3].starts_at, by=OTHER_OFFICIAL)
    async with database.transaction() as tx:
        series = await series_for(OFFICIAL, weekly.id, tx)
    assert (series.state, series.until, series.meetings) == ("ended", MONDAY + 2 * WEEK, 2)
    clock.forward(timedelta(days=200))
    with pytest.raises(MeetingOver):
        async with database.transaction() as tx:
            await cancel_following(OFFICIAL, before[1].id, tx)


async def test_nothing_holds_a_room_that_no_meeting_has(weekly: SeriesView, altered: Alter, database: Database) -> None:
    first, second, *_ = await meetings(database, weekly.id)
    await altered(first.id, drop=("sl-room",))
    await altered(second.id, following=True, drop=("ps-room",), add=("dk-room",), minutes=30)
    async with database.transaction() as tx:
        orphans = await tx.session.scalar(
            text(
                "SELECT count(*) FROM reservation r JOIN meeting m ON m.id = r.meeting_id "
                "WHERE r.state IN (1, 2) AND (m.state <> 'booked' OR NOT r.during @> tstzrange(m.starts_at, m.ends_at))"
            )
        )
        held = await tx.session.scalar(select(func.count()).select_from(ReservationRow))
        rows = await tx.session.scalar(select(func.count()).select_from(MeetingRow))
        series = await tx.session.scalar(select(func.count()).select_from(SeriesRow))
    assert (orphans, held, rows, series) == (0, 1 + 5 * 2, 6, 2)
