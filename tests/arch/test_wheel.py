"""The wheel holds the product, with the browser's files inside, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
VENDOR = "api/web/static/vendor"
LOADED = {"htmx.min.js", "hx-sse.min.js", "uPlot.iife.min.js", "zxing.min.js"}
FETCHED = LOADED | {"htmx.LICENSE", "uPlot.LICENSE", "zxing.LICENSE"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    (file,) = folder.glob("*.whl")
    return ZipFile(file)


def test_the_browsers_files_are_inside_as_they_were_fetched(wheel: ZipFile) -> None:
    inside = {name: wheel.read(name) for name in wheel.namelist() if name.startswith(VENDOR)}
    assert inside == {f"{VENDOR}/{name}": (ROOT / VENDOR / name).read_bytes() for name in FETCHED}


def test_every_file_that_is_fetched_for_the_browser_is_loaded_by_a_page() -> None:
    templates = "".join(file.read_text("utf-8") for file in (ROOT / "api/web/templates").rglob("*.html"))
    assert set(re.findall(r'asset\("vendor/([^"]+)"\)', templates)) == LOADED


def test_our_packages_are_inside_and_nothing_odd(wheel: ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    (about,) = (top for top in tops if top.endswith(".dist-info"))
    assert tops - {about} == {"kernel", "inventory", "monitor", "playbooks", "meetings", "api"}
    odd = [name for name in wheel.namelist() if name.endswith((".pyc", "package.json")) or "node_modules" in name]
    assert not odd


@pytest.mark.parametrize("pattern", ["api/web/**/*.html", "api/web/static/*.*", "api/**/*.po", "inventory/**/*.yaml"])
def test_what_the_code_reads_travels_with_it(wheel: ZipFile, pattern: str) -> None:
    wanted = {file.relative_to(ROOT).as_posix() for file in ROOT.glob(pattern)}
    assert wanted
    assert wanted <= set(wheel.namelist())


def test_the_command_is_declared(wheel: ZipFile) -> None:
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "vungcao = api.cli:main" in wheel.read(entry_points).decode()


def test_the_licence_travels_too(wheel: ZipFile) -> None:
    (licence,) = (name for name in wheel.namelist() if name.endswith("licenses/LICENSE"))
    assert wheel.read(licence) == (ROOT / "LICENSE").read_bytes()
