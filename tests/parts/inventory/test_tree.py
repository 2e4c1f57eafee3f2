"""What lies below and above a unit on a date, asked of the real database."""

from __future__ import annotations

import uuid
from datetime import date

import pytest
from sqlalchemy import select, text

from api.demo.agents import PROGRAMME
from inventory.load import load_file
from inventory.models import OfficeRow, UnitRow
from inventory.profiles import bundled_profiles
from inventory.tree import above, below
from kernel.actors import system
from kernel.db.transaction import Database
from tests.builders.tree import offices_below

BEFORE, AFTER = date(2025, 6, 30), date(2025, 7, 1)


@pytest.fixture
async def ids(database: Database) -> dict[str, uuid.UUID]:
    async with database.transaction() as tx:
        await load_file(PROGRAMME, system("test"), tx, bundled_profiles())
    async with database.transaction() as tx:
        return {row.code: row.id for row in await tx.session.execute(select(UnitRow.code, UnitRow.id))}


async def codes(database: Database, question: object) -> list[str]:
    async with database.transaction() as tx:
        found = await tx.session.scalars(select(UnitRow.code).where(UnitRow.id.in_(question)))  # type: ignore[arg-type]
        return sorted(found)


async def test_below_a_unit_is_what_was_there_on_that_date(ids: dict[str, uuid.UUID], database: Database) -> None:
    assert "bac-binh" in await codes(database, below([ids["binh-thuan"]], BEFORE))
    assert await codes(database, below([ids["binh-thuan"]], AFTER)) == []
    assert await codes(database, below([ids["lam-dong"]], BEFORE)) == ["lam-dong"]
    assert {"lam-dong", "phan-son", "thon-bon-thop"} <= set(await codes(database, below([ids["lam-dong"]], AFTER)))
    assert await codes(database, below([ids["phan-son"]], AFTER)) == ["phan-son", "thon-bon-thop"]


async def test_above_a_unit_is_its_way_to_the_top(ids: dict[str, uuid.UUID], database: Database) -> None:
    assert await codes(database, above([ids["thon-bon-thop"]], AFTER)) == ["lam-dong", "phan-son", "thon-bon-thop"]
    assert await codes(database, above([ids["bac-binh"]], BEFORE)) == ["bac-binh", "binh-thuan"]


async def test_units_may_come_from_a_statement(ids: dict[str, uuid.UUID], database: Database) -> None:
    asked = select(UnitRow.id).where(UnitRow.code == "song-luy")
    assert await codes(database, below(asked, AFTER)) == ["song-luy", "thon-tien-dat"]


async def test_offices_below_a_unit_are_those_of_its_whole_subtree(
    ids: dict[str, uuid.UUID], database: Database
) -> None:
    async with database.transaction() as tx:
        asked = offices_below([ids["nghi-duc"]], AFTER)
        found = await tx.session.scalars(select(OfficeRow.code).where(OfficeRow.id.in_(asked)))
        assert sorted(found) == ["nd", "pu"]


async def test_the_place_of_today_stands_with_the_office_itself(ids: dict[str, uuid.UUID], database: Database) -> None:
    async with database.transaction() as tx:
        await tx.session.execute(
            text(
                "UPDATE office_period SET unit_id = :unit WHERE office_id = (SELECT id FROM office WHERE code = 'nd')"
            ),
            {"unit": ids["phan-son"]},
        )
        moved = select(OfficeRow.unit_id).where(OfficeRow.code == "nd")
        assert await tx.session.scalar(moved) == ids["phan-son"]
