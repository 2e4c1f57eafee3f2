"""The audit log: sealed after commit, and what verifying finds when somebody has been at the table."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from kernel import audit_chain
from kernel.actors import system
from kernel.audit_chain import LOCK, FaultKind, Sealer, VerifyReport, verify
from kernel.db.transaction import Database
from kernel.ids import new_id

KEY = os.urandom(32)
Tamper = Callable[[str], Awaitable[None]]


@pytest.fixture
def sealer(database: Database) -> Sealer:
    return Sealer(database, KEY)


@pytest.fixture
def tamper(engine: AsyncEngine) -> Tamper:
    """Return a function that runs SQL as the table's owner, who can take away what protects it."""

    async def run(statement: str) -> None:
        async with engine.begin() as connection:
            await connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
            await connection.execute(text(statement))
            await connection.execute(text("ALTER TABLE audit_entry ENABLE TRIGGER USER"))

    return run


async def write(database: Database, count: int, *, action: str = "lamp.lit") -> None:
    async with database.transaction() as tx:
        for number in range(count):
            tx.audit(
                system("test"),
                action,
                f"lamp:{number}",
                after={"giờ": number, "share": 1.50, "big": 2**70},
                reason="tối",
            )


async def checked(engine: AsyncEngine, key: bytes = KEY) -> VerifyReport:
    async with engine.connect() as connection:
        return await verify(connection, key)


async def first_fault(engine: AsyncEngine) -> tuple[int, FaultKind]:
    report = await checked(engine)
    assert report.first is not None
    assert not report.ok
    return report.first


async def test_an_untouched_log_verifies(engine: AsyncEngine, database: Database, sealer: Sealer) -> None:
    assert (await checked(engine)).ok
    await write(database, 3)
    assert await sealer.seal_new() == 3
    await write(database, 4)
    assert await sealer.seal_new() == 4
    assert await sealer.seal_new() == 0
    await write(database, 2)
    report = await checked(engine)
    assert (report.ok, report.sealed, report.unsealed, report.faults) == (True, 7, 2, {})
    assert report.head is not None
    assert report.head.seal_no == 7


async def test_many_entries_are_sealed_in_several_rounds(
    engine: AsyncEngine, database: Database, sealer: Sealer
) -> None:
    await write(database, audit_chain.BATCH + 1)
    assert [await sealer.seal_new() for _ in range(3)] == [audit_chain.BATCH, 1, 0]
    report = await checked(engine)
    assert (report.ok, report.sealed) == (True, audit_chain.BATCH + 1)


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'somebody else'",
        "action = 'lamp.put-out'",
        "target = 'lamp:x'",
        "at = at + interval '1 microsecond'",
        "actor_id = gen_random_uuid()",
        "before = '{}'",
        "after = NULL",
        "after = jsonb_set(after, '{share}', '1.51')",
        "reason = ''",
        "seal = sha256(seal)",
        "id = gen_random_uuid()",
    ],
)
async def test_a_changed_entry_is_found(
    change: str, engine: AsyncEngine, database: Database, sealer: Sealer, tamper: Tamper
) -> None:
    await write(database, 6)
    await sealer.seal_new()
    await tamper(f"UPDATE audit_entry SET {change} WHERE seal_no = 4")
    assert await first_fault(engine) == (4, FaultKind.CHANGED)


async def test_only_the_changed_entries_are_blamed(
    engine: AsyncEngine, database: Database, sealer: Sealer, tamper: Tamper
) -> None:
    await write(database, 9)
    await sealer.seal_new()
    await tamper("UPDATE audit_entry SET reason = 'other' WHERE seal_no IN (2, 7, 9)")
    report = await checked(engine)
    assert (report.first, report.faults) == ((2, FaultKind.CHANGED), {FaultKind.CHANGED: 3})


@pytest.mark.parametrize(("removed", "first", "count"), [("4", 4, 1), ("1", 1, 1), ("1, 2, 5", 1, 3)])
async def test_a_removed_entry_is_found(
    removed: str, first: int, count: int, engine: AsyncEngine, database: Database, sealer: Sealer, tamper: Tamper
) -> None:
    await write(database, 7)
    await sealer.seal_new()
    await tamper(f"DELETE FROM audit_entry WHERE seal_no IN ({removed})")
    report = await checked(engine)
    assert (report.first, report.faults) == ((first, FaultKind.REMOVED), {FaultKind.REMOVED: count})


async def test_a_gap_that_was_closed_by_renumbering_is_found(
    engine: AsyncEngine, database: Database, sealer: Sealer, tamper: Tamper
) -> None:
    await write(database, 6)
    await sealer.seal_new()
    await tamper("DELETE FROM audit_entry WHERE seal_no = 3")
    for number in (4, 5, 6):
        await tamper(f"UPDATE audit_entry SET seal_no = {number - 1} WHERE seal_no = {number}")
    assert (await first_fault(engine))[0] == 3


