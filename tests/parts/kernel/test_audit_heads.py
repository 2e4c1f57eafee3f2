"""Heads of the audit log outside of the database: what they find, and that the log may begin later only by its key."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.typing import EventDict

from kernel.actors import system
from kernel.audit_chain import FaultKind, Head, Sealer, VerifyReport, verify
from kernel.audit_erasure import AuditBroken, pseudonymise
from kernel.audit_heads import HeadKeeper, Ways, line_of, newest_of, read_files, read_heads
from kernel.audit_log import AuditWish, all_entries, audit_entries, csv_line, json_line
from kernel.audit_retention import forget_older
from kernel.channels.port import ChannelUnavailable, Message
from kernel.clock import FrozenClock, SystemClock
from kernel.db.transaction import Database
from kernel.ids import new_id
from kernel.origin import because
from kernel.personal import Person

KEY = os.urandom(32)
Tamper = Callable[[str], Awaitable[None]]


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(SystemClock().now())


@pytest.fixture
def tamper(engine: AsyncEngine) -> Tamper:
    """Return a function that runs SQL as the table's owner, who can take away what protects it."""

    async def run(statement: str) -> None:
        async with engine.begin() as connection:
            await connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
            await connection.execute(text(statement))
            await connection.execute(text("ALTER TABLE audit_entry ENABLE TRIGGER USER"))

    return run


@pytest.fixture
def heads(database: Database, tmp_path: Path) -> HeadKeeper:
    return HeadKeeper(database, KEY, tmp_path / "heads.jsonl")


async def sealed(database: Database, count: int, *, actor: str = "test") -> None:
    async with database.transaction() as tx:
        for number in range(count):
            tx.audit(system(actor), "lamp.lit", f"lamp:{number}", after={"giờ": number})
    await Sealer(database, KEY).seal_new()


async def checked(engine: AsyncEngine, tmp_path: Path) -> VerifyReport:
    path = tmp_path / "heads.jsonl"
    kept = read_files(KEY, [path, newest_of(path)])
    assert kept.forged == 0
    async with engine.connect() as connection:
        return await verify(connection, KEY, [one.head for one in kept.heads])


async def test_a_cut_tail_behind_the_last_head_is_found(
    database: Database, engine: AsyncEngine, heads: HeadKeeper, tamper: Tamper, tmp_path: Path
) -> None:
    await sealed(database, 9)
    assert await heads.keep_due()
    assert (await checked(engine, tmp_path)).ok
    await tamper("DELETE FROM audit_entry WHERE seal_no > 6")
    report = await checked(engine, tmp_path)
    assert report.first == (7, FaultKind.CUT)
    assert report.faults == {FaultKind.CUT: 3}
    await sealed(database, 9)  # it grows again, over the number that was kept
    report = await checked(engine, tmp_path)
    assert report.first == (9, FaultKind.CUT)


async def test_what_was_sealed_since_the_last_head_is_found_by_the_newest_one(
    database: Database, engine: AsyncEngine, heads: HeadKeeper, tamper: Tamper, tmp_path: Path
) -> None:
    await sealed(database, 3)
    assert await heads.keep_due()
    await sealed(database, 4)
    await heads.keep_newest()
    assert not await heads.keep_due(), "an hour has not gone by"
    await tamper("DELETE FROM audit_entry WHERE seal_no > 3")
    assert (await checked(engine, tmp_path)).first == (4, FaultKind.CUT)
    newest_of(tmp_path / "heads.jsonl").unlink()
    assert (await checked(engine, tmp_path)).ok, "so much for the newest head: it was the only one that knew"


async def test_a_whole_log_that_was_emptied_is_found(
    database: Database, engine: AsyncEngine, heads: HeadKeeper, tamper: Tamper, tmp_path: Path
) -> None:
    await sealed(database, 3)
    await heads.keep_due()
    await tamper("DELETE FROM audit_entry")
    assert (await checked(engine, tmp_path)).first == (1, FaultKind.CUT)


async def test_the_file_only_grows_and_says_what_nobody_else_can(
    database: Database, heads: HeadKeeper, clock: FrozenClock, tmp_path: Path
) -> None:
    assert not await heads.keep_due(), "there is nothing yet"
    path = tmp_path / "heads.jsonl"
    for _ in range(3):
        await sealed(database, 1)
        assert await heads.keep_due()
        before = path.read_bytes()
        clock.forward(timedelta(minutes=61))
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(before + b'{"audit_head":{"at":"2026-11-')  # half a line, as a power cut leaves it
    assert await heads.keep_due()
    assert path.read_bytes().startswith(before)
    kept = read_files(KEY, [path])
    assert [one.head.seal_no for one in kept.heads] == [1, 2, 3, 3]
    assert kept.forged == 1
    assert len(read_heads(os.urandom(32), before.decode().splitlines()).heads) == 0


@pytest.mark.parametrize(
    "line",
    [
        '{"audit_head":{}}', '{"audit_head":null}', '{"audit_head":{"at":"x","seal_no":1,"seal":"zz","proof":"é"}}',
        '{"audit_head":{"at":"2026-11-24T01:00:00","seal_no":"NaN","seal":"","proof":1}}', '{"audit_head":',
    ],
)  # fmt: skip
def test_what_only_looks_like_a_head_counts_as_forged(line: str) -> None:
    good = line_of(KEY, Head(7, bytes(32)), SystemClock().now())
    kept = read_heads(KEY, ["", "nothing", f"<109>1 host vungcao - audit-head - {good}\n", line])
    assert [one.head for one in kept.heads] == [Head(7, bytes(32))]
    assert kept.forged == 1


