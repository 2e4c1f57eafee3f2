"""A meeting on Debian's real Prosody, joined by a real XMPP client; Jitsi's own plugins are stood in for.

Nothing here is skipped: without Prosody these tests fail and name the package.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from sqlalchemy import select, update

from api.http.gate import Gate
from kernel.actors import Actor
from kernel.clock import Clock, SystemClock
from kernel.db.transaction import Database
from kernel.errors import Unavailable
from kernel.events.event import Event
from kernel.settings import Settings
from meetings.bridge.errors import BridgeUnavailable
from meetings.bridge.jitsi import Jitsi
from meetings.bridge.join import app_of, join_link
from meetings.bridge.models import ConferenceRow
from meetings.models import MeetingRow
from meetings.public import MeetingCancelled, MeetingView, Stay, attendance, booking_for, cancel, ender
from tests.parts.meetings.bridge_parts import TOKEN, served, settings, state_of
from tests.parts.meetings.conftest import OFFICIAL, OTHER_OFFICIAL, Book
from tests.real.prosody import Prosody
from tests.real.xmpp import NotJoined, NotLetIn, RoomNotOpened, Visitor

T = TypeVar("T")


@pytest.fixture
def clock() -> Clock:
    """Prosody has the machine's clock, so we have it too."""
    return SystemClock()


@pytest.fixture
def chosen(tmp_path: Path) -> Settings:
    return settings(tmp_path)


@pytest.fixture
async def jitsi(database: Database, clock: Clock, chosen: Settings) -> AsyncIterator[Prosody]:
    """Prosody, which asks our application."""
    async with served(state_of(database, clock, chosen)) as url:
        with Prosody(f"{url}/jitsi", TOKEN, patience_s=3) as running:
            yield running


@pytest.fixture
async def meeting(booked: Book, clock: Clock) -> MeetingView:
    """A meeting that begins in five minutes: its room may be open."""
    return await booked(at=clock.now() + timedelta(minutes=5))


@pytest.fixture
def token_for(database: Database, clock: Clock, chosen: Settings) -> Callable[..., Awaitable[str]]:
    """What takes the token out of the address that a person is given."""

    async def make(meeting: MeetingView, *, actor: Actor = OTHER_OFFICIAL) -> str:
        async with database.transaction() as tx:
            booking = await booking_for(actor, meeting.id, tx)
        link = join_link(booking, None, actor, clock.now(), chosen, shown_as="Nguyễn Thị Hòa")
        return httpx.URL(link.url).params["jwt"]

    return make


@asynccontextmanager
async def visitor(jitsi: Prosody, token: str) -> AsyncIterator[Visitor]:
    async with Visitor(jitsi.port, jitsi.domain, token) as connected:
        yield connected


async def until(ask: Callable[[], Awaitable[T]], what: str) -> T:
    """Return the first true answer of `ask`."""
    async with asyncio.timeout(30):
        while True:
            if answer := await ask():
                return answer
            await asyncio.sleep(0.05)
    raise AssertionError(what)


async def stays(database: Database, meeting: MeetingView) -> list[Stay]:
    async with database.transaction() as tx:
        return await attendance(OFFICIAL, meeting.id, tx)


async def conferences(database: Database) -> list[ConferenceRow]:
    async with database.transaction() as tx:
        return list(await tx.session.scalars(select(ConferenceRow).order_by(ConferenceRow.opened_at)))


async def test_a_booked_room_opens_with_our_token_and_who_was_there_is_recorded(
    jitsi: Prosody, meeting: MeetingView, database: Database, token_for: Callable[..., Awaitable[str]]
) -> None:
    room = meeting.conference
    async with visitor(jitsi, await token_for(meeting, actor=OFFICIAL)) as organiser:
        await organiser.open_room(room)
        assert await organiser.join(room, "organiser") == "moderator"
        async with visitor(jitsi, await token_for(meeting)) as other:
            await other.open_room(room)
            assert await other.join(room, "other") == "participant"
            await other.leave(room, "other")
        await organiser.leave(room, "organiser")

    async def all_left() -> list[Stay]:
        found = await stays(database, meeting)
        return found if len(found) == 2 and all(stay.left_at for stay in found) else []

    found = await until(all_left, "both stays and their ends")
    assert {(stay.name, stay.account, stay.moderator) for stay in found} == {
        ("Nguyễn Thị Hòa", str(OFFICIAL.id), True),
        ("Nguyễn Thị Hòa", str(OTHER_OFFICIAL.id), False),
    }

    async def closed() -> bool:
        return all(row.closed_at and row.room_destroyed_at for row in await conferences(database))

    await until(closed, "the room's end")

    async with visitor(jitsi, await token_for(meeting)) as again:
        await again.open_room(room)
        assert await again.join(room, "again") == "participant"
    assert len(await conferences(database)) == 2, "a room that is gone is no meeting that is over"


