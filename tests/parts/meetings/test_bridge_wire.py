"""The bytes that Prosody puts on the wire, played over TCP, and what Debian's Lua reads in the bytes of our answers."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from meetings.bridge.models import ConferenceRow, OccupantRow
from meetings.public import MeetingView
from tests.parts.meetings.bridge_parts import TOKEN, served, settings, state_of
from tests.parts.meetings.conftest import NINE, Book
from tests.real.server import find_program

OWNER = "mail_owner=69964b84-fa2a-4510-91fe-848bb0776b53%40meet.bed"
START = "start_time=2026-11-22T16%3a34%3a06.000Z"
PATIENCE_S = 30.0

AS_LUA_READS = """
local told = require "cjson.safe".decode(io.read("a"))
for _, name in ipairs { "id", "name", "mail_owner", "start_time", "duration", "conflict_id", "message", "password",
        "max_occupants", "lobby" } do
    if told[name] ~= nil then print(name, type(told[name]), tostring(told[name])) end
end
"""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def as_lua_reads(self) -> dict[str, tuple[str, str]]:
        """Return type and text of each field that Jitsi's plugin looks at, as lua-cjson on Lua 5.4 gives them."""
        lua = find_program("lua5.4", "lua5.4")
        done = subprocess.run([lua, "-e", AS_LUA_READS], input=self.body, capture_output=True, check=True)
        lines = [line.split("\t") for line in done.stdout.decode().splitlines()]
        return {name: (kind, text) for name, kind, text in lines}


@dataclass(frozen=True)
class Wire:
    """Our endpoint, as bytes reach it."""

    port: int

    def words(self, method: str, path: str, kind: str = "", body: str = "", *, length: int | None = None) -> bytes:
        """Return a request as net.http of Prosody 0.12 writes it."""
        headers = [
            f"Host: 127.0.0.1:{self.port}",
            "User-Agent: Prosody (0.12.3; posix)",
            f"Authorization: Bearer {TOKEN}",
        ]
        if body:
            headers += [f"Content-Type: {kind}", f"Content-Length: {len(body.encode()) if length is None else length}"]
        return "\r\n".join([f"{method} /jitsi{path} HTTP/1.1", *headers, "", body]).encode()

    async def say(self, words: bytes) -> Answer:
        """Send bytes and return the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(words)
            async with asyncio.timeout(PATIENCE_S):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
                first, *lines = head.strip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
        finally:
            writer.close()
        return Answer(int(first.split()[1]), headers, body)

    async def hang_up_after(self, words: bytes) -> None:
        """Send bytes and go, without a look at the answer."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(words)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    def question(self, name: str, *, order: tuple[int, ...] = (0, 1, 2)) -> bytes:
        """Return the question whether the room may be opened; the order of fields varies with Lua's tables."""
        fields = (OWNER, f"name={name}", START)
        return self.words("POST", "/conference", FORM, "&".join(fields[place] for place in order))


FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def wire(database: Database, clock: FrozenClock, tmp_path: Path) -> AsyncIterator[Wire]:
    async with served(state_of(database, clock, settings(tmp_path))) as url:
        port = httpx.URL(url).port
        assert port
        yield Wire(port)


@pytest.fixture
async def meeting(booked: Book, clock: FrozenClock) -> MeetingView:
    """A meeting that begins in ten minutes."""
    view = await booked()
    clock.forward(NINE - timedelta(minutes=10) - clock.now())
    return view


async def openings(database: Database) -> int:
    async with database.transaction() as tx:
        return await tx.session.scalar(select(func.count()).select_from(ConferenceRow)) or 0


async def test_the_answer_is_what_the_plugin_needs_in_types_that_lua_keeps(wire: Wire, meeting: MeetingView) -> None:
    answer = await wire.say(wire.question(meeting.conference))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    read = answer.as_lua_reads()
    assert {name: kind for name, (kind, _) in read.items()} == {
        "id": "string", "name": "string", "mail_owner": "string", "start_time": "string", "duration": "number",
    }, "nothing that is null, and no lobby, password or most occupants: each of them locks somebody out"  # fmt: skip
    assert read["name"][1] == meeting.conference
    assert read["start_time"][1] == "2026-11-25T02:00:00.000Z"
    assert float(read["duration"][1]) == 5400


