"""The real ansible-inventory takes what we tell it, and a real playbook runs over a real sshd from our export."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.command import ROOT
from tests.real.postgres import DebianPostgres
from tests.real.sshd import Sshd

SECRET = "khong-duoc-lo-ra"
HOSTILE = "{{ lookup('pipe', 'touch MARK') }}"
INVENTORY = """\
version: 1
units:
  lam-dong: {{name: Tỉnh Lâm Đồng, level: province, valid_from: 1976-02-01}}
  phan-son: {{name: Xã Phan Sơn, level: commune, parent: lam-dong, valid_from: 2025-07-01}}
  la-da: {{name: Xã La Dạ, level: commune, parent: lam-dong, valid_from: 2025-07-01}}
offices:
  ps: {{name: Văn phòng Phan Sơn, unit: phan-son}}
  ld: {{name: Văn phòng La Dạ, unit: la-da}}
devices:
  ps-rt1: {{name: "{name}", office: ps, role: router, profile: network-interfaces, address: {address}, snmp: v2c,
    credential: v2c, ssh: {{port: {port}, user: {user}, credential: khoa-ssh, host_key: "{key}"}}}}
  ld-rt1: {{name: Bộ định tuyến, office: ld, role: router, profile: network-interfaces, address: 127.0.9.9, snmp: v2c,
    credential: v2c, ssh: {{user: vungcao, credential: khoa-ssh}}}}
  ps-ups1: {{name: Bộ lưu điện, office: ps, role: ups, profile: ups-mib, address: 127.0.9.8, snmp: v2c,
    credential: v2c}}
"""
PLAYBOOK = """\
- hosts: unit_phan_son:&role_router
  gather_facts: false
  tasks:
    - ansible.builtin.copy: {content: "{{ vungcao_office }} {{ vungcao_name }}", dest: "{{ mark }}"}
"""


class Folder:
    """A data folder with a programme in it, and the commands that work on it."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        (folder / "ansible.cfg").write_text("[defaults]\n")
        self.environment = {
            **os.environ, "VUNGCAO_DATABASE_URL": database, "VUNGCAO_DATA_DIR": str(folder / "data"), "LANG": "C.UTF-8",
            "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
            "VUNGCAO": f"{sys.executable} -m api.cli", "ANSIBLE_HOME": str(folder / "ansible"),
            "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"), "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        }  # fmt: skip

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, check=False, capture_output=True, text=True, env=self.environment, cwd=ROOT, timeout=300
        )

    def vungcao(self, *arguments: str) -> str:
        done = self.run(sys.executable, "-m", "api.cli", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with Sshd() as running:
        yield running


@pytest.fixture(scope="module")
def folder(sshd: Sshd, server: DebianPostgres, migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    made = Folder(tmp_path_factory.mktemp("ansible"), server.new_database("ansible", migrated))
    hostile = HOSTILE.replace("MARK", str(made.folder / "pwned"))
    (made.folder / "programme.yaml").write_text(
        INVENTORY.format(
            name=hostile, address=sshd.address, port=sshd.port, user=sshd.user, key=sshd.host_key
        ),
        encoding="utf-8",
    )  # fmt: skip
    made.vungcao("inventory", "import", str(made.folder / "programme.yaml"))
    set_secret = [sys.executable, "-m", "api.cli", "secrets", "set", "v2c"]
    subprocess.run(set_secret, input=f"{SECRET}\n", text=True, check=True, env=made.environment, cwd=ROOT)
    return made


def test_the_real_ansible_inventory_reads_it_and_a_real_playbook_runs_from_the_export(
    folder: Folder, sshd: Sshd
) -> None:
    script = str(ROOT / "deploy/ansible/vungcao-inventory")
    graph = folder.run("ansible-inventory", "-i", script, "--graph")
    assert graph.returncode == 0, graph.stderr
    assert "WARNING" not in graph.stderr, "every name of a group is one that Ansible takes"
    exported = folder.folder / "out"
    folder.vungcao("inventory", "ansible", "--export", str(exported))
    static = folder.run("ansible-inventory", "-i", str(exported / "hosts.yml"), "--graph")
    assert static.returncode == 0, static.stderr
    assert sorted(static.stdout.splitlines()) == sorted(graph.stdout.splitlines())
    for group in ("unit_lam_dong", "unit_phan_son", "office_ps", "level_commune", "role_router"):
        assert f"@{group}:" in graph.stdout
    assert "@profile_network_interfaces:" in graph.stdout
    assert "ps-ups1" not in graph.stdout, "it is not let in to over SSH"

    (folder.folder / "play.yml").write_text(PLAYBOOK, encoding="utf-8")
    key, mark = folder.folder / "key", sshd.root / "tmp" / "mark"
    key.write_text(sshd.private_key)
    key.chmod(0o600)
    played = folder.run(
        "ansible-playbook", "-i", str(exported / "hosts.yml"), "--private-key", str(key), "-e", f"mark={mark}",
        "-e", f"ansible_python_interpreter={sys.executable}", str(folder.folder / "play.yml"),
    )  # fmt: skip
    assert played.returncode == 0, played.stdout + played.stderr
    assert mark.read_text().startswith("ps "), "it ran on the device of that unit alone"
    assert "ld-rt1" not in played.stdout
    assert not (folder.folder / "pwned").exists(), "a name that somebody typed is no template"

    said = "".join(file.read_text() for file in exported.iterdir())
    assert SECRET not in said
    assert "PRIVATE" not in said


def test_one_host_is_told_and_an_account_sees_no_more_than_it_may(folder: Folder) -> None:
    told = json.loads(folder.vungcao("inventory", "ansible", "--host", "ps-rt1"))
    assert told["vungcao_unit"] == "phan-son"
    assert json.loads(folder.vungcao("inventory", "ansible", "--host", "none")) == {}
    create = [sys.executable, "-m", "api.cli", "accounts", "create", "lan", "--role", "technician", "--unit", "la-da"]
    subprocess.run(
        create, input="trời mưa ở La Dạ\n", text=True, check=True, env=folder.environment, cwd=ROOT, capture_output=True
    )
    listed = json.loads(folder.vungcao("inventory", "ansible", "--list", "--as", "lan"))
    assert set(listed["_meta"]["hostvars"]) == {"ld-rt1"}
    assert "unit_phan_son" not in listed
