"""Who could act for a unit that ends can act for what takes its place, no earlier, and for nothing wider."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from api.demo.agents import PROGRAMME
from inventory.grant_models import GrantRow
from inventory.grants import Grant
from inventory.load import load_file
from inventory.models import UnitRow
from inventory.people import create_account
from inventory.profiles import bundled_profiles
from inventory.reorganisations import apply_due, lines, propose, schedule
from inventory.reorganise import Abolish, Create, Merge, Operation, Split
from kernel.actors import system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database

ACTOR = system("test")
DAY = date(2026, 12, 1)
NEW = Create(unit="xa-moi", name="Xã Mới", level="commune", parent="lam-dong")


@pytest.mark.parametrize(
    ("operations", "told", "then"),
    [
        ([NEW, Merge(units=("la-da",), into="xa-moi")], "Xã Mới", ["xa-moi"]),
        ([Split(unit="la-da", into=("dong-giang", "ham-thanh"), rest="ham-thanh")], "Xã Đông Giang, Xã Hàm Thạnh",
         ["dong-giang", "ham-thanh"]),
        ([Abolish(unit="la-da", to="lam-dong")], "", []),
    ],
)  # fmt: skip
async def test_a_grant_follows_its_unit(
    database: Database, clock: FrozenClock, operations: list[Operation], told: str, then: list[str]
) -> None:
    async with database.transaction() as tx:
        await load_file(PROGRAMME, ACTOR, tx, bundled_profiles())
    async with database.transaction() as tx:
        await create_account(ACTOR, tx, name="hoa", password="mưa ở Phan Sơn", grant=Grant("technician", "la-da"))
    async with database.transaction() as tx:
        made = await propose(ACTOR, tx, [], title="Sắp xếp", day=DAY, operations=operations)
        assert made.rehearsed.counts["grants"] == 1
        [line] = (await lines(ACTOR, tx, [], made.id, "grants")).lines
        assert (line.name, line.before, line.after) == ("hoa: technician", "Xã La Dạ", told)
        await schedule(ACTOR, tx, [], made.id)
    clock.forward(timedelta(days=10))
    applied = await apply_due(database, [])
    assert applied is not None
    assert applied.applied is not None
    assert applied.applied.counts["grants"] == 1
    async with database.transaction() as tx:
        rows = await tx.session.execute(
            select(UnitRow.code, GrantRow.valid_from, GrantRow.valid_to)
            .join(UnitRow, UnitRow.id == GrantRow.unit_id)
            .order_by(UnitRow.code)
        )
        found = {code: (valid_from, valid_to) for code, valid_from, valid_to in rows}
    assert found.pop("la-da")[1] == clock.now()
    assert sorted(found) == then
    assert set(found.values()) <= {(clock.now(), None)}
