"""The embedded history on disk: one DuckDB file with the newest hours, and sealed Parquet segments with the rest.

A table without a key: a key would cost 5 to 7 times the CPU and 3 to 8 times the disk. That a series has one value per
time is kept by knowing the last committed time of each series: what is newer is appended, the rest is looked up first.

Closed hours leave the table for a segment (sorted by series and time, zstd: about 2 bytes a sample) and the segments of
a closed day become one. A segment counts only once it is a row of the table `segment`, written in the transaction that
takes its rows out of `sample`; a file without a row is a leftover of a crash and is deleted at the next start.

Everything here blocks. What changes the file is for one thread; `snapshot` and `merge` are for any.
"""

# ruff: noqa: S608 - SQL text is put together from our own words, file names and integers only
from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt

from kernel.errors import StoreUnavailable
from monitor.samples import Sample, Series
from monitor.store.port import refuse_bad_name, refuse_unkeepable

DAY_MS: Final = 86_400_000
NEVER: Final = -1

SCHEMA = """
CREATE TABLE IF NOT EXISTS series (id INTEGER, metric TEXT, device TEXT, instance TEXT);
CREATE TABLE IF NOT EXISTS sample (series_id INTEGER, at_ms BIGINT, value DOUBLE);
CREATE TABLE IF NOT EXISTS segment (name TEXT, day INTEGER, first_ms BIGINT, last_ms BIGINT);
"""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]


