"""What it costs to bring 60,000 devices in by a spreadsheet: preview, import, the same again, and a million lines.

Workload: 10,000 offices and 60,000 devices in CSV files, into a PostgreSQL of Debian; then 60,000 lines that change
nothing; then a million lines of garbage. Each once, for it takes minutes. Seconds are CPU of this process and of the
server's backends together, with the wall beside; the memory is the highest resident size of this process, by what it
was before (`--lines` for another number of devices).

Floor in the same run: the same rows by one `COPY` into an empty copy of the table, without looking at anything.

    python -m bench.exchange [--save] [--lines 60000] [--garbage 1000000]
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from sqlalchemy import text

from api.migrations.upgrade import upgrade
from bench.machine import machine
from inventory.exchange.apply import apply_import, begin_apply
from inventory.exchange.preview import read_import
from inventory.exchange.receive import ImportRequest, begin_import, discard_import
from inventory.exchange.views import ImportView
from inventory.profiles import bundled_profiles
from kernel.actors import system
from kernel.clock import SystemClock
from kernel.db.engine import connect
from kernel.db.transaction import Database
from kernel.work.dbos import DbosQueue
from tests.real.postgres import DebianPostgres

ADMIN: Final = system("bench")
PROFILES: Final = frozenset(bundled_profiles())
RESULTS: Final = Path(__file__).parent / "results" / "exchange.json"
OFFICES: Final = 10_000
HEAD: Final = "code;name;office;role;profile;address;snmp;credential;serial\n"


def devices(count: int) -> Iterator[str]:
    """Yield a spreadsheet of devices."""
    yield HEAD
    for number in range(count):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        kind = f"router;network-interfaces;{address};v2c;tinh;S{number}"
        yield f"d{number};Bộ định tuyến {number};o{number % OFFICES};{kind}\n"


def offices() -> Iterator[str]:
    """Yield a spreadsheet of offices."""
    yield "code;name;unit;address\n"
    for number in range(OFFICES):
        yield f"o{number};Văn phòng số {number};lam-dong;Thôn {number % 30}\n"


def garbage(count: int) -> Iterator[str]:
    """Yield a spreadsheet of which every line is wrong in some way."""
    yield HEAD
    lines = (
        "Mới {n};Tên;o1;router;network-interfaces;10.0.0.300;v2c;tinh;=1+1\n",
        "g{n};;o1;kettle;nowhere;10.0.0.1;v9;tinh;S\n",
        "g{n};Tên;không có;router;network-interfaces;10.0.0.1;v2c;tinh;S;;;;;\n",
    )
    for number in range(count):
        yield lines[number % len(lines)].replace("{n}", str(number))


def peak_mb() -> float:
    """Return the highest resident size of this process since it was last set back, in MB."""
    said = Path("/proc/self/status").read_text()
    return int(next(line for line in said.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def set_back() -> float:
    """Forget the highest resident size, and return the present one."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_mb()


class Meter:
    """CPU of this process and of the server with all its backends."""

    def __init__(self, server: DebianPostgres) -> None:
        self._server = server

    def now_s(self) -> float:
        """Return the seconds so far."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(stat.parent.name) == self._server.pid or int(fields[1]) == self._server.pid:
                ticks += int(fields[11]) + int(fields[12])
        return time.process_time() + ticks / 100


async def measured(url: str, server: DebianPostgres, count: int, wrong: int) -> dict[str, Any]:
    """Return all figures."""
    await upgrade(url)
    queue, engine = DbosQueue(url), connect(url, process="bench", pool_size=2)
    database, meter = Database(engine, SystemClock(), queue), Meter(server)
    found: dict[str, Any] = {}

    async def step(name: str, work: Callable[[], Any], rows: int) -> Any:  # noqa: ANN401 - whatever it returns
        before_mb, begun, cpu = set_back(), time.monotonic(), meter.now_s()
        result = await work()
        wall, used = time.monotonic() - begun, meter.now_s() - cpu
        found[name] = {
            "rows": rows, "cpu_s": round(used, 1), "wall_s": round(wall, 1), "rows_a_cpu_s": round(rows / used),
            "peak_mb": round(peak_mb()), "more_mb": round(peak_mb() - before_mb),
        }  # fmt: skip
        print(name, found[name], flush=True)
        return result

    try:
        units = b"code;name;level;valid_from\nlam-dong;L\xc3\xa2m \xc4\x90\xe1\xbb\x93ng;province;1976-02-01\n"
        await _applied(database, await _seen(database, io.BytesIO(units)))
        with _file(offices()) as file:
            await _applied(database, await _seen(database, file))
        with _file(devices(count)) as file:
            seen = await step("preview of new devices", lambda: _seen(database, file), count)
            await step("import of new devices", lambda: _applied(database, seen), count)
            again = await step("preview, nothing to do", lambda: _seen(database, file), count)
            assert again.counts["same"] == count, again.counts
        await step("floor: COPY of the rows", lambda: _copied(database), count)
        with _file(garbage(wrong)) as file:
            bad = await step("preview of garbage", lambda: _seen(database, file), wrong)
            assert bad.counts["refused"] == wrong, bad.counts
            async with database.transaction() as tx:
                await tx.session.execute(text("SET LOCAL statement_timeout = 0"))
                await discard_import(ADMIN, tx, bad.id)
        return found
    finally:
        await engine.dispose()
        queue.close()


async def _seen(database: Database, file: BinaryIO) -> ImportView:
    async with database.transaction() as tx:
        made = await begin_import(ADMIN, tx, ImportRequest("bench.csv", 0))
    return await read_import(database, made.id, PROFILES, actor=ADMIN, file=file)


async def _applied(database: Database, seen: ImportView) -> ImportView:
    async with database.transaction() as tx:
        await begin_apply(ADMIN, tx, seen.id, seen.token)
    return await apply_import(database, seen.id, actor=ADMIN)


async def _copied(database: Database) -> None:
    async with database.engine.connect() as connection:
        rows = (
            await connection.execute(text("SELECT code, name, CAST(office_id AS text), host(address) FROM device"))
        ).all()
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.execute("CREATE TEMPORARY TABLE floor (code text PRIMARY KEY, name text, office text, address inet)")
        async with raw.cursor().copy("COPY floor FROM STDIN") as copy:
            for row in rows:
                await copy.write_row(tuple(row))


def _file(lines: Iterator[str]) -> Any:  # noqa: ANN401 - a temporary file
    file = tempfile.TemporaryFile()  # noqa: SIM115 - its user closes it
    for line in lines:
        file.write(line.encode())
    file.seek(0)
    return file


def main() -> None:
    """Measure, print, and save if asked to."""

    def option(name: str, usual: int) -> int:
        return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else usual

    with DebianPostgres() as server:
        url = server.new_database("exchange")
        found = asyncio.run(measured(url, server, option("--lines", 60_000), option("--garbage", 1_000_000)))
    found["machine"] = machine()
    if "--save" in sys.argv:
        RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
