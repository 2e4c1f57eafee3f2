"""Live events for browsers: one subscription to the engine a process, handed on to every open stream.

A browser that reads too slowly is let go: it connects again and begins with a fresh page part, which is better than
showing it the past. The engine's own restarts are told as `EngineLink`, so that a page can say that it is stale.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import structlog
from prometheus_client import Gauge
from starlette.responses import StreamingResponse

from kernel.errors import DatabaseUnavailable, EngineUnavailable, VungCaoError
from monitor.public import LiveEvent

MOST_WAITING: Final = 2_000
"""Events that wait for one browser: some ten seconds of 10,000 devices asked once a minute."""

HEARTBEAT_S: Final = 15.0
STREAM_LASTS_S: Final = 600.0
RETRY_MS: Final = 2_000
ASK_EVERY_S: Final = 5.0
"""So long at most a stream outlives a session, an account or a grant."""

FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 5.0
QUIET_MEANS_OPEN_S: Final = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class EngineLink:
    """Whether the engine's events arrive. After a break some are missing: read afresh what you show."""

    ok: bool
    why: str = ""
    kind: Literal["engine-link"] = "engine-link"


FeedEvent = LiveEvent | EngineLink


class LiveFeed:
    """The engine's live events for many listeners.

    Args:
        events: Opens the engine's stream; it ends or raises EngineUnavailable when the engine stops.
        most_waiting: Events that wait for one listener before it is let go.
    """

    def __init__(self, events: Callable[[], AsyncIterator[LiveEvent]], *, most_waiting: int = MOST_WAITING) -> None:
        self._events = events
        self._most_waiting = most_waiting
        self._listeners: set[asyncio.Queue[FeedEvent | None]] = set()
        self.link = EngineLink(ok=False, why="not asked yet")

    async def run(self) -> None:
        """Follow the engine until cancelled, through all its restarts."""
        pause_s = FIRST_PAUSE_S
        while True:
            why = "it ended the stream"
            try:
                await self._follow()
            except EngineUnavailable as error:
                why = str(error.fields.get("why", error))
            except Exception as error:  # edge of a process: one bad event must not end live pages for good
                log.exception("live_failed")
                why = type(error).__name__
            pause_s = FIRST_PAUSE_S if self.link.ok else min(pause_s * 2, LONGEST_PAUSE_S)
            self._set_link(EngineLink(ok=False, why=why))
            await asyncio.sleep(pause_s)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[FeedEvent]]:
        """Yield an iterator over the events from now on; it ends when its reader is too slow."""
        waiting: asyncio.Queue[FeedEvent | None] = asyncio.Queue(self._most_waiting)
        self._listeners.add(waiting)
        try:
            yield _read(waiting)
        finally:
            self._listeners.discard(waiting)

    async def _follow(self) -> None:
        """Hand on the engine's events until its stream ends or breaks."""
        # The link counts as open at the first event, or when a while has passed without a refusal: nothing may happen.
        quiet = asyncio.get_running_loop().call_later(QUIET_MEANS_OPEN_S, self._set_link, EngineLink(ok=True))
        try:
            async for event in self._events():
                self._set_link(EngineLink(ok=True))
                self._hand_on(event)
        finally:
            quiet.cancel()

    def _set_link(self, link: EngineLink) -> None:
        changed = link.ok != self.link.ok
        self.link = link
        if changed and link.ok:
            log.info("engine_back")
        elif changed:
            log.warning("engine_lost", why=link.why)
        if changed:
            self._hand_on(link)

    def _hand_on(self, event: FeedEvent) -> None:
        for waiting in tuple(self._listeners):
            if waiting.full():
                self._let_go(waiting)
            else:
                waiting.put_nowait(event)

    def _let_go(self, waiting: asyncio.Queue[FeedEvent | None]) -> None:
        self._listeners.discard(waiting)
        while not waiting.empty():
            waiting.get_nowait()
        waiting.put_nowait(None)


async def _read(waiting: asyncio.Queue[FeedEvent | None]) -> AsyncIterator[FeedEvent]:
    while (event := await waiting.get()) is not None:
        yield event


