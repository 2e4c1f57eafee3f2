"""The guard is guarded: each wrong import, planted in a copy of the tree, breaks exactly the contract meant for it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
OWN = ("kernel", "inventory", "monitor", "playbooks", "meetings", "api")
RULES: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
NAME_OF: Mapping[str, str] = {contract["id"]: contract["name"] for contract in RULES["contracts"]}

# What is planted (file: line added to it) and the one contract that must break. Most go into files of their own, which
# nobody imports, so that a plant has no other effect than the one it is made for.
PLANTS: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("downward", "the kernel knows a domain", {"kernel/planted.py": "import inventory.public"}),
    ("downward", "a lower domain knows a higher one", {"inventory/planted.py": "import monitor.public"}),
    (
        "downward",
        "siblings know each other",
        {"playbooks/public.py": "", "monitor/planted.py": "import playbooks.public"},
    ),
    *(
        (
            f"{domain}-door",
            "another domain's inside is used",
            {f"{domain}/planted.py": "", "api/planted.py": f"import {domain}.planted"},
        )
        for domain in ("inventory", "monitor", "playbooks", "meetings")
    ),
    ("pure", "a decision asks the clock of the machine", {"monitor/thresholds.py": "import time"}),
    ("pure", "a decision asks our own clock", {"inventory/units.py": "import kernel.clock"}),
    ("pure", "a decision knows the database", {"inventory/links.py": "import sqlalchemy"}),
    (
        "pure",
        "a decision reaches a socket through a chain",
        {"kernel/planted.py": "import socket", "monitor/alerts.py": "import kernel.planted"},
    ),
    ("adapters", "an adapter is named outside the wiring", {"monitor/planted.py": "import monitor.probes.snmp"}),
    ("engines", "an engine's library is used beside its adapter", {"monitor/planted.py": "import duckdb"}),
    ("web", "a domain knows the web", {"monitor/planted.py": "import fastapi"}),
    ("tests", "the product needs its tests", {"kernel/planted.py": "import tests"}),
    ("tests", "the product needs its benchmarks", {"api/planted.py": "import bench"}),
    (
        "cycles",
        "two modules need each other",
        {"kernel/planted.py": "import kernel.planted_too", "kernel/planted_too.py": "import kernel.planted"},
    ),
)


@pytest.fixture(scope="module")
def copy_of_the_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for package in OWN:
        shutil.copytree(
            ROOT / package, copy / package, ignore=lambda folder, names: {n for n in names if _not_code(folder, n)}
        )
    return copy


def _not_code(folder: str, name: str) -> bool:
    return not name.endswith(".py") and (name == "__pycache__" or not Path(folder, name).is_dir())


@pytest.fixture(scope="module")
def broken_already(copy_of_the_tree: Path) -> set[str]:
    return broken_contracts(copy_of_the_tree)


@pytest.fixture
def planted(copy_of_the_tree: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    before: dict[Path, str | None] = {}
    for name, line in request.param.items():
        file = copy_of_the_tree / name
        before[file] = file.read_text() if file.exists() else None
        file.write_text(f"{before[file] or ''}\n{line}\n")
    yield copy_of_the_tree
    for file, text in before.items():
        if text is None:
            file.unlink()
        else:
            file.write_text(text)


def broken_contracts(tree: Path) -> set[str]:
    """Return the ids of the contracts that import-linter finds broken in `tree`."""
    lint = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run([lint, "--no-logo"], cwd=tree, capture_output=True, text=True, check=False)
    verdicts = dict(re.findall(r"^(.+) (KEPT|BROKEN)", answer.stdout, re.MULTILINE))
    assert verdicts.keys() == set(NAME_OF.values()), answer.stdout + answer.stderr
    broken = {contract for contract, name in NAME_OF.items() if verdicts[name] == "BROKEN"}
    assert answer.returncode == bool(broken), answer.stdout + answer.stderr
    return broken


def test_the_tree_as_it_is_keeps_every_contract(broken_already: set[str]) -> None:
    assert broken_already == set()


@pytest.mark.parametrize(
    ("contract", "planted"),
    [pytest.param(contract, plant, id=f"{contract}: {what}") for contract, what, plant in PLANTS],
    indirect=["planted"],
)
def test_a_wrong_import_breaks_exactly_its_contract(contract: str, broken_already: set[str], planted: Path) -> None:
    # A tree that is broken already fails one test, above, and not all.
    assert broken_contracts(planted) - broken_already == {contract} - broken_already


def test_every_contract_has_been_seen_to_break() -> None:
    assert {contract for contract, _, _ in PLANTS} == set(NAME_OF)


def test_no_installed_distribution_claims_a_name_of_ours() -> None:
    claims = packages_distributions()
    others = {name: set(claims.get(name, ())) - {"vungcao"} for name in (*OWN, "bench", "tests")}
    assert not any(others.values()), others
