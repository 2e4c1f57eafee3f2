"""Runs of playbooks: lists of them, the page of one with its log, and the stream that keeps that page up to date."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from api.http.auth import is_unchanged
from api.http.deps import CurrentActor, State_, Tx
from api.http.state import WebState, web_state
from api.http.stream import event_stream
from api.web import run_page
from api.web.pages.playbooks import titles
from api.web.render import page, translator_of
from api.web.rollout_words import refusal
from api.web.run_stream import RunStream
from api.web.run_view import ERRORS
from api.web.shell import Frame
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import VungCaoError
from kernel.i18n import N_
from playbooks.public import PLAYBOOKS_RUN, RunFilter, RunView, run_for, run_lines, runs

router = APIRouter(include_in_schema=False)

RUNS: Final = 30
LINES: Final = 200
LINES_OF_TEXT: Final = 1000

VIEWS: Final = {
    "": N_("All"),
    "mine": N_("Mine"),
    "going-on": N_("Going on"),
    "waiting-for-me": N_("Waiting for me"),
    "failed": N_("Not well"),
}

After = Annotated[int | None, Query(ge=0, le=2**62)]
Code = Annotated[str, Query(max_length=100)]


@router.get("/runs")
async def run_list(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    _frame: Frame,
    view: Annotated[str, Query(max_length=20)] = "",
    playbook: Code = "",
    office: Code = "",
    after: Annotated[str | None, Query()] = None,
) -> HTMLResponse:
    """Return a page of runs, the newest first."""
    chosen = RunFilter(view) if view in set(RunFilter) else None
    found = await runs(
        actor, tx, view=chosen, playbook=playbook or None, office=office or None, limit=RUNS, after=after or None
    )
    return page(
        request,
        "playbooks/runs.html",
        runs=found.runs,
        next_cursor=found.next_cursor,
        later=after is not None,
        view=chosen or "",
        views={code: name for code, name in VIEWS.items() if code != "waiting-for-me" or actor.may(PLAYBOOKS_RUN)},
        playbook=playbook,
        office=office,
        titles=titles(request),
    )


@router.get("/runs/{run_id}")
async def run(
    request: Request,
    run_id: uuid.UUID,
    actor: CurrentActor,
    tx: Tx,
    _frame: Frame,
    after: After = None,
    before: After = None,
    q: Annotated[str, Query(max_length=100)] = "",
    only: Annotated[str, Query(max_length=20)] = "",
    host: Code = "",
) -> HTMLResponse:
    """Return the page of a run with the end of its log, or with other lines of it that are asked for."""
    return await run_answer(
        request, actor, tx, await run_for(actor, run_id, tx), after=after, before=before, query=q, errors=bool(only),
        host=host,
    )  # fmt: skip


@router.get("/runs/{run_id}/log.txt")
async def log_text(request: Request, run_id: uuid.UUID, state: State_, actor: CurrentActor, tx: Tx) -> Response:
    """Return the whole log as text."""
    found = await run_for(actor, run_id, tx)
    parts = (found.playbook, found.office, f"{found.launched_at:%Y%m%d-%H%M%S}")
    name = f"{'-'.join(part for part in parts if part)}.txt"
    return StreamingResponse(
        _text(state, actor, request, found.id),
        media_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
    )


@router.get("/live/runs/{run_id}")
async def live_run(
    request: Request,
    run_id: uuid.UUID,
    state: State_,
    actor: CurrentActor,
    after: After = None,
    last_event_id: Annotated[str, Header()] = "",
    shown: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """Send what comes after line number `after`, or after the last line that this browser got before a break."""
    async with state.database.transaction() as tx:
        await run_for(actor, run_id, tx)
    last = int(last_event_id) if last_event_id.isdecimal() and last_event_id.isascii() else 0
    stream = RunStream(request, state, actor, run=run_id, after=max(after or 0, min(last, 2**62)), shown=shown)

    async def may_go_on() -> bool:
        return await is_unchanged(request, actor)

    return event_stream(stream.messages(), state.stopping, state.metrics.streams, may_go_on)


async def run_answer(
    request: Request,
    actor: Actor,
    tx: Transaction,
    found: RunView,
    *,
    after: int | None = None,
    before: int | None = None,
    query: str = "",
    errors: bool = False,
    host: str = "",
    error: VungCaoError | None = None,
) -> HTMLResponse:
    """Return the page of a run: with the end of its log, with lines that are asked for, or with a refusal on top."""
    t = translator_of(request)
    filtered = bool(query or errors or host)
    at_end = after is None and before is None and not filtered
    if before is None and after is None and not filtered:
        before = found.lines + 1
    lines = await run_lines(
        actor, found.id, tx, after=after or 0, before=before, limit=LINES + 1, kinds=ERRORS if errors else (),
        query=query, host=host,
    )  # fmt: skip
    more = len(lines) > LINES
    if more:
        lines = lines[1:] if before is not None else lines[:LINES]
    names = titles(request)
    return page(
        request,
        "playbooks/run.html",
        status_code=error.http_status if error else 200,
        **await run_page.context(request, actor, found, tx),
        layout="base.html" if found.over else "live.html",
        arguments=run_page.arguments(web_state(request).playbooks.get(found.playbook), found.arguments, t),
        lines=[(line.number, run_page.second(t, line.at), line.kind, line.text) for line in lines],
        first=lines[0].number if lines else 1,
        last=lines[-1].number if lines else after or 0,
        later=more if before is None else not at_end,
        earlier=(more if before is not None else bool(after)) and not filtered,
        at_end=at_end,
        query=query,
        only_errors=errors,
        host=host,
        errors=sum(number for kind, number in found.tally.items() if kind in ERRORS),
        error=refusal(t, error, names) if error else None,
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
