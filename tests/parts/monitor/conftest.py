"""Real parts for the parts of `monitor`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tests.real.influxd import Influxd, WriteApiProxy


@pytest.fixture(scope="session")
def influxd() -> Iterator[Influxd]:
    """A real server that asks for a user."""
    with Influxd(auth=True) as server:
        yield server


@pytest.fixture
def database(influxd: Influxd) -> Iterator[str]:
    name = f"t{uuid.uuid4().hex}"
    influxd.ask(f"CREATE DATABASE {name}")
    yield name
    influxd.ask(f"DROP DATABASE {name}")


@pytest.fixture
def proxy(influxd: Influxd) -> Iterator[WriteApiProxy]:
    """What stands between it and the write address of later versions."""
    with WriteApiProxy(influxd) as proxy:
        yield proxy


@pytest.fixture
def logs() -> Iterator[list[EventDict]]:
    """What was logged, in the order of events."""
    with capture_logs() as logs:
        yield logs
