"""A real sshd, and an office in the inventory whose device it plays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.db.transaction import Database
from tests.parts.playbooks.office import Site, write_project
from tests.real.sshd import Sshd


@pytest.fixture
def sshd() -> Iterator[Sshd]:
    with Sshd() as running:
        yield running


@pytest.fixture
async def site(database: Database, sshd: Sshd, tmp_path: Path) -> Site:
    write_project(tmp_path / "playbooks", sshd.folder)
    made = Site(database, tmp_path / "playbooks", sshd)
    await made.load(tmp_path)
    return made
