"""A credential is changed while every device goes on being let in, wherever the change is cut; with real doors."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from inventory.credentials import credential_for_use, list_credentials, set_credential
from inventory.profiles import bundled_profiles
from inventory.public import (
    AuthProtocol,
    Credential,
    DeviceDoors,
    Pair,
    PrivProtocol,
    SnmpV2c,
    SnmpV3,
    SshAccess,
    SshKey,
    Stage,
    abandon_rotation,
    begin_rotation,
    device_doors,
    load_file,
    pair_for_use,
    rotation,
)
from kernel.actors import system
from kernel.db.transaction import Database
from kernel.errors import BadInput, NotFound, Refused
from kernel.ids import new_id
from kernel.secrets import Vault
from playbooks.automation.cli_devices.knock import log_in
from playbooks.automation.host_secrets import host_secrets
from playbooks.automation.prove import Prover
from tests.builders.actors import account_actor
from tests.real.sshd import Sshd

ADMINISTRATOR = system("test")
WORKER = system("worker")
USER = SnmpV3("giám-sát", AuthProtocol.SHA256, SecretStr("xác thực đó"), PrivProtocol.AES128, SecretStr("che giấu đó"))
DEVICES = ("ps-rt1", "ps-rt2", "ps-rt3")
INVENTORY = """\
version: 1
units:
  phan-son: {name: Xã Phan Sơn, level: commune, valid_from: 2025-07-01}
offices:
  ps: {name: Văn phòng xã Phan Sơn, unit: phan-son}
