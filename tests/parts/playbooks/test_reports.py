"""What playbooks report of devices: a run writes it into the inventory, a dry run keeps it to itself."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from inventory.models import DeviceRow
from inventory.public import TargetWish
from kernel.audit import AuditEntryRow
from kernel.clock import Clock, FrozenClock
from kernel.db.transaction import Database
from tests.parts.playbooks.programme import Programme

ONE = TargetWish(devices=("x2-rt1",))


@pytest.fixture
def clock() -> Clock:
    return FrozenClock(datetime(2026, 11, 24, 1, 26, tzinfo=UTC))


@pytest.fixture
async def programme(database: Database, clock: FrozenClock, tmp_path: Path) -> Programme:
    made = Programme(database, clock)
    await made.load(tmp_path)
    made.runner.reports = {"x2-rt1": {"device": {"serial": "SN-1", "model": "CCR1009"}}}
    return made


async def known(programme: Programme) -> tuple[tuple[str, str], int]:
    """Return serial number and model of the device in the inventory, and how many entries tell of its changes."""
    async with programme.database.transaction() as tx:
        row = (await tx.session.scalars(select(DeviceRow).where(DeviceRow.code == "x2-rt1"))).one()
        entries = await tx.session.scalars(
            select(AuditEntryRow).where(
                AuditEntryRow.target == "device:x2-rt1", AuditEntryRow.action == "device.changed"
            )
        )
        return (row.serial, row.model), len(entries.all())


async def test_a_dry_run_writes_nothing_into_the_inventory_and_shows_what_was_reported(programme: Programme) -> None:
    before = await known(programme)
    run = await programme.launch("look", wish=ONE, check=True)
    await programme.settle()
    assert await known(programme) == before
    assert (await programme.hosts(run))["x2-rt1"].report == programme.runner.reports["x2-rt1"]


async def test_a_run_writes_what_was_reported_into_the_inventory(programme: Programme) -> None:
    _, entries = await known(programme)
    await programme.launch("look", wish=ONE)
    await programme.settle()
    assert await known(programme) == (("SN-1", "CCR1009"), entries + 1)
