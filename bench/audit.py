"""What the chain of the audit log costs those who write: nothing that makes one wait for another.

On a PostgreSQL server of its own, so many writers at once each change a row of theirs and commit, over and over:

- `no record`: the change alone;
- `record`: with an entry in the audit log, and nobody seals it;
- `chain`: the same, while a sealer in a process of its own puts the entries into the chain, as a worker does;
- `chain inside`: the rival: each writer links its own entry before it commits, for which it has to hold the chain.

At least 5 rounds, the four in turn in each, in an order that changes. It stops where an entry is missing, or the chain
does not verify. The figure that we claim is the ratio `chain` / `record`, round by round.

    python -m bench.audit [--rounds 5] [--writers 16] [--each 60] [--save]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import BigInteger, func, insert, literal, select, text

from api.migrations.upgrade import upgrade
from bench.machine import machine
from kernel.actors import system
from kernel.audit import AuditEntryRow
from kernel.audit_chain import BEFORE_THE_FIRST, LOCK, TABLE, Sealer, head_of, seal_of, verify
from kernel.clock import SystemClock
from kernel.db.engine import connect
from kernel.db.transaction import Database, Transaction
from kernel.ids import new_id
from kernel.work.dbos import DbosQueue
from tests.real.postgres import DebianPostgres

KEY: Final = bytes(range(32))
MODES: Final = ("no record", "record", "chain", "chain inside")
RESULT: Final = Path(__file__).parent / "results" / "audit.json"
WRITER: Final = system("bench")
PATIENCE_S: Final = 120.0


async def write(database: Database, mode: str, writer: int, each: int) -> None:
    """Commit `each` changes of the row that belongs to `writer`."""
    change = text("UPDATE bench_row SET value = value + 1 WHERE id = :id").bindparams(id=writer)
    for number in range(each):
        async with database.transaction() as tx:
            await tx.session.execute(change)
            if mode == "chain inside":
                await _link(tx, writer, number)
            elif mode != "no record":
                tx.audit(WRITER, "row.changed", f"row:{writer}", before={"value": number}, after={"value": number + 1})


async def _link(tx: Transaction, writer: int, number: int) -> None:
    """Do what a sealer would, for one entry and before the commit."""
    connection = await tx.session.connection()
    await connection.execute(select(func.pg_advisory_xact_lock(literal(LOCK, BigInteger))))
    seal_no, seal = await head_of(connection) or (0, BEFORE_THE_FIRST)
    content = f"{writer}:{number}".encode() * 10  # as long as an entry's own
    await connection.execute(
        insert(TABLE).values(
            id=new_id(), at=tx.now(), actor_id=None, actor="bench", action="row.changed", target=f"row:{writer}",
            before={"value": number}, after={"value": number + 1}, reason="", request_id="",
            seal_no=seal_no + 1, seal=seal_of(KEY, seal, seal_no + 1, content),
        )
    )  # fmt: skip


async def measure(database: Database, url: str, mode: str, writers: int, each: int) -> float:
    """Return how many commits a second there were; leave an empty log behind."""
    sealer = None
    if mode == "chain":
        sealer = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.audit", "--seal", url)
        await asyncio.sleep(2)  # it starts outside of what is measured
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for writer in range(writers):
            tasks.create_task(write(database, mode, writer, each))
    took = time.perf_counter() - begun
    expected = 0 if mode == "no record" else writers * each
    await _check(database, expected, chained=mode == "chain")
    if sealer is not None:
        sealer.terminate()
        await sealer.wait()
    async with database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        await connection.execute(text("TRUNCATE audit_entry"))
        await connection.execute(text("ALTER TABLE audit_entry ENABLE TRIGGER USER"))
    return writers * each / took


async def _check(database: Database, expected: int, *, chained: bool) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        async with database.engine.connect() as connection:
            count = await connection.scalar(select(func.count()).select_from(AuditEntryRow))
            assert count == expected, f"{count} entries and not {expected}"
            if not chained:
                return
            report = await verify(connection, KEY)
        assert report.ok, report
        if report.sealed == expected:
            return
        assert time.monotonic() < end, f"only {report.sealed} of {expected} are sealed"
        await asyncio.sleep(0.2)


async def seal(url: str) -> None:
    """Seal what is new until this process is ended."""
    queue = DbosQueue(url)
    database = Database(connect(url, process="sealer"), SystemClock(), queue)
    await Sealer(database, KEY).run(asyncio.Event())


async def bench(rounds: int, writers: int, each: int) -> dict[str, object]:
    """Return the commits a second of each mode, round by round, and their ratios."""
    found: dict[str, list[float]] = {mode: [] for mode in MODES}
    with DebianPostgres() as server:
        url = server.new_database("bench")
        await upgrade(url)
        queue = DbosQueue(url)
        database = Database(connect(url, process="bench"), SystemClock(), queue)
        async with database.engine.begin() as connection:
            await connection.execute(text("CREATE TABLE bench_row (id int PRIMARY KEY, value int NOT NULL)"))
            rows = text("INSERT INTO bench_row SELECT n, 0 FROM generate_series(0, CAST(:most AS int)) n")
            await connection.execute(rows, {"most": writers})
        await measure(database, url, "record", writers, 5)  # warm
        for number in range(rounds):
            for mode in random.sample(MODES, len(MODES)):
                found[mode].append(await measure(database, url, mode, writers, each))
            told = ", ".join(f"{mode} {found[mode][-1]:.0f}" for mode in MODES)
            print(f"round {number + 1}: commits a second: {told}; load {os.getloadavg()[0]:.1f}")
        await database.close()
        queue.close()
    ratios = {
        f"{mode} / record": [one / other for one, other in zip(found[mode], found["record"], strict=True)]
        for mode in MODES
        if mode != "record"
    }
    for name, values in {**found, **ratios}.items():
        print(f"{name}: median {statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")
    return {
        "what": f"commits a second of {writers} writers at once, {each} each, {rounds} interleaved rounds",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "commits_a_second": {mode: [round(value, 1) for value in values] for mode, values in found.items()},
        "ratios": {name: round(statistics.median(values), 3) for name, values in ratios.items()},
    }


def main() -> None:
    """Run the benchmark, or seal for it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--each", type=int, default=60)
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--seal", default="")
    chosen = parser.parse_args()
    if chosen.seal:
        asyncio.run(seal(chosen.seal))
        return
    result = asyncio.run(bench(chosen.rounds, chosen.writers, chosen.each))
    if chosen.save:
        RESULT.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
