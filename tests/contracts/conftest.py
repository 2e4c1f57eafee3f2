"""The history stores that the contract suite is held against: each with a way to break it and to mend it."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.typing import EventDict

from monitor.store.duckdb import open_duckdb
from monitor.store.influxdb import InfluxDBStore, open_influxdb
from monitor.store.port import HistoryStore
from tests.real.influxd import Influxd, WriteApiProxy

DEADLINE_S = 60.0


@dataclass
class Subject:
    """A store under test.

    Attributes:
        store: The open store.
        open: Opens it on its data.
        breakage: Within this context the store cannot keep anything.
    """

    store: HistoryStore
    open: Callable[[], Awaitable[HistoryStore]]
    breakage: Callable[[], contextlib.AbstractContextManager[None]]

    async def reopen(self) -> None:
        """Close the store and open it again."""
        await self.store.close()
        self.store = await self.open()

    async def settled(self) -> HistoryStore:
        """Return the store once nothing waits before it."""
        deadline = time.monotonic() + DEADLINE_S
        while (health := await self.store.health()).waiting:
            assert time.monotonic() < deadline, health
            await asyncio.sleep(0.01)
        return self.store


@pytest.fixture(params=["duckdb", "influxdb", "influxdb behind a spool"])
async def subject(request: pytest.FixtureRequest, tmp_path: Path, logs: list[EventDict]) -> AsyncIterator[Subject]:
    if request.param == "duckdb":
        open_store: Callable[[], Awaitable[HistoryStore]] = lambda: open_duckdb(tmp_path)  # noqa: E731 - one of three
        breakage: Callable[[], contextlib.AbstractContextManager[None]] = no_file_grows
    else:
        influxd: Influxd = request.getfixturevalue("influxd")
        proxy: WriteApiProxy = request.getfixturevalue("proxy")
        given = (proxy.url, f"{request.getfixturevalue('influx_database')}/autogen", "", influxd.token)
        breakage = lambda: stopped(proxy)  # noqa: E731 - one of three

        async def open_store() -> HistoryStore:
            if request.param == "influxdb":
                return InfluxDBStore(*given)
            return await open_influxdb(*given, tmp_path / "spool")

    tried = Subject(await open_store(), open_store, breakage)
    yield tried
    await tried.store.close()


@contextlib.contextmanager
def no_file_grows() -> Iterator[None]:
    """Let every write to a file of this process fail, as on a full disk: its size limit is one byte for now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def stopped(proxy: WriteApiProxy) -> Iterator[None]:
    """Let nobody answer at the proxy's address."""
    proxy.stop()
    try:
        yield
    finally:
        proxy.start()