async def test_before_the_window_the_room_is_refused_with_our_words(
    jitsi: Prosody, meeting: MeetingView, booked: Book, clock: Clock, token_for: Callable[..., Awaitable[str]]
) -> None:
    later = await booked("sl-room", at=clock.now() + timedelta(hours=3))
    async with visitor(jitsi, await token_for(meeting)) as early:
        with pytest.raises(RoomNotOpened) as refused:
            await early.open_room(later.conference)
    assert refused.value.code == 403
    assert "This room opens at" in refused.value.words


async def test_an_unknown_room_is_refused_with_our_words(
    jitsi: Prosody, meeting: MeetingView, token_for: Callable[..., Awaitable[str]]
) -> None:
    async with visitor(jitsi, await token_for(meeting)) as lost:
        with pytest.raises(RoomNotOpened, match=r"There is no meeting in this room\."):
            await lost.open_room("somethingelse123")
        with pytest.raises(NotJoined, match="room-does-not-exist"):
            await lost.join("somethingelse123", "lost")


async def test_the_token_of_another_meeting_opens_nothing_and_costs_this_one_nothing(
    jitsi: Prosody,
    meeting: MeetingView,
    booked: Book,
    clock: Clock,
    database: Database,
    token_for: Callable[..., Awaitable[str]],
) -> None:
    other = await booked("sl-room", at=clock.now() + timedelta(minutes=5))
    async with visitor(jitsi, await token_for(other)) as stranger:
        await stranger.open_room(meeting.conference)  # Prosody asks all the same: the room is made
        with pytest.raises(NotJoined, match="Room and token mismatched"):
            await stranger.join(meeting.conference, "stranger")

    async def given_up() -> bool:
        return all(row.closed_at for row in await conferences(database))

    await until(given_up, "the empty room to be given up")
    async with visitor(jitsi, await token_for(meeting)) as member:
        await member.open_room(meeting.conference)
        assert await member.join(meeting.conference, "member") == "participant"
    assert [row.meeting_id for row in await conferences(database)] == [meeting.id] * 2


class Overburdened(Gate):
    """Lets nobody pass the first `times`."""

    def __init__(self, times: int) -> None:
        super().__init__(per_s=100, burst=100)
        self.times = times
        self.asked = 0

    def passes(self, now_s: float) -> bool:
        self.asked += 1
        return self.asked > self.times and super().passes(now_s)


async def test_an_answer_that_failed_is_asked_for_again_and_the_room_opens(
    meeting: MeetingView,
    database: Database,
    clock: Clock,
    chosen: Settings,
    token_for: Callable[..., Awaitable[str]],
) -> None:
    state = replace(state_of(database, clock, chosen), bridge_questions=Overburdened(times=2))
    async with served(state) as url:
        with Prosody(f"{url}/jitsi", TOKEN, retry_delay_s=0.2) as running:
            async with visitor(running, await token_for(meeting)) as patient:
                await patient.open_room(meeting.conference)
                assert await patient.join(meeting.conference, "patient") == "participant"


async def test_when_every_try_failed_the_room_is_refused_for_a_while_and_then_asked_for_anew(
    meeting: MeetingView,
    database: Database,
    clock: Clock,
    chosen: Settings,
    token_for: Callable[..., Awaitable[str]],
) -> None:
    gate = Overburdened(times=4)  # the first question and three more
    async with served(replace(state_of(database, clock, chosen), bridge_questions=gate)) as url:
        with Prosody(f"{url}/jitsi", TOKEN, retry_delay_s=0.1) as running:
            async with visitor(running, await token_for(meeting)) as patient:
                with pytest.raises(RoomNotOpened) as refused:
                    await patient.open_room(meeting.conference)
                assert (refused.value.code, gate.asked) == (503, 4)
                with pytest.raises(RoomNotOpened):
                    await patient.open_room(meeting.conference)
                assert gate.asked == 4, "what was refused is remembered, and nobody is asked"
                await asyncio.sleep(1.1)
                await patient.open_room(meeting.conference)
                assert await patient.join(meeting.conference, "patient") == "participant"


