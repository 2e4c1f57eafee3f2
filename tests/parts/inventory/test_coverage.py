"""What is known of communes and villages: on any day, through mergers, and counted so that it adds up."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from inventory.access import INVENTORY_CHANGE, INVENTORY_READ
from inventory.ancestry import renew
from inventory.coverage import record_fact
from inventory.coverage_queries import (
    CoverageSum,
    CoverageWish,
    UnitCoverage,
    coverage_of,
    coverage_on,
    coverage_sums,
    facts_over_time,
    summed,
)
from inventory.errors import ChangedMeanwhile
from inventory.facts import FactWish
from inventory.load import load_file
from inventory.profiles import bundled_profiles
from inventory.reorganisations import apply_due, propose, schedule
from inventory.reorganise import Merge
from kernel.actors import Actor, Hold, Place, system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.errors import BadInput, NotFound, Refused
from kernel.ids import new_id

ACTOR = system("test")
MERGED = date(2025, 7, 1)
TREE = """\
version: 1
units:
  binh-thuan: {name: Tỉnh Bình Thuận, level: province, valid_from: 1992-04-01, valid_to: 2025-07-01,
    successors: [lam-dong]}
  lam-dong: {name: Tỉnh Lâm Đồng, level: province, valid_from: 1976-02-01}
  phan-son-cu: {name: Xã Phan Sơn cũ, level: commune, parent: binh-thuan, valid_from: 1992-04-01, valid_to: 2025-07-01,
    successors: [phan-son]}
  phan-lam: {name: Xã Phan Lâm, level: commune, parent: binh-thuan, valid_from: 1992-04-01, valid_to: 2025-07-01,
    successors: [phan-son]}
  phan-son: {name: Xã Phan Sơn, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  la-da: {name: Xã La Dạ, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  dong-giang: {name: Xã Đông Giang, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  bon-thop: {name: Thôn Bon Thớp, level: village, parent: phan-son, valid_from: 2025-07-01}
"""


@pytest.fixture(autouse=True)
async def country(database: Database, tmp_path: Path) -> None:
    (tmp_path / "tree.yaml").write_text(TREE, encoding="utf-8")
    async with database.transaction() as tx:
        await load_file(tmp_path / "tree.yaml", ACTOR, tx, bundled_profiles())


async def say(
    database: Database,
    unit: str,
    kind: str,
    *value: str,
    on: date,
    until: date | None = None,
    by: Actor = ACTOR,
    source: str = "Báo cáo xã",
) -> UnitCoverage:
    async with database.transaction() as tx:
        return await record_fact(by, tx, unit, FactWish(kind, value, on, source, until=until), lambda _: True)


async def known(database: Database, unit: str, kind: str, on: date | None = None) -> tuple[str, ...]:
    async with database.transaction() as tx:
        fact = (await coverage_of(ACTOR, tx, unit, as_of=on)).fact(kind)
        return () if fact is None else fact.value


async def sums(database: Database, level: str, unit: str | None = None, on: date | None = None) -> list[CoverageSum]:
    async with database.transaction() as tx:
        return await coverage_sums(ACTOR, tx, level=level, unit=unit, as_of=on)


async def test_a_village_without_office_or_device_has_its_facts_on_any_day(database: Database) -> None:
    await say(database, "bon-thop", "connectivity", "none", on=date(2025, 8, 1))
    await say(database, "bon-thop", "connectivity", "4g", "2g", "satellite", on=date(2026, 3, 1))
    assert await known(database, "bon-thop", "connectivity", date(2025, 7, 31)) == ()
    assert await known(database, "bon-thop", "connectivity", date(2026, 2, 28)) == ("none",)
    assert await known(database, "bon-thop", "connectivity") == ("2g", "4g", "satellite")


async def test_a_status_ends_with_its_decision(database: Database) -> None:
    await say(database, "la-da", "disadvantaged", "area-3", on=date(2025, 7, 1), until=date(2026, 1, 1))
    assert await known(database, "la-da", "disadvantaged", date(2025, 12, 31)) == ("area-3",)
    assert await known(database, "la-da", "disadvantaged", date(2026, 1, 1)) == ("none",)


async def test_a_merged_unit_has_what_its_predecessors_had_until_something_new_is_known(database: Database) -> None:
    before = date(2024, 5, 1)
    await say(database, "phan-son-cu", "connectivity", "4g", "fibre", on=before)
    await say(database, "phan-lam", "connectivity", "none", on=before)
    await say(database, "phan-son-cu", "electricity", "whole", on=before)
    await say(database, "phan-lam", "electricity", "part", on=before)
    await say(database, "phan-lam", "disadvantaged", "area-3", on=before)
    async with database.transaction() as tx:
        merged = await coverage_of(ACTOR, tx, "phan-son")
    assert [(fact.kind, fact.value, fact.inherited, fact.unknown) for fact in merged.facts] == [
        ("connectivity", ("4g", "fibre"), True, 0),
        ("electricity", ("part",), True, 0),
        ("disadvantaged", ("area-3",), True, 1),
    ]
    await say(database, "phan-son", "electricity", "whole", on=date(2026, 2, 1))
    assert await known(database, "phan-son", "electricity", date(2026, 1, 31)) == ("part",)
    assert await known(database, "phan-son", "electricity") == ("whole",)
    assert await known(database, "phan-lam", "electricity", date(2024, 6, 1)) == ("part",), "the past stays"


async def test_one_that_lasts_and_takes_another_in_has_both(database: Database, clock: FrozenClock) -> None:
    await say(database, "dong-giang", "connectivity", "2g", on=date(2026, 1, 1))
    await say(database, "la-da", "connectivity", "5g", on=date(2026, 1, 1))
    day = date(2026, 11, 24)
    async with database.transaction() as tx:
        merge = Merge(units=("la-da",), into="dong-giang")
        made = await propose(ACTOR, tx, [], title="Sắp xếp", day=day, operations=[merge])
        await schedule(ACTOR, tx, [], made.id)
    assert await apply_due(database, []) is not None
    assert await known(database, "dong-giang", "connectivity", date(2026, 11, 23)) == ("2g",)
    assert await known(database, "dong-giang", "connectivity") == ("2g", "5g")
    await say(database, "dong-giang", "connectivity", "5g", on=day)
    assert await known(database, "dong-giang", "connectivity") == ("5g",)


async def test_the_sums_add_up_with_what_nobody_knows_counted_as_that(database: Database) -> None:
    await say(database, "phan-lam", "connectivity", "none", on=date(2024, 5, 1))
    await say(database, "la-da", "connectivity", "4g", "fibre", on=date(2025, 8, 1))
    await say(database, "la-da", "electricity", "whole", on=date(2025, 8, 1))
    now, then = await sums(database, "commune"), await sums(database, "commune", on=date(2025, 6, 30))
    assert [(one.unit, one.total) for one in now] == [("lam-dong", 3)]
    counts = now[0].counts["connectivity"]
    assert (counts["none"], counts["some"], counts["unknown"]) == (1, 1, 1)
    assert (counts["4g"], counts["fibre"], counts["5g"]) == (1, 1, 0)
    assert sum(now[0].counts["electricity"].values()) == now[0].total
    assert sum(now[0].counts["disadvantaged"].values()) == now[0].total
    assert [(one.unit, one.total, one.counts["connectivity"]["none"]) for one in then] == [("binh-thuan", 2, 1)]
    below = await sums(database, "commune", "lam-dong")
    assert summed(below).counts == summed(now).counts, "cut more finely, the same sum"
    assert [one.unit for one in await sums(database, "commune", "la-da")] == [None], "it lies in none below it"
    assert await sums(database, "no-such-level") == []


async def test_the_list_finds_what_is_missing(database: Database) -> None:
    await say(database, "la-da", "connectivity", "4g", on=date(2025, 8, 1))
    await say(database, "phan-lam", "connectivity", "none", on=date(2024, 5, 1))

    async def found(value: str) -> list[str]:
        wish = CoverageWish(level="commune", kind="connectivity", value=value)
        async with database.transaction() as tx:
            return [one.code for one in (await coverage_on(ACTOR, tx, wish)).units]

    assert await found("unknown") == ["dong-giang"]
    assert await found("none") == ["phan-son"]
    assert await found("some") == ["la-da"]
    async with database.transaction() as tx:
        first = await coverage_on(ACTOR, tx, CoverageWish(unit="lam-dong"), limit=2)
        rest = await coverage_on(ACTOR, tx, CoverageWish(unit="lam-dong"), limit=9, after=first.next_cursor)
    codes = [one.code for one in (*first.units, *rest.units)]
    assert codes == ["bon-thop", "dong-giang", "la-da", "lam-dong", "phan-son"]
    assert rest.next_cursor is None


@pytest.mark.parametrize(
    ("unit", "wish"),
    [
        ("la-da", FactWish("colour", ("red",), MERGED, "x")),
        ("la-da", FactWish("connectivity", (), MERGED, "x")),
        ("la-da", FactWish("connectivity", ("6g",), MERGED, "x")),
        ("la-da", FactWish("connectivity", ("none", "4g"), MERGED, "x")),
        ("la-da", FactWish("electricity", ("part", "whole"), MERGED, "x")),
        ("la-da", FactWish("electricity", ("part",), MERGED, "  ")),
        ("la-da", FactWish("electricity", ("part",), MERGED, "x" * 201)),
        ("la-da", FactWish("electricity", ("part",), MERGED, "x", until=date(2027, 1, 1))),
        ("la-da", FactWish("electricity", ("part",), date(2027, 1, 1), "x")),
        ("la-da", FactWish("disadvantaged", ("area-1",), MERGED, "x", until=MERGED)),
        ("la-da", FactWish("electricity", ("part",), date(2025, 6, 30), "x")),
        ("phan-lam", FactWish("electricity", ("part",), MERGED, "x")),
    ],
)
async def test_nonsense_is_refused(database: Database, unit: str, wish: FactWish) -> None:
    with pytest.raises(BadInput):
        async with database.transaction() as tx:
            await record_fact(ACTOR, tx, unit, wish, lambda _: True)


async def test_no_edit_is_lost_and_a_correction_is_on_record(database: Database) -> None:
    seen = await say(database, "la-da", "electricity", "part", on=MERGED)
    await say(database, "la-da", "electricity", "whole", on=MERGED, source="Đo tại chỗ")
    wish = FactWish("electricity", ("none",), MERGED, "x")
    with pytest.raises(ChangedMeanwhile):
        async with database.transaction() as tx:
            await record_fact(ACTOR, tx, "la-da", wish, lambda now: now == seen)
    async with database.transaction() as tx:
        history = await facts_over_time(ACTOR, tx, "la-da")
        record = await tx.session.execute(
            text("SELECT before, after FROM audit_entry WHERE action = 'coverage.recorded' ORDER BY id")
        )
    assert [(fact.value, fact.source) for fact in history] == [(("whole",), "Đo tại chỗ")]
    assert [(before and before["value"], after["value"]) for before, after in record] == [
        (None, ["part"]), (["part"], ["whole"]),
    ]  # fmt: skip


async def test_who_holds_a_commune_sees_it_and_its_predecessors_and_nothing_beside(database: Database) -> None:
    await say(database, "la-da", "electricity", "whole", on=MERGED)
    await say(database, "phan-lam", "electricity", "part", on=date(2024, 1, 1))
    async with database.transaction() as tx:
        node = (await tx.session.execute(text("SELECT id FROM unit WHERE code = 'phan-son'"))).scalar_one()
    read, change = frozenset({INVENTORY_READ}), frozenset({INVENTORY_READ, INVENTORY_CHANGE})
    reader = Actor(new_id(), "hoa", (Hold("official", read, (Place(node, below=True),)),))
    editor = Actor(new_id(), "an", (Hold("technician", change, (Place(node, below=True),)),))
    async with database.transaction() as tx:
        units = (await coverage_on(reader, tx, CoverageWish())).units
        assert {one.code for one in units} == {"phan-son", "bon-thop"}
        [one] = await coverage_sums(reader, tx, level="commune")
        assert (one.total, one.counts["electricity"]["part"], one.counts["electricity"]["whole"]) == (1, 1, 0)
        for other in ("la-da", "lam-dong"):
            with pytest.raises(NotFound):
                await coverage_of(reader, tx, other)
    with pytest.raises(NotFound):
        await say(database, "la-da", "electricity", "none", on=MERGED, by=editor)
    with pytest.raises(Refused):
        await say(database, "phan-son", "electricity", "none", on=MERGED, by=reader)
    assert (await say(database, "phan-son", "electricity", "none", on=MERGED, by=editor)).code == "phan-son"


async def test_a_whole_country_takes_as_many_statements_as_a_commune(database: Database, engine: AsyncEngine) -> None:
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    async def count() -> tuple[int, int, int]:
        async with database.transaction() as tx:
            event.listen(engine.sync_engine, "before_cursor_execute", note)
            statements.clear()
            found = await coverage_sums(ACTOR, tx, level="village", unit="lam-dong")
            of_sums = len(statements)
            statements.clear()
            await coverage_on(ACTOR, tx, CoverageWish(kind="connectivity", value="some"), limit=200)
            event.remove(engine.sync_engine, "before_cursor_execute", note)
            return summed(found).total, of_sums, len(statements)

    await say(database, "la-da", "connectivity", "4g", on=MERGED)
    assert await count() == (1, 1, 2)
    async with database.transaction() as tx:
        await tx.session.execute(text(MANY))
        await renew(tx)
        await tx.session.execute(text("ANALYZE"))
    assert await count() == (15_001, 1, 2)
    async with database.transaction() as tx:
        [one] = [each for each in await coverage_sums(ACTOR, tx, level="village", unit="lam-dong") if each.total > 1]
    assert one.counts["connectivity"]["some"] == 10_000
    assert one.counts["connectivity"]["unknown"] == one.total - 10_000


MANY = """
WITH new AS (
    INSERT INTO unit (id, code, level, valid_from)
    SELECT gen_random_uuid(), 'thon-' || n, 'village', '2025-07-01' FROM generate_series(1, 15000) AS n
    RETURNING id, code
), placed AS (
    INSERT INTO unit_period (id, unit_id, valid, name, name_en, name_sort, parent_id)
    SELECT gen_random_uuid(), new.id, daterange('2025-07-01', NULL), new.code, new.code, new.code,
        (SELECT id FROM unit WHERE code = 'phan-son') FROM new RETURNING unit_id
)
INSERT INTO unit_fact (unit_id, kind, since, value, source, measured, recorded_at, recorded_by)
SELECT id, kind, '2026-01-01', CASE kind WHEN 'connectivity' THEN '{4g,fibre}'::text[] ELSE '{whole}' END, 'x', false,
    now(), 'test' FROM new, unnest(ARRAY['connectivity', 'electricity']) AS kind
WHERE substr(code, 6)::integer <= 10000
"""