class Told:
    """A channel that remembers, or is away."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.away = False

    async def send(self, message: Message) -> None:
        if self.away:
            raise ChannelUnavailable(channel="webhook", why="away")
        self.messages.append(message)

    async def close(self) -> None:
        pass


async def test_heads_go_to_syslog_and_webhook_too(
    database: Database, clock: FrozenClock, tmp_path: Path, logs: list[EventDict]
) -> None:
    told = Told()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        ways = Ways(f"127.0.0.1:{server.getsockname()[1]}", told)
        keeper = HeadKeeper(database, KEY, tmp_path / "heads.jsonl", ways=ways)
        await sealed(database, 2)
        await keeper.keep_due()
        packet = (await asyncio.to_thread(server.recv, 4000)).decode()
    assert packet.startswith("<109>1 ")
    (kept,) = read_heads(KEY, [packet]).heads
    assert kept.head.seal_no == 2
    (message,) = told.messages
    assert read_heads(KEY, [message.text]).heads == [kept]
    told.away = True
    clock.forward(timedelta(hours=2))
    assert await keeper.keep_due(), "the file has it, whatever the channel does"
    assert [event["event"] for event in logs if event["log_level"] == "warning"] == ["audit_head_not_sent"]


async def test_what_is_older_than_it_is_kept_goes_and_the_rest_still_verifies(
    database: Database, engine: AsyncEngine, clock: FrozenClock, heads: HeadKeeper, tmp_path: Path
) -> None:
    await sealed(database, 4)
    await heads.keep_due()
    clock.forward(timedelta(days=400))
    await sealed(database, 3, actor="hoa")
    await heads.keep_due()
    assert await forget_older(database, KEY, clock.now() - timedelta(days=365)) == 4
    assert await forget_older(database, KEY, clock.now() - timedelta(days=365)) == 0
    await sealed(database, 1)
    report = await checked(engine, tmp_path)
    assert (report.ok, report.sealed, report.head and report.head.seal_no) == (True, 5, 9)
    async with database.transaction() as tx:
        entries = await audit_entries(tx)
        assert [entry.target for entry in entries][1] == "audit"
        assert entries[1].after is not None
        assert entries[1].after["entries"] == 4
        person = Person(new_id(), "hoa", "người đã xoá 1")
        assert await pseudonymise(person, KEY, await tx.session.connection()) == 3, (
            "the first entry's neighbour is gone"
        )
    assert (await checked(engine, tmp_path)).ok


async def test_the_newest_entry_stays_however_old_it_is(
    database: Database, engine: AsyncEngine, clock: FrozenClock, tmp_path: Path
) -> None:
    await sealed(database, 3)
    clock.forward(timedelta(days=4000))
    assert await forget_older(database, KEY, clock.now()) == 2
    assert (await checked(engine, tmp_path)).ok


async def test_nobody_without_the_key_lets_the_log_begin_later(
    database: Database, engine: AsyncEngine, tamper: Tamper, tmp_path: Path
) -> None:
    await sealed(database, 5)
    with pytest.raises(DBAPIError, match="only grows"):
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM audit_entry WHERE seal_no < 3"))
    await tamper(
        "INSERT INTO audit_beginning SELECT seal_no, seal, decode(repeat('00', 32), 'hex'), at"
        " FROM audit_entry WHERE seal_no = 3"
    )
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM audit_entry WHERE seal_no <= 3"))
    report = await checked(engine, tmp_path)
    assert report.first == (1, FaultKind.REMOVED)
    assert report.faults[FaultKind.REMOVED] == 3


async def test_nothing_that_was_tampered_with_is_forgotten(
    database: Database, clock: FrozenClock, tamper: Tamper
) -> None:
    await sealed(database, 3)
    await tamper("UPDATE audit_entry SET actor = 'somebody' WHERE seal_no = 1")
    clock.forward(timedelta(days=4000))
    with pytest.raises(AuditBroken, match="number 1"):
        await forget_older(database, KEY, clock.now())


@pytest.mark.parametrize(
    "change", ["request_id = ''", "request_id = 'other'", "reason = 'other'", "actor = 'other'", "before = '{}'"]
)
async def test_who_why_and_by_which_request_are_sealed(
    database: Database, engine: AsyncEngine, tamper: Tamper, tmp_path: Path, change: str
) -> None:
    from structlog.contextvars import bound_contextvars  # noqa: PLC0415 - of this test alone

    with bound_contextvars(request="req-7"), because("theo công văn 12"):
        await sealed(database, 1)
    async with database.transaction() as tx:
        (entry,) = await audit_entries(tx, AuditWish(request="req-7"))
        assert entry.reason == "theo công văn 12"
    assert (await checked(engine, tmp_path)).ok
    await tamper(f"UPDATE audit_entry SET {change}")
    assert (await checked(engine, tmp_path)).first == (1, FaultKind.CHANGED)


async def test_an_export_has_every_entry_that_fits_and_no_formula(database: Database) -> None:
    async with database.transaction() as tx:
        for number in range(1200):
            tx.audit(system("hoa" if number % 2 else "=cmd()"), "lamp.lit", "lamp:1", after={"n": number})
        tx.audit(system("hoa"), "door.shut", "door:1")
    async with database.transaction() as tx:
        mine = [entry async for entry in all_entries(tx, AuditWish(actor="hoa", action="lamp."))]
        # Those of one transaction are made within a few milliseconds, and stand in no order among themselves.
        assert sorted(entry.after["n"] for entry in mine if entry.after) == list(range(1, 1200, 2))
        (bad, *_) = await audit_entries(tx, AuditWish(actor="=cmd()"), limit=1)
        assert ",'=cmd()," in csv_line(bad)
        assert '"actor":"=cmd()"' in json_line(bad)
