"""What runs on the platform's own machine for a playbook: what it sees, what it may write, what it may take."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from playbooks.automation.runner.memory import memory_over
from playbooks.automation.runner.sandbox import sandbox
from tests.real.waiting import alive, until

HUNGRY = (
    "import sys; held = bytearray(64 * 2**20); held[:] = b'x' * len(held); print('fed', flush=True); sys.stdin.read()"
)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    for name in ("private", "data", "playbooks"):
        (tmp_path / name).mkdir()
    (tmp_path / "data/audit.key").write_text("secret")
    (tmp_path / "playbooks/site.yml").write_text("- hosts: all\n")
    found = sandbox(tmp_path / "private", str(tmp_path / "playbooks"), [str(tmp_path / "data"), "/not/there"])
    assert found, "bubblewrap works here: .ci/test-packages brings it"
    return found


def isolated(words: list[str], script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*words, "sh", "-c", script], check=False, capture_output=True, text=True)


def test_it_sees_its_playbooks_and_not_the_platforms_data(words: list[str], tmp_path: Path) -> None:
    done = isolated(words, f"cat {tmp_path}/playbooks/site.yml; ls -A {tmp_path}/data")
    assert done.stdout == "- hosts: all\n", done.stderr


def test_it_writes_into_its_private_folder_alone(words: list[str], tmp_path: Path) -> None:
    done = isolated(words, f"echo well > {tmp_path}/private/here; echo ill > {tmp_path}/playbooks/site.yml")
    assert done.returncode
    assert ((tmp_path / "private/here").read_text(), (tmp_path / "playbooks/site.yml").read_text()) == (
        "well\n",
        "- hosts: all\n",
    )


def test_it_sees_no_process_of_others_and_all_of_its_own_end_with_it(words: list[str], tmp_path: Path) -> None:
    done = isolated(words, "ls -d /proc/[0-9]* | wc -l; sleep 300 & echo")
    assert int(done.stdout.split()[0]) < 10
    with subprocess.Popen([*words, "sh", "-c", f"sleep 301 & touch {tmp_path}/private/up; sleep 302"]) as outer:
        until((tmp_path / "private/up").exists, "it to run")
        outer.kill()
    until(lambda: not sleeping("301") and not sleeping("302"), "what it started to end with it")


def sleeping(seconds: str) -> list[int]:
    wanted = f"sleep\0{seconds}\0".encode()
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal() and alive(int(entry.name)) and (entry / "cmdline").read_bytes() == wanted
    ]


def test_memory_beyond_the_bound_is_seen_and_below_it_is_not() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HUNGRY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as hungry:
        assert hungry.stdout is not None
        assert hungry.stdout.readline() == "fed\n"
        assert memory_over(hungry.pid, 2**30) == 0
        assert memory_over(hungry.pid, 32 * 2**20) > 64 * 2**20
        hungry.communicate("")
    assert memory_over(hungry.pid, 1) == 0, "it is gone"
