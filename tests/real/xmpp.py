"""A real XMPP client for tests, slixmpp, as the browser is towards Jitsi: connects, asks for the room, joins it.

The token goes as the trace of SASL ANONYMOUS (RFC 4505), where the stand-in for Jitsi's plugins looks for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self
from xml.etree.ElementTree import Element, SubElement

from slixmpp import ClientXMPP
from slixmpp.util.sasl.client import Mech, sasl_mech

from tests.real.lab import Lab
from tests.real.lab_hub import pass_on

PATIENCE_S = 30.0
FOCUS = "http://jitsi.org/protocol/focus"
MUC = "http://jabber.org/protocol/muc"
CLIENT = "jabber:client"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"


@sasl_mech(0)
class TokenAsTrace(Mech):
    """SASL ANONYMOUS whose trace is the join token."""

    name = "ANONYMOUS"
    optional_credentials = {"trace"}  # noqa: RUF012 - as its base has it

    def process(self, challenge: bytes = b"") -> bytes:
        """Return the token."""
        trace: bytes = self.credentials["trace"]
        return trace or b"nobody"


class NotReached(Exception):
    """Nobody speaks XMPP there, on the port that the message names."""


class NotLetIn(Exception):
    """The server refused the connection: a SASL condition and its words."""

    def __init__(self, condition: str, words: str) -> None:
        self.condition = condition
        self.words = words
        super().__init__(f"{condition}: {words}")


class RoomNotOpened(Exception):
    """The reservation system said no, as the browser is told."""

    def __init__(self, code: int, words: str) -> None:
        self.code = code
        self.words = words
        super().__init__(f"{code}: {words}")


class NotJoined(Exception):
    """The room exists and refuses this visitor, or does not exist."""


@contextlib.asynccontextmanager
async def closed_at_the_end(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Close `writer` when the block ends, and wait until it is."""
    try:
        yield
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


class Visitor:
    """One person's browser. Use it as an asynchronous context manager; entering connects.

    Args:
        port: The server's port on 127.0.0.1.
        domain: Its XMPP domain.
        token: The join token.
        lab: In whose hub the server runs.
    """

    def __init__(self, port: int, domain: str, token: str, lab: Lab | None = None) -> None:
        self._port = port
        self._lab = lab
        self._way: asyncio.Server | None = None
        self._passing: set[asyncio.Task[Any]] = set()
        self._domain = domain
        self._client: Any = ClientXMPP(domain, "", plugin_config={"feature_mechanisms": {"use_mech": "ANONYMOUS"}})
        self._client.credentials["trace"] = token
        self._client.enable_direct_tls = False
        self._client.enable_starttls = False
        self._client.enable_plaintext = True
        self._loop = asyncio.get_running_loop()
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._presences: asyncio.Queue[Any] = asyncio.Queue()
        self._gone = asyncio.Event()
        self.destroyed_because: str | None = None
        self._client.add_event_handler("session_start", lambda _: self._settle(None))
        self._client.add_event_handler("failed_auth", self._refused)
        self._client.add_event_handler("presence", self._presence)
        for gone in ("connection_failed", "disconnected"):
            self._client.add_event_handler(gone, lambda _: self._settle(NotReached(f"port {self._port}")))

    async def __aenter__(self) -> Self:
        port = self._port if self._lab is None else await self._way_into(self._lab)
        self._client.connect("127.0.0.1", port)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._started
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def open_room(self, room: str) -> None:
        """Ask the focus to open `room`, as every browser does first; RoomNotOpened if the reservation says no."""
        iq = self._client.make_iq_set(ito=f"focus.{self._domain}")
        SubElement(iq.xml, f"{{{FOCUS}}}conference", {"room": f"{room}@conference.{self._domain}", "machine-uid": "t"})
        answers: asyncio.Future[Any] = self._loop.create_future()
        sent = iq.send(timeout=PATIENCE_S, callback=answers.set_result)
        sent.add_done_callback(lambda done: done.cancelled() or done.exception())
        async with asyncio.timeout(PATIENCE_S):
            answer = await answers
        error = answer.xml.find(f"{{{CLIENT}}}error")
        if error is not None:
            words = error.find(f"{{{STANZAS}}}text")
            reservation = error.find(f"{{{FOCUS}}}reservation-error")
            code = int(reservation.get("error-code")) if reservation is not None else 0
            raise RoomNotOpened(code, words.text if words is not None else "")

    async def join(self, room: str, nick: str) -> str:
        """Enter `room` and return one's role there; NotJoined if it refuses, with its words."""
        presence = self._client.make_presence(pto=f"{room}@conference.{self._domain}/{nick}")
        presence.xml.append(Element(f"{{{MUC}}}x"))
        presence.send()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = await self._presences.get()
                if answer["type"] == "error":
                    words = answer.xml.find(f".//{{{STANZAS}}}text")
                    raise NotJoined(words.text if words is not None else "")
                item = answer.xml.find(f"{{{MUC}#user}}x/{{{MUC}#user}}item")
                if answer["from"].resource == nick and item is not None:
                    return str(item.get("role"))

    async def leave(self, room: str, nick: str) -> None:
        """Leave `room`; return when the room says so."""
        self._gone.clear()
        self._client.send_presence(pto=f"{room}@conference.{self._domain}/{nick}", ptype="unavailable")
        async with asyncio.timeout(PATIENCE_S):
            await self._gone.wait()

    async def until_thrown_out(self) -> str:
        """Return why the room was closed, once it is."""
        async with asyncio.timeout(PATIENCE_S):
            while self.destroyed_because is None:
                await self._gone.wait()
                self._gone.clear()
        return self.destroyed_because

    async def _way_into(self, lab: Lab) -> int:
        """Return a port of our own that leads to the server's in the hub: slixmpp knows no Unix sockets."""
        door = lab.door(self._port)

        async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            passing = asyncio.current_task()
            assert passing is not None
            self._passing.add(passing)
            async with closed_at_the_end(writer):
                inner_reader, inner_writer = await asyncio.open_unix_connection(str(door))
                async with closed_at_the_end(inner_writer):
                    await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))

        self._way = await asyncio.start_server(enter, "127.0.0.1", 0)
        port: int = self._way.sockets[0].getsockname()[1]
        return port

    def _settle(self, error: Exception | None) -> None:
        if self._started.done():
            return
        if error is None:
            self._started.set_result(None)
        else:
            self._started.set_exception(error)

    def _refused(self, failure: Any) -> None:  # noqa: ANN401 - slixmpp's stanza
        condition = next(iter(failure.xml))  # Jitsi's are not among those that RFC 6120 knows
        self._settle(NotLetIn(condition.tag.rpartition("}")[2], failure["text"]))

    def _presence(self, presence: Any) -> None:  # noqa: ANN401 - slixmpp's stanza
        if presence["type"] == "unavailable":
            destroyed = presence.xml.find(f".//{{{MUC}#user}}destroy")
            if destroyed is not None:
                self.destroyed_because = "".join(destroyed.itertext())
            self._gone.set()
        else:
            self._presences.put_nowait(presence)

    async def _close(self) -> None:
        if self._started.done() and not self._started.cancelled():
            self._started.exception()
        self._client.auto_reconnect = False
        await self._client.disconnect(wait=2.0)
        if (sending := self._client._run_out_filters) is not None:  # noqa: SLF001 - it would outlive the loop
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        if self._way is not None:
            self._way.close()
            await self._way.wait_closed()
        for passing in self._passing:
            passing.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)
