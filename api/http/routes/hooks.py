"""Calls of other programs that launch a playbook: known by their signature alone, without session or form token."""

from __future__ import annotations

import uuid
from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from api.glue import outside
from api.http.deps import State_
from api.http.errors import TooLarge
from playbooks.public import take_call

MOST_BODY_BYTES = 64 * 1024

router = APIRouter(prefix="/hooks", include_in_schema=False)


@router.post("/{hook_id}")
async def call(request: Request, hook_id: str, state: State_) -> Response:
    """Launch what the webhook is for, once a message: 202 with the run, or 409 with why there is none.

    401: there is no such webhook, or the call is not signed with its secret. The body is signed and not looked at.
    """
    if not state.hook_calls.passes(state.clock.monotonic_s()):
        return JSONResponse({"code": "too-many-calls"}, HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": "10"})
    try:
        hook = uuid.UUID(hook_id)
    except ValueError:
        hook = uuid.UUID(int=0)  # looks the same as one that is not there
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY_BYTES:
            raise TooLarge
    async with state.database.transaction() as tx:
        taken = await take_call(
            hook,
            dict(request.headers),
            body,
            tx,
            outside(),
            state.vault,
            examples=state.settings.demo,
            catalog=state.playbooks,
        )
    if taken.run is None:
        return JSONResponse({"code": taken.code, "detail": taken.why}, HTTPStatus.CONFLICT)
    return JSONResponse({"run": str(taken.run)}, HTTPStatus.ACCEPTED)
