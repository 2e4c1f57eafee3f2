"""Hands live events to whoever listens. A listener that cannot follow is let go, and comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from monitor.live import LiveEvent

MOST_BEHIND = 1000


class LiveHub:
    """Any number of listeners, each with a bounded queue of its own; None in a queue ends it."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[LiveEvent | None]] = set()

    @property
    def listeners(self) -> int:
        """How many listen; while nobody does, there is no need to make events."""
        return len(self._queues)

    def publish(self, event: LiveEvent) -> None:
        """Give `event` to everybody; never waits."""
        for queue in tuple(self._queues):
            if queue.qsize() >= MOST_BEHIND:
                self._queues.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[list[LiveEvent]]]:
        """Yield an iterator over events from now on; it ends when this listener falls too far behind.

        Each step brings all that wait, in their order: at least one.
        """
        queue: asyncio.Queue[LiveEvent | None] = asyncio.Queue(MOST_BEHIND + 1)
        self._queues.add(queue)

        async def events() -> AsyncIterator[list[LiveEvent]]:
            while (event := await queue.get()) is not None:
                waiting = [event]
                while not queue.empty() and (event := queue.get_nowait()) is not None:
                    waiting.append(event)
                yield waiting
                if event is None:
                    return

        try:
            yield events()
        finally:
            self._queues.discard(queue)