@pytest.mark.parametrize(("left", "right"), [(3, 4), (1, 2), (2, 6), (5, 8), (7, 8)])
async def test_entries_that_changed_places_are_found(
    left: int, right: int, engine: AsyncEngine, database: Database, sealer: Sealer, tamper: Tamper
) -> None:
    await write(database, 8)
    await sealer.seal_new()
    await tamper(
        f"""UPDATE audit_entry SET seal_no = -1 WHERE seal_no = {left};
        UPDATE audit_entry SET seal_no = {left} WHERE seal_no = {right};
        UPDATE audit_entry SET seal_no = {right} WHERE seal_no = -1"""
    )
    report = await checked(engine)
    assert (report.first, report.faults) == ((left, FaultKind.REORDERED), {FaultKind.REORDERED: 2})


async def test_entries_that_changed_places_under_their_seals_are_found(
    engine: AsyncEngine, database: Database, sealer: Sealer, tamper: Tamper
) -> None:
    await write(database, 8)
    await sealer.seal_new()
    await tamper(
        """UPDATE audit_entry one SET at = two.at, target = two.target, after = two.after
        FROM audit_entry two WHERE (one.seal_no, two.seal_no) IN ((3, 6), (6, 3))"""
    )
    report = await checked(engine)
    assert report.first is not None
    assert report.first.seal_no == 3


@pytest.mark.parametrize("seal_no", [4, 7, 2000])
async def test_an_entry_put_in_by_hand_is_found(
    seal_no: int, engine: AsyncEngine, database: Database, sealer: Sealer, tamper: Tamper
) -> None:
    await write(database, 6)
    await sealer.seal_new()
    await tamper(f"DELETE FROM audit_entry WHERE seal_no = {seal_no}")
    await tamper(
        f"""INSERT INTO audit_entry SELECT '{new_id()}', at, actor_id, 'somebody', action, target, before, after,
        reason, {seal_no}, sha256(seal) FROM audit_entry WHERE seal_no = 2"""
    )
    assert (await first_fault(engine))[0] == min(seal_no, 7)
    await write(database, 2)
    assert await sealer.seal_new() == 2  # what comes after is protected all the same
    assert (await first_fault(engine))[0] == min(seal_no, 7)


async def test_another_key_verifies_nothing(engine: AsyncEngine, database: Database, sealer: Sealer) -> None:
    await write(database, 200)
    await sealer.seal_new()
    report = await checked(engine, os.urandom(32))
    assert (report.first, report.faults) == ((1, FaultKind.CHANGED), {FaultKind.CHANGED: 200})


async def test_cutting_off_the_end_shows_only_in_the_head(
    engine: AsyncEngine, database: Database, sealer: Sealer, tamper: Tamper
) -> None:
    await write(database, 6)
    await sealer.seal_new()
    before = await checked(engine)
    await tamper("DELETE FROM audit_entry WHERE seal_no > 4")
    after = await checked(engine)
    assert after.ok  # the limit that heads kept elsewhere will end
    assert after.head != before.head


async def test_one_sealer_works_at_a_time(engine: AsyncEngine, database: Database, sealer: Sealer) -> None:
    await write(database, 40)
    async with engine.connect() as other:
        await other.execute(text(f"SELECT pg_advisory_xact_lock({LOCK}::bigint)"))
        assert await sealer.seal_new() == 0
    await asyncio.gather(*(Sealer(database, KEY).seal_new() for _ in range(4)))
    report = await checked(engine)
    assert (report.ok, report.sealed) == (True, 40)


async def test_writers_do_not_wait_for_the_sealer_nor_for_each_other(
    engine: AsyncEngine, database: Database, sealer: Sealer
) -> None:
    async with database.transaction() as slow:
        slow.audit(system("slow"), "lamp.lit", "lamp:slow")
        await slow.session.flush()
        await write(database, 3)  # commits while the slow one is open
        assert await sealer.seal_new() == 3
    await write(database, 1)
    assert await sealer.seal_new() == 2
    report = await checked(engine)
    assert (report.ok, report.sealed) == (True, 5)


async def test_the_sealer_follows_the_writers_until_it_is_told_to_stop(
    engine: AsyncEngine, database: Database, sealer: Sealer
) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sealer.run(stop))
        await write(database, 3)
        async with asyncio.timeout(60):
            while (await checked(engine)).sealed < 3:
                await asyncio.sleep(0.05)
        stop.set()
    assert (await checked(engine)).ok


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET reason = 'other'",
        "UPDATE audit_entry SET seal = sha256(seal), seal_no = seal_no + 100",
        "UPDATE audit_entry SET seal = NULL, seal_no = NULL",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
    ],
)
async def test_the_database_itself_refuses_to_change_what_is_sealed(
    statement: str, engine: AsyncEngine, database: Database, sealer: Sealer
) -> None:
    await write(database, 2)
    await sealer.seal_new()
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError, match="only grows"):
            await connection.execute(text(statement))
    report = await checked(engine)
    assert (report.ok, report.sealed) == (True, 2)


async def test_what_waits_for_its_seal_is_protected_too(engine: AsyncEngine, database: Database) -> None:
    await write(database, 2)
    for statement in ("UPDATE audit_entry SET actor = 'other'", "DELETE FROM audit_entry"):
        async with engine.connect() as connection:
            with pytest.raises(DBAPIError, match="only grows"):
                await connection.execute(text(statement))
