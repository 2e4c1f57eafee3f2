"""What all tests may ask for: real stores, what was logged, and a network that ends at this machine."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import sys
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs
from structlog.typing import EventDict

from api.migrations.upgrade import upgrade
from kernel.clock import Clock, SystemClock
from kernel.db.engine import connect
from kernel.db.transaction import Database
from kernel.work.dbos import DbosQueue
from tests.real.influxd import Influxd, WriteApiProxy
from tests.real.postgres import DebianPostgres, folder_in_memory

# How long an example takes is the machine's matter, and no test's.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

NUMBERS = itertools.count(1)
TEMPLATE = "migrated"


def _only_this_machine(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse a connection to anywhere but loopback: a test that needs the outside is a mistake."""
    if event != "socket.connect":
        return
    address = arguments[1]
    if isinstance(address, tuple) and isinstance(address[0], str):
        try:
            loopback = ipaddress.ip_address(address[0].partition("%")[0]).is_loopback
        except ValueError:
            loopback = address[0] == "localhost"
        if not loopback:
            raise PermissionError(f"tests stay on this machine; this one connects to {address[0]}")


sys.addaudithook(_only_this_machine)

# A machine at work beside is no reason to fail, and nothing is kept between runs.
settings.register_profile("ours", deadline=None, database=None)
settings.load_profile("ours")


@pytest.fixture(scope="session")
def server() -> Iterator[DebianPostgres]:
    """One PostgreSQL server of Debian a test run."""
    with DebianPostgres(folder_in_memory()) as running:
        yield running


@pytest.fixture(scope="session")
def migrated(server: DebianPostgres) -> str:
    """Name of a database with all tables, as the migrations make them, to be copied."""
    asyncio.run(upgrade(server.new_database(TEMPLATE)))
    return TEMPLATE


@pytest.fixture
def url(server: DebianPostgres, migrated: str) -> Iterator[str]:
    """Address of a fresh database with all tables, which is gone after the test: each takes 20 MB."""
    name = f"test{next(NUMBERS)}"
    yield server.new_database(name, migrated)
    server.drop(name)


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    """Connections to the fresh database."""
    made = connect(url, process="test")
    yield made
    await made.dispose()


@pytest.fixture
def queue(url: str) -> Iterator[DbosQueue]:
    """The sending side of durable work."""
    made = DbosQueue(url)
    yield made
    made.close()


@pytest.fixture
def clock() -> Clock:
    """The clock of the database fixture; folders that need one that stands still have their own."""
    return SystemClock()


@pytest.fixture
def database(engine: AsyncEngine, queue: DbosQueue, clock: Clock) -> Database:
    """Transactions on the fresh database."""
    return Database(engine, clock, queue)


@pytest.fixture(scope="session")
def influxd() -> Iterator[Influxd]:
    """One InfluxDB server of Debian a test run, which asks for a user."""
    with Influxd(auth=True) as running:
        yield running


@pytest.fixture
def influx_database(influxd: Influxd) -> Iterator[str]:
    """Name of a fresh database in it."""
    name = f"t{uuid.uuid4().hex}"
    influxd.ask(f"CREATE DATABASE {name}")
    yield name
    influxd.ask(f"DROP DATABASE {name}")


@pytest.fixture
def proxy(influxd: Influxd) -> Iterator[WriteApiProxy]:
    """What stands between it and the write address of later versions."""
    with WriteApiProxy(influxd) as running:
        yield running


@pytest.fixture
def logs() -> Iterator[list[EventDict]]:
    """What was logged, in the order of events."""
    with capture_logs() as caught:
        yield caught
