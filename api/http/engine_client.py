"""Asks the engine on its local socket. Whatever goes wrong there is told as EngineUnavailable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError

from kernel.errors import EngineUnavailable
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

LIVE_EVENT: TypeAdapter[LiveEvent] = TypeAdapter(LiveEvent)
CHECKS: TypeAdapter[list[CheckLive]] = TypeAdapter(list[CheckLive])
HEALTHS: TypeAdapter[list[DeviceHealth]] = TypeAdapter(list[DeviceHealth])
COUNTS: TypeAdapter[dict[State, int]] = TypeAdapter(dict[State, int])
UPLINKS: TypeAdapter[list[UplinkLive]] = TypeAdapter(list[UplinkLive])
GRAPH: TypeAdapter[list[GraphSeries]] = TypeAdapter(list[GraphSeries])
AT_ONCE = 200
"""Devices that one request asks for: their names are in its address."""
TIMEOUT = httpx.Timeout(5.0)
LINE_EVERY_S = 15.0
"""The engine sends at least an empty line this often, so that a dead one is noticed."""


class EngineClient:
    """HTTP over the engine's Unix socket."""

    def __init__(self, socket: Path) -> None:
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(socket)), base_url="http://engine", timeout=TIMEOUT
        )

    async def board(self) -> EngineBoard:
        """Return how all devices are; EngineUnavailable if the engine does not say."""
        return EngineBoard.model_validate_json((await self._get("/board")).content)

    async def healths(self, codes: Sequence[str]) -> dict[str, DeviceHealth]:
        """Return how those of `codes` are that the engine watches, by code."""
        found: dict[str, DeviceHealth] = {}
        for part in _parts("device", codes):
            told = HEALTHS.validate_json((await self._get("/healths", part)).content)
            found.update((health.device, health) for health in told)
        return found

    async def uplinks(self, devices: Sequence[str] | None = None) -> dict[str, UplinkLive]:
        """Return how the uplinks of those of `devices` are that the engine polls, by code; None: of all."""
        found: dict[str, UplinkLive] = {}
        for part in [()] if devices is None else _parts("device", devices):
            told = UPLINKS.validate_json((await self._get("/uplinks", part)).content)
            found.update((line.uplink, line) for line in told)
        return found

    async def counts(self) -> dict[State, int]:
        """Return how many devices are in each state."""
        return COUNTS.validate_json((await self._get("/counts")).content)

    async def checks(self, codes: Sequence[str]) -> dict[str, CheckLive]:
        """Return what the last check of each of `codes` brought that the engine has made, by code."""
        found: dict[str, CheckLive] = {}
        for part in _parts("check", codes):
            told = CHECKS.validate_json((await self._get("/checks", part)).content)
            found.update((one.check, one) for one in told)
        return found

    async def status(self) -> EngineStatus:
        """Return how the engine itself is, without a word on single devices."""
        return EngineStatus.model_validate_json((await self._get("/status")).content)

    async def device(self, code: str) -> DeviceLive | None:
        """Return one device with its last values; None if the engine does not watch it."""
        answer = await self._get("/devices/" + quote(code, safe=""))
        return None if answer.status_code == httpx.codes.NOT_FOUND else DeviceLive.model_validate_json(answer.content)

    async def history(
        self, device: str, series: Sequence[tuple[str, str]], start_ms: int, end_ms: int, step_ms: int
    ) -> list[GraphSeries]:
        """Return the lines of a graph, in the order asked.

        Args:
            device: Code of the device.
            series: Metric and instance of each line.
            start_ms: First instant, Unix milliseconds.
            end_ms: First instant after it.
            step_ms: Length of a step.
        """
        answer = await self._get(
            "/history",
            params=[
                ("device", device),
                ("start_ms", str(start_ms)),
                ("end_ms", str(end_ms)),
                ("step_ms", str(step_ms)),
                *(("series", f"{metric}|{instance}") for metric, instance in series),
            ],
        )
        return GRAPH.validate_json(answer.content)

    async def metrics(self) -> str:
        """Return the engine's own metrics, as Prometheus reads them."""
        return (await self._get("/metrics")).text

    async def events(self) -> AsyncIterator[LiveEvent]:
        """Yield live events until the engine ends the stream; EngineUnavailable if it breaks."""
        try:
            async with self._http.stream("GET", "/events", timeout=httpx.Timeout(5.0, read=LINE_EVERY_S * 2)) as answer:
                answer.raise_for_status()
                async for line in answer.aiter_lines():
                    if line:
                        yield LIVE_EVENT.validate_json(line)
        except (httpx.HTTPError, ValidationError) as error:
            raise EngineUnavailable(why=_why(error)) from error

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.aclose()

    async def _get(self, path: str, params: Sequence[tuple[str, str]] = ()) -> httpx.Response:
        try:
            answer = await self._http.get(path, params=list(params))
        except httpx.HTTPError as error:
            raise EngineUnavailable(why=_why(error)) from error
        if answer.is_server_error:
            raise EngineUnavailable(why=answer.text[:200] or f"it answered {answer.status_code}")
        return answer


def _parts(name: str, codes: Sequence[str]) -> Iterator[list[tuple[str, str]]]:
    """Yield what to ask, a request each."""
    for start in range(0, len(codes), AT_ONCE):
        yield [(name, code) for code in codes[start : start + AT_ONCE]]


def _why(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