class Snapshot:
    """History as it was when this was opened; one query at a time, all of its rows fetched."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.cursor = cursor
        self._folder = folder

    def rows(self, first_ms: int, last_ms: int) -> str:
        """Return SQL for a subquery of all samples (series_id, at_ms, value) from `first_ms` to `last_ms` inclusive."""
        where = f"WHERE at_ms BETWEEN {int(first_ms)} AND {int(last_ms)}"
        names = self.cursor.execute(
            "SELECT name FROM segment WHERE last_ms >= ? AND first_ms <= ? ORDER BY name", [first_ms, last_ms]
        ).fetchall()
        hot = f"SELECT series_id, at_ms, value FROM sample {where}"
        if not names:
            return f"({hot})"
        files = parquet_of(self._folder, [name for (name,) in names])
        return f"({hot} UNION ALL SELECT series_id, at_ms, value FROM {files} {where})"


class DuckDBFile:
    """The open file. At most one process has it open.

    Args:
        folder: Where the file and its segments lie; made if missing.

    Raises:
        StoreUnavailable: Naming the process that holds it, or what is wrong with the file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segments = folder / "segments"
        self._ids: dict[Series, int] = {}
        self._last_ms = np.full(0, NEVER, np.int64)
        self.open()

    def open(self) -> None:
        """Open, or open again after DuckDB gave the file up (it does when a checkpoint meets a full disk)."""
        path = self._folder / "history.duckdb"
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": "512MB",
            "threads": 2,
            "temp_directory": str(self._folder / "tmp"),
            "autoinstall_known_extensions": False,
        }
        try:
            self._segments.mkdir(parents=True, exist_ok=True)
            self._root = duckdb.connect(path, config=config)
            self._writer = self._root.cursor()
            try:
                self._writer.execute(SCHEMA)
                self._remember()
                self._delete_unlisted()
            except BaseException:
                self.close()
                raise
        except (duckdb.Error, OSError) as error:
            raise StoreUnavailable(why=f"{path} cannot be opened: {first_line(error)}") from error

    def close(self) -> None:
        """Let the file go; what is committed stays."""
        self._writer.close()
        self._root.close()

    def series_id(self, series: Series) -> int | None:
        """Return the number of a series, None if it never had a sample."""
        return self._ids.get(series)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own for one reader, who closes it."""
        return self._root.cursor()

    @contextmanager
    def snapshot(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[Snapshot]:
        """Yield one consistent view, then close `cursor`. A row in the middle of a move is seen once."""
        with closing(cursor):
            cursor.begin()
            yield Snapshot(cursor, self._segments)

    def append(self, samples: Sequence[Sample]) -> None:
        """Commit what is new of `samples`, all or nothing; of repeats the first wins.

        Raises:
            BadInput: A sample that cannot be kept.
        """
        refuse_unkeepable(samples)
        fresh = self._numbered(samples)
        numbers, last_ms = self._ids, self._last_ms
        if fresh:
            numbers = {**numbers, **fresh}
            last_ms = np.append(last_ms, np.full(len(fresh), NEVER, np.int64))
        ids, at_ms, values = _without_repeats(samples, numbers)
        late = at_ms <= last_ms[ids]
        with self._transaction():
            if fresh:
                self._insert("series", _series_columns(fresh))
            if not late.all():
                self._insert("sample", _sample_columns(ids, at_ms, values, ~late))
            if late.any():
                known = Snapshot(self._writer, self._segments).rows(int(at_ms[late].min()), int(at_ms[late].max()))
                unless = f"ANTI JOIN {known} AS known USING (series_id, at_ms)"
                self._insert("sample", _sample_columns(ids, at_ms, values, late), unless)
        # Only after the commit: or the same batch, given again after a failure, would look late.
        np.maximum.at(last_ms, ids, at_ms)
        self._last_ms = last_ms
        self._ids.update(fresh)

    def seal(self, before_ms: int) -> None:
        """Move the samples before `before_ms` from the table to segments, one for each day."""
        # What the last round replaced; since then an hour has passed, and no reader is that slow.
        self._delete_unlisted()
        days = self._writer.execute(
            "SELECT DISTINCT at_ms // $day FROM sample WHERE at_ms < $before ORDER BY 1",
            {"day": DAY_MS, "before": before_ms},
        ).fetchall()
        for (day,) in days:
            where = f"WHERE at_ms >= {day * DAY_MS} AND at_ms < {min(before_ms, (day + 1) * DAY_MS)}"
            name = self._write_segment(self._writer, day, f"sample {where}")
            with self._transaction():
                self._list(name, day)
                self._writer.execute(f"DELETE FROM sample {where}")

    def days_in_pieces(self, before_ms: int) -> Mapping[int, Sequence[str]]:
        """Return the names of the segments of each day that ended before `before_ms` and has more than one."""
        found = self._writer.execute(
            "SELECT day, list(name) FROM segment WHERE day < ? GROUP BY day HAVING count(*) > 1 ORDER BY day",
            [before_ms // DAY_MS],
        ).fetchall()
        return dict(found)

    def merge(self, cursor: duckdb.DuckDBPyConnection, day: int, names: Sequence[str]) -> str:
        """Return the name of a new segment with the rows of `names`, not listed yet."""
        return self._write_segment(cursor, day, parquet_of(self._segments, names))

    def replace(self, day: int, names: Sequence[str], merged: str) -> None:
        """List `merged` in the place of `names`."""
        with self._transaction():
            self._list(merged, day)
            self._writer.execute("DELETE FROM segment WHERE name IN (SELECT unnest(?))", [list(names)])

    def forget_before(self, before_ms: int) -> None:
        """Drop the segments that end, and the rows of the table that lie, before `before_ms`."""
        with self._transaction():
            self._writer.execute("DELETE FROM sample WHERE at_ms < ?", [before_ms])
            self._writer.execute("DELETE FROM segment WHERE last_ms < ?", [before_ms])

    def _remember(self) -> None:
        found = self._writer.execute("SELECT metric, device, instance, id FROM series").fetchall()
        self._ids = {Series(metric, device, instance): number for metric, device, instance, number in found}
        # A series without rows in the table may have sealed ones: what is not newer than all of these is looked up.
        sealed = self._writer.execute(f"SELECT coalesce(max(last_ms), {NEVER}) FROM segment").fetchall()[0][0]
        self._last_ms = np.full(len(self._ids), sealed, np.int64)
        for number, at_ms in self._writer.execute("SELECT series_id, max(at_ms) FROM sample GROUP BY 1").fetchall():
            self._last_ms[number] = max(at_ms, sealed)

    def _numbered(self, samples: Sequence[Sample]) -> dict[Series, int]:
        unknown = dict.fromkeys(sample.series for sample in samples if sample.series not in self._ids)
        for series in unknown:
            refuse_bad_name(series)
        return {series: number for number, series in enumerate(unknown, start=len(self._ids))}

    def _insert(self, table: str, columns: Columns, unless: str = "") -> None:
        self._writer.register("given", columns)
        self._writer.execute(f"INSERT INTO {table} SELECT * FROM given {unless}")
        self._writer.unregister("given")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._writer.begin()
        try:
            yield
            self._writer.commit()
        except BaseException:
            with suppress(duckdb.Error):  # a commit that failed has ended the transaction itself
                self._writer.rollback()
            raise

    def _write_segment(self, cursor: duckdb.DuckDBPyConnection, day: int, source: str) -> str:
        name = f"{datetime.fromtimestamp(day * DAY_MS // 1000, UTC):%Y-%m-%d}-{secrets.token_hex(4)}.parquet"
        part = self._segments / f"{name}.part"
        try:
            cursor.execute(
                f"COPY (SELECT series_id, at_ms, value FROM {source} ORDER BY series_id, at_ms) "
                f"TO {_quoted(part)} (FORMAT parquet, COMPRESSION zstd)"
            )
            _sync(part)
            part.rename(self._segments / name)
            _sync(self._segments)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return name

    def _list(self, name: str, day: int) -> None:
        file = parquet_of(self._segments, [name])
        self._writer.execute(f"INSERT INTO segment SELECT ?, ?, min(at_ms), max(at_ms) FROM {file}", [name, day])

    def _delete_unlisted(self) -> None:
        listed = {name for (name,) in self._writer.execute("SELECT name FROM segment").fetchall()}
        for file in self._segments.iterdir():
            if file.name not in listed:
                file.unlink()


def parquet_of(folder: Path, names: Sequence[str]) -> str:
    """Return SQL that reads the segments `names` of `folder` as one table."""
    return f"read_parquet([{', '.join(_quoted(folder / name) for name in names)}])"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _without_repeats(samples: Sequence[Sample], numbers: Mapping[Series, int]) -> tuple[Ints, Ints, Floats]:
    """Return series numbers, times and values, ordered by series and time, the first of each pair only."""
    ids = np.fromiter((numbers[sample.series] for sample in samples), np.int64, len(samples))
    at_ms = np.fromiter((sample.at_ms for sample in samples), np.int64, len(samples))
    values = np.fromiter((sample.value for sample in samples), np.float64, len(samples))
    order = np.lexsort((at_ms, ids))  # stable: of equals the first given comes first
    ids, at_ms = ids[order], at_ms[order]
    first = np.ones(len(ids), np.bool_)
    first[1:] = (ids[1:] != ids[:-1]) | (at_ms[1:] != at_ms[:-1])
    return ids[first], at_ms[first], values[order][first]


def _sample_columns(ids: Ints, at_ms: Ints, values: Floats, wanted: npt.NDArray[np.bool_]) -> Columns:
    return {"series_id": ids[wanted], "at_ms": at_ms[wanted], "value": values[wanted]}


def _series_columns(fresh: Mapping[Series, int]) -> Columns:
    return {
        "id": np.fromiter(fresh.values(), np.int64, len(fresh)),
        "metric": np.array([series.metric for series in fresh], object),
        "device": np.array([series.device for series in fresh], object),
        "instance": np.array([series.instance for series in fresh], object),
    }


def first_line(error: Exception) -> str:
    """Return the first line of what a library says, without the rest that is for its developers."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
