"""The embedded store: DuckDB in the engine's process, the only one that may open the file.

DuckDB blocks, so it lives in threads here: one that writes, three that read. One task keeps the file in order: when an
hour has closed it has it sealed, and joins the pieces of a closed day (see `duckdb_file`).
"""

# ruff: noqa: S608 - SQL text is put together from our own words and integers only
from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import duckdb
import structlog

from kernel.clock import Clock, SystemClock, epoch_ms
from kernel.errors import StoreUnavailable
from monitor.samples import Sample, Series
from monitor.store.duckdb_file import DuckDBFile, Snapshot, first_line
from monitor.store.port import LATEST_MS, Bucket, StoreHealth

READ_TIMEOUT_S: Final = 30
HOUR_MS: Final = 3_600_000
GRACE_MS: Final = 600_000
"""An hour is sealed ten minutes after its end, when its last polls are in; what comes later is sealed with the next."""

log = structlog.get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


async def open_duckdb(history_dir: Path, clock: Clock | None = None) -> DuckDBStore:
    """Return the store in `history_dir`, made if there is none.

    Raises:
        StoreUnavailable: Another process holds the file (which one is said), or it is damaged.
    """
    file = await asyncio.to_thread(DuckDBFile, history_dir)
    return DuckDBStore(file, clock or SystemClock())


