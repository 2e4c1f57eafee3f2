"""The spool in front of a real influxd: outages, halves, a full spool, a damaged one, and kill -9."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Literal

import pytest
from structlog.typing import EventDict

from kernel.errors import StoreUnavailable
from monitor.samples import Sample, Series
from monitor.store import spool as spool_module
from monitor.store.influxdb import InfluxDBStore, open_influxdb
from monitor.store.port import SamplesRefused
from monitor.store.spool import Spool, SpooledStore
from tests.contracts.conftest import no_file_grows
from tests.real.influxd import Influxd, WriteApiProxy

ROOT = Path(__file__).parents[3]
DEADLINE_S = 60.0
START = 1_767_225_600_000
UPLINK = Series("if_in_octets", "bac-binh-rt1", "GigabitEthernet0/0")


def samples(first: int, count: int, series: Series = UPLINK) -> list[Sample]:
    return [Sample(series, START + number, float(number)) for number in range(first, first + count)]


class Recorded(InfluxDBStore):
    """The real store, remembering what it was given; it refuses as 2.x does: a whole batch for one poisoned line."""

    poison: str | None = None
    bug: Exception | None = None

    def __init__(self, url: str, bucket: str, org: str, token: str) -> None:
        super().__init__(url, bucket, org, token)
        self.written: list[str] = []

    async def write(self, lines: str) -> None:
        self.written.append(lines)
        if self.bug is not None:
            raise self.bug
        if self.poison is not None and self.poison in lines:
            raise SamplesRefused(count=1, why="poisoned", rest_kept=False)
        await super().write(lines)


@pytest.fixture
def remote(influxd: Influxd, proxy: WriteApiProxy, influx_database: str) -> Recorded:
    return Recorded(proxy.url, f"{influx_database}/autogen", "", influxd.token)


@pytest.fixture
async def store(remote: Recorded, tmp_path: Path, logs: list[EventDict]) -> AsyncIterator[SpooledStore]:
    store = await SpooledStore.open(remote, tmp_path / "spool")
    yield store
    await store.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(spool_module, "LONGEST_PAUSE_S", 0.05)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not await true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def drained(store: SpooledStore) -> SpooledStore:
    async def empty() -> bool:
        return (await store.health()).waiting == 0

    await until(empty)
    return store


async def ill(store: SpooledStore) -> None:
    async def not_ok() -> bool:
        return not (await store.health()).ok

    await until(not_ok)


async def kept(store: SpooledStore, series: Series = UPLINK) -> list[Sample]:
    found = await store.history([series], START, START + 100_000, 1)
    return [Sample(series, bucket.at_ms, bucket.mean) for bucket in found[series]]


async def test_an_outage_is_waited_out_said_once_and_nothing_is_lost(
    store: SpooledStore, proxy: WriteApiProxy, logs: list[EventDict]
) -> None:
    proxy.fault = 503
    for number in range(10):
        await store.append(samples(number * 10, 10))
    await ill(store)
    tries = proxy.writes

    async def tried_again() -> bool:
        return proxy.writes > tries + 3

    await until(tried_again)
    health = await store.health()
    assert (health.name, health.waiting) == ("influxdb", 100)
    assert "503" in health.why
    proxy.fault = None
    assert await kept(await drained(store)) == samples(0, 100)
    assert (await store.health()).ok
    assert [entry["event"] for entry in logs] == ["store_lost", "store_back"]


async def test_a_backlog_does_not_delay_what_is_new(
    store: SpooledStore, remote: Recorded, proxy: WriteApiProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "LINES_A_WRITE", 10)
    proxy.fault = 503
    for number in range(20):
        await store.append(samples(number * 10, 10))
    await ill(store)
    await store.append(samples(900, 20)[:10])
    await store.append(samples(900, 20)[10:])
    in_hand = len(remote.written) - 1
    proxy.fault = None
    assert await kept(await drained(store)) == samples(0, 200) + samples(900, 20)
    turns = [int(lines.rsplit(" ", 1)[1]) - START for lines in remote.written[in_hand:]]
    assert {900, 910, 0} <= set(turns[:4]), "after what was in hand, from both ends in turn"
    assert len(turns) >= 22


async def test_a_poisoned_line_is_found_and_reported_and_the_others_are_kept(
    store: SpooledStore, remote: Recorded, proxy: WriteApiProxy, logs: list[EventDict]
) -> None:
    remote.poison = "xã-độc"
    proxy.fault = 503
    await store.append(samples(0, 500))
    await store.append([*samples(500, 250), *samples(0, 1, Series("if_in_octets", "xã-độc")), *samples(750, 250)])
    await ill(store)
    proxy.fault = None
    assert await kept(await drained(store)) == samples(0, 1000)
    assert (store.refused, store.dropped) == (1, 0)
    assert [entry["why"] for entry in logs if entry["event"] == "samples_refused"] == ["poisoned"]


async def test_what_the_server_refuses_of_a_batch_is_counted_and_not_sent_again(
    store: SpooledStore, remote: Recorded
) -> None:
    await remote.write("if_out_octets,device=rt1 value=1i 1767225600000")
    await store.append([*samples(0, 10), *samples(0, 3, Series("if_out_octets", "rt1"))])
    assert await kept(await drained(store)) == samples(0, 10)
    assert store.refused == 3
    assert len(remote.written) == 2


async def test_a_batch_too_large_for_the_server_goes_in_halves(tmp_path: Path, logs: list[EventDict]) -> None:
    with Influxd(max_body_bytes=2000) as influxd, WriteApiProxy(influxd) as proxy:
        influxd.ask("CREATE DATABASE vungcao")
        store = await open_influxdb(proxy.url, "vungcao", "", "", tmp_path)
        await store.append(samples(0, 200))
        assert await kept(await drained(store)) == samples(0, 200)
        assert store.refused == 0
        await store.close()


async def test_a_refused_token_keeps_everything_until_it_is_right(
    influxd: Influxd, proxy: WriteApiProxy, influx_database: str, tmp_path: Path, logs: list[EventDict]
) -> None:
    store = await open_influxdb(proxy.url, influx_database, "", "later:secret", tmp_path)
    await store.append(samples(0, 10))
    await ill(store)
    assert "VUNGCAO_INFLUXDB_TOKEN" in (await store.health()).why
    influxd.ask("CREATE USER later WITH PASSWORD 'secret' WITH ALL PRIVILEGES")
    assert await kept(await drained(store)) == samples(0, 10)
    await store.close()
    influxd.ask("DROP USER later")


async def test_what_waited_is_sent_after_a_restart(
    proxy: WriteApiProxy, influxd: Influxd, influx_database: str, tmp_path: Path, logs: list[EventDict]
) -> None:
    given = (proxy.url, influx_database, "", influxd.token, tmp_path)
    proxy.stop()
    store = await open_influxdb(*given)
    await store.append(samples(0, 10))
    await store.append(samples(10, 10))
    await store.close()
    proxy.start()
    store = await open_influxdb(*given)
    assert await kept(await drained(store)) == samples(0, 20)
    await store.close()


async def test_a_full_spool_drops_the_oldest_and_says_so(
    remote: Recorded, proxy: WriteApiProxy, tmp_path: Path, logs: list[EventDict]
) -> None:
    proxy.fault = 503
    store = await SpooledStore.open(remote, tmp_path, limit=2000)
    for number in range(100):
        await store.append(samples(number * 10, 10))
    health = await store.health()
    assert health.waiting + store.dropped == 1000
    assert 0 < health.waiting < 1000
    assert "full" in health.why
    proxy.fault = None
    await drained(store)
    await store.append(samples(1000, 10))
    found = await kept(await drained(store))
    assert found == samples(1010 - len(found), len(found))
    assert len(found) + store.dropped == 1010
    assert [entry["event"] for entry in logs if "spool" in entry["event"]] == ["spool_full", "spool_has_room"]
    assert (await store.health()).ok
    await store.close()


async def test_a_spool_that_cannot_be_written_acknowledges_nothing(
    store: SpooledStore, remote: Recorded, tmp_path: Path
) -> None:
    with no_file_grows(), pytest.raises(StoreUnavailable, match="spool"):
        await store.append(samples(0, 10))
    assert [file.name for file in (tmp_path / "spool").iterdir()] == ["lock"]
    await store.append(samples(10, 10))
    assert await kept(await drained(store)) == samples(10, 10)


async def test_a_damaged_file_is_counted_and_does_not_hold_up_the_others(
    remote: Recorded, proxy: WriteApiProxy, tmp_path: Path, logs: list[EventDict]
) -> None:
    spool = Spool(tmp_path, 1 << 20)
    for number in range(3):
        spool.put(remote.lines(samples(number * 10, 10)))
    spool.close()
    damaged = cut_short(tmp_path, 1)
    store = await SpooledStore.open(remote, tmp_path)
    assert await kept(await drained(store)) == samples(0, 10) + samples(20, 10)
    assert store.dropped == 10
    assert damaged in str(logs)
    await store.close()


def cut_short(folder: Path, place: int) -> str:
    """Take the end from the file at `place` in the queue; return its name."""
    file = sorted(folder.glob("*.gz"))[place]
    file.write_bytes(file.read_bytes()[:-9])
    return file.name


async def test_a_bug_in_sending_is_not_silent(store: SpooledStore, remote: Recorded) -> None:
    remote.bug = ZeroDivisionError("a bug")
    await store.append(samples(0, 1))

    async def raised() -> bool:
        try:
            await store.append(samples(1, 1))
        except ZeroDivisionError:
            return True
        return False

    await until(raised)


async def test_a_second_process_is_refused(store: SpooledStore, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="another process"):
        Spool(tmp_path / "spool", 1 << 20)


def test_pieces_come_from_both_ends_and_stay_until_done(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 20)
    for text in ("a 1", "b 2\nc 3", "d 4"):
        spool.put(text)
    assert spool.waiting == 4
    assert spool.text(spool.take(newest=False)) == ("a 1\nb 2\nc 3\nd 4", [])
    assert spool.text(spool.take(newest=True)) == ("d 4\nb 2\nc 3\na 1", [])
    spool.done(spool.take(newest=True)[:1])
    spool.close()
    again = Spool(tmp_path, 1 << 20)
    assert again.waiting == 3
    again.put("e 5")
    assert again.text(again.take(newest=False)) == ("a 1\nb 2\nc 3\ne 5", [])
    again.close()


def test_what_a_crash_left_half_written_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "0000000000000007-10.lines.gz.part").write_bytes(b"half")
    spool = Spool(tmp_path, 1 << 20)
    assert spool.waiting == 0
    assert spool.take(newest=True) == []
    spool.close()
    assert [file.name for file in tmp_path.iterdir()] == ["lock"]


async def test_nothing_acknowledged_is_lost_by_kill_9(
    proxy: WriteApiProxy, influxd: Influxd, influx_database: str, tmp_path: Path, logs: list[EventDict]
) -> None:
    given = (proxy.url, influx_database, "", influxd.token, tmp_path)
    acknowledged = 0
    faults: list[int | Literal["lost answer"] | None] = [None, 503, "lost answer"]
    for fault in faults:
        proxy.fault = fault
        acknowledged = await asyncio.to_thread(append_until_killed, given, acknowledged)
    proxy.fault = None
    store = await open_influxdb(*given)
    found = await kept(await drained(store))
    assert found[:acknowledged] == samples(0, acknowledged)
    assert len(found) % 10 == 0
    await store.close()


def append_until_killed(given: tuple[str, str, str, str, Path], start: int) -> int:
    """Append batches of 10 in a child process, kill it in the middle, return how many samples were acknowledged."""
    program = f"""
        import asyncio, pathlib, sys
        from pathlib import PosixPath
        from monitor.samples import Sample, Series
        from monitor.store import spool
        from monitor.store.influxdb import open_influxdb
        spool.FIRST_PAUSE_S = spool.LONGEST_PAUSE_S = 0.01
        async def main():
            store = await open_influxdb(*{given!r})
            done = {start}
            while True:
                await store.append(
                    [Sample(Series{tuple(UPLINK)!r}, {START} + n, float(n)) for n in range(done, done + 10)]
                )
                done += 10
                print(done, flush=True)
        asyncio.run(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert child.stdout is not None
    answer = str(start)
    for line in child.stdout:
        if line.strip().isdigit():
            answer = line
            if int(answer) >= start + 500:
                break
    child.kill()
    rest = [word for word in child.stdout.read().splitlines() if word.isdigit()]
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()
    return int(rest[-1] if rest else answer)
