"""Agents that die, lie, come back and start again, before the engine as it runs."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from inventory.public import bundled_profiles
from kernel.clock import SystemClock
from kernel.db.transaction import Database
from kernel.work.dbos import DbosQueue
from monitor.engine import Engine, Pace, Ways
from monitor.poller.limits import Line
from monitor.poller.plan import Plan, PlannedDevice
from monitor.probes.checks import ServiceChecker
from monitor.probes.icmp import open_pinger
from monitor.probes.knock import Knocker
from monitor.probes.snmp import SnmpProbe
from monitor.store.duckdb import open_duckdb
from tests.parts.monitor.snmp_agents import UPTIME, HostileAgent, Request, interfaces, response, sane, ticks
from tests.parts.monitor.test_engine import no_news

PORTS = {1: "wan", 2: "lan1"}
WELL = sane(interfaces(PORTS))
INTERVAL_S = 0.5


def silent(_asked: Request) -> Iterable[bytes]:
    return []


@asynccontextmanager
async def watching(
    agents: list[HostileAgent], database: Database, folder: Path, line_bytes_s: float = 1e6
) -> AsyncIterator[Engine]:
    """Yield an engine that polls `agents`, all of one office."""
    profile, line = bundled_profiles()["network-interfaces"], Line("office", line_bytes_s)
    devices = {
        f"d{number}": PlannedDevice(agent.target(f"d{number}"), profile, {}, {}, line=line, site="office")
        for number, agent in enumerate(agents)
    }
    plan = Plan(devices=devices, ids={code: uuid.uuid4() for code in devices})

    async def read_plan() -> Plan:
        return plan

    clock = SystemClock()
    store, pinger = await open_duckdb(folder), await open_pinger(clock)
    engine = Engine(
        clock=clock, database=database, store=store, ways=Ways(SnmpProbe(clock), pinger, ServiceChecker(clock)),
        read_plan=read_plan, news=no_news(), pace=Pace(INTERVAL_S, 60, timedelta(days=1), device_bytes_s=1e6),
    )  # fmt: skip
    running = asyncio.create_task(engine.run())
    try:
        async with asyncio.timeout(120):
            yield engine
    finally:
        running.cancel()
        await asyncio.wait([running])
        pinger.close()
        await store.close()


def outcomes(engine: Engine, agents: list[HostileAgent]) -> set[str]:
    known = [engine.device(f"d{number}") for number in range(len(agents))]
    return {one.health.outcome if one else "" for one in known}


async def until(engine: Engine, agents: list[HostileAgent], outcome: str) -> None:
    while outcomes(engine, agents) != {outcome}:
        await asyncio.sleep(0.05)


async def test_who_falls_silent_is_asked_by_one_datagram_and_comes_back_with_its_neighbours(
    engine: AsyncEngine, queue: DbosQueue, tmp_path: Path
) -> None:
    async with HostileAgent(WELL) as one, HostileAgent(WELL) as two, HostileAgent(WELL) as three:
        agents = [one, two, three]
        async with watching(agents, Database(engine, SystemClock(), queue), tmp_path) as running:
            await until(running, agents, "answered")
            for agent in agents:
                agent.answer = silent
            await until(running, agents, "silent")
            # A diagnosis asks for the uptime too, but between two of them stands a whole poll.
            while any([asked.oids for asked in agent.requests[-2:]] != [(UPTIME,)] * 2 for agent in agents):
                await asyncio.sleep(0.05)
            for agent in agents:
                agent.answer = WELL
            await until(running, agents, "answered")
            assert running.polls["silent"] >= 3 * 3


async def test_a_lying_agent_is_named_and_one_that_starts_again_is_learned_anew(
    engine: AsyncEngine, queue: DbosQueue, tmp_path: Path
) -> None:
    chance = random.Random(3)  # noqa: S311 - the same each time
    async with HostileAgent(WELL) as liar, HostileAgent(WELL) as phoenix:
        agents = [liar, phoenix]
        async with watching(agents, Database(engine, SystemClock(), queue), tmp_path) as running:
            await until(running, agents, "answered")
            liar.answer = lambda _asked: [chance.randbytes(60)]
            phoenix.answer = sane(interfaces({1: "lan1", 2: "wan"}, uptime=100))
            await until(running, [liar], "garbage")
            while (found := running.device("d1")) is None or {
                value.instance: value.value for value in found.values if value.metric == "if_in_octets"
            } != {"lan1": 1000, "wan": 2000}:
                await asyncio.sleep(0.05)
            rates = [value for value in found.values if value.metric == "if_in_bps"]
            assert all(value.value >= 0 for value in rates), "renumbered counters make no point, never a spike"
            liar.answer = lambda asked: [response(asked, [(UPTIME, ticks(1))], request_id=asked.request_id + 1)]
            await until(running, [liar], "wrong-request-id")
            liar.answer = WELL
            await until(running, agents, "answered")


async def test_a_narrow_line_slows_its_office_down_and_says_so(
    engine: AsyncEngine, queue: DbosQueue, tmp_path: Path
) -> None:
    async with HostileAgent(WELL) as one, HostileAgent(WELL) as two:
        agents = [one, two]
        async with watching(agents, Database(engine, SystemClock(), queue), tmp_path, line_bytes_s=2000) as running:
            while True:
                known = [running.device(f"d{number}") for number in range(2)]
                if all(one and one.health.slowed_s > INTERVAL_S for one in known):
                    break
                await asyncio.sleep(0.05)
            assert outcomes(running, agents) == {"answered"}


@pytest.mark.parametrize("seed", range(3))
async def test_no_answer_but_the_right_one_opens_to_a_knock(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same each time
    knocker = Knocker()

    def lies(asked: Request) -> list[bytes]:
        good = response(asked, [(UPTIME, ticks(1))])
        cut = good[: chance.randrange(len(good))]
        return [b"", chance.randbytes(40), cut, response(asked, [], request_id=asked.request_id ^ 1)]

    async with HostileAgent(lies) as agent:
        asked = [agent.target(f"d{number}", timeout_s=0.2) for number in range(50)]
        found = await asyncio.gather(*map(knocker.knock, asked))
        assert not any(one.answered for one in found)
        agent.answer = lambda asked: [*WELL(asked), *WELL(asked), *lies(asked)]
        found = await asyncio.gather(*(knocker.knock(replace(one, timeout_s=5.0)) for one in asked))
        assert all(one.answered and one.octets > 2 * 28 for one in found)
    assert not (await knocker.knock(agent.target(timeout_s=0.1))).answered
