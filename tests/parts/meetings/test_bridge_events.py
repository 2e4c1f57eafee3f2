"""Who came and went, from events that come twice, late, in any order, or not at all."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from meetings.bridge.models import ATTENDANCE_KEPT, ConferenceRow, OccupantRow
from meetings.public import ConferenceView, MeetingView, Stay, attendance, conference_of
from tests.builders.web import app_of
from tests.parts.meetings.bridge_parts import joined, knock, prosody, settings, state_of
from tests.parts.meetings.conftest import NINE, OFFICIAL, Book


@pytest.fixture
async def jitsi(database: Database, clock: FrozenClock, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with prosody(app_of(state_of(database, clock, settings(tmp_path)))) as client:
        yield client


@pytest.fixture
async def meeting(booked: Book, clock: FrozenClock, jitsi: httpx.AsyncClient) -> MeetingView:
    """A meeting whose room was opened at its beginning."""
    view = await booked()
    clock.forward(NINE - clock.now())
    assert (await knock(jitsi, view.conference)).status_code == 200
    return view


AT = int(NINE.timestamp()) + 10


def came(meeting: MeetingView, occupant: str = "one@meet.test/a", **more: Any) -> dict[str, Any]:
    return joined(meeting.conference, occupant, **{"at": AT, **more})


def went(meeting: MeetingView, occupant: str = "one@meet.test/a", *, after_s: int = 600) -> dict[str, Any]:
    event = came(meeting, occupant, left_at=AT + after_s, total_dominant_speaker_time=0)
    return {**event, "event_name": "muc-occupant-left"}


def created(meeting: MeetingView) -> dict[str, Any]:
    room = {key: value for key, value in came(meeting).items() if key in {"room_name", "room_jid", "is_breakout"}}
    return {**room, "event_name": "muc-room-created", "created_at": AT}


def destroyed(meeting: MeetingView, *occupants: dict[str, Any]) -> dict[str, Any]:
    return {
        **created(meeting), "event_name": "muc-room-destroyed", "destroyed_at": AT + 900,
        "all_occupants": [event["occupant"] for event in occupants],
    }  # fmt: skip


async def tell(jitsi: httpx.AsyncClient, path: str, event: dict[str, Any]) -> int:
    return (await jitsi.post(f"/events/{path}", json=event)).status_code


async def stays(database: Database, meeting: MeetingView) -> list[Stay]:
    async with database.transaction() as tx:
        return await attendance(OFFICIAL, meeting.id, tx)


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def test_a_stay_is_recorded_with_its_ends_and_without_the_address_of_mail(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database
) -> None:
    assert await tell(jitsi, "occupant/joined", came(meeting)) == 204
    room = f"{meeting.conference}@conference.meet.test"
    assert await stays(database, meeting) == [
        Stay(room, "one@meet.test/a", at(AT), None, "u1", "Xã Phan Sơn", moderator=True)
    ]
    assert await tell(jitsi, "occupant/left", went(meeting)) == 204
    assert (await stays(database, meeting))[0].left_at == at(AT + 600)
    async with database.transaction() as tx:
        stored = await tx.session.scalar(text("SELECT to_jsonb(occupant) FROM occupant"))
    assert "a@x.example" not in json.dumps(stored)


async def test_in_every_order_and_however_often_the_same_is_recorded(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database
) -> None:
    events = [
        ("room/created", created(meeting)),
        ("occupant/joined", came(meeting)),
        ("occupant/left", went(meeting)),
        ("room/destroyed", destroyed(meeting, went(meeting))),
    ]
    for order in itertools.permutations(events):
        for path, event in (*order, order[0]):
            assert await tell(jitsi, path, event) == 204
        found = await stays(database, meeting)
        assert len(found) == 1
        assert found[0].left_at == at(AT + 600)
    async with database.transaction() as tx:
        row = (await tx.session.execute(select(ConferenceRow))).scalar_one()
    assert (row.room_created_at, row.room_destroyed_at) == (at(AT), at(AT + 900))


async def test_somebody_who_comes_back_has_two_stays(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database
) -> None:
    await tell(jitsi, "occupant/joined", came(meeting))
    await tell(jitsi, "occupant/left", went(meeting))
    await tell(jitsi, "occupant/joined", came(meeting, "two@meet.test/b", at=AT + 700))
    assert [stay.left_at for stay in await stays(database, meeting)] == [at(AT + 600), None]


async def test_lost_events_are_made_good_by_the_end_of_the_room(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database
) -> None:
    await tell(jitsi, "room/destroyed", destroyed(meeting, went(meeting), went(meeting, "two@meet.test/b")))
    assert [stay.left_at for stay in await stays(database, meeting)] == [at(AT + 600)] * 2


async def test_when_the_room_is_gone_nobody_is_in_it_though_no_event_said_so(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database, clock: FrozenClock
) -> None:
    await tell(jitsi, "occupant/joined", came(meeting))
    async with database.transaction() as tx:
        conference = (await tx.session.execute(select(ConferenceRow.id))).scalar_one()
    clock.forward(timedelta(minutes=30))
    await jitsi.delete(f"/conference/{conference}")
    assert (await stays(database, meeting))[0].left_at == clock.now()


async def test_a_rooms_state_is_what_the_server_told_and_after_the_end_it_is_over_whatever_was_not_told(
    jitsi: httpx.AsyncClient, meeting: MeetingView, booked: Book, database: Database, clock: FrozenClock
) -> None:
    async def now() -> ConferenceView:
        async with database.transaction() as tx:
            return await conference_of(OFFICIAL, meeting.id, tx)

    async with database.transaction() as tx:
        assert await conference_of(OFFICIAL, (await booked("sl-room")).id, tx) == ConferenceView()
    opened = clock.now()
    assert await now() == ConferenceView(open=True, opened_at=opened)
    await tell(jitsi, "occupant/joined", came(meeting))
    await tell(jitsi, "occupant/joined", came(meeting, "two@meet.test/b"))
    await tell(jitsi, "occupant/left", went(meeting))
    assert await now() == ConferenceView(open=True, opened_at=opened, present=1)
    clock.forward(meeting.ends_at - clock.now())
    assert await now() == ConferenceView(opened_at=opened), "the server died before it could tell"
    async with database.transaction() as tx:
        conference = (await tx.session.execute(select(ConferenceRow.id))).scalar_one()
    await jitsi.delete(f"/conference/{conference}")
    assert await now() == ConferenceView(opened_at=opened, closed_at=clock.now())


async def test_a_late_event_goes_to_the_conference_of_its_time(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database, clock: FrozenClock
) -> None:
    async with database.transaction() as tx:
        first = (await tx.session.execute(select(ConferenceRow.id))).scalar_one()
    await jitsi.delete(f"/conference/{first}")
    clock.forward(timedelta(minutes=20))
    await knock(jitsi, meeting.conference, start="2026-11-25T02:20:00.000Z")
    await tell(jitsi, "occupant/left", went(meeting))
    async with database.transaction() as tx:
        assert (await tx.session.execute(select(OccupantRow.conference_id))).scalar_one() == first


async def test_rooms_that_are_none_of_ours_and_breakout_rooms_are_not_recorded(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database
) -> None:
    for event in (
        {**came(meeting), "room_name": "unknownroom1234567"},
        {**came(meeting), "room_name": "Phòng"},
        {**came(meeting), "is_breakout": True},
    ):
        assert await tell(jitsi, "occupant/joined", event) == 204
    assert await stays(database, meeting) == []


WRONG: tuple[dict[str, Any], ...] = (
    {"joined_at": "1795365010"}, {"joined_at": None}, {"joined_at": True}, {"joined_at": 1e300}, {"occupant_jid": ""},
    {"occupant_jid": None}, {"left_at": "soon"},
)  # fmt: skip


async def test_an_event_with_wrong_values_is_refused_for_good(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database
) -> None:
    event = came(meeting)
    for change in WRONG:
        changed = {**event, "occupant": {**event["occupant"], **change}}
        assert await tell(jitsi, "occupant/joined", changed) == 400, change
    assert await stays(database, meeting) == []


async def test_names_that_no_table_takes_are_taken_as_far_as_they_go(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database
) -> None:
    names = ["\0", "a\0b", "\ud800", "x" * 5000, "Nguyễn Thị Hòa", None, 7]
    for number, name in enumerate(names):
        event = came(meeting, f"{number}@meet.test/a", name=name)
        body = json.dumps(event).encode()
        answer = await jitsi.post("/events/occupant/joined", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 204
    found = {stay.occupant_jid[0]: stay.name for stay in await stays(database, meeting)}
    assert found == {"0": "", "1": "ab", "2": "?", "3": "x" * 500, "4": "Nguyễn Thị Hòa", "5": "", "6": "7"}


GARBAGE = [
    ("application/json", b""), ("application/json", b"[]"), ("application/json", b"null"),
    ("application/json", b'{"room_name":'), ("application/json", b"[" * 100_000), ("application/json", b"\xff"),
    ("application/json", b'{"room_name": "' + b"a" * 600_000 + b'"}'), ("text/plain", b"{}"), ("", b"{}"),
]  # fmt: skip


async def test_garbage_is_refused_and_is_no_fault(jitsi: httpx.AsyncClient) -> None:
    for path in ("room/created", "room/destroyed", "occupant/joined", "occupant/left"):
        for kind, body in GARBAGE:
            answer = await jitsi.post(f"/events/{path}", content=body, headers={"Content-Type": kind})
            assert 400 <= answer.status_code < 500, (kind, body[:20])
            assert answer.json()["message"]


async def test_events_need_the_token(jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database) -> None:
    jitsi.headers["Authorization"] = "Bearer wrong"
    for path in ("room/created", "room/destroyed", "occupant/joined", "occupant/left"):
        assert await tell(jitsi, path, came(meeting)) == 401
    assert await stays(database, meeting) == []


async def test_attendance_is_removed_after_its_time(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database, clock: FrozenClock
) -> None:
    await tell(jitsi, "occupant/joined", came(meeting))
    clock.forward(ATTENDANCE_KEPT + timedelta(days=1))
    await tell(jitsi, "room/destroyed", destroyed(meeting) | {"room_name": "unknownroom1234567"})
    assert await stays(database, meeting) == []