async def test_fields_come_in_any_order(wire: Wire, meeting: MeetingView, database: Database) -> None:
    answers = [
        await wire.say(wire.question(meeting.conference, order=order)) for order in itertools.permutations((0, 1, 2))
    ]  # fmt: skip
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert await openings(database) == 1


async def test_a_conflict_is_a_string_that_leads_to_the_reservation_and_can_be_taken_away(
    wire: Wire, meeting: MeetingView, database: Database
) -> None:
    told = await wire.say(wire.question(meeting.conference))
    other = wire.words(
        "POST", "/conference", FORM, f"{OWNER}&name={meeting.conference}&start_time=2026-11-22T16%3a40%3a00.000Z"
    )
    conflict = await wire.say(other)
    assert conflict.status == 409
    kind, conference = conflict.as_lua_reads()["conflict_id"]
    assert kind == "string"
    found = await wire.say(wire.words("GET", f"/conference/{conference}"))
    assert (found.status, found.body) == (200, told.body)
    assert (await wire.say(wire.words("DELETE", f"/conference/{conference}"))).status == 204
    assert (await wire.say(other)).status == 200, "the meeting is not over because its room is gone"


async def test_a_room_of_a_tenant_and_a_refusal_are_told_in_words(wire: Wire, meeting: MeetingView) -> None:
    for name in ("%5bdistrict-7%5dt1", "r1"):
        answer = await wire.say(wire.question(name))
        assert answer.status == 403
        kind, message = answer.as_lua_reads()["message"]
        assert kind == "string"
        assert "There is no meeting in this room." in message


async def test_a_question_whose_answer_was_lost_is_answered_the_same_when_it_comes_again(
    wire: Wire, meeting: MeetingView, database: Database
) -> None:
    for _ in range(3):  # reservations_api_retry_count
        await wire.hang_up_after(wire.question(meeting.conference))
    first = await wire.say(wire.question(meeting.conference))
    second = await wire.say(wire.question(meeting.conference))
    assert first.status == 200
    assert first.body == second.body
    assert await openings(database) == 1


async def test_a_question_that_breaks_off_opens_nothing_and_delays_nobody(
    wire: Wire, meeting: MeetingView, database: Database
) -> None:
    whole = wire.question(meeting.conference)
    for cut in (10, len(whole) // 2, whole.index(b"\r\n\r\n") + 2, len(whole) - len(START)):
        await wire.hang_up_after(whole[:cut])
    assert await openings(database) == 0
    assert (await wire.say(whole)).status == 200


EVENTS = (
    ("room/created", {"event_name": "muc-room-created", "created_at": 0}),
    ("occupant/joined", {"event_name": "muc-occupant-joined", "active_occupants_count": 1}),
    ("occupant/left", {"event_name": "muc-occupant-left", "active_occupants_count": 0}),
    ("room/destroyed", {"event_name": "muc-room-destroyed", "created_at": 0, "destroyed_at": 2}),
)
OCCUPANT = {"occupant_jid": "168c@meet.bed/yptf", "joined_at": 0, "id": "u1", "name": "Commune A", "email": "a@x",
            "moderator": True}  # fmt: skip


async def test_the_four_events_arrive_as_they_are_posted_and_posted_again(
    wire: Wire, meeting: MeetingView, database: Database, clock: FrozenClock
) -> None:
    await wire.say(wire.question(meeting.conference))
    now = int(clock.now().timestamp())
    occupant = {**OCCUPANT, "joined_at": now}
    for path, event in EVENTS:
        whole = {"room_name": meeting.conference, "room_jid": f"{meeting.conference}@conference.meet.bed",
                 "is_breakout": False, **{name: now + at if name.endswith("_at") and isinstance(at, int) else at
                                          for name, at in event.items()}}  # fmt: skip
        if path.startswith("occupant"):
            whole["occupant"] = occupant | ({"left_at": now + 2} if path.endswith("left") else {})
        if path == "room/destroyed":
            whole["all_occupants"] = [occupant | {"left_at": now + 2}]
        for _ in range(2):
            answer = await wire.say(wire.words("POST", f"/events/{path}", "application/json", json.dumps(whole)))
            assert answer.status == 204, answer.body
    async with database.transaction() as tx:
        (row,) = (
            await tx.session.execute(select(OccupantRow.account, OccupantRow.joined_at, OccupantRow.left_at))
        ).all()
    assert (row.account, row.left_at - row.joined_at) == ("u1", timedelta(seconds=2))
