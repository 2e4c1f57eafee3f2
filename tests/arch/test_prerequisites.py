"""What a machine lacks is named with the line that gets it, and what it has is not asked for again."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Return a folder that serves as PATH: a machine where nothing can be installed, not even by root."""
    for program in ("bash", "env", "id"):
        (tmp_path / program).symlink_to(shutil.which(program) or program)
    return tmp_path


def python(folder: Path, *, version_ok: bool, ensurepip_ok: bool) -> Path:
    """Return a stand-in for a Python: all that is asked of it is its version and whether it can make environments."""
    file = folder / "python3"
    file.write_text(
        "#!/usr/bin/env bash\n"
        f'case "$*" in\n  *version_info*) exit {0 if version_ok else 1} ;;\n'
        f"  *ensurepip*) exit {0 if ensurepip_ok else 1} ;;\n  --version) echo Python 3.9.2 ;;\nesac\n"
    )
    file.chmod(0o755)
    return file


def run(script: str, *arguments: str | Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a script of the build on a machine whose programs are those in `path`."""
    return subprocess.run(
        [ROOT / ".ci" / script, *arguments], env={"PATH": str(path)}, capture_output=True, text=True, check=False
    )


def test_a_python_that_can_do_all_is_accepted_in_silence(bare: Path) -> None:
    answer = run("prerequisites", python(bare, version_ok=True, ensurepip_ok=True), path=bare)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_a_missing_venv_is_named_with_its_apt_line(bare: Path) -> None:
    answer = run("prerequisites", python(bare, version_ok=True, ensurepip_ok=False), path=bare)
    assert answer.returncode == 1
    assert "apt-get install python3-venv" in answer.stderr


def test_a_missing_python_is_named_with_its_apt_line(bare: Path) -> None:
    answer = run("prerequisites", bare / "python3", path=bare)
    assert answer.returncode == 1
    assert "apt-get install python3 python3-venv" in answer.stderr


def test_a_python_too_old_is_refused_with_the_versions_that_do(bare: Path) -> None:
    answer = run("prerequisites", python(bare, version_ok=False, ensurepip_ok=True), path=bare)
    assert answer.returncode == 1
    assert "Python 3.9.2" in answer.stderr
    assert "3.11" in answer.stderr


def test_installed_test_parts_need_neither_root_nor_network(bare: Path) -> None:
    answer = run("test-packages", path=bare)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
