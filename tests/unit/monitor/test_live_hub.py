"""Live events reach every listener in their order, and one that cannot follow is let go."""

from __future__ import annotations

from monitor.live import PartChanged
from monitor.live_hub import MOST_BEHIND, LiveHub


def event(why: str = "") -> PartChanged:
    return PartChanged(part="store", ok=not why, why=why)


async def test_all_that_wait_come_at_once_and_in_their_order() -> None:
    hub = LiveHub()
    async with hub.listen() as events:
        hub.publish(event("first"))
        hub.publish(event("second"))
        assert [one.why for one in await anext(events) if isinstance(one, PartChanged)] == ["first", "second"]
        hub.publish(event("third"))
        assert await anext(events) == [event("third")]
    assert hub.listeners == 0


async def test_a_listener_that_cannot_follow_gets_what_waits_and_is_let_go() -> None:
    hub = LiveHub()
    async with hub.listen() as events:
        for _ in range(MOST_BEHIND + 1):
            hub.publish(event())
        assert hub.listeners == 0
        assert [len(waiting) async for waiting in events] == [MOST_BEHIND]
