"""Looks at rooms when they are due: rows in a real database, a clock that is moved, and a health that is told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.errors import EngineUnavailable
from kernel.events.event import Event
from kernel.ids import new_id
from meetings.check_readiness import check_readiness, look_again, make_due_checks, run_due_checks
from meetings.models import DueCheckRow, ReadinessRow
from meetings.public import (
    DeviceFacts,
    RoomReadiness,
    UplinkFacts,
    cancel,
    meetings_in_office,
    readiness_of,
    readiness_summaries,
)
from tests.parts.meetings.conftest import NINE, NOW, OFFICIAL, TECHNICIAN, Book


class Health:
    """Keeps the promise of HealthPort: says that all is well, but for what it was told."""

    def __init__(self, clock: FrozenClock) -> None:
        self._clock = clock
        self.asked: list[list[str]] = []
        self.cut: set[str] = set()
        self.silent: set[str] = set()
        self.away = False
        self.broken = False

    async def __call__(self, devices: Sequence[str]) -> Mapping[str, DeviceFacts]:
        self.asked.append(list(devices))
        if self.away:
            raise EngineUnavailable(why="it was cut")
        if self.broken:
            raise ValueError("a bug")
        return {device: self._facts(device) for device in devices}

    def _facts(self, device: str) -> DeviceFacts:
        role = "router" if "-rt" in device else "ups" if "-ups" in device else "meeting-room"
        line = UplinkFacts(f"{device[:2]}-line", "critical" if device in self.cut else "ok")
        return DeviceFacts(
            device=device, role=role, outcome="silent" if device in self.silent else "answered", state="ok",
            uplinks=(line,) if role == "router" else (), on_battery=False if role == "ups" else None,
            at=self._clock.now(),
        )  # fmt: skip


@pytest.fixture
def health(clock: FrozenClock) -> Health:
    return Health(clock)


async def due(database: Database) -> dict[str, datetime]:
    async with database.transaction() as tx:
        return {
            row.stage: row.due_at for row in await tx.session.execute(select(DueCheckRow.stage, DueCheckRow.due_at))
        }


async def found(database: Database, meeting: object) -> dict[str, RoomReadiness]:
    async with database.transaction() as tx:
        return {room.room: room for room in await readiness_of(TECHNICIAN, meeting, tx)}  # type: ignore[arg-type]


async def test_before_the_first_look_a_room_is_unknown_without_a_reason(booked: Book, database: Database) -> None:
    meeting = await booked("ps-room")
    (room,) = (await found(database, meeting.id)).values()
    assert (room.state, room.reasons, room.stage, room.checked_at) == ("unknown", (), "", None)


async def test_a_cut_line_turns_the_room_of_its_office_only_and_a_mended_one_turns_it_back(
    booked: Book, database: Database, health: Health, clock: FrozenClock
) -> None:
    meeting = await booked("ps-room", "sl-room")
    assert await make_due_checks(database, health, clock) == 1
    assert {room.state for room in (await found(database, meeting.id)).values()} == {"ready"}
    assert health.asked == [["ps-mt1", "ps-rt1", "ps-ups1", "sl-mt1", "sl-rt1", "sl-ups1"]]

    health.cut.add("ps-rt1")
    clock.forward(NINE - timedelta(minutes=60) - clock.now())
    assert await make_due_checks(database, health, clock) == 1
    rooms = await found(database, meeting.id)
    assert (rooms["ps-room"].state, rooms["sl-room"].state) == ("not-ready", "ready")
    (reason,) = rooms["ps-room"].reasons
    assert (reason.code, dict(reason.fields)) == ("no-uplink", {"uplinks": "ps-line"})
    assert (rooms["ps-room"].stage, rooms["ps-room"].checked_at) == ("t60m", clock.now())

    health.cut.clear()
    clock.forward(timedelta(seconds=60))
    assert await make_due_checks(database, health, clock) == 1, "so near, it is looked at each minute"
    assert {room.state for room in (await found(database, meeting.id)).values()} == {"ready"}


async def test_each_stage_is_looked_at_once_and_the_last_until_the_meeting_ends(
    booked: Book, database: Database, health: Health, clock: FrozenClock
) -> None:
    meeting = await booked("ps-room", at=NOW + timedelta(hours=25), minutes=30)
    assert set(await due(database)) == {"booking", "t24h", "t60m", "t10m"}
    looks: list[tuple[float, int]] = []
    end = meeting.ends_at
    while clock.now() <= end + timedelta(minutes=2):
        if made := await make_due_checks(database, health, clock):
            looks.append(((meeting.starts_at - clock.now()) / timedelta(minutes=1), made))
        await_next = min((at for at in (await due(database)).values()), default=None)
        if await_next is None:
            break
        clock.forward(max(await_next - clock.now(), timedelta(seconds=1)))
    assert all(made == 1 for _, made in looks), "never two stages of one meeting at once"
    minutes = [ahead for ahead, _ in looks]
    assert minutes[:4] == [25 * 60, 24 * 60, 60, 59]
    assert minutes[-1] >= -30
    assert -29 <= minutes[-1] < -27
    assert await due(database) == {}
    async with database.transaction() as tx:
        stages = set((await tx.session.execute(select(ReadinessRow.stage))).scalars())
    assert stages == {"booking", "t24h", "t60m", "t10m"}


async def test_after_a_long_absence_only_the_last_stage_is_looked_at(
    booked: Book, database: Database, health: Health, clock: FrozenClock
) -> None:
    await booked("ps-room")
    clock.forward(NINE - timedelta(minutes=30) - clock.now())
    assert await make_due_checks(database, health, clock) == 1
    assert set(await due(database)) == {"t60m", "t10m"}
    assert len(health.asked) == 1


async def test_while_the_engine_is_away_rooms_are_unknown_and_asked_again_soon(
    booked: Book, database: Database, health: Health, clock: FrozenClock
) -> None:
    meeting = await booked("ps-room", at=NOW + timedelta(minutes=8))
    health.away = True
    await make_due_checks(database, health, clock)
    (room,) = (await found(database, meeting.id)).values()
    assert (room.state, [reason.code for reason in room.reasons]) == ("unknown", ["health-away"])
    assert dict(room.reasons[0].fields) == {"why": "it was cut"}
    health.away = False
    clock.forward(timedelta(seconds=15))
    assert await make_due_checks(database, health, clock) == 1
    (room,) = (await found(database, meeting.id)).values()
    assert room.state == "ready"


async def test_a_look_that_was_lost_in_the_middle_is_made_by_the_next_worker_and_twice_is_as_once(
    booked: Book, database: Database, health: Health, clock: FrozenClock
) -> None:
    meeting = await booked("ps-room")
    health.broken = True
    with capture_logs() as logs:
        assert await make_due_checks(database, health, clock) == 1
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["readiness_failed"]
    health.broken = False
    assert await make_due_checks(database, health, clock) == 0, "it is still the other's"
    clock.forward(timedelta(minutes=2))
    assert await make_due_checks(database, health, clock) == 1
    assert await check_readiness(meeting.id, "booking", health, database, clock) == {"ps-room": "ready"}
    async with database.transaction() as tx:
        assert len((await tx.session.execute(select(ReadinessRow))).all()) == 1


async def test_two_workers_make_each_look_once(
    booked: Book, database: Database, health: Health, clock: FrozenClock
) -> None:
    for number in range(6):
        await booked("ps-room", at=NINE + number * timedelta(hours=2))
    made = await asyncio.gather(*(make_due_checks(database, health, clock) for _ in range(3)))
    assert sum(made) == len(health.asked) == 6


async def test_an_earlier_look_that_ends_late_does_not_replace_a_later_one(
    booked: Book, database: Database, health: Health, clock: FrozenClock
) -> None:
    meeting = await booked("ps-room")
    clock.forward(timedelta(minutes=1))
    await check_readiness(meeting.id, "booking", health, database, clock)
    health.cut.add("ps-rt1")
    clock.forward(-timedelta(seconds=30))
    await check_readiness(meeting.id, "booking", health, database, clock)
    (room,) = (await found(database, meeting.id)).values()
    assert room.state == "ready"


def told_of(device: str, clock: FrozenClock) -> Event:
    """Return what tells that something happened to a device."""
    return Event(new_id(), "alert.raised", clock.now(), "engine", {"device": device})


async def test_what_happens_to_a_device_has_the_rooms_looked_at_that_need_it_soon(
    booked: Book, database: Database, health: Health, clock: FrozenClock
) -> None:
    near = await booked("ps-room", "sl-room", at=NOW + timedelta(minutes=40))
    await booked("ps-room", at=NOW + timedelta(hours=3))
    await booked("sl-room", at=NOW + timedelta(hours=3))
    gone = await booked("dk-room", at=NOW + timedelta(minutes=40))
    async with database.transaction() as tx:
        await cancel(OFFICIAL, gone.id, tx)
    assert await make_due_checks(database, health, clock) == 3
    clock.forward(timedelta(seconds=5))
    for device in ("dk-rt1", "hn-rt1"):
        await look_again(told_of(device, clock), database)
    assert await make_due_checks(database, health, clock) == 0, "no meeting near needs them"
    health.cut.add("ps-rt1")
    for _ in range(2):  # an event may come twice
        await look_again(told_of("ps-rt1", clock), database)
    assert await make_due_checks(database, health, clock) == 1
    rooms = await found(database, near.id)
    assert (rooms["ps-room"].state, rooms["sl-room"].state) == ("not-ready", "ready")
    assert rooms["ps-room"].checked_at == clock.now()
    clock.forward(timedelta(seconds=59))
    assert await make_due_checks(database, health, clock) == 0
    clock.forward(timedelta(seconds=1))
    assert await make_due_checks(database, health, clock) == 1, "and then each minute, as before"


async def test_what_happens_during_a_look_has_it_made_again(
    booked: Book, database: Database, health: Health, clock: FrozenClock
) -> None:
    meeting = await booked("ps-room", at=NOW + timedelta(minutes=40))

    async def asked_before_the_cut(devices: Sequence[str]) -> Mapping[str, DeviceFacts]:
        facts = await health(devices)
        clock.forward(timedelta(milliseconds=500))
        health.cut.add("ps-rt1")
        await look_again(told_of("ps-rt1", clock), database)
        return facts

    assert await make_due_checks(database, asked_before_the_cut, clock) == 1
    assert (await found(database, meeting.id))["ps-room"].state == "ready"
    assert await make_due_checks(database, health, clock) == 1
    assert (await found(database, meeting.id))["ps-room"].state == "not-ready"
    assert set(await due(database)) == {"booking", "t10m"}


async def test_nothing_is_kept_of_a_meeting_that_is_cancelled_or_over(
    booked: Book, database: Database, health: Health, clock: FrozenClock
) -> None:
    meeting, other = await booked("ps-room"), await booked("sl-room")
    async with database.transaction() as tx:
        await cancel(OFFICIAL, meeting.id, tx)
    assert await check_readiness(meeting.id, "booking", health, database, clock) == {}
    clock.forward(other.ends_at - clock.now())
    await make_due_checks(database, health, clock)
    assert health.asked == []
    assert await due(database) == {}


async def test_the_loop_makes_what_is_due_and_stops_when_told(
    booked: Book, database: Database, health: Health, clock: FrozenClock
) -> None:
    meeting = await booked("ps-room")
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run_due_checks(database, health, clock, stop))
        while not (await found(database, meeting.id))["ps-room"].checked_at:
            await asyncio.sleep(0.05)
        stop.set()
    assert len(health.asked) == 1


async def test_a_list_of_meetings_counts_the_rooms_by_what_the_newest_look_found(
    booked: Book, database: Database, health: Health, clock: FrozenClock
) -> None:
    looked_at = await booked("ps-room", "sl-room", "hn-room")
    health.cut.add("ps-rt1")
    await check_readiness(looked_at.id, "booking", health, database, clock)
    clock.forward(timedelta(minutes=1))
    health.cut.clear()
    health.silent.add("sl-mt1")
    await check_readiness(looked_at.id, "t24h", health, database, clock)
    not_yet = await booked("dk-room")
    async with database.transaction() as tx:
        summaries = await readiness_summaries(TECHNICIAN, tx, [looked_at.id, not_yet.id])
        assert await readiness_summaries(TECHNICIAN, tx, []) == {}
    assert summaries[looked_at.id].rooms == {"ready": 2, "not-ready": 1}
    assert (summaries[looked_at.id].worst, summaries[looked_at.id].unchecked) == ("not-ready", 0)
    assert summaries[not_yet.id].rooms == {"unknown": 1}
    assert (summaries[not_yet.id].worst, summaries[not_yet.id].unchecked) == ("unknown", 1)


async def test_an_office_knows_what_is_booked_in_its_rooms_and_how_ready_each_is(
    booked: Book, database: Database, health: Health, clock: FrozenClock
) -> None:
    both = await booked("dl-room", "dl-hall", "ps-room", title="Một")
    later = await booked("dl-hall", at=NINE + timedelta(hours=3), title="Hai")
    off = await booked("dl-room", at=NINE + timedelta(hours=5), title="Hủy")
    await booked("dl-room", at=NINE + timedelta(days=10), title="Xa")
    health.silent.add("dl-mt2")
    await check_readiness(both.id, "booking", health, database, clock)
    async with database.transaction() as tx:
        await cancel(OFFICIAL, off.id, tx)
        week = await meetings_in_office(TECHNICIAN, "dl", tx, until=NOW + timedelta(days=7))
        first = await meetings_in_office(TECHNICIAN, "dl", tx, until=NOW + timedelta(days=7), limit=1)
        assert await meetings_in_office(TECHNICIAN, "hn", tx, until=NOW + timedelta(days=7)) == []
    assert [(one.meeting, one.readiness.room, one.readiness.state) for one in week] == [
        (both.id, "dl-hall", "not-ready"),
        (both.id, "dl-room", "ready"),
        (later.id, "dl-hall", "unknown"),
    ]
    assert [reason.code for reason in week[0].readiness.reasons] == ["device-unreachable"]
    assert first == week[:1]
