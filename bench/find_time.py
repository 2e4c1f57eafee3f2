"""How long finding a time takes, at the size of the country, and booking what was found.

Made up: 3,500 offices with 10,000 rooms, one to nine each, and 2,000,000 bookings over 52 weeks in working hours, on a
PostgreSQL server of its own. In turn, for each of many random sets of offices and a window of four weeks, the first 10
ranked times:

- `http`: POST /api/v1/meetings/times, with names, blockers and other rooms, nothing cached;
- `cached`: the same question in process a second time: whether anything has changed is asked of the database;
- `ranked`: another question for the same offices, the calendars of their rooms being in memory;
- `1000`: as `cached`, 1,000 offices; `1000-ranked`: as `ranked`;
- `series`: as `ranked`, 150 offices and a weekly meeting for 52 weeks;
- `book`: booking such a series with 150 rooms that are free, all or none, in one transaction.

It stops where an answer is empty. With `--cases`, the decision is also held against its oracle in 10,000 random cases.

    python -m bench.find_time [--rounds 50] [--cases] [--save]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import psycopg
from sqlalchemy import text

from api.http.app import create_app, routes_of
from api.http.state import WebState
from api.http.stream import LiveFeed
from api.migrations.upgrade import upgrade
from bench.machine import machine
from inventory.grants import Grant
from inventory.people import create_account
from kernel.actors import system
from kernel.clock import FrozenClock
from kernel.collecting import keep_collections_short
from kernel.db.engine import connect
from kernel.db.transaction import Database
from kernel.secrets import Vault
from kernel.settings import Settings
from kernel.work.dbos import DbosQueue
from meetings.public import BusyCache, SeriesRequest, TimeQuestion, book_series, propose
from tests.http.fake_engine import FakeEngine
from tests.real.postgres import DebianPostgres
from tests.unit.meetings.find_time_cases import product_answer
from tests.unit.meetings.find_time_oracle import answer, random_case

OFFICES: Final = 3_500
ROOMS: Final = 10_000
BOOKINGS: Final = 2_000_000
WEEKS: Final = 52
CASES: Final = 10_000
ROOMS_A_MEETING: Final = 10
WARM: Final = 2
FIRST: Final = 10
A_BOOKING_IN: Final = 10
MONDAY: Final = date(2027, 1, 4)
NOW: Final = datetime(2027, 1, 1, tzinfo=UTC)
ZONE: Final = "Asia/Ho_Chi_Minh"
PASSWORD: Final = "trời mưa ở Phan Sơn"  # noqa: S105 - of an account that lives as long as the measurement
RESULTS: Final = Path(__file__).parent / "results" / "find-time.json"
BUDGETS_MS: Final = {"http": 50, "cached": 10, "1000": 50, "series": 500, "book": 3000}
ACTOR: Final = system("bench")

UNITS = """
INSERT INTO unit (id, code, level, valid_from) SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid,
    'unit-' || n, CASE WHEN n = 0 THEN 'central' WHEN n <= 34 THEN 'province' ELSE 'commune' END, '2025-07-01'
    FROM generate_series(0, 3499) n
"""
PERIODS = """
INSERT INTO unit_period (id, unit_id, valid, name, name_en, name_sort, parent_id)
    SELECT gen_random_uuid(), id, daterange('2025-07-01', NULL), code, code, code,
    CASE WHEN n = 0 THEN NULL WHEN n <= 34 THEN '00000000-0000-0000-0000-000000000000'::uuid
         ELSE ('00000000-0000-0000-0000-' || lpad((1 + n % 34)::text, 12, '0'))::uuid END
    FROM (SELECT id, code, substr(code, 6)::int AS n FROM unit) AS made
"""
MEETINGS = """
INSERT INTO meeting (id, title, conference, organiser, starts_at, ends_at, state, created_at, version)
    SELECT gen_random_uuid(), 'Họp', gen_random_uuid()::text, 'ai', now(), now() + interval '1 hour', 'booked', now(), 1
    FROM generate_series(1, :number)
