"""An office of one device, which a real sshd plays, for tests that run playbooks on it."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from inventory.profiles import bundled_profiles
from inventory.public import SnmpV2c, SshKey, load_file, set_credential
from kernel.actors import Actor, system
from kernel.clock import SystemClock
from kernel.db.transaction import DELIVER_EVENT, Database, Transaction
from kernel.delivery import delivery
from kernel.ids import new_id
from kernel.secrets import Vault
from kernel.work.port import Work
from playbooks.automation.catalog import FOLDER, load_catalog
from playbooks.automation.execute import playbook_work
from playbooks.automation.guards import SessionNotice
from playbooks.automation.host_queries import LineView, run_lines
from playbooks.automation.parts import Parts
from playbooks.automation.queries import RunView, run_for
from playbooks.automation.runner.ansible import AnsibleRunner
from playbooks.public import RUN_PLAYBOOK, LaunchRequest, launch
from tests.builders.actors import account_actor
from tests.real.sshd import Sshd

OFFICE = "ps"
COMMUNITY = "cong-dong/bí mật&14"
VAULT = Vault(bytes(32))

HOA = account_actor(new_id(), "hoa", "technician")
DUC = account_actor(new_id(), "duc", "technician")
LAN = account_actor(new_id(), "lan", "official")

INVENTORY = """\
version: 1
units:
  phan-son: {{name: Xã Phan Sơn, level: commune, valid_from: 2025-07-01}}
offices:
  ps: {{name: Văn phòng xã Phan Sơn, unit: phan-son}}
  ld: {{name: Văn phòng xã La Dạ, unit: phan-son}}
devices:
  ps-rt1:
    {{name: Bộ định tuyến, office: ps, role: router, profile: network-interfaces, address: 127.0.0.1, snmp: v2c,
     credential: snmp-v2c, ssh: {{port: {port}, user: {user}, credential: ssh-key, host_key: "{host_key}"}}}}
  ps-ups1:
    {{name: Bộ lưu điện, office: ps, role: ups, profile: ups-mib, address: 127.0.0.2, snmp: v2c, credential: snmp-v2c}}
"""

META = """\
version: 1
title: {{vi: Thử, en: Test}}
help: {{vi: Thử, en: Test}}
risk: changing
check_note: {{vi: Thử, en: Test}}
roles: [technician]
limit_s: {limit_s}
"""

SLOW = """\
- name: Slow
  hosts: all
  gather_facts: false
  tasks:
    - name: Wait there
      ansible.builtin.command: sleep 40
"""

CHATTY = """\
- name: Chatty
  hosts: all
  gather_facts: false
  tasks:
    - name: Say what lies there
      ansible.builtin.command: cat {folder}/secrets
      register: said
    - name: Show what lies there
      ansible.builtin.debug: {{var: said}}
    - name: Put it into a file
      ansible.builtin.copy: {{src: {folder}/secrets, remote_src: true, dest: {folder}/copy}}
    - name: Change the file
      ansible.builtin.copy: {{content: "community {community}\\n", dest: {folder}/changed}}
"""


class Rooms:
    """What meetings would say of rooms in session; nothing until a test sets it."""

    def __init__(self) -> None:
        self.sessions: list[SessionNotice] = []

    async def __call__(self, tx: Transaction, offices: Sequence[str], at: datetime) -> Sequence[SessionNotice]:
        return self.sessions


def write_project(folder: Path, secrets: Path) -> None:
    """Make a playbook folder: the real one, and playbooks that only tests want."""
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__", "automation"))
    for name, text, limit_s in (
        ("slow", SLOW, 120),
        ("too-slow", SLOW, 8),
        ("chatty", CHATTY.format(folder=secrets, community=COMMUNITY), 120),
    ):
        (folder / f"{name}.yml").write_text(text)
        (folder / f"{name}.meta.yml").write_text(META.format(limit_s=limit_s))


class Site:
    """The platform's side of the office: what launches, and what its worker needs."""

    def __init__(self, database: Database, project: Path, sshd: Sshd) -> None:
        self.database = database
        self.sshd = sshd
        self.rooms = Rooms()
        self.catalog = load_catalog(project)
        self.runner = AnsibleRunner(project)
        self.variables: dict[str, Any] = {
            "target_root": str(sshd.root),
            "ansible_remote_tmp": str(sshd.root / "tmp"),
            "become_needed": False,
        }

    @property
    def parts(self) -> Parts:
        return Parts(self.database, VAULT, self.runner, self.rooms, self.catalog, self.variables, SystemClock())

    @property
    def works(self) -> dict[str, Work]:
        return {RUN_PLAYBOOK: playbook_work(self.parts), DELIVER_EVENT: delivery(self.database, {})}

    async def load(self, folder: Path, *, host_key: str | None = None) -> None:
        """Put the office into the inventory."""
        file = folder / "office.yaml"
        file.write_text(
            INVENTORY.format(port=self.sshd.port, user=self.sshd.user, host_key=host_key or self.sshd.host_key)
        )
        async with self.database.transaction() as tx:
            await load_file(file, system("test"), tx, bundled_profiles())
            await set_credential(system("test"), tx, VAULT, "snmp-v2c", SnmpV2c(SecretStr(COMMUNITY)))
            await set_credential(system("test"), tx, VAULT, "ssh-key", SshKey(SecretStr(self.sshd.private_key)))

    async def launch(
        self,
        playbook: str,
        actor: Actor = HOA,
        *,
        check: bool = False,
        office: str = OFFICE,
        arguments: Mapping[str, Any] | None = None,
    ) -> RunView:
        async with self.database.transaction() as tx:
            request = LaunchRequest(playbook, office, check, arguments or {})
            return await launch(request, actor, tx, self.rooms, catalog=self.catalog)

    async def run(self, run: uuid.UUID) -> RunView:
        async with self.database.transaction() as tx:
            return await run_for(HOA, run, tx)

    async def lines(self, run: uuid.UUID, after: int = 0) -> list[LineView]:
        async with self.database.transaction() as tx:
            return await run_lines(HOA, run, tx, after=after, limit=1000)
