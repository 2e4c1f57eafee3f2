"""Who attends for an office in the place of somebody else: named, and taken back, on the page of the meeting."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from api.http.deps import CsrfForm, State_, Tx
from api.http.routes.meetings import Booker
from api.web import meeting_view
from api.web.render import page, translator_of
from api.web.shell import look
from api.web.words import Words
from kernel.errors import BadInput
from meetings.public import recall_deputy, send_deputy

router = APIRouter(include_in_schema=False)

Name = Annotated[str, Form(max_length=200)]


@router.post("/meetings/{meeting_id}/deputies")
async def send(
    request: Request,
    meeting_id: uuid.UUID,
    actor: Booker,
    state: State_,
    _csrf: CsrfForm,
    office: Annotated[str, Form(max_length=100)] = "",
    deputy: Name = "",
    instead_of: Name = "",
) -> Response:
    """Let somebody attend for an office."""
    try:
        async with state.database.transaction() as tx:
            await send_deputy(actor, meeting_id, office, tx, deputy=deputy, instead_of=instead_of)
    except BadInput as error:
        t = translator_of(request)
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            sent = {"office": office, "deputy": deputy, "instead_of": instead_of, "error": Words(t).error(error)}
            context = await meeting_view.whole_page(actor, meeting_id, tx, t, state.settings, sent=sent)
        return page(request, "meetings/meeting.html", status_code=error.http_status, **context, done=None)
    return RedirectResponse(f"/meetings/{meeting_id}?done=deputy#deputies", 303)


@router.post("/meetings/{meeting_id}/deputies/{office}/recall")
async def recall(meeting_id: uuid.UUID, actor: Booker, office: str, tx: Tx, _csrf: CsrfForm) -> Response:
    """Let nobody attend in the place of who was asked."""
    await recall_deputy(actor, meeting_id, office, tx)
    return RedirectResponse(f"/meetings/{meeting_id}?done=recalled#deputies", 303)
