"""The engine as a whole, where its parts meet an outage between them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from inventory.public import Profile, SnmpV2c, bundled_profiles
from kernel.bus.postgres import Heard
from kernel.clock import SystemClock, epoch_ms
from kernel.db.transaction import Database
from kernel.errors import DatabaseUnavailable
from kernel.work.dbos import DbosQueue
from monitor import engine as engine_module
from monitor.engine import Engine, Pace, Ways
from monitor.poller.plan import Plan, PlannedDevice
from monitor.probes.checks import ServiceChecker
from monitor.probes.icmp import open_pinger
from monitor.probes.port import Identity, Knock, Outcome, PollResult, Target
from monitor.store.duckdb import open_duckdb

PLAN = Plan(
    devices={
        "ps-rt1": PlannedDevice(
            target=Target("ps-rt1", "127.0.0.1", 161, SnmpV2c(SecretStr("public"))),
            profile=bundled_profiles()["system"],
            uplinks={},
            committed={},
        )
    },
    ids={"ps-rt1": uuid.UUID(int=1)},
)


class WellProbe:
    """Every device answers at once."""

    def __init__(self) -> None:
        self.polled = asyncio.Event()

    async def poll(self, target: Target, profile: Profile) -> PollResult:
        self.polled.set()
        return PollResult(target.device, epoch_ms(SystemClock().now()), 0.001, Outcome.ANSWERED)

    async def knock(self, target: Target) -> Knock:
        return Knock(answered=True, octets=0)

    async def identify(self, target: Target) -> Identity:
        return Identity(Outcome.ANSWERED, name=target.device)

    def forget(self, device: str) -> None:
        """Remember nothing."""


async def no_news() -> AsyncIterator[Heard]:
    await asyncio.Event().wait()
    yield Heard("", "")


async def test_polling_begins_though_the_database_went_away_between_the_plan_and_the_alerts(
    engine: AsyncEngine, queue: DbosQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read_plan() -> Plan:
        return PLAN

    store, probe, pinger = await open_duckdb(tmp_path), WellProbe(), await open_pinger(SystemClock())
    watching = Engine(
        clock=SystemClock(),
        database=Database(engine, SystemClock(), queue),
        store=store,
        ways=Ways(probe, pinger, ServiceChecker(SystemClock())),
        read_plan=read_plan,
        news=no_news(),
        pace=Pace(interval_s=1, hold_s=2, keep=timedelta(days=1)),
    )
    load, tries = watching.keeper.load, 0

    async def load_at_the_second_try(devices: Mapping[str, uuid.UUID]) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise DatabaseUnavailable(why="the test wants it so")
        await load(devices)

    monkeypatch.setattr(watching.keeper, "load", load_at_the_second_try)
    monkeypatch.setattr(engine_module, "REPLAN_RETRY_S", 0.01)
    running = asyncio.create_task(watching.run())
    async with asyncio.timeout(30):
        await probe.polled.wait()
    running.cancel()
    await asyncio.wait([running])
    pinger.close()
    await store.close()
    assert tries == 2
