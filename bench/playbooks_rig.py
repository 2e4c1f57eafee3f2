"""Many devices that one real sshd plays, a programme that has them, and playbooks for them: for bench and drill."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from pydantic import SecretStr

from inventory.profiles import bundled_profiles
from inventory.public import SshKey, load_file, set_credential
from kernel.actors import Actor, system
from kernel.clock import SystemClock
from kernel.db.engine import connect
from kernel.db.transaction import Database
from kernel.ids import new_id
from kernel.secrets import Vault
from kernel.work.dbos import DbosQueue
from playbooks.automation.catalog import FOLDER, load_catalog
from playbooks.automation.guards import SessionNotice
from playbooks.automation.parts import Parts
from playbooks.automation.runner.ansible import AnsibleRunner
from tests.builders.actors import account_actor
from tests.real.sshd import Sshd

VAULT = Vault(bytes(32))
MOST_ADDRESSES: Final = 15
"""Of one sshd, which has 16 sockets to listen with (MAX_LISTEN_SOCKS)."""

HOA: Actor = account_actor(new_id(), "hoa", "technician")

META = """\
version: 1
title: {{vi: Thử, en: Test}}
help: {{vi: Thử, en: Test}}
risk: changing
check_note: {{vi: Thử, en: Test}}
roles: [technician]
limit_s: 900
waves: {{canary: {canary}, steps: [{step}], soak_s: 0, most_failed_percent: 100}}
after_interruption: {after}
arguments:
  mark: {{title: {{vi: Dấu, en: Mark}}, type: text, default: none, pattern: "[a-z0-9-]+"}}
"""


def addresses(devices: int) -> list[str]:
    """Return so many addresses of loopback."""
    return [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(devices)]


class Devices:
    """So many devices, played by as few servers as sshd's limit of listening sockets allows. A context manager."""

    def __init__(self, devices: int) -> None:
        found = addresses(devices)
        parts = [found[start : start + MOST_ADDRESSES] for start in range(0, devices, MOST_ADDRESSES)]
        self._servers = [Sshd(part[0], part[1:]) for part in parts]
        first = self._servers[0]
        for other in self._servers[1:]:  # the same keys: they are one device as far as anybody can see
            for name in ("host_key", "host_key.pub", "authorized_keys"):
                shutil.copy(first.folder / name, other.folder / name)
        self.private_key, self.host_key, self.user = first.private_key, first.host_key, first.user
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for server in self._servers:
            self._stack.enter_context(server)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def pids(self) -> set[int]:
        """Process ids of the servers."""
        return {server.pid for server in self._servers}

    def port_of(self, number: int) -> int:
        """Return the port of the device with this number, from 0."""
        return self._servers[number // MOST_ADDRESSES].port


def write_playbook(
    folder: Path, name: str, tasks: str, *, canary: int = 500, step: int = 500, after: str = "stop"
) -> None:
    """Put a playbook into `folder`, which gets the platform's own configuration of Ansible."""
    folder.mkdir(exist_ok=True)
    (folder / "ansible.cfg").write_text((FOLDER / "ansible.cfg").read_text())
    play = f"- name: Test\n  hosts: all\n  gather_facts: false\n  tasks:\n{tasks}"
    (folder / f"{name}.yml").write_text(play)
    (folder / f"{name}.meta.yml").write_text(META.format(canary=canary, step=step, after=after))


async def load(database: Database, sshd: Devices, devices: int, folder: Path) -> None:
    """Put one office a device into the inventory."""
    text = "version: 1\nunits:\n  xa: {name: Xã, level: commune, valid_from: 2025-07-01}\noffices:\n"
    rows = "devices:\n"
    for number, address in enumerate(addresses(devices)):
        text += f"  o{number}: {{name: Văn phòng {number}, unit: xa}}\n"
        rows += (
            f"  h{number}: {{name: Máy {number}, office: o{number}, role: router, profile: network-interfaces,"
            f" address: {address}, snmp: v2c, credential: v2c,"
            f" ssh: {{port: {sshd.port_of(number)}, user: {sshd.user}, credential: ssh-key,"
            f' host_key: "{sshd.host_key}"}}}}\n'
        )
    file = folder / "programme.yaml"
    file.write_text(text + rows, encoding="utf-8")
    async with database.transaction() as tx:
        await load_file(file, system("test"), tx, bundled_profiles())
        await set_credential(system("test"), tx, VAULT, "ssh-key", SshKey(SecretStr(sshd.private_key)))


def opened(url: str, process: str) -> Database:
    """Return transactions on the database at `url`."""
    return Database(connect(url, process=process), SystemClock(), DbosQueue(url))


async def _nobody_meets(tx: object, offices: Sequence[str], at: object) -> Sequence[SessionNotice]:  # noqa: ARG001
    return ()


def parts(database: Database, project: Path, variables: Mapping[str, object]) -> Parts:
    """Return what a worker has."""
    return Parts(
        database, VAULT, AnsibleRunner(project), _nobody_meets, load_catalog(project), variables, SystemClock()
    )  # fmt: skip
