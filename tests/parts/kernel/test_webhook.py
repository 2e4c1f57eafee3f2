"""The webhook channel against a small real HTTP server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from kernel.channels.port import ChannelUnavailable, Message, MessageRefused
from kernel.channels.signing import new_secret, verify
from kernel.channels.webhook import Webhook
from kernel.clock import FrozenClock
from kernel.errors import BadInput, Unavailable

MESSAGE = Message(
    id="0199-id",
    subject="Đường truyền đứt",
    text="UBND xã Bắc Bình: mất kết nối",
    data={"device": "bb-router", "since": 3},
)


class Receiver:
    """Answers each POST as told and keeps what it got."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.url = ""
        self.closing: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.closing.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            self.requests.append((first, headers, await reader.readexactly(int(headers["content-length"]))))
            writer.write(self.answer)
            await writer.drain()
            if b"Transfer-Encoding: chunked" in self.answer or not self.answer:
                await reader.read()  # says no more until the other side goes
        writer.close()


@asynccontextmanager
async def receiving(answer: bytes) -> AsyncIterator[Receiver]:
    receiver = Receiver(answer)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?token=hush-hush"
    try:
        yield receiver
    finally:
        server.close()
        for writer in receiver.closing:
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def webhook(url: str, timeout_s: float = 10.0) -> AsyncIterator[Webhook]:
    channel = Webhook(url, timeout_s=timeout_s)
    try:
        yield channel
    finally:
        await channel.close()


def answer(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Length: 0", "Connection: close", *headers, "", ""]).encode()


async def test_a_message_is_posted_as_json_with_its_id_in_header_and_body() -> None:
    async with receiving(answer("204 No Content")) as receiver, webhook(receiver.url) as channel:
        await channel.send(MESSAGE)
    ((first, headers, body),) = receiver.requests
    assert first == "POST /hook?token=hush-hush HTTP/1.1"
    assert headers["x-message-id"] == "0199-id"
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "id": "0199-id",
        "subject": "Đường truyền đứt",
        "text": "UBND xã Bắc Bình: mất kết nối",
        "data": {"device": "bb-router", "since": 3},
    }


async def test_a_message_is_signed_over_just_the_bytes_that_are_sent() -> None:
    secret, clock = new_secret(bytes(range(32))), FrozenClock(datetime(2026, 11, 24, 1, 0, tzinfo=UTC))
    async with receiving(answer("204 No Content")) as receiver:
        channel = Webhook(receiver.url, secret=secret, clock=clock)
        await channel.send(MESSAGE)
        await channel.close()
    ((_, headers, body),) = receiver.requests
    assert verify(secret, headers, body, clock.now()) == "0199-id"


async def test_a_message_sent_again_has_the_same_id() -> None:
    async with receiving(answer("200 OK")) as receiver, webhook(receiver.url) as channel:
        await channel.send(MESSAGE)
        await channel.send(MESSAGE)
    assert [headers["x-message-id"] for _, headers, _ in receiver.requests] == ["0199-id", "0199-id"]


@pytest.mark.parametrize("status", ["429 Too Many Requests", "500 Internal Server Error", "503 Service Unavailable"])
async def test_a_busy_receiver_is_worth_another_try(status: str) -> None:
    async with receiving(answer(status)) as receiver, webhook(receiver.url) as channel:
        with pytest.raises(ChannelUnavailable, match=status[:3]) as raised:
            await channel.send(MESSAGE)
    assert isinstance(raised.value, Unavailable)  # what durable work tries again


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "404 Not Found", "410 Gone"])
async def test_a_refusal_is_final(status: str) -> None:
    async with receiving(answer(status)) as receiver, webhook(receiver.url) as channel:
        with pytest.raises(MessageRefused, match=status[:3]) as raised:
            await channel.send(MESSAGE)
    assert not isinstance(raised.value, Unavailable)


async def test_a_redirect_is_not_followed() -> None:
    async with (
        receiving(answer("204 No Content")) as elsewhere,
        receiving(answer("307 Temporary Redirect", f"Location: {elsewhere.url}")) as receiver,
        webhook(receiver.url) as channel,
    ):
        with pytest.raises(MessageRefused):
            await channel.send(MESSAGE)
    assert elsewhere.requests == []


async def test_a_receiver_that_is_not_there_is_worth_another_try() -> None:
    async with receiving(answer("200 OK")) as receiver:
        pass
    async with webhook(receiver.url) as channel:
        with pytest.raises(ChannelUnavailable, match="ConnectError"):
            await channel.send(MESSAGE)


async def test_a_receiver_that_says_nothing_is_given_up_in_time() -> None:
    async with receiving(b"") as receiver, webhook(receiver.url, timeout_s=0.5) as channel:
        with pytest.raises(ChannelUnavailable):
            await channel.send(MESSAGE)


async def test_an_answer_without_end_is_not_read() -> None:
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    async with receiving(endless) as receiver, webhook(receiver.url) as channel:
        await channel.send(MESSAGE)
    assert len(receiver.requests) == 1


async def test_what_is_no_http_is_worth_another_try() -> None:
    async with receiving(b"SSH-2.0-OpenSSH_9.2\r\n") as receiver, webhook(receiver.url) as channel:
        with pytest.raises(ChannelUnavailable):
            await channel.send(MESSAGE)


async def test_the_address_stays_out_of_errors_and_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)  # the least that our logs take from libraries
    async with receiving(answer("500 Internal Server Error")) as receiver, webhook(receiver.url) as channel:
        with pytest.raises(ChannelUnavailable) as raised:
            await channel.send(MESSAGE)
    assert "hush" not in str(raised.value) + caplog.text


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1/x", "http://", "example", "http://[::1", "file:///etc/passwd"])
def test_an_address_that_cannot_be_posted_to_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        Webhook(url)
