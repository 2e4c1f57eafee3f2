"""Booking, holding, changing, splitting, cancelling, coming in and time going by in any order.

Nothing that was cancelled comes back, no orphan holds a room, no change does other than its rehearsal said, and the
counts agree with a model that keeps nothing but dictionaries.
"""

# ruff: noqa: DTZ001 - rules live in local time

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from api.demo.agents import PROGRAMME, ROOMS
from inventory.public import bundled_profiles, load_file
from kernel.actors import system
from kernel.clock import FrozenClock
from kernel.db.engine import connect
from kernel.db.transaction import Database, Transaction
from kernel.errors import BadInput, Conflict, NotFound
from kernel.work.dbos import DbosQueue
from meetings.extend import behind, extend
from meetings.hold import end_holds
from meetings.keep_rooms import give_back
from meetings.public import (
    BookingRequest,
    Change,
    ChangeReport,
    SeriesRequest,
    book,
    book_series,
    cancel,
    cancel_following,
    change,
    check_in,
    confirm,
    load_rooms,
    meeting_for,
    meetings_of_series,
)
from tests.parts.meetings.conftest import NINE, NOW, OFFICIAL

T = TypeVar("T")
EXAMPLES = 12
STEPS = 12
LOSSES = (Conflict, BadInput, NotFound)
"""What may be refused; anything else is a fault."""

rooms = st.lists(st.sampled_from(["ps-room", "sl-room", "dk-room"]), min_size=1, max_size=2, unique=True).map(tuple)
shifts = st.sampled_from([-24, -1, 1, 2, 24, 48]).map(lambda hours: timedelta(hours=hours))
FAULTS = """
SELECT
    (SELECT count(*) FROM reservation a JOIN reservation b ON a.room_id = b.room_id AND a.meeting_id < b.meeting_id
        AND a.during && b.during WHERE a.state IN (1, 2) AND b.state IN (1, 2)) AS overlaps,
    (SELECT count(*) FROM reservation r JOIN meeting m ON m.id = r.meeting_id WHERE r.state IN (1, 2)
        AND (m.state <> 'booked' OR r.during <> tstzrange(m.starts_at, m.ends_at))) AS orphans,
    (SELECT count(*) FROM meeting m WHERE m.state = 'booked'
        AND NOT EXISTS (SELECT FROM reservation r WHERE r.meeting_id = m.id)) AS homeless,
    (SELECT count(*) FROM meeting m WHERE m.state = 'booked' AND m.held_until <= :now) AS holds_over,
    (SELECT count(*) FROM reservation r JOIN meeting m ON m.id = r.meeting_id JOIN room ON room.id = r.room_id
        WHERE r.state = 2 AND r.checked_in_at IS NULL AND room.release_min > 0 AND m.ends_at > :now
        AND m.starts_at + make_interval(mins => room.release_min) <= :now) AS kept_by_nobody,
    (SELECT count(*) FROM due_check d JOIN meeting m ON m.id = d.meeting_id WHERE m.state <> 'booked') AS idle_checks
"""


