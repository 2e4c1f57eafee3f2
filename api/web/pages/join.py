"""The page from which somebody joins a meeting: when, from where, how much video, and the way in."""

from __future__ import annotations

import uuid
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.deps import CsrfForm, CurrentActor, State_, Visitor
from api.http.joining import link_for, look_at
from api.http.security import CONTENT_SECURITY_POLICY
from api.http.state import WebState
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from kernel.actors import Actor
from kernel.errors import VungCaoError
from kernel.i18n import N_
from meetings.public import (
    BridgeNotSet,
    JoinTooEarly,
    JoinTooLate,
    MeetingCalledOff,
    Quality,
    attendance,
    ensure_open,
    is_organiser,
    open_before,
)

router = APIRouter(include_in_schema=False)

QUALITIES = {
    Quality.AUDIO: N_("Sound only"),
    Quality.LOW: N_("Low picture, for a weak link"),
    Quality.MEDIUM: N_("Medium picture"),
    Quality.FULL: N_("Full picture"),
}

Office = Annotated[str, Form(max_length=100)]


@router.get("/meetings/{meeting_id}/join")
async def ask(
    request: Request,
    state: State_,
    meeting_id: uuid.UUID,
    actor: CurrentActor,
    _frame: Frame,
    office: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """Show the meeting and the way in, or why there is none now."""
    return await _page(request, state, meeting_id, actor, office)


@router.post("/meetings/{meeting_id}/join")
async def enter(
    request: Request,
    state: State_,
    meeting_id: uuid.UUID,
    actor: CurrentActor,
    visit: Visitor,
    _csrf: CsrfForm,
    office: Office = "",
    quality: Annotated[Quality | None, Form()] = None,
) -> Response:
    """Lead into the meeting with a token made now; or show the page again, and why not."""
    shown_as = visit.account.display_name if visit.account else ""
    try:
        link = await link_for(state, actor, meeting_id, shown_as=shown_as, office=office or None, quality=quality)
    except (BridgeNotSet, JoinTooEarly, JoinTooLate, MeetingCalledOff) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
        return await _page(request, state, meeting_id, actor, office, error)
    # The token is in the address: the next page must not be told from where its visitor came, nor any cache keep it.
    return RedirectResponse(link.url, 303, {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})


async def _page(
    request: Request,
    state: WebState,
    meeting_id: uuid.UUID,
    actor: Actor,
    office: str,
    error: VungCaoError | None = None,
) -> HTMLResponse:
    joining = await look_at(state, actor, meeting_id, office or None)
    async with state.database.transaction() as tx:
        stays = await attendance(actor, meeting_id, tx)
    closed: VungCaoError | None = None
    try:
        ensure_open(joining.booking, state.clock.now(), state.settings)
    except VungCaoError as why:
        closed = why
    words = Words(translator_of(request))
    response = page(
        request,
        "meetings/join.html",
        status_code=error.http_status if error else 200,
        meeting=joining.view,
        moderator=is_organiser(actor, joining.booking),
        offices={room.office: room.office_name for room in joining.view.rooms},
        office=joining.link,
        advised=joining.advised or Quality.FULL,
        qualities=QUALITIES,
        opens_at=joining.view.starts_at - open_before(state.settings),
        closed=words.error(closed) if closed else None,
        early=isinstance(closed, JoinTooEarly),
        error=words.error(error) if error else None,
        present=[stay for stay in stays if stay.left_at is None],
    )
    parts = urlsplit(state.settings.jitsi_url)
    if parts.netloc:
        # The form's answer leads to the Jitsi server: browsers hold a redirect for a part of the form.
        allowed = f"form-action 'self' {parts.scheme}://{parts.netloc}"
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.replace("form-action 'self'", allowed)
    return response