"""


async def fill(database: Database, url: str, *, bookings: int) -> None:
    """Make the country: each room has its bookings in working hours, none over another."""
    async with database.transaction() as tx:
        for statement in (UNITS, PERIODS):
            await tx.session.execute(text(statement))
        columns = list(
            await tx.session.scalars(
                text(
                    "SELECT column_name FROM information_schema.columns "
                    "WHERE table_name = 'office' AND is_nullable = 'NO' AND is_generated = 'NEVER' "
                    "AND column_default IS NULL"
                )
            )
        )
        known = {"id": "gen_random_uuid()", "unit_id": "id", "code": "'office-' || substr(code, 6)", "address": "''"}
        values = ", ".join(known.get(column, "code") for column in columns)
        await tx.session.execute(text(f"INSERT INTO office ({', '.join(columns)}) SELECT {values} FROM unit"))  # noqa: S608
        await tx.session.execute(
            text(
                "INSERT INTO room (code, name, name_sort, office_id, capacity) SELECT 'room-' || n, 'Phòng ' || n, "
                "lpad(n::text, 6, '0'), office.id, 10 + n % 40 FROM generate_series(0, :rooms - 1) n "
                "JOIN office ON office.code = 'office-' || CASE WHEN n < 3500 THEN n ELSE abs(hashint4(n)) % 3500 END"
            ),
            {"rooms": ROOMS},
        )
        per_room = bookings // ROOMS
        await tx.session.execute(text(MEETINGS), {"number": bookings // ROOMS_A_MEETING})
        ids = [str(one) for one in await tx.session.scalars(text("SELECT id FROM meeting"))]
        rooms = list(await tx.session.scalars(text("SELECT id FROM room ORDER BY id")))
    # Slots of two hours and a half in a week's working days, each with one booking of 30 to 120 minutes or none.
    chance = np.random.default_rng(7)
    parts = [
        datetime.combine(MONDAY + timedelta(days=7 * week + day), datetime.min.time(), UTC) + timedelta(minutes=minute)
        for week in range(WEEKS)
        for day in range(5)
        for minute in (30, 180, 390, 510)  # 07:30, 10:00, 13:30, 15:30 in Vietnam
    ]
    async with await psycopg.AsyncConnection.connect(url) as driver:
        await driver.execute("ALTER TABLE reservation DROP CONSTRAINT reservation_no_overlap")
        async with (
            driver.cursor() as cursor,
            cursor.copy("COPY reservation (meeting_id, room_id, during, state) FROM STDIN") as copy,
        ):
            for room in rooms:
                taken = np.sort(chance.choice(len(parts), per_room, replace=False))
                late = chance.integers(0, 3, per_room) * 15
                length = chance.integers(2, 7, per_room) * 15
                theirs = ids[(room // ROOMS_A_MEETING) % (ROOMS // ROOMS_A_MEETING) * per_room :][:per_room]
                made = theirs, taken.tolist(), late.tolist(), length.tolist()
                lines = []
                for meeting, part, after, minutes in zip(*made, strict=True):
                    begin = parts[part] + timedelta(minutes=after)
                    lines.append(f'{meeting}\t{room}\t["{begin}","{begin + timedelta(minutes=minutes)}")\t2\n')
                await copy.write("".join(lines))
        await driver.execute(
            "ALTER TABLE reservation ADD CONSTRAINT reservation_no_overlap"
            " EXCLUDE USING gist (room_id WITH =, during WITH &&) WHERE (state IN (1, 2))"
        )
        await driver.commit()
        await driver.set_autocommit(True)
        await driver.execute("VACUUM ANALYZE")


def some_offices(chance: random.Random, number: int) -> tuple[str, ...]:
    """Return that many offices."""
    return tuple(f"office-{n}" for n in chance.sample(range(OFFICES), number))


def asked(offices: tuple[str, ...], **other: Any) -> TimeQuestion:
    """Return the question for these offices: 90 minutes, in four weeks from a Monday some time in the year."""
    first = MONDAY + timedelta(weeks=random.Random(offices[0]).randrange(40))  # noqa: S311 - the same each time
    return TimeQuestion(offices, first, first + timedelta(days=27), 90, ZONE, **other)


def now() -> tuple[float, float]:
    """Return the wall's clock and this process' processor time, in seconds."""
    return time.perf_counter(), time.process_time()


class Measured:
    """Times of each kind, in milliseconds."""

    def __init__(self) -> None:
        self.ms: dict[str, list[float]] = {}
        self.cpu_ms: dict[str, list[float]] = {}

    def add(self, kind: str, since: tuple[float, float]) -> None:
        """Keep how long it took since then, and the processor's time in this process."""
        wall, cpu = now()
        self.ms.setdefault(kind, []).append((wall - since[0]) * 1000)
        self.cpu_ms.setdefault(kind, []).append((cpu - since[1]) * 1000)

    def table(self) -> dict[str, dict[str, float]]:
        """Return median and 95th percentile of each kind, by the clock and by this process' processor time."""
        return {
            kind: {
                "median_ms": round(statistics.median(found), 2),
                "p95_ms": round(float(np.percentile(found, 95)), 2),
                "median_cpu_ms": round(statistics.median(self.cpu_ms[kind]), 2),
                "p95_cpu_ms": round(float(np.percentile(self.cpu_ms[kind], 95)), 2),
                "budget_ms": BUDGETS_MS.get(kind, 0),
                "number": len(found),
            }
            for kind, found in self.ms.items()
        }


