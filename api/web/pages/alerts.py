"""An alert's story, and taking it or giving it back."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.auth import safe_next
from api.http.deps import CsrfForm, CurrentActor, Tx
from api.web import overview
from api.web.render import fragment, page
from api.web.shell import Frame
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
        checked_at=overview.checked_at(frame.board.devices) if frame.board else None,
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
    return _answer(request, changed, next)


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
    return _answer(request, await release(actor, alert_id, tx), next)


def _is_part(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


def _answer(request: Request, changed: AlertView, target: str) -> Response:
    if _is_part(request):
        return HTMLResponse(fragment(request, "monitor/row.html", alert=changed, next=safe_next(target)))
    return RedirectResponse(safe_next(target), 303)