class Parts:
    """A database with the example programme, a clock that is moved by hand, and a loop to ask them on."""

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        self.run = runner.run
        self.queue, self.clock = DbosQueue(url), FrozenClock(NOW)
        self.database = Database(connect(url, process="test"), self.clock, self.queue)

        async def load(tx: Transaction) -> None:
            await load_file(PROGRAMME, system("test"), tx, bundled_profiles())
            await load_rooms(ROOMS, system("test"), tx)
            await tx.session.execute(text("UPDATE room SET release_min = 10 WHERE code = 'ps-room'"))

        self.do(load)

    def do(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        async def in_transaction() -> T:
            async with self.database.transaction() as tx:
                return await work(tx)

        return self.run(in_transaction())

    def close(self) -> None:
        self.run(self.database.close())
        self.queue.close()


class Meetings(RuleBasedStateMachine):
    """All that somebody may do, and what has to hold after each step."""

    parts: Parts

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[uuid.UUID, str] = {}
        self.holds: dict[uuid.UUID, datetime] = {}
        tables = "meeting, reservation, due_check, series, series_room, readiness, conference, occupant"
        self.parts.do(lambda tx: tx.session.execute(text(f"TRUNCATE {tables} CASCADE")))
        self.parts.clock.forward(NOW - self.parts.clock.now())

    def booked(self) -> list[uuid.UUID]:
        return [meeting for meeting, state in self.states.items() if state == "booked"]

    @rule(wanted=rooms, hours=st.integers(0, 60))
    def book_one(self, wanted: tuple[str, ...], hours: int) -> None:
        begin = NINE + timedelta(hours=hours)
        request = BookingRequest("Một", wanted, begin, begin + timedelta(hours=1))
        try:
            self.states[self.parts.do(lambda tx: book(request, OFFICIAL, tx)).id] = "booked"
        except LOSSES:
            return

    @rule(
        wanted=rooms,
        days=st.integers(1, 9),
        often=st.sampled_from(["DAILY", "WEEKLY"]),
        count=st.integers(1, 6),
    )
    def book_many(self, wanted: tuple[str, ...], days: int, often: str, count: int) -> None:
        first = datetime(2026, 11, 25, 9) + timedelta(days=days)
        request = SeriesRequest("Chuỗi", wanted, f"FREQ={often};COUNT={count}", first, "Asia/Ho_Chi_Minh", 60)
        try:
            series = self.parts.do(lambda tx: book_series(request, OFFICIAL, tx))
        except LOSSES:
            return
        for meeting in self.parts.do(lambda tx: meetings_of_series(OFFICIAL, series.id, tx)):
            self.states[meeting.id] = "booked"
        assert series.meetings == count

    @rule(wanted=rooms, ahead=st.integers(1, 60), keep=st.integers(0, 40))
    def hold_one(self, wanted: tuple[str, ...], ahead: int, keep: int) -> None:
        now = self.parts.clock.now()
        begin, until = now + timedelta(hours=ahead), now + timedelta(hours=keep)
        request = BookingRequest("Giữ", wanted, begin, begin + timedelta(hours=1), hold_until=until)
        try:
            meeting = self.parts.do(lambda tx: book(request, OFFICIAL, tx))
        except LOSSES:
            return
        self.states[meeting.id], self.holds[meeting.id] = "booked", until

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def confirm_one(self, data: st.DataObject) -> None:
        meeting = data.draw(st.sampled_from(list(self.holds)))
        try:
            self.parts.do(lambda tx: confirm(OFFICIAL, meeting, tx))
        except LOSSES:
            assert self.states[meeting] == "cancelled"
        else:
            assert self.holds.pop(meeting) > self.parts.clock.now()

    @precondition(lambda self: self.booked())
    @rule(data=st.data())
    def come_in(self, data: st.DataObject) -> None:
        meeting = data.draw(st.sampled_from(self.booked()))
        try:
            self.parts.do(lambda tx: check_in(OFFICIAL, meeting, "ps-room", tx))
        except LOSSES:
            return

    @precondition(lambda self: self.booked())
    @rule(data=st.data())
    def cancel_one(self, data: st.DataObject) -> None:
        meeting = data.draw(st.sampled_from(self.booked()))
        try:
            self.parts.do(lambda tx: cancel(OFFICIAL, meeting, tx))
            self.states[meeting] = "cancelled"
        except LOSSES:
            return

    @precondition(lambda self: self.booked())
    @rule(data=st.data())
    def cancel_rest(self, data: st.DataObject) -> None:
        meeting = data.draw(st.sampled_from(self.booked()))
        try:
            gone = self.parts.do(lambda tx: cancel_following(OFFICIAL, meeting, tx))
        except LOSSES:
            return
        assert meeting in gone
        self.states.update(dict.fromkeys(gone, "cancelled"))

    @precondition(lambda self: self.booked())
    @rule(data=st.data(), by=shifts, following=st.booleans(), drop=st.booleans())
    def move(self, data: st.DataObject, by: timedelta, *, following: bool, drop: bool) -> None:
        meeting = data.draw(st.sampled_from(self.booked()))
        seen = self.parts.do(lambda tx: meeting_for(OFFICIAL, meeting, tx))
        dropped = (seen.rooms[0].code,) if drop and len(seen.rooms) > 1 else ()
        wanted = Change(starts_at=seen.starts_at + by, drop=dropped)
        told: list[object] = []
        for rehearse in (True, False):

            def work(tx: Transaction, *, rehearse: bool = rehearse) -> Awaitable[ChangeReport]:
                return change(meeting, wanted, OFFICIAL, tx, following=following, rehearse=rehearse)

            try:
                told.append(self.parts.do(work))
            except LOSSES as error:
                told.append(type(error))
        assert told[0] == told[1]
        if meeting in self.holds and isinstance(told[1], ChangeReport):
            self.holds[meeting] = min(self.holds[meeting], seen.starts_at + by - timedelta(minutes=30))
            self.rooms_are_given_back()

    @rule(by=st.sampled_from([timedelta(minutes=30), timedelta(hours=3), timedelta(days=1), timedelta(days=8)]))
    def time_goes_by(self, by: timedelta) -> None:
        self.parts.clock.forward(by)
        self.rooms_are_given_back()
        for series in self.parts.run(behind(self.parts.database)):
            assert self.parts.run(extend(self.parts.database, series)) == 0, "every series here has its end"

    def rooms_are_given_back(self) -> None:
        """Do what the worker does all the time."""
        while self.parts.run(give_back(self.parts.database)) or self.parts.run(end_holds(self.parts.database)):
            continue
        for meeting, until in self.holds.items():
            if until <= self.parts.clock.now():
                self.states[meeting] = "cancelled"

    @invariant()
    def all_is_well(self) -> None:
        now = {"now": self.parts.clock.now()}
        faults = self.parts.do(lambda tx: tx.session.execute(text(FAULTS), now)).one()
        assert faults._asdict() == dict.fromkeys(faults._fields, 0)
        rows = self.parts.do(lambda tx: tx.session.execute(text("SELECT id, state FROM meeting")))
        assert {row.id: row.state for row in rows} == self.states


def test_nothing_cancelled_comes_back_and_no_orphan_holds_a_room_in_any_order_of_steps(url: str) -> None:
    with asyncio.Runner() as runner:
        parts = Parts(url, runner)
        try:
            run_state_machine_as_test(
                type("OnThese", (Meetings,), {"parts": parts}),
                settings=settings(
                    max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )  # fmt: skip
        finally:
            parts.close()
