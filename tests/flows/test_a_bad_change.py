"""A bad change in the lab: it silences an office, the monitor sees that, and nothing but the canary wave was hit.

Real parts: three offices with sshd and snmpd (`tests/real/lab.py`), and the platform as a user starts it, whose engine
polls them, whose alerts are the gate, and whose worker runs Ansible.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from api import wiring
from api.glue import outside
from inventory.public import TargetWish
from kernel.actors import system
from kernel.db.transaction import Database
from playbooks.public import (
    HostState,
    OfferedPlaybooks,
    RolloutRequest,
    RunState,
    RunView,
    Why,
    cancel,
    hosts_of_run,
    roll_out,
    run_for,
    undo,
)
from tests.flows.programme import load_programme
from tests.real.lab import Lab
from tests.real.platform import PlainPlatform

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]
ACTOR = system("test")
DEVICES = ("c1-rt1", "c2-rt1", "c3-rt1")
META = """\
version: 1
title: {vi: Thử, en: Test}
help: {vi: Thử, en: Test}
risk: changing
check_note: {vi: Thử, en: Test}
roles: [technician]
limit_s: 120
waves: {canary: 1, steps: ["100%"], soak_s: 600}
"""
PLAY = """\
- name: Test
  hosts: all
  gather_facts: false
  tasks:
    - name: Change the agent
      ansible.builtin.raw: /etc/init.d/snmpd WORD
      changed_when: true
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(3) as running:
        yield running


@pytest.fixture(scope="module")
def platform(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlainPlatform]:
    folder = tmp_path_factory.mktemp("playbooks")
    folder.chmod(0o755)
    for name, word, more in (("silence", "stop", "undo: unsilence\n"), ("unsilence", "start", "")):
        (folder / f"{name}.yml").write_text(PLAY.replace("WORD", word))
        (folder / f"{name}.meta.yml").write_text(META + more)
    settings = {"VUNGCAO_STORE": "duckdb", "VUNGCAO_PLAYBOOKS_DIR": str(folder)}
    with PlainPlatform(settings, lab=lab) as running:
        load_programme(running, lab)
        yield running


async def test_a_change_that_silences_an_office_hits_the_canary_wave_and_no_other(platform: PlainPlatform) -> None:
    catalog = OfferedPlaybooks(Path(platform.environment["VUNGCAO_PLAYBOOKS_DIR"]))
    async with wiring.database(wiring.database_url(platform.settings), "test") as database:
        async with database.transaction() as tx:
            wanted = RolloutRequest("silence", TargetWish(units=("lam-dong",)))
            run = (await roll_out(wanted, ACTOR, tx, outside(), catalog=catalog)).id
        stopped = await when(database, run, RunState.STOPPED)
        assert stopped.why is Why.HEALTH, stopped
        assert stopped.counts == {HostState.DONE: 1, HostState.WAITING: 2}
        (canary,) = await done_of(database, run)
        assert {alert["device"] for alert in stopped.details["alerts"]} == {canary}
        silent = {code for code in DEVICES if platform.device(code)["outcome"] != "answered"}
        assert silent == {canary}, "the others go on answering"

        async with database.transaction() as tx:
            await cancel(ACTOR, run, tx)
            back = (await undo(ACTOR, run, tx, outside(), catalog=catalog)).id
        await when(database, back, RunState.RUNNING, RunState.SUCCEEDED)
        assert await done_when_there(database, back) == [canary]
        while platform.device(canary)["outcome"] != "answered":
            await asyncio.sleep(0.5)


async def when(database: Database, run: uuid.UUID, *states: RunState) -> RunView:
    """Return the run when it is in one of `states`."""
    while True:
        async with database.transaction() as tx:
            found = await run_for(ACTOR, run, tx)
        if found.state in states:
            return found
        assert not found.over, found
        await asyncio.sleep(0.3)


async def done_of(database: Database, run: uuid.UUID) -> list[str]:
    """Return the hosts that are done."""
    async with database.transaction() as tx:
        return [host.host for host in (await hosts_of_run(ACTOR, run, tx, state=HostState.DONE)).hosts]


async def done_when_there(database: Database, run: uuid.UUID) -> list[str]:
    """Return the hosts that are done, when there are any."""
    while not (found := await done_of(database, run)):
        await asyncio.sleep(0.3)
    return found
