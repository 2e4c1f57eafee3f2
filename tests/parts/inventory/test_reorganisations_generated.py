"""Whatever is reorganised, in whatever order, the database tells on every day what a simple model tells.

The model is a list of what is where since when, kept by hand; it shares nothing with the planner.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select, text

from inventory.ancestry import renew
from inventory.errors import BadReorganisation
from inventory.models import UnitRow
from inventory.reorganisations import State, apply_due, propose, schedule
from inventory.reorganise import Abolish, Create, Merge, Move, Operation, Rename, Split
from inventory.tree import below
from kernel.actors import system
from kernel.clock import FrozenClock
from kernel.db.engine import connect
from kernel.db.transaction import Database
from kernel.work.dbos import DbosQueue
from tests.builders.tree import offices_below
from tests.real.postgres import DebianPostgres

T = TypeVar("T")
ACTOR = system("test")
BEGIN = date(2020, 1, 1)
NUMBERS = itertools.count(1)

SET_UP = """
INSERT INTO unit (id, code, level, valid_from) VALUES
    (gen_random_uuid(), 'p1', 'province', '2020-01-01'), (gen_random_uuid(), 'p2', 'province', '2020-01-01'),
    (gen_random_uuid(), 'c1', 'commune', '2020-01-01'), (gen_random_uuid(), 'c2', 'commune', '2020-01-01'),
    (gen_random_uuid(), 'c3', 'commune', '2020-01-01'), (gen_random_uuid(), 'v1', 'village', '2020-01-01');
INSERT INTO unit_period (id, unit_id, valid, name, name_en, name_sort, parent_id)
    SELECT gen_random_uuid(), unit.id, daterange('2020-01-01', NULL), unit.code, unit.code, unit.code, parent.id
    FROM unit LEFT JOIN unit AS parent ON parent.code = CASE unit.code
        WHEN 'c1' THEN 'p1' WHEN 'c2' THEN 'p1' WHEN 'c3' THEN 'p2' WHEN 'v1' THEN 'c1' END;
INSERT INTO office (id, code, name, name_sort, unit_id, address)
    SELECT gen_random_uuid(), 'o-' || code || number, code, code, id, '' FROM unit, generate_series(1, 2) AS number;
INSERT INTO office_period (id, office_id, valid, unit_id)
    SELECT gen_random_uuid(), id, daterange('2020-01-01', NULL), unit_id FROM office;
