"""What pages, guards and alerts ask of meetings, on a real database; and that the guard's index is really used."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import SmallInteger, bindparam, text
from sqlalchemy.dialects.postgresql import Range

from api.demo.agents import ROOMS
from inventory.public import BadInventoryFile
from kernel.actors import Actor, system
from kernel.db.transaction import Database
from kernel.errors import BadInput, NotFound, Refused
from kernel.ids import new_id
from meetings.public import (
    cancel,
    in_session,
    load_rooms,
    meeting_for,
    meetings_between,
    meetings_in_office,
    meetings_needing,
    readiness_of,
    readiness_summaries,
    rooms,
    rooms_named,
)
from meetings.repository import Wanted, overlapping
from tests.parts.meetings.conftest import NINE, NOW, OFFICIAL, TECHNICIAN, Book

HOUR = timedelta(hours=1)
NOBODY = Actor(id=new_id(), name="nobody")


async def test_pages_of_rooms_follow_their_vietnamese_order(rooms_loaded: None, database: Database) -> None:
    seen: list[str] = []
    after: str | None = None
    async with database.transaction() as tx:
        whole = [room.code for room in (await rooms(TECHNICIAN, tx, limit=100)).rooms]
        while True:
            page = await rooms(TECHNICIAN, tx, limit=5, after=after)
            seen += [room.code for room in page.rooms]
            if (after := page.next_cursor) is None:
                break
        assert (await rooms(TECHNICIAN, tx, query="phan son xa")).rooms == []
        by_name = [room.code for room in (await rooms(TECHNICIAN, tx, query="phong hop xa phan son")).rooms]
    assert seen == whole
    assert len(seen) == 18
    assert whole.index("pu-room") < whole.index("br-room"), "Nhà văn hóa comes before Phòng họp"
    assert by_name == ["ps-room"]


async def test_a_room_comes_with_its_office_and_what_it_needs(rooms_loaded: None, database: Database) -> None:
    async with database.transaction() as tx:
        (room,) = (await rooms(TECHNICIAN, tx, query="ps-room")).rooms
    assert (room.office, room.unit_name, room.capacity) == ("ps", "Xã Phan Sơn", 18)
    assert room.devices == ("ps-mt1", "ps-rt1", "ps-ups1")


async def test_the_same_file_of_rooms_again_changes_nothing_and_a_changed_line_that_room_only(
    rooms_loaded: None, database: Database, tmp_path: Path
) -> None:
    changed = tmp_path / "rooms.yaml"
    changed.write_text(
        ROOMS.read_text("utf-8").replace("devices: [ps-mt1, ps-rt1, ps-ups1]", "devices: [ps-mt1]"), "utf-8"
    )
    async with database.transaction() as tx:
        assert (await load_rooms(ROOMS, system("test"), tx)).rooms == 0
        assert (await load_rooms(changed, system("test"), tx)).rooms == 1
        (room,) = (await rooms(TECHNICIAN, tx, query="ps-room")).rooms
        with pytest.raises(Refused):
            await load_rooms(ROOMS, OFFICIAL, tx)
    assert room.devices == ("ps-mt1",)


async def test_a_file_with_one_mistake_loads_no_room(rooms_loaded: None, database: Database, tmp_path: Path) -> None:
    broken = tmp_path / "rooms.yaml"
    changed = ROOMS.read_text("utf-8").replace("capacity: 18", "capacity: 19")
    broken.write_text(changed + "  x: {name: X, office: xx, capacity: 1}\n", "utf-8")
    with pytest.raises(BadInventoryFile):
        async with database.transaction() as tx:
            await load_rooms(broken, system("test"), tx)
    async with database.transaction() as tx:
        (room,) = (await rooms(TECHNICIAN, tx, query="ps-room")).rooms
    assert room.capacity == 18


async def test_pages_of_meetings_bring_each_booked_one_of_the_time_once(booked: Book, database: Database) -> None:
    kept = [await booked("ps-room", at=NINE + number * HOUR, minutes=60) for number in range(5)]
    beside = await booked("sl-room", at=NINE, minutes=60)
    gone = await booked("dk-room", at=NINE)
    async with database.transaction() as tx:
        await cancel(OFFICIAL, gone.id, tx)
        seen = []
        after: str | None = None
        while True:
            page = await meetings_between(TECHNICIAN, tx, NINE, NINE + 4 * HOUR, limit=2, after=after)
            seen += page.meetings
            if (after := page.next_cursor) is None:
                break
        later = await meetings_between(TECHNICIAN, tx, NINE + timedelta(minutes=59), NINE + HOUR)
        with pytest.raises(BadInput):
            await meetings_between(TECHNICIAN, tx, NINE, NINE + HOUR, after="nonsense")
    assert sorted(meeting.id for meeting in seen) == sorted([beside.id, *(meeting.id for meeting in kept[:4])])
    assert [meeting.starts_at for meeting in seen] == sorted(meeting.starts_at for meeting in seen)
    assert {meeting.id for meeting in later.meetings} == {kept[0].id, beside.id}, "a meeting that runs is listed too"


async def test_who_may_not_read_meetings_is_refused_everywhere(booked: Book, database: Database) -> None:
    meeting = await booked()
    async with database.transaction() as tx:
        for ask in (
            rooms(NOBODY, tx),
            meeting_for(NOBODY, meeting.id, tx),
            meetings_between(NOBODY, tx, NOW, NINE),
            meetings_needing(NOBODY, tx, ["ps-rt1"], NINE),
            readiness_of(NOBODY, meeting.id, tx),
            readiness_summaries(NOBODY, tx, [meeting.id]),
            meetings_in_office(NOBODY, "ps", tx, until=NINE),
            rooms_named(NOBODY, tx, ["ps-room"]),
        ):
            with pytest.raises(Refused):
                await ask
        with pytest.raises(NotFound):
            await meeting_for(TECHNICIAN, new_id(), tx)


async def test_a_room_is_in_session_from_before_the_beginning_to_the_end(booked: Book, database: Database) -> None:
    meeting = await booked("ps-room", "sl-room", minutes=60)
    quarter = timedelta(minutes=15)
    async with database.transaction() as tx:

        async def rooms_at(passed: timedelta, *offices: str) -> list[str]:
            found = await in_session(tx, offices, NINE + passed, before=quarter)
            assert all((one.meeting_id, one.ends_at) == (meeting.id, meeting.ends_at) for one in found)
            return [one.room for one in found]

        assert await rooms_at(-quarter, "ps", "hn") == ["ps-room"]
        assert await rooms_at(timedelta(minutes=59), "ps", "sl") == ["ps-room", "sl-room"]
        assert await rooms_at(-quarter - timedelta(seconds=1), "ps") == []
        assert await rooms_at(HOUR, "ps") == []
        assert await rooms_at(timedelta(), "hn") == []
        assert [one.room for one in await in_session(tx, ["ps"], NINE)] == ["ps-room"]
        await cancel(OFFICIAL, meeting.id, tx)
        assert await rooms_at(timedelta(), "ps") == []


async def test_a_device_knows_the_meetings_that_need_it(booked: Book, database: Database) -> None:
    first = await booked("ps-room", "sl-room", "dl-hall", "dl-room", title="Một")
    second = await booked("ps-room", at=NINE + 2 * HOUR, title="Hai")
    await booked("ps-room", at=NINE + timedelta(days=3))
    asked = ["ps-rt1", "ps-mt1", "dl-ups1", "dl-mt2", "ps-ap1", "hn-rt1"]
    async with database.transaction() as tx:
        found = await meetings_needing(TECHNICIAN, tx, asked, NOW + timedelta(days=1, hours=12))
    assert {device: [brief.title for brief in briefs] for device, briefs in found.items()} == {
        "ps-rt1": ["Một", "Hai"], "ps-mt1": ["Một", "Hai"], "dl-ups1": ["Một"], "dl-mt2": ["Một"],
    }  # fmt: skip
    assert [(brief.id, brief.offices) for brief in found["ps-rt1"]] == [(first.id, 3), (second.id, 1)]


@pytest.mark.usefixtures("rooms_loaded")
async def test_rooms_are_known_by_their_codes(database: Database) -> None:
    asked = ["sl-room", "hn-room", "ps-room", "no-such-room"]
    async with database.transaction() as tx:
        assert [room.code for room in await rooms_named(TECHNICIAN, tx, asked)] == ["hn-room", "ps-room", "sl-room"]


RESERVATIONS = """
INSERT INTO meeting SELECT gen_random_uuid(), 'm' || n, 'conference' || n, NULL, 'x', :begin,
    :begin + interval '1 year', 'booked', now(), 1 FROM generate_series(1, 400) AS n
