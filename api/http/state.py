"""What the web process holds while it runs; the wiring builds it, every request reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from starlette.requests import HTTPConnection

from api.http.gate import Gate
from api.http.metrics import WebMetrics
from api.http.oidc import Provider
from api.http.stream import LiveFeed
from kernel.clock import Clock
from kernel.db.transaction import Database
from kernel.secrets import Vault
from kernel.settings import Settings
from meetings.public import BusyCache, RiskPort, no_history
from monitor.public import (
    CheckLive,
    DeviceHealth,
    DeviceLive,
    EngineBoard,
    EngineStatus,
    GraphSeries,
    LiveEvent,
    State,
    UplinkLive,
)
from playbooks.public import OfferedPlaybooks


class EnginePort(Protocol):
    """What the web process asks of the engine, as `api.http.engine_client.EngineClient` does on its socket.

    Every call raises EngineUnavailable if the engine does not answer.
    """

    async def board(self) -> EngineBoard:
        """Return how all devices are."""
        ...

    async def healths(self, codes: Sequence[str]) -> dict[str, DeviceHealth]:
        """Return how those of `codes` are that the engine watches, by code."""
        ...

    async def uplinks(self, devices: Sequence[str] | None = None) -> dict[str, UplinkLive]:
        """Return how the uplinks of those of `devices` are that the engine polls, by code; None: of all."""
        ...

    async def counts(self) -> dict[State, int]:
        """Return how many devices are in each state."""
        ...

    async def checks(self, codes: Sequence[str]) -> dict[str, CheckLive]:
        """Return what the last check of each of `codes` brought that the engine has made, by code."""
        ...

    async def status(self) -> EngineStatus:
        """Return how the engine itself is, without a word on single devices."""
        ...

    async def device(self, code: str) -> DeviceLive | None:
        """Return one device with its last values; None if it is not watched."""
        ...

    async def history(
        self, device: str, series: Sequence[tuple[str, str]], start_ms: int, end_ms: int, step_ms: int
    ) -> list[GraphSeries]:
        """Return the lines of a graph, one for each metric and instance of `series`, in that order."""
        ...

    async def metrics(self) -> str:
        """Return the engine's own metrics, as Prometheus reads them."""
        ...

    def events(self) -> AsyncIterator[LiveEvent]:
        """Yield live events until the engine ends the stream."""
        ...


@dataclass(frozen=True, slots=True)
class WebState:
    """One a web process.

    Attributes:
        vault: Opens and seals secrets, such as those of second factors.
        live: The one subscription to the engine's events, which all streams share.
        provider: The organisation's own sign-in; None if none is set up.
        playbooks: Those that are offered.
        bridge_questions: Holds back a Jitsi server that asks more than meetings can need.
        bridge_strangers: Holds back who asks in its place without its token.
        hook_calls: Holds back programs that call webhooks more than they can mean.
        busy: Copies of rooms' calendars, for finding a time.
        risks: At which hours offices are often cut off, for the same.
        stopping: Set when the process shall stop, before the server waits for open requests: streams end then.
    """

    settings: Settings
    database: Database
    engine: EnginePort
    live: LiveFeed
    clock: Clock
    vault: Vault
    provider: Provider | None = None
    playbooks: OfferedPlaybooks = field(default_factory=lambda: OfferedPlaybooks(None))
    metrics: WebMetrics = field(default_factory=WebMetrics)
    bridge_questions: Gate = field(default_factory=lambda: Gate(per_s=100, burst=500))
    bridge_strangers: Gate = field(default_factory=lambda: Gate(per_s=2, burst=20))
    hook_calls: Gate = field(default_factory=lambda: Gate(per_s=5, burst=60))
    busy: BusyCache = field(default_factory=BusyCache)
    risks: RiskPort = no_history
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


def web_state(connection: HTTPConnection) -> WebState:
    """Return the state of the process that serves `connection`."""
    state = connection.app.state.web
    assert isinstance(state, WebState)  # noqa: S101 - set by create_app, which alone makes the application
    return state