devices:
"""
DEVICE = (
    "  {code}: {{name: Bộ định tuyến, office: ps, role: router, profile: network-interfaces, address: 127.0.0.{n},"
    ' snmp: v3, credential: snmp, ssh: {{port: {port}, user: {user}, credential: key, host_key: "{host_key}"}}}}\n'
)


@pytest.fixture
def vault() -> Vault:
    return Vault(os.urandom(32))


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with Sshd() as running:
        yield running


class Doors:
    """Devices as they are: which users and keys each of them takes."""

    def __init__(self, *taken: Credential) -> None:
        self.taken: dict[str, list[Credential]] = {device: list(taken) for device in DEVICES}
        self.gone: set[str] = set()

    async def ask(self, address: str, port: int, user: SnmpV3) -> bool | None:
        device = f"ps-rt{address.rsplit('.', maxsplit=1)[-1]}"
        return None if device in self.gone else user in self.taken[device]

    async def log_in(self, access: SshAccess, key: SshKey) -> bool | None:
        return None if access.device in self.gone else key in self.taken[access.device]


@pytest.fixture
async def loaded(database: Database, vault: Vault, sshd: Sshd, tmp_path: Path) -> Database:
    lines = "".join(
        DEVICE.format(code=code, n=number, port=sshd.port, user=sshd.user, host_key=sshd.host_key)
        for number, code in enumerate(DEVICES, 1)
    )
    (tmp_path / "inventory.yaml").write_text(INVENTORY + lines, "utf-8")
    async with database.transaction() as tx:
        await load_file(tmp_path / "inventory.yaml", ADMINISTRATOR, tx, bundled_profiles())
        await set_credential(ADMINISTRATOR, tx, vault, "snmp", USER)
        await set_credential(ADMINISTRATOR, tx, vault, "key", SshKey(SecretStr(sshd.private_key)))
    return database


async def pair(database: Database, vault: Vault, name: str) -> Pair | None:
    async with database.transaction() as tx:
        return await pair_for_use(WORKER, tx, vault, name)


async def run(database: Database, vault: Vault, name: str, doors: Doors, device: str) -> None:
    """Do on one device what the playbook does."""
    found = await pair(database, vault, name)
    if found is None:
        return
    if found.stage is Stage.SPREADING and found.other not in doors.taken[device]:
        doors.taken[device].append(found.other)
    elif found.stage is Stage.CLEANING and found.other in doors.taken[device]:
        doors.taken[device].remove(found.other)


@pytest.mark.parametrize(("name", "kind"), [("snmp", "new-snmp"), ("key", "new-ssh")])
@pytest.mark.parametrize("seed", range(4))
async def test_at_each_moment_what_is_in_use_opens_every_device(
    loaded: Database, vault: Vault, name: str, kind: str, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - which run is cut, and which device is away
    async with loaded.transaction() as tx:
        old = await credential_for_use(WORKER, tx, vault, name)
        await begin_rotation(ADMINISTRATOR, tx, vault, name)
    doors = Doors(old)
    prove = Prover(loaded, vault, doors.ask, doors.log_in)
    for _ in range(200):
        device, cut = chance.choice(DEVICES), chance.random()
        doors.gone = {device for device in DEVICES if chance.random() < 0.3}
        if cut > 0.3 and device not in doors.gone:
            await run(loaded, vault, name, doors, device)
        if cut > 0.6:
            await prove(device, [kind])
        async with loaded.transaction() as tx:
            current = await credential_for_use(WORKER, tx, vault, name)
        assert all(current in taken for taken in doors.taken.values())
        if await pair(loaded, vault, name) is None:
            break
    assert await pair(loaded, vault, name) is None, "it came to its end"
    assert current != old
    assert all(taken == [current] for taken in doors.taken.values()), "the old one opens nothing any more"
    async with loaded.transaction() as tx:
        assert {each.name for each in await list_credentials(ADMINISTRATOR, tx)} == {"snmp", "key"}


async def test_how_far_it_is_is_told_and_begun_again_it_goes_on(loaded: Database, vault: Vault) -> None:
    async with loaded.transaction() as tx:
        begun = await begin_rotation(ADMINISTRATOR, tx, vault, "snmp")
        assert (begun.stage, begun.proved, begun.waiting) == (Stage.SPREADING, (), DEVICES)
    first = await pair(loaded, vault, "snmp")
    assert first is not None
    doors = Doors(USER, first.other)
    await Prover(loaded, vault, doors.ask, doors.log_in)("ps-rt2", ["new-snmp"])
    async with loaded.transaction() as tx:
        again = await begin_rotation(ADMINISTRATOR, tx, vault, "snmp")
        shown = await list_credentials(ADMINISTRATOR, tx)
    assert (again.proved, again.waiting) == (("ps-rt2",), ("ps-rt1", "ps-rt3"))
    assert await pair(loaded, vault, "snmp") == first
    assert [each.name for each in shown] == ["key", "snmp"]


async def test_a_new_one_can_be_forgotten_until_it_is_current(loaded: Database, vault: Vault) -> None:
    async with loaded.transaction() as tx:
        await begin_rotation(ADMINISTRATOR, tx, vault, "snmp")
        await abandon_rotation(ADMINISTRATOR, tx, "snmp")
        assert await rotation(ADMINISTRATOR, tx, "snmp") is None
        assert await credential_for_use(WORKER, tx, vault, "snmp") == USER
        with pytest.raises(NotFound):
            await abandon_rotation(ADMINISTRATOR, tx, "snmp")


async def test_a_community_is_not_changed_and_nobody_but_who_may_changes_anything(
    loaded: Database, vault: Vault
) -> None:
    async with loaded.transaction() as tx:
        await set_credential(ADMINISTRATOR, tx, vault, "community", SnmpV2c(SecretStr("public")))
        with pytest.raises(BadInput, match="only SNMPv3 users and SSH keys are changed"):
            await begin_rotation(ADMINISTRATOR, tx, vault, "community")
        with pytest.raises(NotFound):
            await begin_rotation(ADMINISTRATOR, tx, vault, "nothing")
        with pytest.raises(Refused):
            await begin_rotation(account_actor(new_id(), "hoa", "technician"), tx, vault, "snmp")


async def test_playbooks_get_the_new_one_with_its_secrets_and_of_the_old_one_only_the_name(
    loaded: Database, vault: Vault
) -> None:
    async with loaded.transaction() as tx:
        await begin_rotation(ADMINISTRATOR, tx, vault, "snmp")
        doors = [await device_doors(WORKER, tx, device) for device in DEVICES]
        access = [one.ssh for one in doors if isinstance(one, DeviceDoors) and one.ssh is not None]
        given = await host_secrets(tx, vault, WORKER, ["snmp", "new-snmp"], access)
        less = await host_secrets(tx, vault, WORKER, ["new-ssh"], access)
    spreading = given.variables["ps-rt1"]
    assert (spreading["vungcao_snmp"]["user"], spreading["vungcao_new_snmp"]["user"]) == ("giám-sát", "giám-sát-2")
    assert spreading["vungcao_snmp"]["auth_key"] == "xác thực đó"
    assert set(given.secrets) >= {"xác thực đó", "che giấu đó", spreading["vungcao_new_snmp"]["auth_key"]}
    assert less.variables["ps-rt1"] == {}, "its key is not being changed"
    assert "xác thực đó" not in repr(given)
    both = await pair(loaded, vault, "snmp")
    assert both is not None
    opened = Doors(USER, both.other)
    for device in DEVICES:
        await Prover(loaded, vault, opened.ask, opened.log_in)(device, ["new-snmp"])
    async with loaded.transaction() as tx:
        given = await host_secrets(tx, vault, WORKER, ["snmp", "new-snmp"], access)
    assert given.variables["ps-rt1"]["vungcao_old_snmp"] == {"user": "giám-sát"}
    assert given.variables["ps-rt1"]["vungcao_snmp"]["user"] == "giám-sát-2"


async def test_a_key_is_tried_at_a_real_door(loaded: Database, sshd: Sshd, vault: Vault) -> None:
    async with loaded.transaction() as tx:
        found = await device_doors(WORKER, tx, "ps-rt1")
        await begin_rotation(ADMINISTRATOR, tx, vault, "key")
    both = await pair(loaded, vault, "key")
    assert found is not None
    assert found.ssh is not None
    assert both is not None
    assert isinstance(both.current, SshKey)
    assert isinstance(both.other, SshKey)
    assert await log_in(found.ssh, both.current) is True
    assert await log_in(found.ssh, both.other) is False
    keys = sshd.folder / "authorized_keys"
    keys.write_text(keys.read_text() + both.other.public_key() + "\n")
    assert await log_in(found.ssh, both.other) is True
    another = SshAccess(**{**{name: getattr(found.ssh, name) for name in SshAccess.__slots__},
                           "host_key": both.other.public_key()})  # fmt: skip
    assert await log_in(another, both.current) is None, "somebody else answers there"
    closed = SshAccess(**{**{name: getattr(found.ssh, name) for name in SshAccess.__slots__}, "port": 1})
    assert await log_in(closed, both.current) is None
