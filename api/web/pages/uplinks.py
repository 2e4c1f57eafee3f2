"""Uplinks: one line with what it carries, loses and costs; and the lines of a unit by what is worst about them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.http.deps import CurrentActor, Engine, Language, Tx
from api.web import device_view, overview, uplink_view
from api.web.exchange_words import ExchangeWords
from api.web.pages.devices import graph_or_nothing
from api.web.render import page
from api.web.shell import Frame
from inventory.public import (
    INVENTORY_CHANGE,
    ContractWish,
    UnitDetails,
    UnitView,
    UnitWish,
    contracts_on,
    day_of,
    may_in_offices,
    unit_for,
    units_on,
    uplink_codes,
    uplink_for,
    uplinks,
)
from kernel.actors import Actor
from kernel.clock import epoch_ms, from_epoch_ms
from kernel.db.transaction import Transaction

router = APIRouter(include_in_schema=False)

MOST_CHOICES: Final = 200


@router.get("/uplinks/{code}")
async def uplink(
    request: Request,
    code: str,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    engine: Engine,
    frame: Frame,
    hours: Annotated[int, Query(ge=1, le=168)] = 1,
) -> HTMLResponse:
    """Return the page of one uplink."""
    view = await uplink_for(actor, code, tx)
    live = (await overview.uplinks_of(engine, [view.device]) or {}).get(code) if frame.engine else None
    share = frame.engine.line_share if frame.engine else 0.0
    window = device_view.window(hours, epoch_ms(tx.now()), frame.engine.interval_s if frame.engine else 0)
    graph = await graph_or_nothing(engine, view.device, view.interface, window)
    return page(
        request,
        "inventory/uplink.html",
        uplink=view,
        live=live,
        may_change=await may_in_offices(actor, INVENTORY_CHANGE, [view.office], tx),
        contracts=(await contracts_on(actor, tx, ContractWish(uplink=code))).contracts,
        contract_words=ExchangeWords(t),
        today=day_of(tx.now()),
        share=share,
        limit_bps=min(view.down_bps, view.up_bps) * share,
        interface=view.interface,
        hours=hours,
        hour_choices=sorted({*device_view.HOURS, hours}),
        graph_step=timedelta(milliseconds=window.step_ms),
        graph=graph.as_json() if graph else None,
        drawing=device_view.draw(t, graph) if graph and graph.times else None,
        checked_at=from_epoch_ms(live.at_ms) if live and live.at_ms else None,
    )


@router.get("/top")
async def top(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    frame: Frame,
    engine: Engine,
    unit: Annotated[str, Query(max_length=63)] = "",
    by: Annotated[str, Query(max_length=10)] = uplink_view.USE,
) -> HTMLResponse:
    """Return the uplinks of a unit and everything below it, the worst first."""
    place = await unit_for(actor, unit, tx) if unit else None
    codes = await uplink_codes(actor, tx, unit=unit or None)
    by = by if by in uplink_view.ORDERS else uplink_view.USE
    told = await overview.uplinks_of(engine) if frame.engine else None
    rows = uplink_view.top(codes, told or {}, by)
    named = {uplink.code: uplink for uplink in await uplinks(actor, tx, codes=[live.uplink for live in rows])}
    return page(
        request,
        "inventory/top.html",
        rows=[(named[live.uplink], live) for live in rows],
        total=len(codes),
        by=by,
        unit=place.unit if place else None,
        above=[*place.above, place.unit] if place else [],
        choices=await _choices(actor, tx, place),
        known=told is not None,
        checked_at=frame.checked_at,
    )


async def _choices(actor: Actor, tx: Transaction, place: UnitDetails | None) -> list[UnitView]:
    """Return the chosen unit and those right below it; without one, the highest that the reader sees."""
    wish = UnitWish(parent=place.unit.code) if place else UnitWish(top=True)
    found = (await units_on(actor, tx, wish, limit=MOST_CHOICES)).units
    return [place.unit, *found] if place else found
