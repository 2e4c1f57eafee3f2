"""Offices: the list, and one of them with its devices and lines."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.http.deps import CurrentActor, Engine, Language, Tx
from api.web import overview
from api.web.inventory_words import InventoryWords
from api.web.pages.checks import checks_card
from api.web.render import page
from api.web.shell import Board, BoardFrame, Frame
from inventory.public import (
    INVENTORY_CHANGE,
    MEETINGS_BOOK,
    MEETINGS_READ,
    POLLED,
    OfficeWish,
    checks,
    devices,
    may_in_offices,
    office_details,
    offices_on,
    site_state,
    unit_for,
    uplinks,
)
from meetings.public import meetings_in_office

router = APIRouter(include_in_schema=False)

COMING = timedelta(days=7)


@router.get("/offices")
async def office_list(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    _frame: BoardFrame,
    board: Board,
    q: Annotated[str, Query(max_length=100)] = "",
    unit: Annotated[str, Query(max_length=63)] = "",
    after: str | None = None,
) -> HTMLResponse:
    """Return a page of offices with the state of the worst device of each."""
    found = await offices_on(actor, tx, OfficeWish(query=q, unit=unit or None), after=after or None)
    standing = await overview.standing_now(actor, board, tx)
    troubled = sum(state in {"critical", "warning"} for state in standing.offices.values())
    if not standing.known:
        answer = t.gettext("Their state is not known: the engine does not answer.")
    elif troubled:
        answer = t.ngettext(
            "{count} office has a warning or worse.", "{count} offices have a warning or worse.", troubled
        )
    else:
        answer = t.gettext("No office has a warning.")
    return page(
        request,
        "inventory/offices.html",
        query=q,
        unit=unit,
        may_add=actor.may(INVENTORY_CHANGE),
        next_cursor=found.next_cursor,
        answer=answer,
        offices=[(office, standing.office(office.code, watched=bool(office.watched))) for office in found.offices],
        checked_at=overview.checked_at(board),
    )


@router.get("/offices/{code}")
async def office(
    request: Request, code: str, actor: CurrentActor, tx: Tx, t: Language, engine: Engine, frame: Frame
) -> HTMLResponse:
    """Return the page of one office."""
    details = await office_details(actor, code, tx)
    view = details.office
    found = await devices(actor, tx, office=code, limit=100)
    codes = {device.code for device in found.devices}
    healths = await overview.healths_of(engine, sorted(codes)) if frame.engine else {}
    asked = [device.code for device in found.devices if device.state in POLLED]
    states = [healths[code].state if code in healths else "unknown" for code in asked]
    place = await unit_for(actor, view.unit, tx)
    lines = [uplink for uplink in await uplinks(actor, tx, devices=sorted(codes)) if uplink.office == code]
    told = await overview.uplinks_of(engine, sorted({line.device for line in lines})) if frame.engine else None
    down = {code for code, line in told.items() if line.state == "critical"} if told is not None else None
    working = states.count("ok")
    return page(
        request,
        "inventory/office.html",
        office=view,
        contacts=details.contacts,
        said=InventoryWords(t),
        **await checks_card(engine, await checks(actor, tx, devices=sorted(codes)), t),
        site=None if down is None else site_state(lines, down),
        may_change=await may_in_offices(actor, INVENTORY_CHANGE, [code], tx),
        above=(*place.above, place.unit),
        devices=found.devices,
        more_devices=found.next_cursor is not None,
        healths=healths,
        state=overview.worst(states) if states else "unknown",
        answer=t.gettext(
            "{working} of {total} devices work well.", working=t.number(working), total=t.number(len(states))
        ),
        uplinks=overview.pair_uplinks(lines, told or {}),
        coming=await meetings_in_office(actor, code, tx, until=tx.now() + COMING) if actor.may(MEETINGS_READ) else None,
        may_book=await may_in_offices(actor, MEETINGS_BOOK, [code], tx),
        checked_at=frame.checked_at,
    )
