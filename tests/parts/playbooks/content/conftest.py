"""A lab for the real playbooks. Each module has its own, which starts in a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.playbooks.content.play import Player
from tests.real.lab import Lab, Office


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(2, lines=2) as running:
        yield running


@pytest.fixture
def office(lab: Lab) -> Office:
    return lab.offices["c1"]


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    return Player(lab, tmp_path)
