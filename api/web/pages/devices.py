"""Devices: the list, one of them with its last values, and the data of its graph."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.http.deps import CurrentActor, Engine, Language, Tx
from api.http.state import EnginePort
from api.web import device_view, meeting_view, overview
from api.web.inventory_words import InventoryWords
from api.web.pages.checks import checks_card
from api.web.render import page
from api.web.shell import Board, BoardFrame, Frame
from inventory.public import (
    INVENTORY_CHANGE,
    INVENTORY_READ,
    CredentialPlace,
    PlaceKind,
    Role,
    SnmpVersion,
    Use,
    checks,
    credentials_at,
    device_for,
    devices,
    may_in_offices,
    office_for,
    uplinks,
)
from kernel.clock import epoch_ms
from kernel.errors import EngineUnavailable
from monitor.public import DeviceLive, alerts_of_device

router = APIRouter(include_in_schema=False)

Hours = Annotated[int, Query(ge=1, le=168)]


@router.get("/devices")
async def device_list(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    _frame: BoardFrame,
    engine: Engine,
    board: Board,
    q: Annotated[str, Query(max_length=100)] = "",
    office: str = "",
    role: str = "",
    state: str = "",
    after: str | None = None,
) -> HTMLResponse:
    """Return a page of devices with the state of each."""
    place = await office_for(actor, office, tx) if office else None
    found = await devices(
        actor,
        tx,
        office=office or None,
        role=role if role in set(Role) else None,
        query=q,
        codes=await overview.with_state(actor, board, state, tx) if state in overview.WORST_FIRST else None,
        after=after or None,
    )
    standing = await overview.standing_now(actor, board, tx)
    return page(
        request,
        "inventory/devices.html",
        query=q,
        office=place,
        role=role,
        state=state,
        roles=list(Role),
        devices=found.devices,
        next_cursor=found.next_cursor,
        healths=await overview.healths_of(engine, [device.code for device in found.devices]) if board else {},
        answer=overview.devices_answer(t, standing),
        checked_at=overview.checked_at(board),
    )


@router.get("/devices/{code}")
async def device(
    request: Request,
    code: str,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    engine: Engine,
    frame: Frame,
    interface: str = "",
    hours: Hours = 1,
    sort: Annotated[str, Query(max_length=10)] = "",
) -> HTMLResponse:
    """Return the page of one device."""
    view = await device_for(actor, code, tx)
    held = await credentials_at(actor, tx, CredentialPlace(PlaceKind.DEVICE, code), INVENTORY_READ)
    asked_by = Use.SNMP_USER if view.snmp == SnmpVersion.V3 else Use.COMMUNITY
    live = await _live(engine, code) if frame.engine else None
    choice = device_view.Choice(interface, hours, sort)
    context = device_view.live_context(view, live, await uplinks(actor, tx, devices=[code]), t, tx.now(), choice)
    names = [each.name for each in context["interfaces"]]
    interface = interface if interface in names else next(iter(names), "")
    window = device_view.window(hours, epoch_ms(tx.now()), frame.engine.interval_s if frame.engine else 0)
    graph = await graph_or_nothing(engine, code, interface, window) if interface else None
    context["choice"] = choice._replace(interface=interface)
    return page(
        request,
        "inventory/device.html",
        **context,
        said=InventoryWords(t),
        **await checks_card(engine, await checks(actor, tx, devices=[code]), t),
        may_change=await may_in_offices(actor, INVENTORY_CHANGE, [view.office], tx),
        held=next((one for one in held if one.nearest and one.use == asked_by), None),
        known=frame.engine is not None,
        alerts=await alerts_of_device(actor, code, tx, limit=8),
        needing=(await meeting_view.needing(actor, [code], tx)).get(code, []),
        interface=interface,
        hours=hours,
        hour_choices=sorted({*device_view.HOURS, hours}),
        graph_step=timedelta(milliseconds=window.step_ms),
        graph=graph.as_json() if graph else None,
        drawing=device_view.draw(t, graph) if graph and graph.times else None,
    )


@router.get("/devices/{code}/graph")
async def graph(
    code: str, actor: CurrentActor, tx: Tx, engine: Engine, interface: str, hours: Hours = 1
) -> dict[str, Any]:
    """Return the traffic of an interface: Unix seconds, and bits a second or null, oldest first."""
    await device_for(actor, code, tx)
    window = device_view.window(hours, epoch_ms(tx.now()), (await engine.status()).interval_s)
    return (await _read(engine, code, interface, window)).as_json()


async def _live(engine: EnginePort, code: str) -> DeviceLive | None:
    try:
        return await engine.device(code)
    except EngineUnavailable:
        return None  # the frame says that the engine is gone, or will at the next look


async def graph_or_nothing(
    engine: EnginePort, code: str, interface: str, window: device_view.Window
) -> device_view.Graph | None:
    """Return the traffic of an interface; None while the engine does not tell."""
    try:
        return await _read(engine, code, interface, window)
    except EngineUnavailable:
        return None  # the page says so in the graph's place


async def _read(engine: EnginePort, code: str, interface: str, window: device_view.Window) -> device_view.Graph:
    return device_view.graph_of(
        await engine.history(code, [("if_in_bps", interface), ("if_out_bps", interface)], *window), window
    )
