"""The playbooks are held to ansible-lint's strictest profile, and the page that lists them lists them all."""

from __future__ import annotations

import configparser
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from playbooks.automation.catalog import FOLDER, load_catalog
from playbooks.automation.prepare import FORKS

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_ansible_lint_finds_nothing_by_its_profile_production(tmp_path: Path) -> None:
    scripts = sysconfig.get_path("scripts")
    done = subprocess.run(
        [Path(scripts, "ansible-lint"), "-c", ROOT / ".ansible-lint", "--offline", "--nocolor",
         *sorted(path.name for path in FOLDER.glob("*.yml"))],
        cwd=FOLDER, capture_output=True, text=True, check=False,
        env={
            "PATH": f"{scripts}{os.pathsep}{os.defpath}", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": str(FOLDER / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path / "ansible"),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Profile 'production' was required, and it passed" in done.stderr


def test_time_limits_count_on_as_many_forks_as_ansible_has() -> None:
    settings = configparser.ConfigParser()
    settings.read(FOLDER / "ansible.cfg", "utf-8")
    assert settings.getint("defaults", "forks") == FORKS


def test_every_playbook_is_described_on_the_page_of_playbooks() -> None:
    page = (ROOT / "docs/how-to/playbooks.md").read_text("utf-8")
    assert [name for name in load_catalog(FOLDER) if f"`{name}`" not in page] == []


def test_what_changes_can_be_undone_or_says_on_the_page_why_not() -> None:
    page = (ROOT / "docs/how-to/playbooks.md").read_text("utf-8")
    without = [name for name, one in load_catalog(FOLDER).items()
               if one.changes(check=False) and not one.undo and not name.endswith("-undo")]  # fmt: skip
    assert [name for name in without if f"`{name}` has no undo" not in page] == []
