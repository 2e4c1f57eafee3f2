"""What is installed is exactly what the locks name, from whichever index or mirror a machine uses."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PIN = re.compile(r"^(?P<name>[a-z0-9._-]+)==(?P<version>[^ ]+)(?: ; (?P<marker>.+?))? \\$", re.MULTILINE)
LOCKS = {
    "requirements.lock": [
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["demo"],
        *PROJECT["dependency-groups"]["build"],
    ],
    "requirements-dev.lock": PROJECT["dependency-groups"]["dev"],
    "requirements-node.lock": PROJECT["dependency-groups"]["node"],
    "requirements-collections.lock": PROJECT["dependency-groups"]["collections"],
}


def pins(lock: str) -> set[tuple[str, str]]:
    """Return name and version of each pin."""
    return {(match["name"], match["version"]) for match in PIN.finditer((ROOT / lock).read_text())}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-|.* @ )(?!-hash=)", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_its_hashes(lock: str) -> None:
    entries = re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]
    assert entries
    assert all(PIN.match(entry) and "--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize(("lock", "wanted"), LOCKS.items())
def test_a_lock_holds_what_the_project_asks_for(lock: str, wanted: Iterable[str]) -> None:
    have = pins(lock)
    for line in wanted:
        asked = Requirement(line)
        versions = [version for name, version in have if name == canonicalize_name(asked.name)]
        assert versions, f"{asked.name} is not in {lock}: make lock"
        met = [asked.specifier.contains(version) for version in versions]
        # What is asked for on some Pythons only may be there in another version for the others.
        assert any(met) if asked.marker else all(met), f"{line}, but {lock} has {versions}"


def test_the_tests_run_on_the_versions_that_the_product_runs_on() -> None:
    run, tests = pins("requirements.lock"), pins("requirements-dev.lock")
    shared = dict(run).keys() & dict(tests).keys()
    # A package that different Pythons want in different versions stands there once for each.
    assert {pin for pin in tests if pin[0] in shared} == {pin for pin in run if pin[0] in shared}


def test_the_run_installs_no_test_tool() -> None:
    tools = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependency-groups"]["dev"]}
    assert not tools & dict(pins("requirements.lock")).keys()


def test_front_end_packages_are_pinned_exactly_and_name_no_address() -> None:
    asked = json.loads((ROOT / "api/web/package.json").read_text())
    text = (ROOT / "api/web/package-lock.json").read_text()
    locked = json.loads(text)["packages"]
    assert "://" not in text
    for name, version in (asked["dependencies"] | asked["devDependencies"]).items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} is asked for as {version}"
        assert locked[f"node_modules/{name}"]["version"] == version
        assert locked[f"node_modules/{name}"]["integrity"].startswith("sha512-")
