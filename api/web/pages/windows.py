"""Windows: when work is expected, and when nothing may change. What one would cover is told before it is set."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.deps import CsrfForm, CurrentActor, State_, Tx
from api.http.state import WebState
from api.web.launch_form import Sent, text
from api.web.render import page, translator_of
from api.web.rollout_words import refusal
from api.web.rule_form import DAYS, REPEATS, RuleForm, read_rule, rule_words
from api.web.shell import Frame, look
from inventory.public import (
    INVENTORY_CHANGE,
    INVENTORY_READ,
    Found,
    WindowKind,
    WindowPreview,
    WindowWish,
    add_window,
    end_window,
    search,
    window_preview,
    windows,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound, Refused, VungCaoError
from kernel.i18n import N_

router = APIRouter(include_in_schema=False)

WINDOWS: Final = 50
SHOWN: Final = 20
FOUND: Final = 10
KINDS: Final = ("unit", "office", "device")


async def _changer(actor: CurrentActor) -> Actor:
    actor.require(INVENTORY_CHANGE)
    return actor


Changer = Annotated[Actor, Depends(_changer)]


@dataclass(frozen=True, slots=True)
class WindowForm:
    """What was chosen and typed; `place` is a kind of node and its code, as `unit:lam-dong`."""

    kind: str
    title: str
    place: str
    hours: str
    when: RuleForm
    query: str

    def wish(self) -> WindowWish:
        """Return the window that is wanted. Raises BadInput if it is none."""
        node, _, code = self.place.partition(":")
        if node not in KINDS or not code:
            raise BadInput(what=N_("The place"), why=N_("choose a unit, an office or a device"))
        try:
            minutes = round(float(self.hours.replace(",", ".")) * 60)
        except (ValueError, OverflowError):
            raise BadInput(what=N_("The length"), why=N_("it is a number of hours, such as 2 or 1,5")) from None
        return WindowWish(
            kind=WindowKind.BLACKOUT if self.kind == "blackout" else WindowKind.MAINTENANCE,
            title=self.title,
            first_local=self.when.first,
            minutes=minutes,
            zone=self.when.zone,
            rule=self.when.rule,
            **{node: code},
        )


@router.get("/windows")
async def window_list(
    request: Request, state: State_, actor: CurrentActor, tx: Tx, _frame: Frame,
    after: Annotated[str | None, Query()] = None,
) -> HTMLResponse:  # fmt: skip
    """Return the windows that have not ended, and the form for one more."""
    return await _page(request, state, actor, tx, _read(request.query_params, state), after=after or None)


@router.post("/windows")
async def set_window(request: Request, state: State_, actor: Changer, _csrf: CsrfForm) -> Response:
    """Set the window; or find its place, or show what it would cover, or say what is wrong with it."""
    sent = await request.form()
    form, wanted = _read(sent, state), text(sent, "do")
    error: VungCaoError | None = None
    seen: WindowPreview | None = None
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
        try:
            if wanted == "look":
                seen = await window_preview(actor, form.wish(), tx, limit=SHOWN)
            elif wanted == "set":
                await add_window(actor, form.wish(), tx)
                return RedirectResponse("/windows", 303)
        except (BadInput, NotFound, Refused) as refused:
            error = refused
        return await _page(request, state, actor, tx, form, error=error, seen=seen)


@router.post("/windows/{window_id}/end")
async def end(window_id: uuid.UUID, state: State_, actor: Changer, _csrf: CsrfForm) -> Response:
    """End it at once, for ever."""
    async with state.database.transaction() as tx:
        await end_window(actor, window_id, tx)
    return RedirectResponse("/windows", 303)


def _read(sent: Sent, state: WebState) -> WindowForm:
    zone = state.settings.timezone
    return WindowForm(
        kind=text(sent, "kind") or "maintenance",
        title=text(sent, "title")[:200],
        place=text(sent, "place")[:150],
        hours=text(sent, "hours")[:10] or "2",
        when=read_rule(sent, now=state.clock.now(), zone=zone, repeat="once"),
        query=text(sent, "q")[:100],
    )


async def _page(
    request: Request,
    state: WebState,
    actor: Actor,
    tx: Transaction,
    form: WindowForm,
    *,
    after: str | None = None,
    error: VungCaoError | None = None,
    seen: WindowPreview | None = None,
) -> HTMLResponse:
    actor.require(INVENTORY_READ)
    t = translator_of(request)
    found = await windows(actor, tx, limit=WINDOWS, after=after)
    places: list[Found] = await search(actor, tx, form.query, limit=FOUND) if form.query else []
    context: dict[str, Any] = {
        "windows": [(one, rule_words(t, one.wish.rule, one.wish.zone)) for one in found.windows],
        "next_cursor": found.next_cursor,
        "may_change": actor.may(INVENTORY_CHANGE),
        "form": form,
        "when": form.when,
        "repeats": REPEATS,
        "days": DAYS,
        "zone": state.settings.timezone,
        "places": places,
        "seen": seen,
        "error": refusal(t, error, {}) if error else "",
    }
    return page(request, "playbooks/windows.html", status_code=error.http_status if error else 200, **context)
