"""What supervisors and Prometheus ask: is it alive, can it work, how much does it do. They answer without sign-in."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.responses import JSONResponse, PlainTextResponse, Response

from api.http.deps import State_
from api.http.readiness import PATIENCE_S, look
from kernel.errors import EngineUnavailable

router = APIRouter(tags=["probes"])

PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/healthz", summary="Whether the web process is alive")
async def healthz() -> dict[str, str]:
    """Asks nobody else: a process is not to be started again because its database is away."""
    return {"status": "ok"}


@router.get("/readyz", summary="Whether all parts work", responses={503: {"description": "A part does not work."}})
async def readyz(state: State_) -> Response:
    """200 if database, engine and store are well, else 503; each with why not."""
    found = await look(state)
    parts = {part.name: {"ok": part.ok, "why": part.why} for part in found.parts}
    return JSONResponse({"ok": found.ok, "parts": parts}, 200 if found.ok else 503)


@router.get("/metrics", summary="The platform's own metrics", response_class=PlainTextResponse)
async def metrics(state: State_) -> Response:
    """In Prometheus' text format. Without the engine `vungcao_engine_up` is 0 and its own metrics are absent."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            engine = await state.engine.metrics()
    except (EngineUnavailable, TimeoutError):
        engine = None
    return Response(state.metrics.exposition(state.database.engine.pool, engine), media_type=PROMETHEUS_TEXT)
