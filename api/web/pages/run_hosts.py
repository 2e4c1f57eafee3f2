"""The devices of a run: all of them page by page, one with its changes, and how long each task took."""

from __future__ import annotations

import uuid
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.http.deps import CurrentActor, Tx
from api.web import run_page, run_view
from api.web.pages.playbooks import titles
from api.web.render import page, translator_of
from api.web.rollout_words import CHOICES, wave_title
from api.web.shell import Frame
from kernel.errors import NotFound
from playbooks.public import host_differences, hosts_of_run, run_for, task_times

router = APIRouter(include_in_schema=False)

A_PAGE: Final = 100
PLACES: Final = 100


@router.get("/runs/{run_id}/hosts")
async def host_list(
    request: Request,
    run_id: uuid.UUID,
    actor: CurrentActor,
    tx: Tx,
    _frame: Frame,
    state: Annotated[str, Query(max_length=20)] = "",
    wave: Annotated[int | None, Query(ge=0, le=100_000)] = None,
    q: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[str | None, Query()] = None,
) -> HTMLResponse:
    """Return a page of the devices of a run."""
    t, run = translator_of(request), await run_for(actor, run_id, tx)
    chosen = run_page.state_filter(state)
    found = await hosts_of_run(actor, run_id, tx, state=chosen, wave=wave, query=q, limit=A_PAGE, after=after or None)
    names = titles(request)
    return page(
        request,
        "playbooks/run_host_list.html",
        run=run,
        title=names.get(run.playbook, run.playbook),
        cells=[run_view.cell(run, host, t) for host in found.hosts],
        next_cursor=found.next_cursor,
        state=chosen or "",
        states=[(str(one), t.gettext(CHOICES[str(one)]), number) for one, number in run.counts.items() if number],
        wave=wave,
        query=q,
    )


@router.get("/runs/{run_id}/hosts/{host}")
async def host_page(
    request: Request, run_id: uuid.UUID, host: str, actor: CurrentActor, tx: Tx, _frame: Frame
) -> HTMLResponse:
    """Return what a run did to one device."""
    t, run = translator_of(request), await run_for(actor, run_id, tx)
    differences = await host_differences(actor, run_id, host, tx)
    found = [one for one in (await hosts_of_run(actor, run_id, tx, query=host, limit=A_PAGE)).hosts if one.host == host]
    if not found:
        raise NotFound(kind="device", code=host[:63])
    names = titles(request)
    return page(
        request,
        "playbooks/run_host.html",
        run=run,
        title=names.get(run.playbook, run.playbook),
        cell=run_view.cell(run, found[0], t),
        changes=run_view.changes(host, differences, PLACES),
    )


@router.get("/runs/{run_id}/times")
async def times(request: Request, run_id: uuid.UUID, actor: CurrentActor, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Return how long the tasks of each wave took, in their order."""
    t, run = translator_of(request), await run_for(actor, run_id, tx)
    found = await task_times(actor, run_id, tx)
    names = titles(request)
    kinds = {wave.number: wave_title(t, wave.number, str(wave.kind), wave.devices) for wave in run.waves}
    return page(
        request,
        "playbooks/run_times.html",
        run=run,
        title=names.get(run.playbook, run.playbook),
        tasks=found,
        longest=max((task.seconds for task in found), default=0.0),
        waves=kinds,
    )
