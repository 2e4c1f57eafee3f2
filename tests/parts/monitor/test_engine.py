"""The engine as a whole, where its parts meet an outage between them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from inventory.public import Profile, SnmpV2c, bundled_profiles
from kernel.bus.postgres import Heard
from kernel.clock import SystemClock, epoch_ms
from kernel.db.transaction import Database
from kernel.errors import DatabaseUnavailable
from kernel.events.models import EventRow
from kernel.work.dbos import DbosQueue
from monitor import engine as engine_module
from monitor.engine import Engine, Pace, Ways
from monitor.poller.plan import Plan, PlannedDevice
from monitor.probes.checks import ServiceChecker
from monitor.probes.icmp import open_pinger
from monitor.probes.ping import Burst, PingMethod, PingResult, PingTarget, result_of
from monitor.probes.port import Identity, Knock, Outcome, PollResult, Target
from monitor.returns import Returns
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


class LostThenAnsweredPinger:
    """The first bursts are lost; from the third on each packet is answered."""

    method = PingMethod.ICMP

    def __init__(self) -> None:
        self.bursts = 0

    async def ping(self, targets: Sequence[PingTarget], burst: Burst) -> list[PingResult]:
        self.bursts += 1
        answers = [0.01] * burst.count if self.bursts > 2 else []
        now_ms = epoch_ms(SystemClock().now())
        return [result_of(target.device, now_ms, self.method, burst.count, answers) for target in targets]

    def close(self) -> None:
        """Nothing is held."""


class DeafProbe(WellProbe):
    """No device ever answers SNMP."""

    async def poll(self, target: Target, profile: Profile) -> PollResult:
        return PollResult(target.device, epoch_ms(SystemClock().now()), 0.001, Outcome.SILENT)

    async def knock(self, target: Target) -> Knock:
        return Knock(answered=False, octets=0)


async def test_a_ping_that_is_answered_again_tells_that_the_site_is_there_though_snmp_is_not(
    engine: AsyncEngine, queue: DbosQueue, tmp_path: Path
) -> None:
    pinged = replace(PLAN.devices["ps-rt1"], ping=True, site="ps")

    async def read_plan() -> Plan:
        return replace(PLAN, devices={"ps-rt1": pinged})

    database, store = Database(engine, SystemClock(), queue), await open_duckdb(tmp_path)
    pinger = LostThenAnsweredPinger()
    watching = Engine(
        clock=SystemClock(),
        database=database,
        store=store,
        ways=Ways(DeafProbe(), pinger, ServiceChecker(SystemClock())),
        read_plan=read_plan,
        news=no_news(),
        pace=Pace(interval_s=0.5, hold_s=3600, keep=timedelta(days=1)),
    )
    seen: list[EventRow] = []
    running = asyncio.create_task(watching.run())
    async with asyncio.timeout(60):
        while not seen:
            await asyncio.sleep(0.2)
            async with database.transaction() as tx:
                seen = list(await tx.session.scalars(select(EventRow)))
    running.cancel()
    await asyncio.wait([running])
    await store.close()
    assert pinger.bursts > 2
    assert [(event.name, event.data) for event in seen] == [("sites.seen", {"devices": ["ps-rt1"]})]


async def test_many_sites_that_come_back_at_once_are_one_event_and_each_is_told_once(database: Database) -> None:
    returns = Returns(database)
    for number in range(100):
        for device in ("rt1", "rt2"):
            returns.pinged(f"x{number}-{device}", f"x{number}", answered=False)
            returns.pinged(f"x{number}-{device}", f"x{number}", answered=True)
            returns.pinged(f"x{number}-{device}", f"x{number}", answered=True)
    returns.pinged("new", "new", answered=True)
    for _ in range(2):
        await returns.tell()
    async with database.transaction() as tx:
        (event,) = await tx.session.scalars(select(EventRow))
    assert event.data["devices"] == sorted(f"x{number}-rt2" for number in range(100))


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
