"""One run of a playbook: its page, its log, what it may be told, and the stream that keeps the page up to date."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Form, Header, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from api.http.auth import is_unchanged
from api.http.deps import CsrfForm, CurrentActor, State_, Tx
from api.http.state import WebState
from api.http.stream import event_stream
from api.web import run_page
from api.web.pages.playbooks import Runner
from api.web.render import page, translator_of
from api.web.run_stream import RunStream
from api.web.run_view import ERRORS
from api.web.shell import Frame, look
from api.web.words import Words
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, Refused, VungCaoError
from playbooks.public import (
    MOST_REASON,
    Kind,
    RunView,
    bundled_catalog,
    cancel,
    override,
    run_for,
    run_lines,
    run_tally,
)

router = APIRouter(include_in_schema=False)

LINES = 200
LINES_OF_TEXT = 1000

After = Annotated[int | None, Query(ge=0, le=2**62)]


@router.get("/runs/{run_id}")
async def run(
    request: Request,
    run_id: uuid.UUID,
    actor: CurrentActor,
    tx: Tx,
    _frame: Frame,
    after: After = None,
    q: Annotated[str, Query(max_length=100)] = "",
    only: Annotated[str, Query(max_length=20)] = "",
) -> HTMLResponse:
    """Return the page of a run with the end of its log, or with other lines of it that are asked for."""
    return await _page(request, actor, tx, await run_for(actor, run_id, tx), after=after, query=q, errors=bool(only))


@router.get("/runs/{run_id}/log.txt")
async def log_text(request: Request, run_id: uuid.UUID, state: State_, actor: CurrentActor, tx: Tx) -> Response:
    """Return the whole log as text."""
    found = await run_for(actor, run_id, tx)
    name = f"{found.playbook}-{found.office}-{found.launched_at:%Y%m%d-%H%M%S}.txt"
    return StreamingResponse(
        _text(state, actor, request, found.id),
        media_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
    )


@router.post("/runs/{run_id}/cancel")
async def cancel_run(request: Request, run_id: uuid.UUID, state: State_, actor: Runner, _csrf: CsrfForm) -> Response:
    """End the run; or say why not."""
    try:
        async with state.database.transaction() as tx:
            await cancel(actor, run_id, tx)
    except Conflict as error:
        return await _again(request, state, actor, run_id, error)
    return RedirectResponse(f"/runs/{run_id}", 303)


@router.post("/runs/{run_id}/override")
async def override_run(
    request: Request,
    run_id: uuid.UUID,
    state: State_,
    actor: Runner,
    _csrf: CsrfForm,
    reason: Annotated[str, Form(max_length=MOST_REASON * 4)] = "",
) -> Response:
    """Let a held run begin, as a second technician; or say why not."""
    try:
        async with state.database.transaction() as tx:
            await override(actor, run_id, reason, tx)
    except (Conflict, Refused, BadInput) as error:
        return await _again(request, state, actor, run_id, error)
    return RedirectResponse(f"/runs/{run_id}", 303)


@router.get("/live/runs/{run_id}")
async def live_run(
    request: Request,
    run_id: uuid.UUID,
    state: State_,
    actor: CurrentActor,
    tx: Tx,
    after: After = 0,
    shown: Annotated[str, Query(max_length=100)] = "",
    last_event_id: Annotated[str, Header(max_length=100)] = "",
) -> StreamingResponse:
    """Keep a run's page up to date, until it is over."""
    await run_for(actor, run_id, tx)
    # What the browser got last is newer than what its page began with.
    last = int(last_event_id) if last_event_id.isascii() and last_event_id.isdecimal() else 0
    stream = RunStream(request, state, actor, run=run_id, after=max(after or 0, min(last, 2**62)), shown=shown)

    async def may_go_on() -> bool:
        return await is_unchanged(request, actor)

    return event_stream(stream.messages(), state.stopping, state.metrics.streams, may_go_on)


async def _again(
    request: Request, state: WebState, actor: Actor, run_id: uuid.UUID, error: VungCaoError
) -> HTMLResponse:
    async with state.database.transaction() as tx:
        found = await run_for(actor, run_id, tx)
        await look(request, state.engine, actor, tx)
        return await _page(request, actor, tx, found, error=error)


async def _page(
    request: Request,
    actor: Actor,
    tx: Transaction,
    found: RunView,
    *,
    after: int | None = None,
    query: str = "",
    errors: bool = False,
    error: VungCaoError | None = None,
) -> HTMLResponse:
    t = translator_of(request)
    tallies = await run_tally(actor, found.id, tx)
    heard: dict[str, set[Kind]] = {}
    for tally in tallies:
        heard.setdefault(tally.host, set()).add(tally.kind)
    filtered = bool(query or errors)
    at_end = after is None and not filtered
    begin = after if after is not None else 0 if filtered else max(0, found.lines - LINES)
    lines = await run_lines(
        actor, found.id, tx, after=begin, limit=LINES + 1, kinds=ERRORS if errors else (), query=query
    )
    more = len(lines) > LINES and not at_end
    if not at_end:
        lines = lines[:LINES]
    return page(
        request,
        "playbooks/run.html",
        status_code=error.http_status if error else 200,
        **await run_page.context(request, actor, found, tx, heard=heard),
        layout="base.html" if found.over else "live.html",
        arguments=run_page.arguments(bundled_catalog().get(found.playbook), found, t),
        lines=[(line.number, run_page.second(t, line.at), line.kind, line.text) for line in lines],
        last=lines[-1].number if lines else begin,
        more=more,
        earlier=begin > 0 and not filtered,
        at_end=at_end,
        query=query,
        only_errors=errors,
        errors=sum(tally.lines for tally in tallies if tally.kind in ERRORS),
        error=Words(t).error(error) if error else None,
    )


async def _text(state: WebState, actor: Actor, request: Request, run_id: uuid.UUID) -> AsyncIterator[str]:
    t, last = translator_of(request), 0
    while True:
        async with state.database.transaction() as tx:
            lines = await run_lines(actor, run_id, tx, after=last, limit=LINES_OF_TEXT)
        if not lines:
            return
        last = lines[-1].number
        yield "".join(f"{line.number}\t{run_page.second(t, line.at)}\t{line.text}\n" for line in lines)
