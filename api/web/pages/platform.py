"""How the platform itself is: its processes, its parts, its versions."""

from __future__ import annotations

import asyncio
import platform as machine

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import text

from api.http.deps import CurrentActor, State_, Tx
from api.http.readiness import look
from api.serve_state import read_state
from api.web.render import page
from api.web.shell import Frame
from inventory.public import PLATFORM_READ

router = APIRouter(include_in_schema=False)


@router.get("/platform")
async def platform(request: Request, actor: CurrentActor, state: State_, tx: Tx, frame: Frame) -> HTMLResponse:
    """Return the page."""
    actor.require(PLATFORM_READ)
    found = await look(state)
    serve = await asyncio.to_thread(read_state, state.settings)
    postgresql = await tx.session.scalar(text("SHOW server_version"))
    up = all(child.state in {"ready", "running"} for child in serve.children) if serve else True
    return page(
        request,
        "platform.html",
        serve=serve,
        parts=found.parts,
        live=state.live.link.ok,
        well=found.ok and state.live.link.ok and up,
        versions=[
            ("Vùng Cao", request.app.version),
            ("PostgreSQL", str(postgresql).split()[0]),
            ("Python", machine.python_version()),
        ],
        checked_at=frame.checked_at,
    )
