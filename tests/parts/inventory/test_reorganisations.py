"""A reorganisation is rehearsed, waits for its day in a row, and is applied then: once, and all of it or nothing."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select, text, update

from api.demo.agents import PROGRAMME
from inventory.access import INVENTORY_READ
from inventory.errors import BadReorganisation, ReorganisationOver
from inventory.following import Line, LinePage, Moved
from inventory.load import load_file
from inventory.models import OfficePeriodRow, OfficeRow, ReorganisationRow, UnitPeriodRow, UnitRow
from inventory.profiles import bundled_profiles
from inventory.reorganisations import (
    ReorganisationView,
    State,
    apply_due,
    cancel,
    lines,
    propose,
    rehearse,
    reorganisation_for,
    reorganisations,
    schedule,
)
from inventory.reorganise import Abolish, Create, Merge, Move, Operation, Rename, Split, way_up
from inventory.tree import below
from inventory.tree_changes import read_tree
from kernel.actors import Actor, Hold, Place, system
from kernel.audit import AuditEntryRow
from kernel.clock import FrozenClock
from kernel.db.transaction import Database, Transaction
from kernel.errors import BadInput, NotFound, Refused
from kernel.ids import new_id
from tests.builders.tree import offices_below

ACTOR = system("test")
TODAY, DAY = date(2026, 11, 24), date(2026, 12, 1)
MERGE = Merge(units=("la-da",), into="dong-giang")


@pytest.fixture(autouse=True)
async def loaded(database: Database) -> None:
    async with database.transaction() as tx:
        await load_file(PROGRAMME, ACTOR, tx, bundled_profiles())


class Bookings:
    """A follower that notes what it is told; one that `fails` breaks in the middle of the work."""

    kind = "bookings"

    def __init__(self, *, fails: bool = False) -> None:
        self.followed: list[Moved] = []
        self._fails = fails

    async def count(self, moved: Moved, tx: Transaction) -> int:
        return 2 * len(moved.offices)

    async def page(self, moved: Moved, tx: Transaction, *, limit: int, after: str | None) -> LinePage:
        return LinePage([Line("b1", "Giao ban")], None)

    async def follow(self, moved: Moved, actor: Actor, tx: Transaction) -> None:
        if self._fails:
            raise RuntimeError("the follower has a fault")
        self.followed.append(moved)


async def waiting(database: Database, *operations: Operation, day: date = DAY) -> ReorganisationView:
    async with database.transaction() as tx:
        made = await propose(ACTOR, tx, [Bookings()], title="Sắp xếp", day=day, operations=operations)
        return await schedule(ACTOR, tx, [Bookings()], made.id)


async def unit_of(database: Database, office: str, as_of: date) -> str | None:
    async with database.transaction() as tx:
        statement = (
            select(UnitRow.code)
            .join(OfficePeriodRow, OfficePeriodRow.unit_id == UnitRow.id)
            .join(OfficeRow, OfficeRow.id == OfficePeriodRow.office_id)
            .where(OfficeRow.code == office, OfficePeriodRow.valid.contains(as_of))
        )
        return await tx.session.scalar(statement)


async def read(database: Database, which: uuid.UUID) -> ReorganisationView:
    async with database.transaction() as tx:
        return await reorganisation_for(ACTOR, tx, which)


async def test_nothing_moves_before_the_day_and_all_of_it_on_it(database: Database, clock: FrozenClock) -> None:
    made = await waiting(database, MERGE)
    assert made.state == State.SCHEDULED
    assert made.due_at == datetime(2026, 11, 30, 17, tzinfo=UTC)  # midnight in Hà Nội
    assert await apply_due(database, []) is None
    clock.forward(made.due_at - clock.now() - timedelta(seconds=1))
    assert await apply_due(database, []) is None
    clock.forward(timedelta(seconds=1))
    applied = await apply_due(database, [Bookings()])
    assert applied is not None
    assert applied.state == State.APPLIED
    assert await apply_due(database, []) is None
    assert await unit_of(database, "ld", DAY - timedelta(days=1)) == "la-da"
    assert await unit_of(database, "ld", DAY) == "dong-giang"


async def test_the_rehearsal_says_what_then_happens(database: Database, clock: FrozenClock) -> None:
    made = await waiting(
        database,
        MERGE,
        Create(unit="thon-moi", name="Thôn Mới", level="village", parent="dong-giang"),
        Rename(unit="phan-son", name="Phường Phan Sơn"),
    )
    assert made.rehearsed.counts == {
        "units_created": 1, "units_changed": 1, "units_ended": 1,
        "offices": 1, "devices": 5, "grants": 0, "bookings": 2,
    }  # fmt: skip
    async with database.transaction() as tx:
        told = await lines(ACTOR, tx, [Bookings()], made.id, "offices")
        assert told.lines == [
            Line("ld", "Văn phòng Chương trình xã La Dạ", "Xã La Dạ, Lâm Đồng", "Xã Đông Giang, Lâm Đồng")
        ]
        assert [line.code for line in (await lines(ACTOR, tx, [], made.id, "devices", limit=2)).lines] == [
            "ld-ap1", "ld-mt1",
        ]  # fmt: skip
        assert (await lines(ACTOR, tx, [Bookings()], made.id, "bookings")).lines[0].name == "Giao ban"
        with pytest.raises(NotFound):
            await lines(ACTOR, tx, [], made.id, "elephants")
    clock.forward(timedelta(days=10))
    follower = Bookings()
    applied = await apply_due(database, [follower])
    assert applied is not None
    assert applied.applied == made.rehearsed
    assert len(follower.followed) == 1
    assert [len(heirs) for heirs in follower.followed[0].heirs.values()] == [1]
    async with database.transaction() as tx:
        tree = await read_tree(tx)
        assert way_up(tree.offices["ld"].unit, tree.units) == ("dong-giang", "lam-dong")
        with pytest.raises(ReorganisationOver):
            await lines(ACTOR, tx, [], made.id, "offices")


async def test_a_fault_in_the_middle_leaves_everything_as_it_was(database: Database, clock: FrozenClock) -> None:
    made = await waiting(database, MERGE)
    clock.forward(timedelta(days=10))
    with pytest.raises(RuntimeError, match="fault"):
        await apply_due(database, [Bookings(fails=True)])
    assert (await read(database, made.id)).state == State.SCHEDULED
    assert await unit_of(database, "ld", DAY) == "la-da"
    applied = await apply_due(database, [Bookings()])
    assert applied is not None
    assert applied.state == State.APPLIED


async def test_many_workers_apply_it_once(database: Database, clock: FrozenClock) -> None:
    await waiting(database, MERGE)
    await waiting(database, Rename(unit="dong-giang", name="Phường Đông Giang"), day=DAY + timedelta(days=1))
    clock.forward(timedelta(days=10))

    async def work() -> int:
        done = 0
        for _ in range(20):
            done += await apply_due(database, []) is not None
        return done

    assert sum(await asyncio.gather(*(work() for _ in range(4)))) == 2
    async with database.transaction() as tx:
        entries = await tx.session.scalars(
            select(AuditEntryRow.after).where(AuditEntryRow.action == "reorganisation.applied")
        )
        assert sorted(entry["day"] for entry in entries if entry) == ["2026-12-01", "2026-12-02"]


async def test_what_no_longer_fits_on_its_day_is_held_and_says_why(database: Database, clock: FrozenClock) -> None:
    made = await waiting(database, MERGE)
    clock.forward(timedelta(days=10))
    async with database.transaction() as tx:  # somebody went past us
        await tx.session.execute(text("UPDATE unit SET valid_to = '2026-11-30' WHERE code = 'dong-giang'"))
        await tx.session.execute(
            text(
                "UPDATE unit_period SET valid = daterange(lower(valid), '2026-11-30') "
                "WHERE unit_id = (SELECT id FROM unit WHERE code = 'dong-giang')"
            )
        )
    held = await apply_due(database, [])
    assert held is not None
    assert (held.id, held.state, held.why) == (made.id, State.HELD, ("dong-giang has ended on 2026-11-30",))
    assert await unit_of(database, "ld", DAY) == "la-da"
    assert await apply_due(database, []) is None


async def test_one_that_waits_is_rehearsed_on_what_those_before_it_leave(database: Database) -> None:
    await waiting(database, MERGE)
    later = DAY + timedelta(days=30)
    async with database.transaction() as tx:
        with pytest.raises(BadReorganisation, match="la-da has ended on 2026-12-01"):
            await rehearse(ACTOR, tx, [], day=later, operations=[Rename(unit="la-da", name="X")])
        found = await rehearse(ACTOR, tx, [], day=later, operations=[Move(unit="dong-giang", parent=None)])
        assert found.counts["offices"] == 2


async def test_one_that_comes_between_may_not_break_what_waits(database: Database) -> None:
    await waiting(database, MERGE)
    async with database.transaction() as tx:
        with pytest.raises(BadReorganisation, match="would not fit: la-da has ended") as caught:
            await propose(
                ACTOR, tx, [], title="Trước", day=TODAY, operations=[Merge(units=("la-da",), into="ham-thanh")]
            )
        assert caught.value.fields["count"] == 1


async def test_what_is_cancelled_never_happens(database: Database, clock: FrozenClock) -> None:
    made = await waiting(database, MERGE)
    async with database.transaction() as tx:
        await cancel(ACTOR, tx, made.id)
        with pytest.raises(ReorganisationOver):
            await schedule(ACTOR, tx, [], made.id)
    clock.forward(timedelta(days=10))
    assert await apply_due(database, []) is None
    assert (await read(database, made.id)).state == State.CANCELLED


async def test_a_day_that_is_over_is_applied_at_once(database: Database) -> None:
    await waiting(database, MERGE, day=date(2026, 1, 1))
    assert await apply_due(database, []) is not None
    assert await unit_of(database, "ld", date(2025, 12, 31)) == "la-da"
    assert await unit_of(database, "ld", date(2026, 1, 1)) == "dong-giang"
    async with database.transaction() as tx:
        with pytest.raises(BadReorganisation, match="la-da has ended on 2026-01-01"):
            await rehearse(ACTOR, tx, [], day=date(2025, 9, 1), operations=[Rename(unit="la-da", name="X")])


async def test_what_is_decided_last_for_a_day_holds_on_it(database: Database) -> None:
    day = date(2026, 1, 1)
    for name in ("Phường A", "Phường B"):
        await waiting(database, Rename(unit="phan-son", name=name), day=day)
        assert await apply_due(database, []) is not None
    await waiting(database, Merge(units=("phan-son",), into="song-luy"), day=day)
    assert await apply_due(database, []) is not None
    async with database.transaction() as tx:
        periods = await tx.session.execute(
            select(UnitPeriodRow.name, func.upper(UnitPeriodRow.valid))
            .join(UnitRow, UnitRow.id == UnitPeriodRow.unit_id)
            .where(UnitRow.code == "phan-son")
        )
        assert [tuple(row) for row in periods] == [("Xã Phan Sơn", day)]


async def test_the_file_of_before_does_not_undo_a_reorganisation(database: Database) -> None:
    day = date(2026, 1, 1)
    await waiting(database, MERGE, Rename(unit="phan-son", name="Phường Phan Sơn"), day=day)
    assert await apply_due(database, []) is not None
    async with database.transaction() as tx:
        report = await load_file(PROGRAMME, ACTOR, tx, bundled_profiles())
        assert (report.units, report.offices, report.devices) == (0, 0, 0)
    assert await unit_of(database, "ld", day) == "dong-giang"
    async with database.transaction() as tx:
        name = select(UnitPeriodRow.name).join(UnitRow, UnitRow.id == UnitPeriodRow.unit_id)
        now = name.where(UnitRow.code == "phan-son", func.upper_inf(UnitPeriodRow.valid))
        assert await tx.session.scalar(now) == "Phường Phan Sơn"


async def test_what_lies_below_follows_every_kind_of_operation(database: Database) -> None:
    day = date(2026, 1, 1)
    await waiting(
        database,
        Create(unit="binh-thuan-2", name="Bình Thuận", level="province"),
        Move(unit="phan-son", parent="binh-thuan-2"),
        Split(unit="nghi-duc", into=("nghi-duc", "bac-ruong"), units={"thon-ta-pua": "bac-ruong"}),
        Abolish(unit="thon-tien-dat", to="song-luy"),
        day=day,
    )
    assert await apply_due(database, []) is not None
    async with database.transaction() as tx:
        ids = {row.code: row.id for row in await tx.session.execute(select(UnitRow.code, UnitRow.id))}

        async def units_below(code: str, as_of: date) -> set[str]:
            asked = select(UnitRow.code).where(UnitRow.id.in_(below([ids[code]], as_of)))
            return set(await tx.session.scalars(asked))

        async def of_offices(code: str, as_of: date) -> set[str]:
            asked = select(OfficeRow.code).where(OfficeRow.id.in_(offices_below([ids[code]], as_of)))
            return set(await tx.session.scalars(asked))

        assert await units_below("binh-thuan-2", day) == {"binh-thuan-2", "phan-son", "thon-bon-thop"}
        assert "phan-son" in await units_below("lam-dong", day - timedelta(days=1))
        assert "phan-son" not in await units_below("lam-dong", day)
        assert await units_below("bac-ruong", day) == {"bac-ruong", "thon-ta-pua"}
        assert await of_offices("song-luy", day) == {"sl", "td"}
        assert await of_offices("bac-ruong", day) == {"br", "pu"}
        assert await units_below("thon-tien-dat", day) == set()


async def test_who_may_not_change_the_whole_tree_changes_nothing_of_it(database: Database) -> None:
    nobody = Actor(id=new_id(), name="nobody")
    made = await waiting(database, MERGE)
    async with database.transaction() as tx:
        for ask in (
            propose(nobody, tx, [], title="X", day=DAY, operations=[MERGE]),
            rehearse(nobody, tx, [], day=DAY, operations=[MERGE]),
            schedule(nobody, tx, [], made.id),
            cancel(nobody, tx, made.id),
            lines(nobody, tx, [], made.id, "offices"),
            reorganisations(nobody, tx),
        ):
            with pytest.raises(Refused):
                await ask


async def test_who_sees_a_part_of_the_tree_sees_of_a_reorganisation_only_that_it_is(database: Database) -> None:
    made = await waiting(database, MERGE)
    hold = Hold("official", frozenset({INVENTORY_READ}), (Place(new_id()),))
    official = Actor(id=new_id(), name="canbo", holds=(hold,))
    async with database.transaction() as tx:
        seen = await reorganisation_for(official, tx, made.id)
        assert (seen.title, seen.day, seen.state) == (made.title, made.day, made.state)
        assert (seen.operations, dict(seen.rehearsed.counts), seen.made_by) == ((), {}, "")
        assert (await reorganisations(official, tx)).reorganisations == [seen]


@pytest.mark.parametrize(
    ("title", "day"), [("", DAY), ("x" * 201, DAY), ("X", date(1900, 1, 1)), ("X", date(9999, 1, 1))]
)
async def test_nonsense_is_refused(database: Database, title: str, day: date) -> None:
    async with database.transaction() as tx:
        with pytest.raises(BadInput):
            await propose(ACTOR, tx, [], title=title, day=day, operations=[MERGE])


async def test_pages_of_reorganisations_bring_each_once_the_latest_day_first(database: Database) -> None:
    names: Sequence[str] = [f"Tên {number}" for number in range(5)]
    for number, name in enumerate(names):
        await waiting(database, Rename(unit="phan-son", name=name), day=DAY + timedelta(days=number))
    seen: list[str] = []
    after: str | None = None
    async with database.transaction() as tx:
        while True:
            page = await reorganisations(ACTOR, tx, limit=2, after=after)
            seen += [str(one.day) for one in page.reorganisations]
            if (after := page.next_cursor) is None:
                break
        with pytest.raises(BadInput):
            await reorganisations(ACTOR, tx, after="nonsense")
        count = await tx.session.scalar(select(func.count()).select_from(ReorganisationRow))
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == count == 5


async def test_no_two_periods_of_an_office_overlap_whoever_writes_them(database: Database) -> None:
    async with database.transaction() as tx:
        overlap = update(OfficePeriodRow).values(valid=func.daterange(None, None))
        await tx.session.execute(overlap)  # one each: allowed
        with pytest.raises(Exception, match="office_period_no_overlap"):
            await tx.session.execute(
                text(
                    "INSERT INTO office_period (id, office_id, valid, unit_id) "
                    "SELECT gen_random_uuid(), office_id, valid, unit_id FROM office_period"
                )
            )
        await tx.session.rollback()


async def test_a_worker_that_is_killed_in_the_middle_has_done_nothing(database: Database, url: str) -> None:
    made = await waiting(database, MERGE, day=date(2026, 1, 1))

    async def worker(*arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.parts.inventory.reorganise_process", url, *arguments,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def said(process: asyncio.subprocess.Process) -> str:
        assert process.stdout
        lines = [line async for line in process.stdout]
        return lines[-1].decode().strip()

    for _ in range(2):
        killed = await worker("120")
        assert killed.stdout
        async for line in killed.stdout:
            if line == b"in the middle\n":
                break
        other = await worker()
        assert await said(other) == "nothing", "while one works, another leaves it alone"
        await other.wait()
        killed.kill()
        await killed.wait()
        assert (await read(database, made.id)).state == State.SCHEDULED
        assert await unit_of(database, "ld", DAY) == "la-da"

    async def until_free() -> str:
        while (answer := await said(await worker())) == "nothing":  # the server notices a dead client when it writes
            await asyncio.sleep(0.2)
        return answer

    assert await asyncio.wait_for(until_free(), 90) == "applied"
    assert await unit_of(database, "ld", DAY) == "dong-giang"
    async with database.transaction() as tx:
        entries = select(func.count()).where(AuditEntryRow.action == "reorganisation.applied")
        assert await tx.session.scalar(entries) == 1
