"""Sixteen processes want the same three rooms: nobody overlaps, nobody gets half, nobody is shown a deadlock."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from sqlalchemy import text

from kernel.db.transaction import Database
from meetings.repository import lock_rooms

PROCESSES = 16
KILLS = 12
TRIES = 20
ROOMS = ("ps-room", "dk-room", "hn-room")
ROOT = Path(__file__).parents[3]

OVERLAPS = """
SELECT count(*) FROM reservation a JOIN reservation b
    ON a.room_id = b.room_id AND a.meeting_id < b.meeting_id AND a.during && b.during
WHERE a.state IN (1, 2) AND b.state IN (1, 2)
"""
PARTIAL = """
SELECT count(*) FROM (
    SELECT m.id FROM meeting m LEFT JOIN reservation r ON r.meeting_id = m.id
    GROUP BY m.id, m.title HAVING count(r.room_id) <> split_part(m.title, ' ', 1)::int
) AS partial
"""
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


async def test_no_overlap_no_half_booking_and_no_deadlock_under_load(
    url: str, rooms_loaded: None, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("-m", "tests.parts.meetings.hammer", url, str(PROCESSES), str(TRIES), "0", *ROOMS)
    hammers = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT, stdout=PIPE, stderr=PIPE)
    try:
        told, complaints = await hammers.communicate()
    finally:
        if hammers.returncode is None:
            hammers.kill()
            await hammers.wait()
    assert hammers.returncode == 0, complaints.decode()
    lines = [json.loads(line) for line in told.splitlines()]
    booked, lost = sum(line["booked"] for line in lines), sum(line["lost"] for line in lines)
    with capsys.disabled():
        rate = (booked + lost) / max(line["spent_s"] for line in lines)
        sys.stdout.write(f"\n{booked} booked, {lost} lost, {rate:.0f} tries/s by {PROCESSES} processes\n")
    assert booked + lost == PROCESSES * TRIES
    assert booked
    assert lost, "else they did not want the same"
    async with database.transaction() as tx:
        assert await tx.session.scalar(text(OVERLAPS)) == 0
        assert await tx.session.scalar(text(PARTIAL)) == 0
        assert await tx.session.scalar(text(DEADLOCKS)) == 0
        assert await tx.session.scalar(text("SELECT count(*) FROM meeting")) == booked


async def test_a_kill_in_the_middle_leaves_no_half_booking_and_no_lock(
    url: str, rooms_loaded: None, database: Database
) -> None:
    words = ("-m", "tests.parts.meetings.hammer", url, str(PROCESSES // 2), str(TRIES), str(KILLS), *ROOMS)
    hammers = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT, stdout=PIPE, stderr=PIPE)
    try:
        _, complaints = await hammers.communicate()
    finally:
        if hammers.returncode is None:
            hammers.kill()
            await hammers.wait()
    assert hammers.returncode == 0, complaints.decode()
    assert f"{KILLS} killed" in complaints.decode(), "else they were done before"
    async with database.transaction() as tx:
        assert await tx.session.scalar(text(OVERLAPS)) == 0
        assert await tx.session.scalar(text(PARTIAL)) == 0
        assert await tx.session.scalar(text(DEADLOCKS)) == 0
        assert await tx.session.scalar(text("SELECT count(*) FROM meeting"))
        rooms = [row.id for row in await tx.session.execute(text("SELECT id FROM room"))]
        await lock_rooms(tx, rooms)  # nobody holds one any more


async def test_the_counts_of_this_test_would_see_an_overlap_and_a_half_booking(
    rooms_loaded: None, database: Database
) -> None:
    async with database.transaction() as tx:
        await tx.session.execute(text("ALTER TABLE reservation DROP CONSTRAINT reservation_no_overlap"))
        for name in ("a", "b"):
            await tx.session.execute(
                text(
                    "WITH made AS (INSERT INTO meeting VALUES (gen_random_uuid(), '2 rooms', :name, NULL, 'x', now(),"
                    " now() + interval '1 hour', 'booked', now(), 1) RETURNING id) "
                    "INSERT INTO reservation SELECT made.id, room.id, tstzrange(now(), now() + interval '1 hour'), 2"
                    " FROM made, room WHERE room.code = 'ps-room'"
                ),
                {"name": name},
            )
        assert await tx.session.scalar(text(OVERLAPS)) == 1
        assert await tx.session.scalar(text(PARTIAL)) == 2
