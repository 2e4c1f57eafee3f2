"""Runs the real playbooks on offices of the lab, as somebody would by hand, and tells what each task did."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbooks.automation.catalog import FOLDER, load_catalog
from tests.real.lab import Lab, Office
from tests.real.server import SYSTEM_PATH

SNMP = {"version": "v3", "user": "vungcao", "auth_protocol": "SHA-256", "auth_key": 'khóa "xác thực" \\ 1',
        "priv_protocol": "AES-128", "priv_key": "khóa che giấu 2"}  # fmt: skip
"""What the vault gives to playbooks with `secrets: [snmp]`, with characters that files must escape."""


@dataclass(frozen=True)
class Told:
    """What one task did on one host."""

    task: str
    host: str
    result: Mapping[str, Any]

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))


@dataclass(frozen=True)
class Played:
    """How a playbook went."""

    ended: int
    output: str
    tasks: Sequence[Told]
    stats: Mapping[str, Mapping[str, int]]

    @property
    def changed(self) -> list[str]:
        """Names of the tasks that changed something, in order."""
        return list(dict.fromkeys(told.task for told in self.tasks if told.changed))

    def fact(self, name: str, host: str) -> Any:  # noqa: ANN401 - whatever the playbook set
        """Return a fact that the playbook set on a host."""
        found = [told.result["ansible_facts"] for told in self.tasks
                 if told.host == host and name in told.result.get("ansible_facts", {})]  # fmt: skip
        return found[-1][name]


def files_of(office: Office) -> dict[str, str]:
    """Return what lies in an office, by path: a sum of each file's content, or where a link leads."""
    find = (
        "cd /; find etc home opt srv var/lib -xdev \\( -type f -o -type l \\) -printf '%p\\t%m\\t%u\\t%l\\n';"
        " find etc home opt srv var/lib -xdev -type f -exec sha256sum {} +"
    )
    lines = office.run("sh", "-c", find).stdout.splitlines()
    return dict(line.split("\t", 1) if "\t" in line else reversed(line.split("  ", 1)) for line in lines)  # type: ignore[misc]


class Player:
    """Plays playbooks on some offices of a lab.

    Args:
        lab: Whose hub they are played from.
        folder: For the files that this needs.
        variables: Given to every playbook beside its arguments, as a site's own variables are.
    """

    def __init__(self, lab: Lab, folder: Path, variables: Mapping[str, Any] | None = None) -> None:
        self._lab = lab
        self._folder = folder
        self._variables = dict(variables or {})
        self._catalog = load_catalog(FOLDER)

    def play(
        self, playbook: str, *offices: Office, check: bool = False, user: str = "root", fails: bool = False,
        **arguments: Any,
    ) -> Played:  # fmt: skip
        """Return how the playbook went; AssertionError if it failed, or did not although it should have."""
        read = self._catalog[playbook].read_arguments(arguments)
        variables = self._folder / "variables.json"
        variables.write_text(json.dumps({"vungcao_snmp": SNMP, **self._variables, **read}), "utf-8")
        inventory = self._folder / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": dict(self._hosts(offices, user))}}), "utf-8")
        words = [
            *self._lab.prefix,
            str(Path(sysconfig.get_path("scripts"), "ansible-playbook")),
            "--inventory", str(inventory), "--extra-vars", f"@{variables}", "--diff", *(["--check"] if check else []),
            f"{playbook}.yml",
        ]  # fmt: skip
        done = subprocess.run(
            words, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=600,
            env={
                "PATH": f"{sysconfig.get_path('scripts')}:{SYSTEM_PATH}", "LC_ALL": "C.UTF-8",
                "HOME": str(self._folder),
                "ANSIBLE_CONFIG": str(FOLDER / "ansible.cfg"), "ANSIBLE_HOME": str(self._folder / "ansible"),
                "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_JSON_INDENT": "0",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )  # fmt: skip
        said = done.stdout[done.stdout.find("{") :] or "{}"
        told = json.loads(said) if said.startswith("{") else {}
        played = Played(done.returncode, done.stdout + done.stderr, list(_tasks(told)), told.get("stats", {}))
        assert (done.returncode != 0) == fails, _failures(played)
        return played

    def _hosts(self, offices: Sequence[Office], user: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for office in offices:
            known = self._folder / f"known-{office.code}"
            known.write_text(f"{office.address} {office.host_key}\n", "utf-8")
            yield (
                office.code,
                {
                    "ansible_host": office.address,
                    "ansible_user": user,
                    "ansible_ssh_private_key_file": str(self._lab.key),
                    "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes"
                    f" -o ControlPath={self._lab.folder}/%C",
                    "ansible_python_interpreter": "/usr/bin/python3",
                },
            )


def _tasks(told: Mapping[str, Any]) -> Iterator[Told]:
    for play in told.get("plays", ()):
        for task in play["tasks"]:
            for host, result in task["hosts"].items():
                yield Told(task["task"]["name"], host, result)


def _failures(played: Played) -> str:
    failed = [f"{told.task} on {told.host}: {json.dumps(told.result, ensure_ascii=False)[:3000]}"
              for told in played.tasks if told.result.get("failed") or told.result.get("unreachable")]  # fmt: skip
    return "\n".join(failed) or played.output[-3000:]