async def measure(database: Database, folder: Path, rounds: int) -> Measured:
    """Ask in turn, `rounds` times each."""
    keep_collections_short()  # as the web process does
    measured, chance = Measured(), random.Random(11)  # noqa: S311 - the same each time
    async with database.transaction() as tx:
        await create_account(system("bench"), tx, name="lan", password=PASSWORD, grant=Grant("official"))
    engine = FakeEngine()
    state = WebState(
        settings=Settings.model_validate({"data_dir": folder}), database=database, engine=engine,
        live=LiveFeed(engine.events), clock=database.clock,
        vault=Vault(bytes(32)),
    )  # fmt: skip
    transport = httpx.ASGITransport(create_app(state, routes_of()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        csrf = (await client.get("/api/v1/session")).json()["csrf"]
        sent = {"name": "lan", "password": PASSWORD}
        answered = await client.post("/api/v1/session", json=sent, headers={"X-CSRF-Token": csrf})
        assert answered.is_success, answered.text
        client.headers["X-CSRF-Token"] = (await client.get("/api/v1/session")).json()["csrf"]
        for number in range(rounds + WARM):
            keep = measured if number >= WARM else Measured()
            await one_round(database, client, state, chance, keep, number)
    return measured


async def one_round(
    database: Database, client: httpx.AsyncClient, state: WebState, chance: random.Random, keep: Measured, number: int
) -> None:
    """Ask each kind of question once."""
    offices = some_offices(chance, 150)
    question = asked(offices)
    body = {
        "offices": list(offices), "minutes": 90, "first": question.first.isoformat(), "last": question.last.isoformat(),
    }  # fmt: skip
    state.busy.clear()
    since = now()
    answered = await client.post("/api/v1/meetings/times", json=body)
    keep.add("http", since)
    assert len(answered.json()) == FIRST, answered.text

    cache = BusyCache()
    series = asked(offices, rule="FREQ=WEEKLY;COUNT=52")
    for kind, before, asking in (
        ("cached", question, question),
        ("ranked", question, replace(question, minutes=75)),
        ("1000", thousand := asked(some_offices(chance, 1000)), thousand),
        ("1000-ranked", thousand, replace(thousand, minutes=75)),
        ("series", series, replace(series, minutes=75)),
    ):
        async with database.transaction() as tx:
            await propose(before, ACTOR, tx, cache)
        async with database.transaction() as tx:
            since = now()
            found = await propose(asking, ACTOR, tx, cache)
            keep.add(kind, since)
        assert len(found) == FIRST

    if number % A_BOOKING_IN == 0:
        first = datetime.combine(MONDAY, datetime.min.time()) + timedelta(days=5, hours=6, minutes=2 * number)
        rooms = tuple(f"room-{n}" for n in chance.sample(range(ROOMS), 150))
        request = SeriesRequest("Giao ban", rooms, "FREQ=WEEKLY;COUNT=52", first, ZONE, 1)
        since = now()
        async with database.transaction() as tx:
            made = await book_series(request, ACTOR, tx)
        keep.add("book", since)
        assert made.meetings == WEEKS


def cases() -> int:
    """Return in how many of the random cases the decision is the oracle's."""
    return sum(product_answer(random_case(seed)) == answer(random_case(seed)) for seed in range(CASES))


async def run(rounds: int, bookings: int) -> dict[str, Any]:
    """Measure on a server of its own, and return what was found."""
    with DebianPostgres() as server, tempfile.TemporaryDirectory() as folder:
        url = await asyncio.to_thread(server.new_database, "bench")
        await upgrade(url)
        queue = DbosQueue(url)
        database = Database(connect(url, process="bench"), FrozenClock(NOW), queue)
        try:
            since = time.perf_counter()
            await fill(database, url, bookings=bookings)
            print(f"filled in {time.perf_counter() - since:.0f} s", flush=True)
            table = (await measure(database, Path(folder), rounds)).table()
        finally:
            await database.close()
            queue.close()
    return {"bookings": bookings, "rooms": ROOMS, "offices": OFFICES, "machine": machine(), "figures": table}


def main() -> None:
    """Print the figures, and keep them with `--save`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--bookings", type=int, default=BOOKINGS)
    parser.add_argument("--cases", action="store_true")
    parser.add_argument("--save", action="store_true")
    wanted = parser.parse_args()
    found = asyncio.run(run(wanted.rounds, wanted.bookings))
    if wanted.cases:
        found["cases"] = {"number": CASES, "equal": cases()}
    for kind, figures in found["figures"].items():
        print(f"{kind:8}", figures)
    print(found["machine"], found.get("cases", ""))
    if wanted.save:
        RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
