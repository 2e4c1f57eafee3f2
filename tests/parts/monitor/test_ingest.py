"""What waits for the history, while the embedded store takes nothing and after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import duckdb
import pytest
from structlog.typing import EventDict

from monitor import ingest
from monitor.ingest import HistoryWriter
from monitor.samples import Sample, Series
from monitor.store.duckdb import DuckDBStore, open_duckdb
from monitor.store.duckdb_file import DuckDBFile

UPLINK = Series("if_in_octets", "ps-rt1", "ether1")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckDBStore]:
    store = await open_duckdb(tmp_path)
    yield store
    await store.close()


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