"""


@dataclass
class Model:
    """Unit -> when it begins and ends, its parent since each day; office -> its unit since each day."""

    lives: dict[str, tuple[date, date | None]] = field(default_factory=dict)
    parents: dict[str, list[tuple[date, str | None]]] = field(default_factory=dict)
    offices: dict[str, list[tuple[date, str]]] = field(default_factory=dict)

    def on(self, unit: str, day: date) -> bool:
        begin, end = self.lives[unit]
        return begin <= day and (end is None or day < end)

    def parent(self, unit: str, day: date) -> str | None:
        return [parent for since, parent in self.parents[unit] if since <= day][-1]

    def unit(self, office: str, day: date) -> str:
        return [unit for since, unit in self.offices[office] if since <= day][-1]

    def way(self, unit: str, day: date) -> Iterator[str]:
        at: str | None = unit
        while at is not None:
            yield at
            at = self.parent(at, day)

    def put(self, unit: str, parent: str | None, day: date) -> None:
        if self.parent(unit, day) != parent:
            self.parents[unit].append((day, parent))

    def settle(self, office: str, unit: str, day: date) -> None:
        if self.unit(office, day) != unit:
            self.offices[office].append((day, unit))

    def end(self, unit: str, takers: list[str], day: date, parts: dict[str, str] | None = None) -> None:
        """Let a unit end. Takers below it come up; the first gets what is in it, but offices go as `parts` says."""
        for child in self.lives:
            if takers and self.on(child, day) and self.parent(child, day) == unit:
                self.put(child, self.parent(unit, day) if child in takers else takers[0], day)
        for office in self.offices:
            if takers and self.unit(office, day) == unit:
                self.settle(office, (parts or {}).get(office, takers[0]), day)
        self.lives[unit] = (self.lives[unit][0], day)


class Reorganisations(RuleBasedStateMachine):
    """Reorganisations of one operation, each on a later day; refused ones change nothing."""

    server: DebianPostgres
    template: str
    loop: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        url = self.server.new_database(f"generated{next(NUMBERS)}", self.template)
        self.clock = FrozenClock(datetime(2020, 1, 2, tzinfo=UTC))
        self.queue = DbosQueue(url)
        self.engine = connect(url, process="test")
        self.database = Database(self.engine, self.clock, self.queue)
        self.model = Model()
        self.new = itertools.count(1)
        self.days = [BEGIN]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(work)

    def teardown(self) -> None:
        self.run(self.database.close())
        self.queue.close()

    @initialize()
    def set_up(self) -> None:
        async def work() -> None:
            async with self.database.transaction() as tx:
                for statement in SET_UP.split(";")[:-1]:
                    await tx.session.execute(text(statement))
                await renew(tx)

        self.run(work())
        parents = {"p1": None, "p2": None, "c1": "p1", "c2": "p1", "c3": "p2", "v1": "c1"}
        for unit, parent in parents.items():
            self.model.lives[unit] = (BEGIN, None)
            self.model.parents[unit] = [(BEGIN, parent)]
            for number in (1, 2):
                self.model.offices[f"o-{unit}{number}"] = [(BEGIN, unit)]

    def done(self, *operations: Operation) -> date | None:
        """Reorganise today; return the day, or None if it was refused."""
        self.clock.forward(timedelta(days=1))
        day = self.clock.now().date()

        async def work() -> date | None:
            try:
                async with self.database.transaction() as tx:
                    made = await propose(ACTOR, tx, [], title="X", day=day, operations=operations)
                    await schedule(ACTOR, tx, [], made.id)
            except BadReorganisation:
                return None
            applied = await apply_due(self.database, [])
            assert applied is not None
            assert applied.state == State.APPLIED
            assert applied.applied == made.rehearsed
            return day

        if (was := self.run(work())) is not None:
            self.days.append(was)
        return was

    def pick(self, data: st.DataObject) -> str:
        """Return a unit; mostly one that lasts."""
        return data.draw(st.sampled_from(sorted(self.model.lives)))

    @rule(data=st.data(), level=st.sampled_from(["province", "commune", "village"]))
    def create(self, data: st.DataObject, level: str) -> None:
        parent = None if level == "province" else self.pick(data)
        code = f"n{next(self.new)}"
        day = self.done(Create(unit=code, name=code, level=level, parent=parent))
        if day is not None:
            self.model.lives[code] = (day, None)
            self.model.parents[code] = [(day, parent)]

    @rule(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        self.done(Rename(unit=self.pick(data), name="Khác"))

    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        unit, parent = self.pick(data), self.pick(data)
        day = self.done(Move(unit=unit, parent=parent))
        if day is not None:
            self.model.put(unit, parent, day)

    @rule(data=st.data())
    def merge(self, data: st.DataObject) -> None:
        units, into = [self.pick(data), self.pick(data)], self.pick(data)
        day = self.done(Merge(units=tuple(units), into=into))
        if day is not None:
            for unit in units:
                if unit != into:
                    self.model.end(unit, [into], day)

    @rule(data=st.data())
    def split(self, data: st.DataObject) -> None:
        unit, one, other = self.pick(data), self.pick(data), self.pick(data)
        there = sorted(office for office in self.model.offices if self.model.unit(office, date.max) == unit)
        parts = {office: data.draw(st.sampled_from([one, other])) for office in there[::2]}
        day = self.done(Split(unit=unit, into=(one, other), offices=parts, rest=one))
        if day is None:
            return
        if unit not in {one, other}:
            self.model.end(unit, [one, other], day, parts)
            return
        for child in list(self.model.lives):
            if unit == other and child != one and self.model.on(child, day) and self.model.parent(child, day) == unit:
                self.model.put(child, one, day)
        for office in there:
            self.model.settle(office, parts.get(office, one), day)

    @rule(data=st.data(), hand_over=st.booleans())
    def abolish(self, data: st.DataObject, hand_over: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        unit = self.pick(data)
        to = self.pick(data) if hand_over else None
        day = self.done(Abolish(unit=unit, to=to))
        if day is not None:
            self.model.end(unit, [to] if to else [], day)

    @invariant()
    def the_database_tells_what_the_model_tells(self) -> None:
        if not self.model.lives:
            return
        days = {day + timedelta(days=more) for day in self.days[-3:] for more in (-1, 0)} | {BEGIN, date(2099, 1, 1)}
        for day in sorted(day for day in days if day >= BEGIN):
            assert self.run(self.told(day)) == self.modelled(day)

    def modelled(self, day: date) -> dict[str, object]:
        alive = [unit for unit in self.model.lives if self.model.on(unit, day)]
        places = {office: self.model.unit(office, day) for office in self.model.offices}
        return {
            "places": sorted(places.items()),
            "below": {top: sorted(unit for unit in alive if top in self.model.way(unit, day)) for top in sorted(alive)},
            "offices": {
                top: sorted(office for office, unit in places.items() if top in self.model.way(unit, day))
                for top in sorted(alive)
            },
        }

    async def told(self, day: date) -> dict[str, object]:
        async with self.database.transaction() as tx:
            placed = await tx.session.execute(
                text(
                    "SELECT office.code, unit.code FROM office_period AS period"
                    " JOIN office ON office.id = office_id JOIN unit ON unit.id = period.unit_id"
                    " JOIN unit_period AS named ON named.unit_id = unit.id AND named.valid @> :day"
                    " WHERE period.valid @> :day ORDER BY 1"
                ),
                {"day": day},
            )
            ids = {
                row.code: row.id
                for row in await tx.session.execute(
                    select(UnitRow.code, UnitRow.id)
                    .where(UnitRow.id.in_(below(select(UnitRow.id), day)))
                    .order_by(UnitRow.code)
                )
            }
            codes = {unit: code for code, unit in ids.items()}
            offices = {row[0]: row[1] for row in await tx.session.execute(text("SELECT id, code FROM office"))}
            return {
                "places": [tuple(row) for row in placed],
                "below": {
                    code: sorted(codes[unit] for unit in await tx.session.scalars(below([unit], day)))
                    for code, unit in ids.items()
                },
                "offices": {
                    code: sorted(offices[one] for one in await tx.session.scalars(offices_below([unit], day)))
                    for code, unit in ids.items()
                },
            }


@pytest.mark.timeout(600)
def test_random_reorganisations_agree_with_a_simple_model(server: DebianPostgres, migrated: str) -> None:
    with asyncio.Runner() as loop:
        Reorganisations.server, Reorganisations.template, Reorganisations.loop = server, migrated, loop
        run_state_machine_as_test(
            Reorganisations,
            settings=settings(
                max_examples=8,
                stateful_step_count=10,
                deadline=None,
                database=None,
                phases=[Phase.generate],  # to shrink a case means minutes of databases; the model tells what differs
                suppress_health_check=list(HealthCheck),
            ),
        )
