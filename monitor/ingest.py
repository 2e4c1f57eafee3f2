"""Takes samples from the poller to the store: batches them, waits out an outage, and says what it had to drop.

Polling never waits for the store. What is in the store is safe; what waits in memory is lost if the engine dies, which
is why the wait is short when all is well (a second) and bounded when it is not.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from kernel.errors import BadInput, StoreUnavailable
from monitor.live import StoreLive
from monitor.samples import Sample
from monitor.store.port import HistoryStore, StoreHealth

log = structlog.get_logger()

BATCH = 10_000
"""Samples in one commit; DuckDB's cost per sample falls little beyond."""
GATHER_S = 1.0
"""How long samples gather before a commit."""
MOST_WAITING = 1_000_000
"""Samples that may wait in memory, some 200 MB: two minutes of 10,000 devices, hours of a province."""
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
LOOK_EVERY_S = 5.0
"""How often the store is asked how it is: the server behind a spool may be away while every write succeeds."""


class HistoryWriter:
    """Queue and writer before one store."""

    def __init__(self, store: HistoryStore, on_change: Callable[[bool, str], None]) -> None:
        """`on_change` is told when the store stops being well (False, why) and when it is well again."""
        self._store = store
        self._on_change = on_change
        self._waiting: deque[Sample] = deque()
        self._wake = asyncio.Event()
        self._why = ""
        self._health: StoreHealth | None = None
        self._told_why = ""
        self._dropping = False
        self.written = 0
        self.dropped = 0
        self.refused = 0

    @property
    def waiting(self) -> int:
        """Samples that wait in memory."""
        return len(self._waiting)

    @property
    def ok(self) -> bool:
        """Whether the store took the last batch."""
        return not self._why

    def put(self, samples: Sequence[Sample]) -> None:
        """Take `samples`; never waits. When too many wait, the oldest are dropped and counted."""
        self._waiting.extend(samples)
        excess = len(self._waiting) - MOST_WAITING
        if excess > 0:
            for _ in range(excess):
                self._waiting.popleft()
            if not self._dropping:
                log.error("samples_dropped", why=self._why, waiting=len(self._waiting))
            self._dropping = True
            self.dropped += excess
        if len(self._waiting) >= BATCH:
            self._wake.set()

    async def run(self) -> None:
        """Write until cancelled; then write what waits, once."""
        try:
            while True:
                try:
                    async with asyncio.timeout(GATHER_S):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._wake.clear()
                while self._waiting:
                    await self._write_one()
        finally:
            await asyncio.shield(self._write_rest())

    async def watch(self) -> None:
        """Look at the store until cancelled, and tell when it turns."""
        while True:
            await self._look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def state(self) -> StoreLive:
        """Return how the store is, as the pages show it."""
        health = self._health or await self._store.health()  # as last seen: a page does not wait for a store
        return StoreLive(
            name=health.name,
            ok=health.ok and not self._why,
            why=self._why or health.why,
            waiting=len(self._waiting) + health.waiting,
            dropped=self.dropped,
        )

    async def _write_one(self) -> None:
        """Commit one batch; wait and try again with the same samples while the store refuses."""
        wait_s = FIRST_WAIT_S
        while True:
            batch = [self._waiting[i] for i in range(min(BATCH, len(self._waiting)))] if self._waiting else []
            before = self.dropped
            try:
                await self._append(batch)
            except StoreUnavailable as error:
                await self._note(str(error.fields.get("why", error)))
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
                continue
            await self._note("")
            # The oldest may have been dropped while we wrote: those of the batch are no longer at the front.
            for _ in range(max(0, len(batch) - (self.dropped - before))):
                self._waiting.popleft()
            self.written += len(batch)
            return

    async def _append(self, batch: Sequence[Sample]) -> None:
        """Commit `batch` but for samples that no store takes, such as one of a device with an impossible name."""
        try:
            await self._store.append(batch)
        except BadInput as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._append(batch[:middle])
                await self._append(batch[middle:])
                return
            self.refused += 1
            log.error("sample_refused", series=batch[0].series, why=str(error))

    async def _write_rest(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                await self._append(batch)
            except StoreUnavailable as error:
                log.error("samples_lost_at_stop", samples=len(batch) + len(self._waiting), why=str(error))
                return

    async def _note(self, why: str) -> None:
        """Take note of how the last write went: empty if well."""
        turned = bool(why) != bool(self._why)
        self._why = why
        if turned and why:
            log.error("store_lost", why=why)
        elif turned:
            self._dropping = False
            log.info("store_back", waiting=len(self._waiting), dropped=self.dropped)
        if turned:
            await self._look()

    async def _look(self) -> None:
        self._health = await self._store.health()
        why = self._why or self._health.why
        if bool(why) != bool(self._told_why):
            self._on_change(not why, why)
        self._told_why = why
