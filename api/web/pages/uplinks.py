"""Uplinks: one line with what it carries, loses and costs; and the lines of a unit by what is worst about them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.http.deps import CurrentActor, Engine, Language, Tx
from api.web import device_view, overview, uplink_view
from api.web.exchange_words import ExchangeWords
from api.web.pages.devices import graph_or_nothing
from api.web.render import page
from api.web.shell import Board, Frame
from inventory.public import (
    INVENTORY_CHANGE,
    ContractWish,
    contracts_on,
    day_of,
    offices_in,
    unit_for,
    units,
    uplink_for,
    uplinks,
)
from kernel.clock import epoch_ms, from_epoch_ms

router = APIRouter(include_in_schema=False)


@router.get("/uplinks/{code}")
async def uplink(
    request: Request,
    code: str,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    engine: Engine,
    _frame: Frame,
    board: Board,
    hours: Annotated[int, Query(ge=1, le=168)] = 1,
) -> HTMLResponse:
    """Return the page of one uplink."""
    view = await uplink_for(actor, code, tx)
    live = next((one for one in board.uplinks if one.uplink == code), None) if board else None
    share = board.line_share if board else 0.0
    window = device_view.window(hours, epoch_ms(tx.now()), board.interval_s if board else 0)
    graph = await graph_or_nothing(engine, view.device, view.interface, window)
    return page(
        request,
        "inventory/uplink.html",
        uplink=view,
        live=live,
        may_change=actor.may(INVENTORY_CHANGE),
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
    t: Language,
    _frame: Frame,
    board: Board,
    unit: Annotated[str, Query(max_length=63)] = "",
    by: Annotated[str, Query(max_length=10)] = uplink_view.USE,
) -> HTMLResponse:
    """Return the uplinks of a unit and everything below it, the worst first."""
    by_code = {one.code: one for one in await units(actor, tx, t.local(tx.now()).date())}
    chosen = by_code.get(unit)
    place = await unit_for(actor, chosen.code, tx) if chosen else None
    named = await uplinks(actor, tx)
    if chosen is not None:
        there = await offices_in(actor, tx, uplink_view.subtree(chosen.code, by_code.values()))
        named = [one for one in named if one.office in there]
    by = by if by in uplink_view.ORDERS else uplink_view.USE
    return page(
        request,
        "inventory/top.html",
        rows=uplink_view.top(named, board, by),
        total=len(named),
        by=by,
        unit=chosen,
        above=[*place.above, place.unit] if place else [],
        choices=uplink_view.choices(by_code.values(), chosen),
        known=board is not None,
        checked_at=overview.checked_at(board.devices) if board else None,
    )
