"""One subscription to the engine for all browsers: fan-out, slow readers, and the engine's restarts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from structlog.testing import capture_logs

from api.http import stream
from api.http.stream import EngineLink, FeedEvent, LiveFeed, batches
from monitor.live import LiveEvent
from tests.http.fake_engine import FakeEngine, polled

DEADLINE_S = 30.0


async def until(ask: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not ask():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def running(feed: LiveFeed) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(stream, "LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(stream, "QUIET_MEANS_OPEN_S", 0.05)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


async def take(events: AsyncIterator[FeedEvent], count: int) -> list[FeedEvent]:
    async with asyncio.timeout(DEADLINE_S):
        return [await anext(events) for _ in range(count)]


async def test_every_browser_gets_every_event_in_order_from_one_stream(engine: FakeEngine) -> None:
    feed = LiveFeed(engine.events)
    async with running(feed), contextlib.AsyncExitStack() as stack:
        await until(lambda: feed.link.ok)
        readers = [await stack.enter_async_context(feed.subscribe()) for _ in range(20)]
        sent = [polled(f"device-{number}") for number in range(50)]
        for event in sent:
            engine.tell(event)
        assert all([await take(reader, 50) == sent for reader in readers])
        assert engine.streams == 1


async def test_who_comes_later_gets_what_happens_later(engine: FakeEngine) -> None:
    feed = LiveFeed(engine.events)
    async with running(feed), feed.subscribe() as early:
        await take(early, 1)  # the link
        engine.tell(polled("first"))
        await take(early, 1)
        async with feed.subscribe() as late:
            engine.tell(polled("second"))
            assert await take(late, 1) == [polled("second")]


async def test_a_browser_that_reads_too_slowly_is_let_go_and_the_others_lose_nothing(engine: FakeEngine) -> None:
    feed = LiveFeed(engine.events, most_waiting=10)
    async with running(feed), feed.subscribe() as quick, feed.subscribe() as slow:
        await until(lambda: feed.link.ok)
        got: list[FeedEvent] = []

        async def read() -> None:
            async for event in quick:
                got.append(event)  # noqa: PERF401 - what was got so far is looked at meanwhile

        reading = asyncio.create_task(read())
        for number in range(100):
            engine.tell(polled(f"device-{number}"))
            await until(lambda number=number: polled(f"device-{number}") in got)  # type: ignore[misc]
        assert got[-100:] == [polled(f"device-{number}") for number in range(100)]
        async with asyncio.timeout(DEADLINE_S):
            assert [event async for event in slow] == [], "its stream ends, and nothing old is shown"
        reading.cancel()


async def test_who_leaves_is_forgotten(engine: FakeEngine) -> None:
    feed = LiveFeed(engine.events)
    async with feed.subscribe(), feed.subscribe():
        assert len(feed._listeners) == 2  # noqa: SLF001 - a leak shows nowhere else
    assert not feed._listeners  # noqa: SLF001


async def test_when_the_engine_stops_the_browsers_are_told_and_again_when_it_is_back(engine: FakeEngine) -> None:
    feed = LiveFeed(engine.events)
    async with running(feed), feed.subscribe() as events:
        assert await take(events, 1) == [EngineLink(ok=True)]
        with capture_logs() as logs:
            engine.cut()
            assert await take(events, 1) == [EngineLink(ok=False, why="it ended the stream")]
            await until(lambda: feed.link.why == "it was cut")
            engine.up = True
            assert await take(events, 1) == [EngineLink(ok=True)]
        engine.tell(polled("after"))
        assert await take(events, 1) == [polled("after")]
        changes = [entry["event"] for entry in logs]
        assert changes == ["engine_lost", "engine_back"], "a change of state is logged, not each failed try"
        assert engine.streams == 2


async def test_the_web_process_may_start_before_the_engine(engine: FakeEngine) -> None:
    engine.up = False
    feed = LiveFeed(engine.events)
    async with running(feed), feed.subscribe() as events:
        await until(lambda: feed.link.why == "it was cut")
        engine.up = True
        assert await take(events, 1) == [EngineLink(ok=True)]


async def test_an_unexpected_error_is_logged_and_the_feed_goes_on(engine: FakeEngine) -> None:
    tries = 0

    async def events() -> AsyncIterator[LiveEvent]:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError("a bug")
        async for event in engine.events():
            yield event

    feed = LiveFeed(events)
    with capture_logs() as logs:
        async with running(feed):
            await until(lambda: feed.link.ok)
    assert [entry["event"] for entry in logs] == ["live_failed", "engine_back"]


async def numbers(count: int, pause_after: int) -> AsyncIterator[FeedEvent]:
    for number in range(count):
        if number == pause_after:
            await asyncio.sleep(0.3)
        yield polled(str(number))


async def test_events_that_come_together_are_handed_on_together_and_none_is_lost() -> None:
    got = [batch async for batch in batches(numbers(10, pause_after=7), 0.05)]
    assert [event for batch in got for event in batch] == [polled(str(number)) for number in range(10)]
    assert len(got) < 10
    assert len(got[0]) >= 2
