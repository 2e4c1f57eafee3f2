"""What the templates of a run are given: for its page, and again for the parts that its stream draws anew."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import Request

from api.http.state import web_state
from api.web.render import translator_of
from api.web.run_view import changes, host_states
from api.web.run_words import told
from inventory.public import may_in_offices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.i18n import Translator
from playbooks.public import (
    PLAYBOOKS_RUN,
    Kind,
    PlaybookView,
    RunState,
    RunView,
    bundled_catalog,
    may_decide,
    run_hosts,
)

PARTS: Final = ("run_state", "run_actions", "run_told", "run_hosts", "run_changes")
"""Templates of the parts that change while the page is open."""


async def context(
    request: Request, actor: Actor, run: RunView, tx: Transaction, *, heard: Mapping[str, Collection[Kind]]
) -> dict[str, Any]:
    """Return what the parts of the page of `run` show; `heard` is what its lines said of each device."""
    t, now = translator_of(request), web_state(request).clock.now()
    playbook = bundled_catalog().get(run.playbook)
    hosts = await run_hosts(actor, run.id, tx)
    shown, more = changes(hosts)
    return {
        "run": run,
        "title": playbook.title.of(t.language) if playbook else run.playbook,
        "told": told(t, run, now, timedelta(seconds=playbook.limit_s) if playbook else None),
        "hosts": host_states(run, hosts, heard),
        "changes": shown,
        "more_changes": more,
        "may_launch": playbook is not None
        and await may_in_offices(playbook.runner(actor), PLAYBOOKS_RUN, [run.office], tx),
        "may_run": (may_run := await may_in_offices(actor, PLAYBOOKS_RUN, [run.office], tx)),
        "may_decide": may_run and may_decide(run.launched_by_id, actor.id),
        "room_free": run.state is RunState.HELD and run.held_until is not None and run.held_until <= now,
        "decided_by": f"{run.state} {run.cancelled_by or ''}".strip(),
    }


def arguments(playbook: PlaybookView | None, run: RunView, t: Translator) -> list[tuple[str, str]]:
    """Return what the run was given: the title of each argument, and its value in words."""
    known = playbook.arguments if playbook else {}
    in_order = [name for name in known if name in run.arguments] + [name for name in run.arguments if name not in known]
    return [
        (known[name].title.of(t.language) if name in known else name, _value(run.arguments[name], t))
        for name in in_order
    ]


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
