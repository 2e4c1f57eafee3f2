"""Profiles that change while the platform runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inventory.profiles import BadProfiles, ProfileFolder

GOOD = "version: 1\ntitle: {vi: Thử, en: Trial}\n"


def write(file: Path, text: str, at: int) -> None:
    file.write_text(text, "utf-8")
    os.utime(file, (at, at))


def test_a_new_or_changed_file_is_taken_and_a_broken_one_is_not(tmp_path: Path) -> None:
    folder = ProfileFolder(tmp_path)
    assert "trial" not in folder.profiles()
    write(tmp_path / "trial.yaml", GOOD, 1_000)
    assert folder.profiles()["trial"].title["en"] == "Trial"
    write(tmp_path / "trial.yaml", GOOD.replace("Trial", "Second"), 2_000)
    assert folder.profiles()["trial"].title["en"] == "Second"
    write(tmp_path / "trial.yaml", "nonsense", 3_000)
    assert folder.profiles()["trial"].title["en"] == "Second"
    (tmp_path / "trial.yaml").unlink()
    assert "trial" not in folder.profiles()
    tmp_path.rmdir()
    assert "system" in folder.profiles()


def test_a_platform_does_not_start_with_a_profile_that_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "trial.yaml").write_text("nonsense", "utf-8")
    with pytest.raises(BadProfiles):
        ProfileFolder(tmp_path)


def test_without_a_folder_the_bundled_ones_are_there() -> None:
    assert "system" in ProfileFolder(None).profiles()
