"""What a whole country in the inventory costs: importing it, lists of a subtree, search while typing, a device's page.

Workload: 15,000 units on four levels, 10,000 offices, 60,000 devices, 10,000 uplinks, in a PostgreSQL of Debian.
Import: one YAML file with all of it, and the same file again; once, for it takes minutes. Questions: in turn, 5 rounds,
each of them 10 times a round, most by somebody who is granted one province. Milliseconds are CPU of this process and of
the server together; the wall is printed beside.

Rivals in the same run: for a subtree, climbing the parents when the question is asked, and paths of `ltree`; for
search, looking into every name (`strpos(unaccent(lower(…)))`).

    python -m bench.inventory [--save]
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Final

from sqlalchemy import select, text

from api.migrations.upgrade import upgrade
from bench.machine import cpu_s_of, machine
from inventory.access import INVENTORY_READ
from inventory.equipment_queries import DeviceWish, OfficeWish, device_on, devices_on, offices_on
from inventory.load import load_file
from inventory.models import UnitRow
from inventory.profiles import bundled_profiles
from inventory.queries import uplinks
from inventory.search import search
from inventory.tree import below
from inventory.unit_queries import UnitWish, figures, unit_for, units_on
from kernel.actors import Actor, Hold, Place, system
from kernel.clock import SystemClock
from kernel.db.engine import connect
from kernel.db.transaction import Database, Transaction
from kernel.ids import new_id
from kernel.work.dbos import DbosQueue
from tests.real.postgres import DebianPostgres

ROUNDS: Final = 5
TIMES: Final = 10
PROVINCES, COMMUNES, UNITS, OFFICES, DEVICES = 34, 3_321, 15_000, 10_000, 60_000
TODAY: Final = date(2026, 11, 24)
TYPED: Final = "phan son 12"
SYLLABLES: Final = ("Phan", "Sơn", "Lâm", "Đồng", "Bắc", "Bình", "Tuy", "Phong", "La", "Dạ", "Mường", "Tè", "Nậm", "Pồ")
RESULTS: Final = Path(__file__).parent / "results" / "inventory.json"

CLIMBED: Final = """
WITH RECURSIVE down (id) AS (
    SELECT CAST(:unit AS uuid)
    UNION ALL
    SELECT period.unit_id FROM unit_period AS period JOIN down ON period.parent_id = down.id
    WHERE period.valid @> CAST(:day AS date)
) SELECT id FROM down
"""
PATHS: Final = (
    "CREATE EXTENSION IF NOT EXISTS ltree",
    "CREATE TABLE rival (unit_id uuid, path ltree, since date, until date)",
    """
    INSERT INTO rival
    SELECT unit_id, CAST(string_agg(translate(CAST(ancestor_id AS text), '-', ''), '.' ORDER BY depth DESC) AS ltree),
        max(since), min(until) FROM unit_ancestry GROUP BY unit_id
    """,
    "CREATE INDEX ON rival USING gist (path)",
    "CREATE INDEX ON rival (unit_id)",
    "ANALYZE",
)
BY_PATH: Final = """
SELECT unit_id FROM rival WHERE path <@ (SELECT path FROM rival WHERE unit_id = CAST(:unit AS uuid))
    AND since <= CAST(:day AS date) AND until > CAST(:day AS date)
"""
LOOKED_INTO: Final = """
SELECT device.code FROM device JOIN office ON office.id = office_id
    JOIN unit_period AS period ON period.unit_id = office.unit_id AND upper_inf(period.valid)
WHERE strpos(unaccent(lower(device.code || ' ' || device.name || ' ' || office.name || ' ' || period.name)),
    unaccent(lower(:query))) > 0 ORDER BY device.code LIMIT 10
"""

Ask = Callable[[Transaction], Awaitable[object]]


def programme() -> Iterator[str]:
    """Yield the lines of a programme file of the whole country."""
    yield "version: 1\nunits:\n  vn: {name: Việt Nam, level: central, valid_from: 1976-07-02}\n"
    for number in range(UNITS - 1):
        if number < PROVINCES:
            level, parent = "province", "vn"
        elif number < PROVINCES + COMMUNES:
            level, parent = "commune", f"u{number % PROVINCES}"
        else:
            level, parent = "village", f"u{PROVINCES + number % COMMUNES}"
        name = f"{SYLLABLES[number % 14]} {SYLLABLES[number // 14 % 14]} {number}"
        yield f"  u{number}: {{name: {name}, level: {level}, parent: {parent}, valid_from: 2025-07-01}}\n"
    yield "offices:\n"
    for number in range(OFFICES):
        unit = number % (UNITS - 1)
        yield f"  o{number}: {{name: Văn phòng số {number}, unit: u{unit}, address: Thôn {number % 30}}}\n"
    yield "devices:\n"
    kind = "name: Bộ định tuyến, role: router, profile: network-interfaces, snmp: v3, credential: country-v3"
    for number in range(DEVICES):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        yield f"  d{number}: {{{kind}, office: o{number % OFFICES}, address: {address}}}\n"
    yield "uplinks:\n"
    for number in range(OFFICES):
        yield (
            f"  l{number}: {{device: d{number}, interface: ether1, carrier: VNPT, medium: fibre, down_bps: 20000000,"
            " up_bps: 20000000}\n"
        )


class Meter:
    """Sums the CPU of this process and of the server's one backend."""

    def __init__(self, backend: int) -> None:
        self._backend = backend

    def now_s(self) -> float:
        return time.process_time() + cpu_s_of(self._backend)


