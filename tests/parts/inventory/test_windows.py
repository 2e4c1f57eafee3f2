"""Windows in the database: what they cover, who may set them, and who is told of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from inventory.models import UnitRow
from inventory.public import (
    WindowKind,
    WindowWish,
    add_window,
    end_window,
    window_preview,
    window_times,
    windows,
)
from kernel.audit import AuditEntryRow
from kernel.clock import Clock, FrozenClock
from kernel.db.transaction import Database
from kernel.errors import NotFound, Refused
from tests.parts.playbooks.programme import HOA, LAN, TEST, Programme, at_unit

NOW = datetime(2026, 11, 24, 1, 26, tzinfo=UTC)
TEN = datetime(2026, 11, 24, 22)  # noqa: DTZ001 - local, as windows have it
NIGHT = WindowWish(WindowKind.MAINTENANCE, "Đêm bảo trì", TEN, 120, unit="phan-son", rule="FREQ=DAILY")


@pytest.fixture
def clock() -> Clock:
    return FrozenClock(NOW)


@pytest.fixture
async def programme(database: Database, clock: FrozenClock, tmp_path: Path) -> Programme:
    made = Programme(database, clock)
    await made.load(tmp_path)
    return made


async def test_a_preview_names_the_devices_and_the_times_and_stores_nothing(programme: Programme) -> None:
    async with programme.database.transaction() as tx:
        found = await window_preview(TEST, NIGHT, tx, limit=2)
        assert (await windows(TEST, tx)).windows == []
    assert (found.devices, [code for code, _, _ in found.first]) == (5, ["x1-rt1", "x1-ups1"])
    assert [one.starts_at for one in found.times[:2]] == [
        datetime(2026, 11, 24, 15, tzinfo=UTC),
        datetime(2026, 11, 25, 15, tzinfo=UTC),
    ]


async def test_a_window_on_a_unit_an_office_or_a_device_covers_what_stands_there_until_it_is_ended(
    programme: Programme,
) -> None:
    once = {"kind": WindowKind.BLACKOUT, "title": "Bầu cử", "first_local": TEN, "minutes": 60}
    async with programme.database.transaction() as tx:
        made = await add_window(TEST, NIGHT, tx)
        await add_window(TEST, WindowWish(**once, office="x5"), tx)  # type: ignore[arg-type]
        await add_window(TEST, WindowWish(**once, device="hub"), tx)  # type: ignore[arg-type]
    devices, start = ["x1-rt1", "x5-rt1", "x6-rt1", "hub"], datetime(2026, 11, 24, 15, tzinfo=UTC)
    async with programme.database.transaction() as tx:
        found = await window_times(tx, devices, start, start + timedelta(hours=1))
        assert {code: [str(one.kind) for one in times] for code, times in found.items()} == {
            "x1-rt1": ["maintenance"], "x5-rt1": ["blackout"], "hub": ["blackout"],
        }  # fmt: skip
        listed = (await windows(TEST, tx)).windows
        assert [(one.place, one.wish.unit) for one in listed] == [
            ("Bộ định tuyến tỉnh", None), ("Văn phòng 5", None), ("Xã Phan Sơn", "phan-son"),
        ]  # fmt: skip
        assert listed[2].next is not None
        ended = await end_window(TEST, made.id, tx)
        assert (ended.next, (await end_window(TEST, made.id, tx)).ended_at) == (None, ended.ended_at)
    async with programme.database.transaction() as tx:
        assert "x1-rt1" not in await window_times(tx, devices, start, start + timedelta(hours=1))
        entries = await tx.session.scalars(select(AuditEntryRow).where(AuditEntryRow.target == f"window:{made.id}"))
        assert [entry.action for entry in entries] == ["window.set", "window.ended"]


async def test_who_may_not_change_a_place_sets_no_window_on_it_and_sees_only_their_own(programme: Programme) -> None:
    async with programme.database.transaction() as tx:
        made = await add_window(TEST, NIGHT, tx)
        unit = await tx.session.scalar(select(UnitRow.id).where(UnitRow.code == "la-da"))
    assert unit is not None
    elsewhere = at_unit(unit, "engineer")
    async with programme.database.transaction() as tx:
        assert (await windows(elsewhere, tx)).windows == []
        assert [one.id for one in (await windows(HOA, tx)).windows] == [made.id]
    with pytest.raises(NotFound):
        async with programme.database.transaction() as tx:
            await add_window(elsewhere, NIGHT, tx)
    with pytest.raises(NotFound):
        async with programme.database.transaction() as tx:
            await end_window(elsewhere, made.id, tx)
    with pytest.raises(Refused):
        async with programme.database.transaction() as tx:
            await add_window(LAN, NIGHT, tx)
