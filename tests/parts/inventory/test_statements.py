"""Pages take as many statements for many things as for few."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from api.demo.agents import PROGRAMME
from inventory.edit import office_details
from inventory.equipment_queries import DeviceWish, OfficeWish, device_on, devices_on, offices_on
from inventory.load import load_file
from inventory.profiles import bundled_profiles
from inventory.queries import uplink_codes, uplinks
from inventory.search import search
from inventory.unit_queries import UnitWish, figures, unit_for, units_above, units_on
from kernel.actors import system
from kernel.db.transaction import Database, Transaction

PLACES = ("lam-dong", "phan-son")
ACTOR = system("test")
DAY = date(2026, 1, 1)

Ask = Callable[[Transaction, int], Awaitable[object]]

PAGES: dict[str, tuple[int, Ask]] = {
    "units": (1, lambda tx, limit: units_on(ACTOR, tx, UnitWish(subtree="lam-dong"), limit=limit)),
    "offices": (1, lambda tx, limit: offices_on(ACTOR, tx, OfficeWish(unit="lam-dong", query="xa"), limit=limit)),
    "devices": (1, lambda tx, limit: devices_on(ACTOR, tx, DeviceWish(unit="lam-dong", query="xa"), limit=limit)),
    "devices of a day": (1, lambda tx, limit: devices_on(ACTOR, tx, DeviceWish(as_of=DAY), limit=limit)),
    "search": (3, lambda tx, limit: search(ACTOR, tx, "phan", limit=limit)),
    "a unit": (2, lambda tx, limit: unit_for(ACTOR, "lam-dong" if limit > 1 else "thon-ta-pua", tx)),
    "an office": (2, lambda tx, limit: office_details(ACTOR, "dl" if limit > 1 else "bt", tx)),
    "a device": (1, lambda tx, _limit: device_on(ACTOR, "ps-rt1", tx)),
    "uplinks": (1, lambda tx, limit: uplinks(ACTOR, tx, limit=limit)),
    "which uplinks": (1, lambda tx, limit: uplink_codes(ACTOR, tx, unit="lam-dong" if limit > 1 else None)),
    "provinces": (1, lambda tx, limit: units_above(ACTOR, tx, PLACES[:limit], "province", DAY)),
    "figures": (1, lambda tx, limit: figures(ACTOR, tx, level="commune" if limit > 1 else "province", map_of=DAY)),
}


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_takes_so_many_statements_whatever_its_size(
    database: Database, engine: AsyncEngine, page: str
) -> None:
    async with database.transaction() as tx:
        await load_file(PROGRAMME, ACTOR, tx, bundled_profiles())
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    wanted, ask = PAGES[page]
    async with database.transaction() as tx:
        event.listen(engine.sync_engine, "before_cursor_execute", note)
        for limit in (1, 100):
            statements.clear()
            assert await ask(tx, limit)
            assert len(statements) == wanted, statements
        event.remove(engine.sync_engine, "before_cursor_execute", note)


async def test_loading_a_file_takes_so_many_statements_whatever_is_in_it(
    database: Database, engine: AsyncEngine, tmp_path: Path
) -> None:
    counts: list[int] = []
    counted = [0]

    def note(*_arguments: object) -> None:
        counted[0] += 1

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    for number in (2, 40):
        units = [f"  u{one}: {{name: Xã {one}, level: commune, valid_from: 2025-07-01}}" for one in range(number)]
        offices = [f"  o{one}: {{name: Văn phòng {one}, unit: u{one}}}" for one in range(number)]
        file = tmp_path / "file.yaml"
        file.write_text("\n".join(["version: 1", "units:", *units, "offices:", *offices]), encoding="utf-8")
        counted[0] = 0
        async with database.transaction() as tx:
            await load_file(file, ACTOR, tx, bundled_profiles())
        counts.append(counted[0])
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert counts[0] == counts[1]
