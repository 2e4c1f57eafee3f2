"""The engine's door: HTTP on a Unix socket that only our own account can open. For the web process and for commands."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from prometheus_client import CollectorRegistry, generate_latest
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from kernel.errors import StoreUnavailable
from monitor.public import CheckLive, DeviceHealth, Engine, GraphPoint, GraphSeries, Series, State, UplinkLive

HEARTBEAT_S = 10.0
GATHER_S = 0.2
"""How long live events gather: each sent by itself, they cost the engine a tenth of its work. Pages are told by the
second."""
GRAPH: TypeAdapter[list[GraphSeries]] = TypeAdapter(list[GraphSeries])
CHECKS: TypeAdapter[list[CheckLive]] = TypeAdapter(list[CheckLive])
HEALTHS: TypeAdapter[list[DeviceHealth]] = TypeAdapter(list[DeviceHealth])
COUNTS: TypeAdapter[dict[State, int]] = TypeAdapter(dict[State, int])
UPLINKS: TypeAdapter[list[UplinkLive]] = TypeAdapter(list[UplinkLive])
MOST_STEPS = 5_000
"""Steps of one graph line; more than any screen has pixels."""


def engine_app(engine: Engine, registry: CollectorRegistry) -> Starlette:
    """Return the application that answers for `engine`."""

    async def board(_request: Request) -> Response:
        return _json((await engine.board()).model_dump_json())

    async def status(_request: Request) -> Response:
        return _json((await engine.status()).model_dump_json())

    async def device(request: Request) -> Response:
        live = engine.device(request.path_params["code"])
        if live is None:
            raise HTTPException(404, "no such device is watched")
        return _json(live.model_dump_json())

    async def history(request: Request) -> Response:
        return await _history(engine, request)

    async def events(_request: Request) -> Response:
        return StreamingResponse(_events(engine), media_type="application/x-ndjson")

    async def metrics(_request: Request) -> Response:
        return PlainTextResponse(generate_latest(registry))

    return Starlette(
        routes=[
            Route("/board", board),
            *_lists(engine),
            Route("/status", status),
            Route("/devices/{code}", device),
            Route("/history", history),
            Route("/events", events),
            Route("/metrics", metrics),
        ]
    )


def _lists(engine: Engine) -> list[Route]:
    """Return the addresses that tell of what is named in them; of all if nothing is named, but for checks."""

    async def healths(request: Request) -> Response:
        return _json(HEALTHS.dump_json(engine.healths(request.query_params.getlist("device") or None)))

    async def uplinks(request: Request) -> Response:
        return _json(UPLINKS.dump_json(engine.uplinks(request.query_params.getlist("device") or None)))

    async def counts(_request: Request) -> Response:
        return _json(COUNTS.dump_json(engine.counts()))

    async def checks(request: Request) -> Response:
        return _json(CHECKS.dump_json(engine.checks(request.query_params.getlist("check"))))

    return [
        Route("/healths", healths),
        Route("/uplinks", uplinks),
        Route("/counts", counts),
        Route("/checks", checks),
    ]


async def _history(engine: Engine, request: Request) -> Response:
    """Return the lines of a graph; 400 for a question that is none, 503 while the store is away."""
    asked = request.query_params
    try:
        start_ms, end_ms, step_ms = (int(asked[name]) for name in ("start_ms", "end_ms", "step_ms"))
        series = [tuple(text.split("|", 1)) for text in asked.getlist("series")]
        lines = [Series(metric, asked["device"], instance) for metric, instance in series]
    except (KeyError, ValueError):
        raise HTTPException(400, "needs device, series=metric|instance, start_ms, end_ms, step_ms") from None
    if step_ms <= 0 or end_ms <= start_ms or (end_ms - start_ms) / step_ms > MOST_STEPS:
        raise HTTPException(400, f"the times give no graph of 1 to {MOST_STEPS} steps")
    try:
        found = await engine.store.history(lines, start_ms, end_ms, step_ms)
    except StoreUnavailable as error:
        raise HTTPException(503, str(error)) from error
    return _json(
        GRAPH.dump_json(
            [
                GraphSeries(
                    metric=line.metric,
                    instance=line.instance,
                    points=tuple(
                        GraphPoint(at_ms=point.at_ms, mean=point.mean, low=point.low, high=point.high)
                        for point in found[line]
                    ),
                )
                for line in lines
            ]
        )
    )


async def _events(engine: Engine) -> AsyncIterator[bytes]:
    """Yield a line an event, many at a time where many happen, and an empty one when nothing happened for a while."""
    yield b"\n"
    async with engine.hub.listen() as events:
        upcoming = asyncio.ensure_future(anext(events))
        try:
            while not engine.stopping.is_set():
                done, _ = await asyncio.wait({upcoming}, timeout=HEARTBEAT_S)
                if not done:
                    yield b"\n"
                    continue
                yield b"".join(event.model_dump_json().encode() + b"\n" for event in upcoming.result())
                await asyncio.sleep(GATHER_S)
                upcoming = asyncio.ensure_future(anext(events))
        except StopAsyncIteration:
            return
        finally:
            upcoming.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                await upcoming


def _json(body: str | bytes) -> Response:
    return Response(body, media_type="application/json")
