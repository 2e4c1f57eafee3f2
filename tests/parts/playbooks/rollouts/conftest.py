"""A programme of offices whose clock stands still, for rollouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.clock import Clock, FrozenClock
from kernel.db.transaction import Database
from tests.parts.playbooks.programme import NOW, Programme


@pytest.fixture
def clock() -> Clock:
    return FrozenClock(NOW)


@pytest.fixture
async def programme(database: Database, clock: FrozenClock, tmp_path: Path) -> Programme:
    made = Programme(database, clock)
    await made.load(tmp_path)
    return made