class DuckDBStore:
    """`HistoryStore` over one DuckDB file. Made by `open_duckdb`, within a running loop."""

    def __init__(self, file: DuckDBFile, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._writer = ThreadPoolExecutor(1, "duckdb-writer")
        self._readers = ThreadPoolExecutor(3, "duckdb-reader")
        self._trouble = ""
        self._sealed_before_ms = 0
        self._hour_closed = asyncio.Event()
        # Not in a TaskGroup, for it lives as long as the store: `close` awaits it, `append` raises what it died of.
        self._keeper = asyncio.create_task(self._keep_in_order(), name="duckdb-keeper")

    async def append(self, samples: Sequence[Sample]) -> None:
        """Commit `samples`. Raises BadInput, StoreUnavailable."""
        if self._keeper.done():
            self._keeper.result()
        if not samples:
            return
        try:
            await self._write(self._file.append, samples)
        except StoreUnavailable as error:
            self._trouble = str(error.fields["why"])
            raise
        self._trouble = ""
        if self._closed_hours_end_ms() > self._sealed_before_ms:
            self._hour_closed.set()

    async def latest(self, since_ms: int) -> Mapping[Series, Sample]:
        """Return the newest sample of each series with one at or after `since_ms`. Raises StoreUnavailable."""

        def ask(snapshot: Snapshot) -> dict[Series, Sample]:
            found = snapshot.cursor.execute(
                "SELECT metric, device, instance, max(at_ms), arg_max(value, at_ms) "
                f"FROM {snapshot.rows(since_ms, LATEST_MS)} JOIN series ON id = series_id GROUP BY ALL"
            ).fetchall()
            names = [Series(metric, device, instance) for metric, device, instance, _, _ in found]
            return {name: Sample(name, row[3], row[4]) for name, row in zip(names, found, strict=True)}

        return await self._read(ask)

    async def history(
        self, series: Sequence[Series], start_ms: int, end_ms: int, step_ms: int
    ) -> Mapping[Series, Sequence[Bucket]]:
        """Return the steps of each series in [start_ms, end_ms). Raises StoreUnavailable."""
        if step_ms < 1:
            message = "a step has at least one millisecond"
            raise ValueError(message)
        answer: dict[Series, list[Bucket]] = {one: [] for one in series}
        numbered = {number: one for one in answer if (number := self._file.series_id(one)) is not None}
        if not numbered:
            return answer

        def ask(snapshot: Snapshot) -> list[tuple[int, int, float, float, float]]:
            wanted = ", ".join(map(str, numbered))
            return snapshot.cursor.execute(
                f"SELECT series_id, at_ms // {step_ms:d} * {step_ms:d} AS step, avg(value), min(value), max(value) "
                f"FROM {snapshot.rows(start_ms, end_ms - 1)} WHERE series_id IN ({wanted}) GROUP BY ALL ORDER BY ALL"
            ).fetchall()

        for number, at_ms, mean, low, high in await self._read(ask):
            answer[numbered[number]].append(Bucket(at_ms, mean, low, high))
        return answer

    async def forget_before(self, before_ms: int) -> None:
        """Drop the sealed segments that end before `before_ms`; their files go within an hour."""
        await self._write(self._file.forget_before, before_ms)

    async def health(self) -> StoreHealth:
        """Return how the last append and a trial question went."""
        why = self._trouble
        try:
            await self._read(lambda snapshot: snapshot.cursor.execute("SELECT 1").fetchall())
        except StoreUnavailable as error:
            why = why or str(error)
        return StoreHealth("duckdb", ok=not why, why=why, waiting=0)

    async def close(self) -> None:
        """Wait for what the threads have in hand, and close the file. Twice is harmless."""
        self._keeper.cancel()
        await asyncio.wait([self._keeper])
        await asyncio.to_thread(self._let_go)

    def _let_go(self) -> None:
        self._readers.shutdown()
        self._writer.shutdown()
        self._file.close()

    async def _write(self, change: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `change` in the writing thread; a cancelled caller does not stop it."""

        def in_thread() -> T:
            try:
                return change(*args, **kwargs)
            except (duckdb.FatalException, duckdb.ConnectionException):
                # DuckDB has given the file up, or opening it again failed the last time.
                self._file.close()
                self._file.open()
                raise

        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, in_thread)
        except StoreUnavailable:
            raise
        except (duckdb.Error, OSError) as error:
            raise StoreUnavailable(why=first_line(error)) from error

    async def _read(self, ask: Callable[[Snapshot], T]) -> T:
        """Run `ask` on a snapshot in a reading thread."""

        def on(cursor: duckdb.DuckDBPyConnection) -> T:
            with self._file.snapshot(cursor) as snapshot:
                return ask(snapshot)

        return await self._in_reader(on, READ_TIMEOUT_S)

    async def _in_reader(self, use: Callable[[duckdb.DuckDBPyConnection], T], timeout_s: float | None) -> T:
        try:
            cursor = self._file.cursor()
            try:
                async with asyncio.timeout(timeout_s):
                    return await asyncio.get_running_loop().run_in_executor(self._readers, use, cursor)
            except (TimeoutError, asyncio.CancelledError):
                cursor.interrupt()
                raise
        except TimeoutError as error:
            raise StoreUnavailable(why=f"the history took longer than {timeout_s} s to answer") from error
        except (duckdb.Error, OSError) as error:
            raise StoreUnavailable(why=first_line(error)) from error

    def _closed_hours_end_ms(self) -> int:
        return (epoch_ms(self._clock.now()) - GRACE_MS) // HOUR_MS * HOUR_MS

    async def _keep_in_order(self) -> None:
        while True:
            await self._hour_closed.wait()
            self._hour_closed.clear()
            before_ms = self._closed_hours_end_ms()
            self._sealed_before_ms = before_ms
            try:
                await self._write(self._file.seal, before_ms)
                pieces = await self._write(self._file.days_in_pieces, before_ms)
                for day, names in pieces.items():
                    await self._join(day, names)
            except StoreUnavailable as error:
                log.warning("history_not_sealed", why=error.fields["why"], again="in an hour")

    async def _join(self, day: int, names: Sequence[str]) -> None:
        # Minutes of work on a busy day, so not in the writing thread; segments never change, so nothing is missed.
        merged = await self._in_reader(lambda cursor: self._file.merge(cursor, day, names), None)
        await self._write(self._file.replace, day, names, merged)
