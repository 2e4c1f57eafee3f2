"""An engine for tests of the web process: it says what it is told to, and can be cut and come back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

from kernel.errors import EngineUnavailable
from monitor.live import (
    CheckLive,
    DeviceHealth,
    DeviceLive,
    DevicePolled,
    EngineBoard,
    EngineStatus,
    GraphPoint,
    GraphSeries,
    LastValue,
    LiveEvent,
    State,
    StoreLive,
    UplinkLive,
)

AT_MS = 1_795_483_560_000


def health(device: str, state: str = "ok") -> DeviceHealth:
    return DeviceHealth.model_validate({
        "device": device, "state": state, "outcome": "answered", "why": "", "since_ms": AT_MS, "polled_at_ms": AT_MS,
        "duration_s": 0.1, "completeness_ratio": 1.0,
    })  # fmt: skip


def polled(device: str) -> DevicePolled:
    return DevicePolled(health=health(device), uplinks=())


class FakeEngine:
    """Keeps the promises of `api.http.state.EnginePort`.

    Attributes:
        up: Whether it answers.
        store: How the metric store is.
        lines: How the uplinks are.
        asked: The graphs that it was asked for: device, series, start, end, step.
        checked: What the last checks brought, by code.
        mark: Of which devices it tells.
        boards: How often it was asked for everything.
        streams: How often its events were asked for.
    """

    def __init__(self) -> None:
        self.up = True
        self.store = StoreLive(name="duckdb", ok=True, why="", waiting=0, dropped=0)
        self.devices = {"ps-rt1": health("ps-rt1"), "ps-sw1": health("ps-sw1", "critical")}
        self.lines: tuple[UplinkLive, ...] = ()
        self.asked: list[tuple[str, tuple[tuple[str, str], ...], int, int, int]] = []
        self.checked: dict[str, CheckLive] = {}
        self.mark = ""
        self.boards = 0
        self.streams = 0
        self._open: list[asyncio.Queue[LiveEvent | None]] = []

    def tell(self, event: LiveEvent) -> None:
        """Send an event on every open stream."""
        for stream in self._open:
            stream.put_nowait(event)

    def cut(self) -> None:
        """End all streams and answer no more."""
        self.up = False
        for stream in self._open:
            stream.put_nowait(None)

    async def board(self) -> EngineBoard:
        self._answer()
        self.boards += 1
        return EngineBoard(
            at_ms=AT_MS, interval_s=60.0, database_ok=True, watched=len(self.devices),
            polled_at_ms=self._newest_ms(),
            troubled=tuple(one for one in self.devices.values() if one.state != "ok"),
            well=tuple(code for code, one in self.devices.items() if one.state == "ok"),
            store=self.store, line_share=0.02, mark=self.mark,
        )  # fmt: skip

    async def healths(self, codes: Sequence[str]) -> dict[str, DeviceHealth]:
        self._answer()
        return {code: self.devices[code] for code in codes if code in self.devices}

    async def uplinks(self, devices: Sequence[str] | None = None) -> dict[str, UplinkLive]:
        self._answer()
        return {line.uplink: line for line in self.lines if devices is None or line.device in devices}

    async def counts(self) -> dict[State, int]:
        self._answer()
        return dict(Counter(one.state for one in self.devices.values()))

    async def checks(self, codes: Sequence[str]) -> dict[str, CheckLive]:
        self._answer()
        return {code: self.checked[code] for code in codes if code in self.checked}

    async def status(self) -> EngineStatus:
        self._answer()
        return EngineStatus(
            interval_s=60.0, database_ok=True, store=self.store, watched=len(self.devices),
            polled_at_ms=self._newest_ms(), line_share=0.02,
        )  # fmt: skip

    async def device(self, code: str) -> DeviceLive | None:
        self._answer()
        if code not in self.devices:
            return None
        value = LastValue(metric="uptime_s", instance="", value=3600.0, at_ms=AT_MS)
        return DeviceLive(health=self.devices[code], values=(value,))

    async def history(
        self, device: str, series: Sequence[tuple[str, str]], start_ms: int, end_ms: int, step_ms: int
    ) -> list[GraphSeries]:
        self._answer()
        self.asked.append((device, tuple(series), start_ms, end_ms, step_ms))
        point = GraphPoint(at_ms=start_ms, mean=2.0, low=1.0, high=3.0)
        return [GraphSeries(metric=metric, instance=instance, points=(point,)) for metric, instance in series]

    async def metrics(self) -> str:
        self._answer()
        return "# TYPE vungcao_engine_polls_total counter\nvungcao_engine_polls_total 7.0\n"

    async def events(self) -> AsyncIterator[LiveEvent]:
        self._answer()
        self.streams += 1
        stream: asyncio.Queue[LiveEvent | None] = asyncio.Queue()
        self._open.append(stream)
        try:
            while (event := await stream.get()) is not None:
                yield event
        finally:
            self._open.remove(stream)

    def _newest_ms(self) -> int:
        return max((one.polled_at_ms for one in self.devices.values()), default=0)

    def _answer(self) -> None:
        if not self.up:
            raise EngineUnavailable(why="it was cut")
