"""One check of a service: how it went last, why it fails, what it showed, and how it went before."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.http.deps import CurrentActor, Engine, Language, Tx
from api.http.state import EnginePort
from api.web import check_view, device_view
from api.web.check_words import CheckWords, state_of
from api.web.inventory_words import InventoryWords
from api.web.render import page
from api.web.shell import Frame
from inventory.public import INVENTORY_CHANGE, CheckKind, CheckView, check_for, device_for, may_in_offices
from kernel.clock import epoch_ms, from_epoch_ms
from kernel.errors import EngineUnavailable
from kernel.i18n import Translator
from monitor.public import CheckLive, alerts_of_device

router = APIRouter(include_in_schema=False)

FROM_THE_INVENTORY = ("place", "name", "path", "contains", "expect")


@router.get("/checks/{code}")
async def check(
    request: Request,
    code: str,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    engine: Engine,
    _frame: Frame,
    hours: Annotated[int, Query(ge=1, le=168)] = 24,
) -> HTMLResponse:
    """Return the page of one check."""
    view = await check_for(actor, code, tx)
    live = (await checked(engine, [view])).get(code)
    said = CheckWords(t)
    window = device_view.window(hours, epoch_ms(tx.now()), max(view.every_s, 60))
    try:
        asked = [("check_ok", code), ("check_duration_s", code)]
        history = check_view.history_of(await engine.history(view.device, asked, *window), window)
        told = True
    except EngineUnavailable:
        history, told = None, False  # the page says so in the history's place
    alerts = await alerts_of_device(actor, view.device, tx, limit=50)
    device = await device_for(actor, view.device, tx)
    return page(
        request,
        "inventory/check.html",
        check=view,
        device=device,
        live=live,
        state=state_of(view, live),
        checks_said=said,
        said=InventoryWords(t),
        checked_at=from_epoch_ms(live.at_ms) if live else None,
        certificates=[
            (one, *said.certificate(one.wrong), from_epoch_ms(one.ends_ms))
            for one in (live.certificates if live else ())
        ],
        named={
            name: _text(getattr(view, name))
            for name in FROM_THE_INVENTORY
            if getattr(view, name) and (name != "path" or view.kind == CheckKind.HTTP)
        },
        every=timedelta(seconds=view.every_s),
        history=history,
        told=told,
        hours=hours,
        hour_choices=sorted({*device_view.HOURS, hours}),
        alerts=[alert for alert in alerts if alert.instance == code][:8],
        may_change=await may_in_offices(actor, INVENTORY_CHANGE, [device.office], tx),
    )


async def checked(engine: EnginePort, of: list[CheckView]) -> dict[str, CheckLive]:
    """Return what the last of these checks brought, by code; nothing while the engine does not answer."""
    try:
        return await engine.checks([one.code for one in of]) if of else {}
    except EngineUnavailable:
        return {}  # the frame says so


async def checks_card(engine: EnginePort, of: list[CheckView], t: Translator) -> dict[str, Any]:
    """Return what the card of checks needs on the page of a device or an office; those that fail come first."""
    live = await checked(engine, of)
    rows = [(one, live.get(one.code), state_of(one, live.get(one.code))) for one in of]
    return {"checks": sorted(rows, key=lambda row: row[2] != "warning"), "checks_said": CheckWords(t)}


def _text(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