async def measured(url: str) -> dict[str, object]:
    """Return all figures."""
    await upgrade(url)
    queue = DbosQueue(url)
    engine = connect(url, process="bench", pool_size=1)
    database = Database(engine, SystemClock(), queue)
    try:
        async with database.transaction() as tx:
            meter = Meter(int(await tx.session.scalar(text("SELECT pg_backend_pid()")) or 0))
        found: dict[str, object] = {"import": await imported(database, meter)}
        async with database.transaction() as tx:
            for statement in PATHS:
                await tx.session.execute(text(statement))
            units = {row.code: row.id for row in await tx.session.execute(select(UnitRow.code, UnitRow.id))}
        found["questions"] = await asked(database, meter, questions(units))
        return found
    finally:
        await engine.dispose()
        queue.close()


async def imported(database: Database, meter: Meter) -> dict[str, object]:
    """Return what loading the whole file costs, and loading it again."""
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "country.yaml"
        file.write_text("".join(programme()), encoding="utf-8")
        found["megabytes"] = round(file.stat().st_size / 1e6, 1)
        for name in ("first", "again"):
            begun, wall = meter.now_s(), time.monotonic()
            async with database.transaction() as tx:
                report = await load_file(file, system("bench"), tx, bundled_profiles())
            found[f"{name}_cpu_s"] = round(meter.now_s() - begun, 1)
            found[f"{name}_wall_s"] = round(time.monotonic() - wall, 1)
            print(f"import, {name}: {found[f'{name}_cpu_s']} CPU s, {found[f'{name}_wall_s']} s; {report}", flush=True)
    return found


def questions(units: dict[str, object]) -> dict[str, Ask]:
    """Return what is asked, by name."""
    everywhere = system("bench")
    province = units["u7"]
    bounded = Actor(
        new_id(),
        "bounded",
        (Hold("technician", frozenset({INVENTORY_READ}), (Place(province),)),),  # type: ignore[arg-type]
    )
    at = {"unit": str(province), "day": TODAY}
    typing = [TYPED[: length + 1] for length in range(len(TYPED))]

    async def type_all(tx: Transaction, actor: Actor) -> None:
        for query in typing:
            await search(actor, tx, query)

    async def look_into_all(tx: Transaction) -> None:
        for query in typing:
            (await tx.session.execute(text(LOOKED_INTO), {"query": query})).all()

    async def device_page(tx: Transaction) -> None:
        device = await device_on(bounded, "d7", tx)
        await uplinks(bounded, tx, devices=[device.code])

    return {
        "subtree, by the ancestry": lambda tx: _all(tx, below([province], TODAY)),  # type: ignore[list-item]
        "subtree, by ltree": lambda tx: _all(tx, text(BY_PATH), at),
        "subtree, by climbing": lambda tx: _all(tx, text(CLIMBED), at),
        "page of units below": lambda tx: units_on(bounded, tx, UnitWish(subtree="u7")),
        "one unit": lambda tx: unit_for(bounded, f"u{PROVINCES + 7}", tx),
        "page of offices below": lambda tx: offices_on(bounded, tx, OfficeWish(unit="u7")),
        "page of devices below": lambda tx: devices_on(bounded, tx, DeviceWish(unit="u7")),
        "page of devices, a year ago": lambda tx: devices_on(bounded, tx, DeviceWish(date(2025, 11, 24), unit="u7")),
        "device page": device_page,
        "figures by province": lambda tx: figures(everywhere, tx, level="province"),
        f"typing “{TYPED}”, bounded": lambda tx: type_all(tx, bounded),
        f"typing “{TYPED}”, everywhere": lambda tx: type_all(tx, everywhere),
        f"typing “{TYPED}”, looking into every name": look_into_all,
    }


async def asked(database: Database, meter: Meter, asks: dict[str, Ask]) -> dict[str, object]:
    """Return milliseconds of each question: CPU and wall, median, least and most of the rounds."""
    cpu: dict[str, list[float]] = {name: [] for name in asks}
    wall: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(ROUNDS):
        for name, ask in asks.items():
            times = 2 if name.startswith("typing") else TIMES
            async with database.transaction() as tx:
                begun, at = meter.now_s(), time.monotonic()
                for _ in range(times):
                    await ask(tx)
                cpu[name].append((meter.now_s() - begun) / times * 1000)
                wall[name].append((time.monotonic() - at) / times * 1000)
    for name in asks:
        print(f"{name:50} CPU {_shown(cpu[name])} ms, wall {_shown(wall[name])} ms", flush=True)
    return {name: {"cpu_ms": _kept(cpu[name]), "wall_ms": _kept(wall[name])} for name in asks}


async def _all(tx: Transaction, statement: object, parameters: dict[str, object] | None = None) -> int:
    return len((await tx.session.execute(statement, parameters)).all())  # type: ignore[call-overload]


def _shown(values: list[float]) -> str:
    return f"{statistics.median(values):8.1f} ({min(values):.1f} to {max(values):.1f})"


def _kept(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 2), "low": round(min(values), 2), "high": round(max(values), 2)
    }  # fmt: skip


def main() -> None:
    """Print the figures, and keep them with `--save`."""
    on = machine()
    print(f"{UNITS} units, {OFFICES} offices, {DEVICES} devices; {on}", flush=True)
    with DebianPostgres() as server:
        found = asyncio.run(measured(server.url))
    on["load_after"] = machine()["load"]
    if "--save" in sys.argv:
        workload = f"{UNITS} units, {OFFICES} offices, {DEVICES} devices, {OFFICES} uplinks"
        kept = {"workload": workload, "machine": on, "rounds": ROUNDS, **found}
        RESULTS.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
