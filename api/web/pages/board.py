"""The board: what must I take now?"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.http.deps import CurrentActor, Engine, Language, Tx
from api.web import meeting_view, overview
from api.web.render import page
from api.web.shell import Board, BoardFrame
from inventory.public import INVENTORY_READ, contracts_ending
from kernel.clock import epoch_ms
from monitor.public import Severity, latest_changes, open_alerts

router = APIRouter(include_in_schema=False)

MAINTENANCE = "maintenance"
SEVERITIES: dict[str, Severity] = {"critical": "critical", "warning": "warning", "notice": "notice"}


@router.get("/")
async def board(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    frame: BoardFrame,
    engine: Engine,
    live: Board,
    q: Annotated[str, Query(max_length=100)] = "",
    severity: str = "",
    after: str | None = None,
) -> HTMLResponse:
    """Return the board with a page of open alerts."""
    standing = await overview.standing_now(actor, live, tx)
    groups, more_offices = await overview.tile_groups(
        actor, standing, tx, today=t.local(tx.now()).date(), english=t.language == "en"
    )
    told = await overview.uplinks_of(engine) if live else None
    uplinks, more_uplinks = await overview.worst_uplinks(actor, told or {}, tx)
    checked = overview.checked_at(live)
    stream = {"since": epoch_ms(tx.now()), "uplinks": ",".join(uplink.code for uplink, _ in uplinks)}
    alerts = await open_alerts(
        actor,
        tx,
        severity=SEVERITIES.get(severity),
        # Counters lead here by severity: what they count is shown, and what is within maintenance is asked for.
        maintenance=True if severity == MAINTENANCE else False if severity in SEVERITIES else None,
        query=q,
        after=after or None,
    )
    return page(
        request,
        "monitor/board.html",
        alerts=alerts,
        needed=await meeting_view.needed_by(actor, alerts.alerts, tx),
        query=q,
        severity=severity if severity in SEVERITIES or severity == MAINTENANCE else "",
        answer=overview.answer(t, frame.counts, await overview.waiting_places(actor, frame.counts, tx), checked),
        counts=frame.counts,
        standing=standing,
        offices=groups,
        more_offices=more_offices,
        uplinks=uplinks,
        more_uplinks=more_uplinks,
        changes=await latest_changes(actor, tx, limit=overview.MOST_CHANGES),
        checked_at=checked,
        ending=await contracts_ending(actor, tx) if actor.may(INVENTORY_READ) else 0,
        stream=f"/live/board?{urlencode(stream)}",
    )
