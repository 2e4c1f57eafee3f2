from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address

import pytest
import pytest_asyncio
from hypothesis import settings

from api.demo.responder import recordings, synthetic
from api.demo.responder.agent import Agent, Bandwidth
from api.demo.responder.server import Responder
from api.demo.responder.usm import User
from kernel.clock import FrozenClock
from tests.parts.demo.packets import Asker
from tests.real.net_snmp import Target

# A generated case has no deadline: on a busy machine that would test the machine.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

COMMUNITY = "public"
SHA256 = User("poller", "SHA-256", "authentication pass", "privacy pass")
SHA1 = User("poller", "SHA-1", "authentication pass", "privacy pass")
ROUTER = "network/router/vyatta-unknown"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2026, 11, 24, 3, 0, tzinfo=UTC))


@pytest.fixture
def router() -> Agent:
    """A router with one uplink, version 2c."""
    return Agent(
        "r1",
        IPv4Address("127.20.200.1"),
        recordings.load(ROUTER),
        community=COMMUNITY,
        seed=1,
        uplinks={"eth1": Bandwidth(20_000_000, 10_000_000)},
    )


@pytest.fixture
def agents(router: Agent) -> list[Agent]:
    """The router, two agents of version 3, and a synthetic one."""
    return [
        router,
        Agent("sha256", IPv4Address("127.20.200.2"), recordings.load(ROUTER), user=SHA256, seed=2),
        Agent("sha1", IPv4Address("127.20.200.3"), recordings.load("UPS/eaton-93e-80"), user=SHA1, seed=3),
        Agent("large", IPv4Address("127.20.200.4"), synthetic.tree(48), community=COMMUNITY, seed=4),
    ]


@pytest_asyncio.fixture
async def responder(agents: list[Agent], clock: FrozenClock) -> AsyncIterator[Responder]:
    """All of them, on a free port, with a clock that stands still."""
    async with Responder(agents, clock=clock) as serving:
        yield serving


@pytest.fixture
def asker() -> Iterator[Asker]:
    opened = Asker()
    yield opened
    opened.close()


def target(responder: Responder, code: str, *, version: str = "2c") -> Target:
    """Return how net-snmp reaches an agent."""
    address = str(responder.agents[code].address)
    user = {"sha256": SHA256, "sha1": SHA1}.get(code)
    if user is None:
        return Target(address, responder.port, COMMUNITY, version=version)
    auth = {"SHA-1": "SHA", "SHA-256": "SHA-256"}[user.auth]
    return Target(address, responder.port, user=user.name, auth=auth, auth_key=user.auth_key, priv_key=user.priv_key)
