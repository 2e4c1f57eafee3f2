"""The embedded store beyond its port: sealing, crashes, a full disk, a file that is held or damaged."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from kernel.clock import FrozenClock, epoch_ms
from kernel.errors import StoreUnavailable
from monitor.samples import Sample, Series
from monitor.store.duckdb import DuckDBStore, open_duckdb

HERE = Path(__file__).parents[3]
DEADLINE_S = 60.0
NOON = datetime(2026, 3, 4, 12, 5, tzinfo=UTC)
HOUR = 3_600_000
MINUTE = 60_000
UPLINK = Series("if_in_octets", "bac-binh-rt1", "GigabitEthernet0/0")


def line(start: datetime, count: int, series: Series = UPLINK) -> list[Sample]:
    """Return one sample a minute."""
    return [Sample(series, epoch_ms(start) + number * MINUTE, float(number)) for number in range(count)]


async def kept(store: DuckDBStore, series: Series = UPLINK) -> list[Sample]:
    found = await store.history([series], 0, epoch_ms(NOON) * 2, 1)
    return [Sample(series, bucket.at_ms, bucket.mean) for bucket in found[series]]


def stored(folder: Path) -> list[tuple[int, int]]:
    """Return number of series and time of every row on disk, the file being closed, oldest first."""
    with duckdb.connect(folder / "history.duckdb", read_only=True) as file:
        rows = file.execute("SELECT series_id, at_ms FROM sample").fetchall()
        for (name,) in file.execute("SELECT name FROM segment").fetchall():
            rows += file.execute(
                "SELECT series_id, at_ms FROM read_parquet(?)", [f"{folder}/segments/{name}"]
            ).fetchall()
    return sorted(rows)


def segments(folder: Path) -> list[str]:
    """Return the names of the finished files; those replaced are there for another hour."""
    return sorted(file.name for file in (folder / "segments").iterdir() if file.suffix == ".parquet")


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


@pytest.fixture
async def store(tmp_path: Path, clock: FrozenClock) -> AsyncIterator[DuckDBStore]:
    store = await open_duckdb(tmp_path, clock)
    yield store
    await store.close()


async def test_a_closed_hour_is_sealed_and_read_together_with_the_open_one(store: DuckDBStore, tmp_path: Path) -> None:
    samples = line(NOON - timedelta(hours=2), 120)  # 10:05 to 12:04; at 12:05 the hour to 11 is closed
    await store.append(samples)
    await until(lambda: len(segments(tmp_path)) == 1)
    assert await kept(store) == samples
    assert (await store.latest(0))[UPLINK] == samples[-1]


async def test_an_hour_is_sealed_ten_minutes_after_its_end(
    store: DuckDBStore, tmp_path: Path, clock: FrozenClock
) -> None:
    samples = line(NOON - timedelta(minutes=30), 30)
    await store.append(samples)
    assert segments(tmp_path) == []
    clock.forward(timedelta(minutes=6))
    later = line(NOON, 6)
    await store.append(later)
    await until(lambda: len(segments(tmp_path)) == 1)
    assert await kept(store) == samples + later


async def test_a_sealed_sample_given_again_changes_nothing_even_after_a_restart(
    store: DuckDBStore, tmp_path: Path, clock: FrozenClock
) -> None:
    samples = line(NOON - timedelta(hours=2), 40)
    await store.append(samples[::2])
    await until(lambda: len(segments(tmp_path)) == 1)
    await store.append(samples[::2])
    await store.close()
    again = await open_duckdb(tmp_path, clock)  # the table of the newest hours is empty now
    await again.append(samples)
    await again.append(samples)
    assert await kept(again) == samples
    await again.close()
    assert len(stored(tmp_path)) == 40


async def test_the_pieces_of_a_closed_day_become_one(store: DuckDBStore, tmp_path: Path, clock: FrozenClock) -> None:
    samples = line(NOON - timedelta(hours=2), 12 * 60)  # until 22:04
    for number, hours in enumerate((0, 4, 4)):
        clock.forward(timedelta(hours=hours))
        await store.append(samples[number * 240 : (number + 1) * 240])
        await until(lambda pieces=number + 1: len(segments(tmp_path)) == pieces)  # type: ignore[misc]
    clock.forward(timedelta(hours=4))  # 00:05: the day is over, its last hour not yet
    for _ in range(2):  # what one round replaces, the next deletes
        clock.forward(timedelta(hours=1))
        before = segments(tmp_path)
        await store.append(line(clock.now(), 1, Series("uptime_s", "rt1")))
        await until(lambda before=before: segments(tmp_path) != before)  # type: ignore[misc]
    await until(lambda: len(segments(tmp_path)) == 1)
    assert await kept(store) == samples
    await store.close()
    assert len(stored(tmp_path)) == 720 + 2


async def test_forgetting_drops_whole_segments(store: DuckDBStore, tmp_path: Path, clock: FrozenClock) -> None:
    old, new = line(NOON - timedelta(days=3), 30), line(NOON - timedelta(hours=3), 30)
    await store.append(old + new)
    await until(lambda: len(segments(tmp_path)) == 2)
    await store.forget_before(epoch_ms(NOON - timedelta(days=1)))
    assert await kept(store) == new
    clock.forward(timedelta(hours=1))
    await store.append(line(NOON, 1))
    await until(lambda: all(name.startswith("2026-03-04") for name in segments(tmp_path)))
    assert await kept(store) == new + line(NOON, 1)


async def test_leftovers_of_a_crash_in_the_middle_of_sealing_are_deleted(tmp_path: Path, clock: FrozenClock) -> None:
    store = await open_duckdb(tmp_path, clock)
    samples = line(NOON - timedelta(hours=2), 60)
    await store.append(samples)
    await until(lambda: len(segments(tmp_path)) == 1)
    await store.close()
    listed_before = segments(tmp_path)
    shutil.copy(tmp_path / "segments" / listed_before[0], tmp_path / "segments" / "2026-03-04-ffffffff.parquet")
    half = tmp_path / "segments" / "2026-03-04-eeeeeeee.parquet.part"
    half.write_bytes(b"half")
    store = await open_duckdb(tmp_path, clock)
    assert segments(tmp_path) == listed_before
    assert not half.exists()
    assert await kept(store) == samples
    await store.close()


async def test_the_message_names_the_process_that_holds_the_file(store: DuckDBStore, tmp_path: Path) -> None:
    program = f"""
        import asyncio, pathlib
        from monitor.store.duckdb import open_duckdb
        asyncio.run(open_duckdb(pathlib.Path({str(tmp_path)!r})))
    """
    other = await asyncio.to_thread(python, program)
    assert other.returncode != 0
    last = other.stderr.strip().splitlines()[-1]
    assert "StoreUnavailable" in last
    assert f"PID {os.getpid()}" in last


@pytest.mark.parametrize("damage", [b"this is no database" * 1000, b""], ids=["other content", "torn header"])
async def test_a_damaged_file_is_named(tmp_path: Path, clock: FrozenClock, damage: bytes) -> None:
    store = await open_duckdb(tmp_path, clock)
    await store.append(line(NOON, 3))
    await store.close()
    file = tmp_path / "history.duckdb"
    file.write_bytes(damage or file.read_bytes()[:5000])
    with pytest.raises(StoreUnavailable, match=r"history\.duckdb cannot be opened"):
        await open_duckdb(tmp_path, clock)


async def test_nothing_acknowledged_is_lost_or_doubled_by_kill_9(tmp_path: Path) -> None:
    acknowledged = 0
    for _ in range(3):
        acknowledged = await asyncio.to_thread(append_until_killed, tmp_path, acknowledged)
        store = await open_duckdb(tmp_path)
        samples = await kept(store)
        await store.close()
        assert len(stored(tmp_path)) == len(samples), "a sample is doubled"
        assert acknowledged <= len(samples) <= acknowledged + 100
        assert len(samples) % 100 == 0, "a batch is torn"
        acknowledged = len(samples)
    assert acknowledged


def append_until_killed(folder: Path, start: int) -> int:
    """Append batches of 100 in a child process, kill it in the middle, return how many samples it had acknowledged."""
    program = f"""
        import asyncio, datetime, pathlib
        from kernel.clock import FrozenClock
        from monitor.samples import Sample, Series
        from monitor.store.duckdb import open_duckdb
        async def main():
            clock = FrozenClock(datetime.datetime(1971, 1, 1, tzinfo=datetime.UTC))
            store = await open_duckdb(pathlib.Path({str(folder)!r}), clock)
            done = {start}
            while True:
                # An hour closes with every batch, so that a kill meets sealing and joining too.
                clock.forward(datetime.timedelta(hours=1))
                batch = [Sample(Series{tuple(UPLINK)!r}, number * 600_000, 1.0) for number in range(done, done + 100)]
                await store.append(batch)
                done += 100
                print(done, flush=True)
        asyncio.run(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    child = subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for answer in child.stdout:
        if int(answer) >= start + 3000:
            break
    child.kill()
    rest = child.stdout.read().split()
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()
    return int(rest[-1] if rest else answer)


DISK_FULL = """
    import asyncio, json, pathlib, resource, subprocess, sys
    from kernel.errors import StoreUnavailable
    from monitor.samples import Sample, Series
    from monitor.store.duckdb import open_duckdb
    folder, size, way = pathlib.Path(sys.argv[1]), int(sys.argv[2]) << 20, sys.argv[3]
    ballast = folder / "ballast"
    if way == "tmpfs":
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], check=True)
        ballast.write_bytes(bytes(size // 2))
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, resource.RLIM_INFINITY))
    SERIES = [Series("if_in_octets", f"rt{number}") for number in range(1000)]

    def make_room():
        if way == "tmpfs":
            ballast.unlink()
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def batch(turn):
        return [Sample(one, turn * 10 + k, (turn * 7919 + k) ** 1.5) for one in SERIES for k in range(10)]

    async def count(store):
        found = await store.history(SERIES[:1], 0, 10**9, 1)
        return len(found[SERIES[0]]) / 10

    async def main():
        store = await open_duckdb(folder / "history")
        turn, whys = 0, []
        while len(whys) < 3:
            try:
                await store.append(batch(turn))
                turn += 1
            except StoreUnavailable as error:
                whys.append(str(error))
        full, ill = await count(store), not (await store.health()).ok
        make_room()
        for _ in range(3):
            await store.append(batch(turn))
            turn += 1
        await store.append(batch(turn - 1))
        after, well = await count(store), (await store.health()).ok
        await store.close()
        store = await open_duckdb(folder / "history")
        reopened = await count(store)
        await store.close()
        print(json.dumps([turn, full, after, reopened, whys, ill, well]))

    asyncio.run(main())
"""


@pytest.mark.parametrize(("mebibytes", "where"), [(12, "wal"), (48, "checkpoint")])
async def test_a_full_disk_is_said_and_the_next_append_after_room_is_made_works(
    tmp_path: Path, mebibytes: int, where: str
) -> None:
    own_mounts = ["unshare", "--map-root-user", "--mount"]
    # Where user namespaces are forbidden, the greatest size of a file stands in for the disk's.
    can = await asyncio.to_thread(subprocess.run, [*own_mounts, "true"], check=False, capture_output=True)
    way = ("tmpfs", own_mounts) if can.returncode == 0 else ("limit", [])
    done = await asyncio.to_thread(python, DISK_FULL, str(tmp_path), str(mebibytes), way[0], before=way[1])
    assert done.returncode == 0, done.stderr
    turn, full, after, reopened, whys, ill, well = json.loads(done.stdout.splitlines()[-1])
    assert full == turn - 3
    assert after == reopened == turn
    assert any(where in why for why in whys)
    assert all("No space left" in why or "File too large" in why for why in whys)
    assert (ill, well) == (True, True)


def python(program: str, *args: str, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-c", textwrap.dedent(program), *args]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False, timeout=120)
