from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kernel.folders import FolderUnusable, HoldFile, make_data_folder, make_folder
from tests.real.accounts import ROOT

HOLDER = """
import sys, time
from pathlib import Path
from kernel.folders import HoldFile
print(HoldFile(Path(sys.argv[1])).take({"pid": 42}), flush=True)
sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_is_closed_to_others_whatever_it_was(tmp_path: Path) -> None:
    make_folder(tmp_path / "new", "TMPDIR")
    (tmp_path / "open").mkdir(mode=0o755)
    make_folder(tmp_path / "open", "TMPDIR")
    assert (mode(tmp_path / "new"), mode(tmp_path / "open")) == (0o700, 0o700)


def test_a_data_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o750)
    make_data_folder(tmp_path / "data")
    assert mode(tmp_path / "data") == 0o750


def test_a_link_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FolderUnusable, match="something else has that name"):
        make_folder(tmp_path / "link", "TMPDIR")


def test_what_cannot_be_made_names_the_folder_and_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderUnusable, match=rf"{tmp_path}/file/data cannot be used: .*\. Set VUNGCAO_DATA_DIR"):
        make_data_folder(tmp_path / "file" / "data")


def test_a_held_file_tells_its_holder_until_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    ours = HoldFile(path)
    assert ours.holder() is None
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"True\n"
        assert ours.holder() == {"pid": 42}
        assert not ours.take({"pid": 1})
        other.kill()
    assert ours.holder() is None
    assert ours.take({"pid": 1})
    assert HoldFile(path).holder() == {"pid": 1}
    ours.let_go()
    assert not ours.held
    assert HoldFile(path).holder() is None
