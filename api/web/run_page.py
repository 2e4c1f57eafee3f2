"""What the templates of a run are given: for its page, and again for the parts that its stream draws anew."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import Request

from api.http.state import web_state
from api.web import run_view
from api.web.render import translator_of
from api.web.rollout_words import barrier
from api.web.run_words import told
from inventory.public import may_in_offices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound, Refused
from kernel.i18n import Translator
from playbooks.public import (
    PLAYBOOKS_RUN,
    HostPage,
    HostState,
    PlaybookView,
    RunState,
    RunView,
    WaveState,
    host_differences,
    hosts_of_run,
    may_decide,
    may_steer,
)

PARTS: Final = ("run_state", "run_actions", "run_waves", "run_told", "run_hosts", "run_changes")
"""Templates of the parts that change while the page is open."""

CELLS: Final = 150
"""Devices in the grid: a larger run shows the wave whose turn it is, and has a page for the others."""

TOLD_ON: Final = 1
"""Devices whose changes are shown beside the log; each has a page with its own."""

PLACES: Final = 8


async def context(request: Request, actor: Actor, run: RunView, tx: Transaction) -> dict[str, Any]:
    """Return what the parts of the page of `run` show."""
    t, now = translator_of(request), web_state(request).clock.now()
    playbook = web_state(request).playbooks.get(run.playbook)
    names = {name: found.title.of(t.language) for name, found in web_state(request).playbooks.items()}
    hosts = await _cells(actor, run, tx)
    may_run = await _may_steer(actor, run, tx)
    changed = [host.host for host in hosts.hosts if host.changed][:TOLD_ON]
    changes = [
        change
        for host in changed
        for change in run_view.changes(host, await host_differences(actor, run.id, host, tx), PLACES)
    ]
    held = [barrier(t, one, now, names) for one in run.hindrances] if not run.over else []
    decides = may_run and may_decide(run.launched_by_id, actor.id)
    return {
        "run": run,
        "title": names.get(run.playbook, run.playbook),
        "titles": names,
        "told": told(t, run, now, timedelta(seconds=playbook.limit_s) if playbook else None),
        "steps": run_view.steps(run, t),
        "held": held,
        "cells": [run_view.cell(run, host, t) for host in hosts.hosts],
        "more_cells": max(0, run.devices - len(hosts.hosts)),
        "legend": run_view.legend(run, t),
        "changes": changes,
        "more_changed": max(0, run.changed - len(changed)),
        "may_launch": playbook is not None and await _may_launch(actor, playbook, run, tx),
        "may_run": may_run,
        "may_decide": decides,
        "may_override": decides and run.rollout and any(one.may_override for one in held) and not run.overridden_by,
        "may_pause": may_run and run.rollout and run.state in run_view.MAY_PAUSE and not run.paused_by,
        "may_resume": may_run
        and run.rollout
        and not run.over
        and (run.state in run_view.MAY_RESUME or bool(run.paused_by)),
        "retry": run_view.may_retry(run) if run.rollout else 0,
        "undo": playbook.undo if playbook and run.rollout and run.over and not run.check else "",
        "begun": run_view.begun(run),
        "room_free": run.state is RunState.HELD and run.held_until is not None and run.held_until <= now,
        "decided_by": _decides_drawing(run),
    }


async def _may_steer(actor: Actor, run: RunView, tx: Transaction) -> bool:
    if actor.may_everywhere(PLAYBOOKS_RUN):
        return True
    try:
        await may_steer(actor, run, tx)
    except (Refused, NotFound):
        return False
    return True


async def _may_launch(actor: Actor, playbook: PlaybookView, run: RunView, tx: Transaction) -> bool:
    runner = playbook.runner(actor)
    return await may_in_offices(runner, PLAYBOOKS_RUN, [run.office], tx) if run.office else runner.may(PLAYBOOKS_RUN)


async def _cells(actor: Actor, run: RunView, tx: Transaction) -> HostPage:
    """Return the devices for the grid: all, or those of the wave whose turn it is."""
    wave: int | None = None
    if run.devices > CELLS and not run.over:
        going = [one.number for one in run.waves if one.state is not WaveState.PASSED and one.number]
        wave = going[0] if going else None
    return await hosts_of_run(actor, run.id, tx, wave=wave, limit=CELLS)


def _decides_drawing(run: RunView) -> str:
    """Return what decides the message of the page: drawn anew it would lose what is being typed into its form."""
    held = (f"{one.kind}{one.until or ''}" for one in run.hindrances)
    parts = (run.state, run.why, run.cancelled_by, run.overridden_by, run.paused_by, *held)
    return " ".join(str(part) for part in parts if part)[:400]


def state_filter(word: str) -> HostState | None:
    """Return the state that a list of devices is cut to; None: all."""
    return HostState(word) if word in set(HostState) else None


def arguments(playbook: PlaybookView | None, given: Mapping[str, Any], t: Translator) -> list[tuple[str, str]]:
    """Return what a playbook was given, or will be: the title of each argument, and its value in words."""
    known = playbook.arguments if playbook else {}
    in_order = [name for name in known if name in given] + [name for name in given if name not in known]
    return [(known[name].title.of(t.language) if name in known else name, _value(given[name], t)) for name in in_order]


def second(t: Translator, at: datetime) -> str:
    """Return the time of a line, as 08:26:05."""
    return f"{t.local(at):%H:%M:%S}"


def _value(value: object, t: Translator) -> str:
    match value:
        case bool():
            return t.gettext("Yes") if value else t.gettext("No")
        case list() | tuple():
            return ", ".join(str(one) for one in value) or t.gettext("none")
    return str(value)
