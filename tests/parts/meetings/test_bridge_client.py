"""Our client of Prosody's HTTP against a server that answers wrongly, slowly, or without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from kernel.clock import FrozenClock
from meetings.bridge.errors import BridgeUnavailable
from meetings.bridge.jitsi import Jitsi
from meetings.bridge.port import Bridge
from meetings.bridge.tokens import App
from tests.real.prosody import Prosody

APP = App(Prosody.app_id, Prosody.app_secret, Prosody.domain)


class Answering:
    """A server that gives one answer to everybody, and keeps the requests.

    Attributes:
        answer: Its bytes; None: silence.
        asked: The requests' first lines and headers.
    """

    def __init__(self) -> None:
        self.answer: bytes | None = b""
        self.asked: list[str] = []

    def says(self, status: str, body: bytes = b"") -> None:
        """Choose the answer."""
        self.answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if self.answer is not None:
            writer.write(self.answer)
            await writer.drain()
        else:
            await reader.read()
        writer.close()


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Bridge, Answering]]:
    answering = Answering()
    server = await asyncio.start_server(answering.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    clock = FrozenClock(datetime(2026, 11, 25, 2, 0, tzinfo=UTC))
    bridge = Jitsi(url, "conference.meet.test", APP, clock, timeout_s=0.5)
    try:
        yield bridge, answering
    finally:
        await bridge.close()
        server.close()


async def test_the_calls_are_those_of_jitsi() -> None:
    async with pair() as (bridge, answering):
        answering.says("200 OK", b'{"participants":4}')
        assert await bridge.room_size("r1") == 4
        census = (
            b'{"room_census":[{"room_name":"r1@c.d","participants":4,"created_time":"1795365010000","leaked":false}]}'
        )
        answering.says("200 OK", census)
        (room,) = await bridge.room_census()
        assert (room.name, room.participants, room.created_at.timestamp()) == ("r1", 4, 1795365010)
        answering.says("200 OK")
        assert await bridge.end_meeting("r1")
    size, census_asked, end = (asked.split("\r\n") for asked in answering.asked)
    assert size[0] == "GET /room-size?room=r1&domain=meet.test HTTP/1.1"
    assert census_asked[0] == "GET /room-census HTTP/1.1"
    assert end[0] == "POST /end-meeting?conference=r1%40conference.meet.test HTTP/1.1"
    assert any(line.lower().startswith("authorization: bearer ey") for line in end)
    assert not any(line.lower().startswith("authorization") for line in size)


async def test_an_empty_census_may_be_written_as_an_object() -> None:
    async with pair() as (bridge, answering):
        answering.says("200 OK", b'{"room_census":{}}')  # Lua's empty table, as some encoders write it
        assert await bridge.room_census() == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("200 OK", b""), ("200 OK", b"[]"), ("200 OK", b'{"participants":null}'), ("200 OK", b"<html>"),
        ("500 Oops", b""), ("401 No", b""), ("302 Found", b""), ("204 No Content", b""),
    ],
)  # fmt: skip
async def test_an_answer_that_is_none_of_jitsis_is_told_as_such(status: str, body: bytes) -> None:
    async with pair() as (bridge, answering):
        answering.says(status, body)
        with pytest.raises(BridgeUnavailable):
            await bridge.room_size("r1")


@pytest.mark.parametrize("time", ["soon", "9" * 40, ""])
async def test_a_census_with_a_time_that_is_none_is_told_as_such(time: str) -> None:
    async with pair() as (bridge, answering):
        room = f'{{"room_name":"r","participants":1,"created_time":"{time}"}}'
        answering.says("200 OK", f'{{"room_census":[{room}]}}'.encode())
        with pytest.raises(BridgeUnavailable):
            await bridge.room_census()


async def test_silence_an_answer_without_end_and_a_cut_are_told_as_such() -> None:
    async with pair() as (bridge, answering):
        for answer in (
            None,
            b"",
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"a" * 5_000_000,
            b"nonsense\r\n\r\n",
        ):
            answering.answer = answer
            with pytest.raises(BridgeUnavailable):
                await bridge.room_census()
