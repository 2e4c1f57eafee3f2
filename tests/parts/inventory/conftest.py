"""The inventory's clock stands still."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kernel.clock import FrozenClock


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2026, 11, 24, 1, 26, tzinfo=UTC))
