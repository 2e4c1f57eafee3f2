"""Hosts are brought up through the platform, one behind a weak line, one cut in the middle; twice.

Then credentials are changed on both, and polls go on being answered. Real parts: offices with sshd, snmpd, nftables and
rsyslog (`tests/real/lab.py`), the platform as a user starts it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from api import wiring
from api.glue import outside
from inventory.profiles import bundled_profiles
from inventory.public import (
    AuthProtocol,
    PrivProtocol,
    SnmpV3,
    SshKey,
    TargetWish,
    begin_rotation,
    load_file,
    rotation,
    set_credential,
)
from kernel.actors import system
from kernel.db.transaction import Database
from playbooks.public import RolloutRequest, RunState, RunView, WaveWish, hosts_of_run, roll_out, run_for, run_lines
from tests.flows.programme import SSH_KEY, programme
from tests.real.lab import Lab
from tests.real.platform import PlainPlatform

pytestmark = [pytest.mark.drill, pytest.mark.timeout(1500)]
ACTOR = system("test")
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAI" + "B" * 43
HOST = {
    "people": f"hoa:{KEY}", "management_networks": "10.77.0.0/16", "log_server": "10.77.1.1", "site_name": "Phan Sơn",
}  # fmt: skip
ALL = TargetWish(roles=("router",))
AT_ONCE = WaveWish(canary=2, steps=(2,), soak_s=0, most_failed_percent=100, stop_on_health=False)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(2, lines=2) as running:
        for office in running.offices.values():
            office.run("sh", "-c", "mkdir -p /root/.ssh; mv /etc/ssh/keys/root /root/.ssh/authorized_keys")
        yield running


@pytest.fixture(scope="module")
def platform(lab: Lab) -> Iterator[PlainPlatform]:
    with PlainPlatform({"VUNGCAO_STORE": "duckdb"}, lab=lab) as running:
        yield running


async def test_offices_are_brought_up_over_bad_lines_and_credentials_change_under_way(
    lab: Lab, platform: PlainPlatform
) -> None:
    weak, cut = lab.offices["c1"], lab.offices["c2"]
    async with opened(platform) as database:
        await load(platform, lab, database)
        weak.weaken(delay_ms=40, loss=0.02, kbit=2000)
        run = await launched(database, "office-host", HOST)
        await until_heard(database, run, "Packages")
        cut.cut()
        await until_state(database, run, "c2-rt1", "unreachable")
        cut.mend()
        done = await over(database, run)
        assert done.state is RunState.SUCCEEDED, await told(database, run)
        await until_answered(platform, lab)

        again = await over(database, await launched(database, "office-host", HOST))
        assert (again.state, again.changed) == (RunState.SUCCEEDED, 0), await told(database, again.id)
        weak.mend()

        for name, playbook in (("giam-sat", "rotate-snmp"), (SSH_KEY, "rotate-ssh")):
            async with database.transaction() as tx:
                await begin_rotation(ACTOR, tx, wiring.vault(platform.settings), name)
            for _ in ("both take the new one", "both lose the old one"):
                ended = await over(database, await launched(database, playbook, {}))
                assert ended.state is RunState.SUCCEEDED, await told(database, ended.id)
            async with database.transaction() as tx:
                assert await rotation(ACTOR, tx, name) is None, "it is over"
        await until_answered(platform, lab)
        old = [lab.ssh(office, "true").returncode for office in lab.offices.values()]
        assert all(code != 0 for code in old), "the old key opens nothing"
        for secret in (lab.key.read_text("ascii").splitlines()[1], lab.v3_auth_key):
            assert secret not in platform.log.read_text("utf-8")


@asynccontextmanager
async def opened(platform: PlainPlatform) -> Any:  # noqa: ANN401 - an asynchronous iterator
    async with wiring.database(wiring.database_url(platform.settings), "test") as database:
        yield database


async def load(platform: PlainPlatform, lab: Lab, database: Database) -> None:
    """Put the offices into the inventory, asked by SNMPv3: who was cut off is tried again when a poll sees it."""
    text = programme(lab).replace("snmp: v2c, credential: lab,", "snmp: v3, credential: giam-sat,")
    (platform.folder / "programme.yaml").write_text(text, "utf-8")
    vault = wiring.vault(platform.settings)
    user = SnmpV3(lab.v3_user, AuthProtocol.SHA256, SecretStr(lab.v3_auth_key), PrivProtocol.AES128,
                  SecretStr(lab.v3_priv_key))  # fmt: skip
    async with database.transaction() as tx:
        await set_credential(ACTOR, tx, vault, "giam-sat", user)
        await set_credential(ACTOR, tx, vault, SSH_KEY, SshKey(SecretStr(lab.key.read_text("ascii"))))
        await load_file(platform.folder / "programme.yaml", ACTOR, tx, bundled_profiles())


async def launched(database: Database, playbook: str, arguments: dict[str, Any]) -> uuid.UUID:
    async with database.transaction() as tx:
        wanted = RolloutRequest(playbook, ALL, arguments=arguments, waves=AT_ONCE)
        return (await roll_out(wanted, ACTOR, tx, outside())).id


async def view(database: Database, run: uuid.UUID) -> RunView:
    async with database.transaction() as tx:
        return await run_for(ACTOR, run, tx)


async def over(database: Database, run: uuid.UUID) -> RunView:
    while not (found := await view(database, run)).over:
        assert found.state is not RunState.STOPPED, await told(database, run)
        await asyncio.sleep(0.5)
    return found


async def told(database: Database, run: uuid.UUID) -> str:
    async with database.transaction() as tx:
        lines = await run_lines(ACTOR, run, tx, limit=5000)
        found = await run_for(ACTOR, run, tx)
    return f"{found}\n" + "\n".join(line.text for line in lines[-200:])


async def until_heard(database: Database, run: uuid.UUID, task: str) -> None:
    """Wait until a run has said that it is at this task."""
    while True:
        async with database.transaction() as tx:
            lines = await run_lines(ACTOR, run, tx, limit=5000)
        if any(f"TASK [{task}]" in line.text for line in lines):
            return
        assert not (await view(database, run)).over, await told(database, run)
        await asyncio.sleep(0.2)


async def until_state(database: Database, run: uuid.UUID, host: str, state: str) -> None:
    while True:
        async with database.transaction() as tx:
            page = await hosts_of_run(ACTOR, run, tx)
        if next(str(one.state) for one in page.hosts if one.host == host) == state:
            return
        assert not (await view(database, run)).over, await told(database, run)
        await asyncio.sleep(0.2)


async def until_answered(platform: PlainPlatform, lab: Lab) -> None:
    """Wait until polls are answered by every office."""
    while any(platform.device(f"{code}-rt1")["outcome"] != "answered" for code in lab.offices):
        await asyncio.sleep(0.5)
