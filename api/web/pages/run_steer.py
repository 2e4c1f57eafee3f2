"""What a run may be told from its page: approve, pause, resume, cancel, let it run, try again, take back."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from api.glue import outside
from api.http.deps import CsrfForm, State_
from api.web.pages.playbooks import Runner
from api.web.pages.runs import run_answer
from api.web.shell import look
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, NotFound, Refused
from playbooks.public import (
    MOST_REASON,
    Catalog,
    RunView,
    approve,
    cancel,
    override,
    pause,
    refuse,
    resume,
    retry_failed,
    run_for,
    undo,
)

router = APIRouter(include_in_schema=False)

Steer = Callable[[Actor, uuid.UUID, Transaction, str, Catalog], Awaitable[RunView]]

VERBS: Final[dict[str, Steer]] = {
    "approve": lambda actor, run, tx, reason, _: approve(actor, run, tx, reason=reason),
    "refuse": lambda actor, run, tx, reason, _: refuse(actor, run, reason, tx),
    "pause": lambda actor, run, tx, *_: pause(actor, run, tx),
    "resume": lambda actor, run, tx, _, known: resume(actor, run, tx, catalog=known),
    "cancel": lambda actor, run, tx, *_: cancel(actor, run, tx),
    "override": lambda actor, run, tx, reason, _: override(actor, run, reason, tx),
    "retry": lambda actor, run, tx, _, known: retry_failed(actor, run, tx, outside(), catalog=known),
    "undo": lambda actor, run, tx, _, known: undo(actor, run, tx, outside(), catalog=known),
}


@router.post("/runs/{run_id}/{verb}")
async def steer(
    request: Request,
    run_id: uuid.UUID,
    verb: str,
    state: State_,
    actor: Runner,
    _csrf: CsrfForm,
    reason: Annotated[str, Form(max_length=MOST_REASON * 4)] = "",
) -> Response:
    """Do it, and lead to the run, or to the new one that it made; or say on its page why not."""
    if verb not in VERBS:
        raise NotFound(kind="run", code=verb[:20])
    try:
        async with state.database.transaction() as tx:
            found = await VERBS[verb](actor, run_id, tx, reason, state.playbooks)
    except (Conflict, Refused, BadInput) as error:
        async with state.database.transaction() as tx:
            seen = await run_for(actor, run_id, tx)
            await look(request, state.engine, actor, tx)
            return await run_answer(request, actor, tx, seen, error=error)
    return RedirectResponse(f"/runs/{found.id}", 303)