async def test_a_token_that_is_not_ours_or_is_over_lets_nobody_in(
    jitsi: Prosody, meeting: MeetingView, clock: Clock, database: Database, tmp_path: Path
) -> None:
    async with database.transaction() as tx:
        booking = await booking_for(OFFICIAL, meeting.id, tx)
    forged = settings(tmp_path, jitsi_app_secret="another-secret-0123456789-0123456789")
    old = clock.now() - timedelta(seconds=70)
    for chosen, at, reason in (
        (forged, clock.now(), "Invalid signature"),
        (settings(tmp_path, jitsi_token_s=60), old, "Not acceptable by exp"),
        (settings(tmp_path, jitsi_app_id="somebody"), clock.now(), "invalid 'iss' claim"),
    ):
        token = httpx.URL(join_link(booking, None, OFFICIAL, at, chosen).url).params["jwt"]
        with pytest.raises(NotLetIn, match=reason):
            async with visitor(jitsi, token):
                pass


async def test_after_a_crash_of_prosody_the_same_room_opens_again(
    jitsi: Prosody, meeting: MeetingView, database: Database, token_for: Callable[..., Awaitable[str]]
) -> None:
    room = meeting.conference
    async with visitor(jitsi, await token_for(meeting)) as first:
        await first.open_room(room)
        await first.join(room, "first")
        await asyncio.to_thread(jitsi.restart)  # no DELETE is sent: we believe that the room is open
    await asyncio.sleep(1.1)  # the second question has another second in it
    async with visitor(jitsi, await token_for(meeting)) as second:
        await second.open_room(room)
        assert await second.join(room, "second") == "participant"
    assert len(await conferences(database)) == 1, "409 led Prosody to the conference that it had forgotten"


async def test_at_its_booked_end_the_room_is_closed_for_everybody(
    jitsi: Prosody, meeting: MeetingView, database: Database, clock: Clock, token_for: Callable[..., Awaitable[str]]
) -> None:
    token = await token_for(meeting)
    async with database.transaction() as tx:
        ended = clock.now() + timedelta(seconds=3)
        await tx.session.execute(update(MeetingRow).values(starts_at=ended - timedelta(minutes=1), ends_at=ended))
    async with visitor(jitsi, token) as late:
        await late.open_room(meeting.conference)
        await late.join(meeting.conference, "late")
        assert await late.until_thrown_out() == "Scheduled conference duration exceeded."
        await asyncio.sleep(1.1)  # what Prosody remembered is over
        with pytest.raises(RoomNotOpened, match="This meeting ended at"):
            await late.open_room(meeting.conference)


async def test_our_client_counts_and_ends_and_a_cancelled_meeting_is_ended_for_everybody(
    jitsi: Prosody,
    meeting: MeetingView,
    database: Database,
    clock: Clock,
    chosen: Settings,
    token_for: Callable[..., Awaitable[str]],
) -> None:
    bridge = Jitsi(jitsi.url, f"conference.{jitsi.domain}", app_of(chosen), clock)
    room = meeting.conference
    try:
        assert await bridge.room_size(room) is None
        assert await bridge.room_census() == []
        assert not await bridge.end_meeting(room)
        async with visitor(jitsi, await token_for(meeting)) as member:
            await member.open_room(room)
            await member.join(room, "member")
            assert await bridge.room_size(room) == 1
            (open_room,) = await bridge.room_census()
            assert (open_room.name, open_room.participants) == (room, 1)
            assert abs(clock.now() - open_room.created_at) < timedelta(minutes=1)
            async with database.transaction() as tx:
                await cancel(OFFICIAL, meeting.id, tx)
            event = Event(
                uuid.uuid4(), MeetingCancelled.name, clock.now(), OFFICIAL.name, {"meeting_id": str(meeting.id)}
            )
            await ender(bridge)(event, database)
            assert await member.until_thrown_out() == "The meeting has been terminated"
            await ender(bridge)(event, database)
        assert all(row.closed_at for row in await conferences(database))
    finally:
        await bridge.close()


async def test_a_token_of_a_stranger_ends_no_meeting(
    jitsi: Prosody, meeting: MeetingView, clock: Clock, tmp_path: Path
) -> None:
    wrong = app_of(settings(tmp_path, jitsi_app_secret="another-secret-0123456789-0123456789"))
    bridge = Jitsi(jitsi.url, f"conference.{jitsi.domain}", wrong, clock)
    try:
        with pytest.raises(BridgeUnavailable, match="HTTP 401"):
            await bridge.end_meeting(meeting.conference)
    finally:
        await bridge.close()


async def test_a_prosody_that_does_not_run_is_told_as_such(jitsi: Prosody, clock: Clock, chosen: Settings) -> None:
    bridge = Jitsi(jitsi.url, f"conference.{jitsi.domain}", app_of(chosen), clock)
    await asyncio.to_thread(jitsi.stop)
    try:
        for ask in (bridge.room_size("x"), bridge.room_census(), bridge.end_meeting("x")):
            with pytest.raises(Unavailable):
                await ask
    finally:
        await bridge.close()