"""
BY_ROOM_AND_TIME = r"reservation_no_overlap.*\n\s+Index Cond: .*room_id = .* AND \(?during &&"
FILL = """
INSERT INTO reservation
SELECT meeting.id, room.id, tstzrange(b, b + interval '1 hour'), 2
FROM (SELECT id, row_number() OVER () AS n FROM meeting) AS meeting
CROSS JOIN room CROSS JOIN LATERAL (SELECT :begin + meeting.n * interval '1 hour' AS b) AS time
"""


async def test_the_search_for_overlaps_asks_the_guards_index_by_room_and_time(
    rooms_loaded: None, database: Database
) -> None:
    """With a smallint in place of the integer the room would be a filter at best, and each look 2,000 times slower."""
    async with database.transaction() as tx:
        await tx.session.execute(text(RESERVATIONS), {"begin": NOW})
        await tx.session.execute(text(FILL), {"begin": NOW})
        await tx.session.execute(text("ANALYZE reservation"))
        connection = await tx.session.connection()
        during = Range(NINE, NINE + HOUR, bounds="[)")
        statement = overlapping([Wanted(uuid.UUID(int=0), room, during) for room in (1, 2, 3)])
        compiled = statement.compile(dialect=connection.dialect)
        assert "INTEGER[]" in str(compiled)
        plan = await connection.exec_driver_sql(f"EXPLAIN {compiled}", dict(compiled.params))
        lines = "\n".join(row[0] for row in plan)
        assert re.search(BY_ROOM_AND_TIME, lines), lines
        assert "Seq Scan on reservation" not in lines, lines

        trap = text(
            "EXPLAIN SELECT 1 FROM reservation WHERE room_id = :room AND during && tstzrange(:begin, :end)"
            " AND state IN (1, 2)"
        ).bindparams(bindparam("room", type_=SmallInteger))
        rows = await tx.session.execute(trap, {"room": 1, "begin": NINE, "end": NINE + HOUR})
        trapped = "\n".join(row[0] for row in rows)
        assert not re.search(BY_ROOM_AND_TIME, trapped), f"the trap is gone, or this test cannot see it: {trapped}"
