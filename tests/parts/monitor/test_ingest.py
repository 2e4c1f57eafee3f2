"""What waits for the history, while the embedded store takes nothing and after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import cast

import duckdb
import pytest
from structlog.typing import EventDict

from kernel.errors import StoreUnavailable
from monitor import ingest
from monitor.ingest import HistoryWriter
from monitor.samples import Sample, Series
from monitor.store.duckdb import DuckDBStore, open_duckdb
from monitor.store.duckdb_file import DuckDBFile
from monitor.store.port import HistoryStore, StoreHealth

UPLINK = Series("if_in_octets", "ps-rt1", "ether1")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckDBStore]:
    store = await open_duckdb(tmp_path)
    yield store
    await store.close()


class Spooling:
    """Takes every batch, as a spool does, and says how the server behind it is."""

    why = ""
    full = False

    async def append(self, samples: Sequence[Sample]) -> None:
        """Keep them, unless its own disk is full."""
        if self.full:
            raise StoreUnavailable(why="No space left on device")

    async def health(self) -> StoreHealth:
        return StoreHealth("influxdb", ok=not self.why, why=self.why, waiting=0)


async def written(writer: HistoryWriter, count: int) -> None:
    async with asyncio.timeout(30):
        while writer.written < count:
            await asyncio.sleep(0.01)


async def test_an_outage_is_said_once_and_its_end_once_and_nothing_is_lost(
    store: DuckDBStore, logs: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "GATHER_S", 0.01)
    monkeypatch.setattr(ingest, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(ingest, "LONGEST_WAIT_S", 0.01)
    full, tries = True, 0
    append = DuckDBFile.append

    def append_where_there_is_room(file: DuckDBFile, samples: Sequence[Sample]) -> None:
        nonlocal tries
        tries += 1
        if full:
            raise duckdb.IOException("No space left on device")
        append(file, samples)

    monkeypatch.setattr(DuckDBFile, "append", append_where_there_is_room)
    told: list[tuple[bool, str]] = []
    writer = HistoryWriter(store, lambda ok, why: told.append((ok, why)))
    running = asyncio.create_task(writer.run())
    writer.put([Sample(UPLINK, at_ms, 1.0) for at_ms in range(10)])
    async with asyncio.timeout(30):
        while tries < 3:
            await asyncio.sleep(0.01)
    state = await writer.state()
    assert (state.ok, state.waiting, "No space left" in state.why) == (False, 10, True)
    full = False
    await written(writer, 10)
    running.cancel()
    await asyncio.wait([running])

    assert [entry["event"] for entry in logs] == ["store_lost", "store_back"]
    assert [ok for ok, _ in told] == [False, True]
    assert len((await store.history([UPLINK], 0, 10, 1))[UPLINK]) == 10


async def test_a_server_that_is_away_behind_its_spool_is_told_to_who_watches_though_every_write_succeeds(
    logs: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "GATHER_S", 0.01)
    monkeypatch.setattr(ingest, "LOOK_EVERY_S", 0.01)
    store, told = Spooling(), asyncio.Queue[tuple[bool, str]]()
    writer = HistoryWriter(cast("HistoryStore", store), lambda ok, why: told.put_nowait((ok, why)))
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(30):
        running = [tasks.create_task(writer.run()), tasks.create_task(writer.watch())]
        writer.put([Sample(UPLINK, 1, 1.0)])
        await written(writer, 1)
        store.why = "HTTP 503"
        assert await told.get() == (False, "HTTP 503")
        writer.put([Sample(UPLINK, 2, 1.0)])
        await written(writer, 2)
        store.why = ""
        assert await told.get() == (True, "")
        for task in running:
            task.cancel()
    assert told.empty()
    assert logs == [], "the spool says it itself"


async def test_each_outage_that_is_too_long_says_once_that_samples_are_lost(
    logs: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"GATHER_S": 0.01, "FIRST_WAIT_S": 0.01, "LONGEST_WAIT_S": 0.01, "MOST_WAITING": 5}.items():
        monkeypatch.setattr(ingest, name, value)
    store = Spooling()
    writer = HistoryWriter(cast("HistoryStore", store), lambda _ok, _why: None)
    running = asyncio.create_task(writer.run())
    for outage in (1, 2):
        store.full = True
        for number in range(8):
            writer.put([Sample(UPLINK, outage * 100 + number, 1.0)])
        async with asyncio.timeout(30):
            while writer.ok:
                await asyncio.sleep(0.01)
            writer.put([Sample(UPLINK, outage * 100 + 9, 1.0)])
            store.full = False
            while not writer.ok or writer.waiting:
                await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
    assert writer.dropped == 8
    assert [entry["event"] for entry in logs] == ["samples_dropped", "store_lost", "store_back"] * 2