async def batches(events: AsyncIterator[FeedEvent], every_s: float) -> AsyncIterator[list[FeedEvent]]:
    """Yield what came in each `every_s` seconds in which something came, in order; ends with `events`.

    For pages that show many devices: one message with many changes costs a browser less than many messages.
    """
    upcoming = asyncio.ensure_future(anext(events))
    loop = asyncio.get_running_loop()
    batch: list[FeedEvent] = []
    try:
        while True:
            batch = [await upcoming]
            upcoming = asyncio.ensure_future(anext(events))
            end = loop.time() + every_s
            while (left_s := end - loop.time()) > 0:
                await asyncio.wait({upcoming}, timeout=left_s)
                if not upcoming.done():
                    break
                batch.append(upcoming.result())
                upcoming = asyncio.ensure_future(anext(events))
            yield batch
            batch = []
    except StopAsyncIteration:
        if batch:
            yield batch
    finally:
        _abandon(upcoming)


async def never_quiet(batched: AsyncIterator[list[FeedEvent]], longest_s: float) -> AsyncIterator[list[FeedEvent]]:
    """Yield what `batched` yields, and an empty batch whenever nothing came for `longest_s`: time to look oneself."""
    upcoming = asyncio.ensure_future(anext(batched))
    try:
        while True:
            await asyncio.wait({upcoming}, timeout=longest_s)
            if upcoming.done():
                batch = upcoming.result()
                upcoming = asyncio.ensure_future(anext(batched))
                yield batch
            else:
                yield []
    except StopAsyncIteration:
        return
    finally:
        _abandon(upcoming)


class Message(NamedTuple):
    """One server-sent event: its name, and its data, which may have several lines (HTML Living Standard, 9.2).

    A browser that connects again tells the last `id` that it got, in the header Last-Event-ID.
    """

    event: str
    data: str
    id: str = ""


def event_stream(
    messages: AsyncIterator[Message],
    stopping: asyncio.Event,
    open_streams: Gauge,
    may_go_on: Callable[[], Awaitable[bool]],
) -> StreamingResponse:
    """Return an answer that sends `messages` as they come.

    It ends with them, when the browser goes, after ten minutes, when `stopping` is set, and when `may_go_on` says no,
    which is asked before something is sent and at most every few seconds: the browser connects again, and is answered
    by what it may see then. Nothing to send: a comment every 15 s keeps proxies from closing it.
    """
    return StreamingResponse(
        _encoded(messages, stopping, open_streams, may_go_on),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _encoded(
    messages: AsyncIterator[Message],
    stopping: asyncio.Event,
    open_streams: Gauge,
    may_go_on: Callable[[], Awaitable[bool]],
) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    end = loop.time() + STREAM_LASTS_S
    asked = loop.time()
    upcoming = asyncio.ensure_future(anext(messages))
    stop = asyncio.ensure_future(stopping.wait())
    open_streams.inc()
    try:
        yield f"retry: {RETRY_MS}\n\n".encode()
        while not stopping.is_set() and (left_s := end - loop.time()) > 0:
            await asyncio.wait({upcoming, stop}, timeout=min(HEARTBEAT_S, left_s), return_when=asyncio.FIRST_COMPLETED)
            if loop.time() - asked >= ASK_EVERY_S:
                asked = loop.time()
                if not await _goes_on(may_go_on):
                    return
            if upcoming.done():
                message = upcoming.result()
                upcoming = asyncio.ensure_future(anext(messages))  # before the yield: always one to cancel at the end
                yield _encode(message)
            elif not stopping.is_set():
                yield b": still here\n\n"
    except StopAsyncIteration:
        return
    except VungCaoError as error:
        log.warning("stream_ended", code=error.code, why=str(error))
    finally:
        open_streams.dec()
        _abandon(upcoming)
        _abandon(stop)


async def _goes_on(may_go_on: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await may_go_on()
    except DatabaseUnavailable:
        return True  # nobody can take anything away now; values go on without the database


def _abandon(task: asyncio.Future[Any]) -> None:
    """Cancel what nobody waits for any more, and take note of how it ended, so that nobody is told of it."""
    task.cancel()
    task.add_done_callback(lambda done: done.cancelled() or done.exception())


def _encode(message: Message) -> bytes:
    data = "".join(f"data: {line}\n" for line in message.data.splitlines() or [""])
    number = f"id: {message.id}\n" if message.id else ""
    return f"{number}event: {message.event}\n{data}\n".encode()
