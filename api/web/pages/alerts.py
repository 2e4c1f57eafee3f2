"""An alert's story, and taking it or giving it back."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.auth import safe_next
from api.http.deps import CsrfForm, CurrentActor, Tx
from api.web import meeting_view
from api.web.render import fragment, page
from api.web.shell import Frame
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import Conflict
from monitor.public import AlertView, alert_for, alert_story, release, take

router = APIRouter(include_in_schema=False)

Next = Annotated[str, Form()]


@router.get("/alerts/{alert_id}")
async def alert(request: Request, alert_id: uuid.UUID, actor: CurrentActor, tx: Tx, frame: Frame) -> HTMLResponse:
    """Return the page of one alert."""
    story = await alert_story(actor, alert_id, tx)
    return page(
        request,
        "monitor/alert.html",
        alert=story.alert,
        notifications=story.notifications,
        needed=await meeting_view.needed_by(actor, [story.alert], tx),
        checked_at=frame.checked_at,
    )


@router.post("/alerts/{alert_id}/take")
async def take_alert(
    request: Request,
    alert_id: uuid.UUID,
    actor: CurrentActor,
    tx: Tx,
    _csrf: CsrfForm,
    next: Next = "/",  # noqa: A002 - the form's field
) -> Response:
    """Give the alert to the reader."""
    try:
        changed = await take(actor, alert_id, tx)
    except Conflict:
        if not _is_part(request):
            raise
        # Somebody was faster, or it is over: the row says which, where the reader is looking.
        changed = await alert_for(actor, alert_id, tx)
    return await _answer(request, actor, changed, next, tx)


@router.post("/alerts/{alert_id}/release")
async def release_alert(
    request: Request,
    alert_id: uuid.UUID,
    actor: CurrentActor,
    tx: Tx,
    _csrf: CsrfForm,
    next: Next = "/",  # noqa: A002 - the form's field
) -> Response:
    """Give the alert back."""
    return await _answer(request, actor, await release(actor, alert_id, tx), next, tx)


def _is_part(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


async def _answer(request: Request, actor: Actor, changed: AlertView, target: str, tx: Transaction) -> Response:
    if _is_part(request):
        needed = await meeting_view.needed_by(actor, [changed], tx)
        row = fragment(request, "monitor/row.html", alert=changed, needed=needed, next=safe_next(target))
        return HTMLResponse(row)
    return RedirectResponse(safe_next(target), 303)
