"""Deliveries: what is on its way to offices, and accepting each piece by its serial number, at the door."""

from __future__ import annotations

import uuid
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from api.http.deps import Changer, CurrentActor, Language, State_, Tx
from api.web.days import day_asked
from api.web.needs_words import DELIVERY_STATES, NeedsWords
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from inventory.public import (
    INVENTORY_CHANGE,
    INVENTORY_READ,
    Role,
    accept_piece,
    day_of,
    deliveries,
    delivery_for,
    installable,
    known_profiles,
    note_arrival,
    office_for,
    plan_delivery,
    refuse_piece,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, NotFound, VungCaoError

router = APIRouter(include_in_schema=False)

A_PAGE: Final = 50
CAMERA: Final = "camera=(self), geolocation=(), microphone=(), payment=(), usb=()"
"""Only the page on which serial numbers are scanned may ask for the camera."""


@router.get("/deliveries")
async def delivery_list(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    _frame: Frame,
    state: Annotated[str, Query(max_length=20)] = "",
    office: Annotated[str, Query(max_length=63)] = "",
    after: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """Return a page of deliveries, the newest first."""
    actor.require(INVENTORY_READ)
    chosen = state if state in DELIVERY_STATES else ""
    found = await deliveries(
        actor, tx, state=chosen or None, office=office or None, limit=A_PAGE, after=after or None
    )  # fmt: skip
    return page(
        request,
        "needs/deliveries.html",
        said=NeedsWords(t),
        deliveries=found.deliveries,
        next_cursor=found.next_cursor,
        state=chosen,
        office=office,
        states=list(DELIVERY_STATES),
        today=day_of(tx.now()),
    )


@router.post("/offices/{code}/deliveries")
async def plan(request: Request, code: str, state: State_, actor: Changer) -> Response:
    """Plan a delivery to an office."""
    sent = await request.form()
    try:
        pieces = _pieces(sent)
        due = day_asked(str(sent.get("due", ""))[:20])
        note = str(sent.get("note", ""))[:1000]
        async with state.database.transaction() as tx:
            made = await plan_delivery(actor, tx, code, pieces, due=due, note=note)
    except BadInput as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            office = await office_for(actor, code, tx, INVENTORY_CHANGE)
            return page(
                request, "needs/not_planned.html", status_code=error.http_status, office=office,
                error=Words(translator_of(request)).error(error),
            )  # fmt: skip
    return RedirectResponse(f"/deliveries/{made.id}", 303)


@router.get("/deliveries/{delivery_id}")
async def show(
    request: Request, delivery_id: uuid.UUID, actor: CurrentActor, tx: Tx, _frame: Frame
) -> HTMLResponse:  # fmt: skip
    """Return one delivery, with a form for each piece that waits."""
    return await _delivery(request, actor, tx, delivery_id)


@router.post("/deliveries/{delivery_id}/arrive")
async def arrive(request: Request, delivery_id: uuid.UUID, state: State_, actor: Changer) -> Response:
    """Say that it has arrived."""
    try:
        async with state.database.transaction() as tx:
            await note_arrival(actor, tx, delivery_id)
    except Conflict as error:
        return await _again(request, state, actor, delivery_id, error)
    return RedirectResponse(f"/deliveries/{delivery_id}", 303)


@router.post("/deliveries/{delivery_id}/pieces/{no}/accept")
async def accept(request: Request, delivery_id: uuid.UUID, no: int, state: State_, actor: Changer) -> Response:
    """Accept a piece: its device goes into use."""
    sent = await request.form()
    serial, device = str(sent.get("serial", ""))[:200], str(sent.get("device", ""))[:63]
    profiles = known_profiles(state.settings.profiles_dir).keys()
    try:
        async with state.database.transaction() as tx:
            await accept_piece(actor, tx, delivery_id, no, serial=serial, device=device, profiles=profiles)
    except (BadInput, Conflict, NotFound) as error:
        return await _again(request, state, actor, delivery_id, error, no, serial, device)
    return RedirectResponse(f"/deliveries/{delivery_id}", 303)


@router.post("/deliveries/{delivery_id}/pieces/{no}/refuse")
async def refuse(request: Request, delivery_id: uuid.UUID, no: int, state: State_, actor: Changer) -> Response:
    """Refuse a piece, with the reason."""
    sent = await request.form()
    try:
        async with state.database.transaction() as tx:
            await refuse_piece(actor, tx, delivery_id, no, str(sent.get("why", ""))[:1000])
    except (BadInput, Conflict, NotFound) as error:
        return await _again(request, state, actor, delivery_id, error, no)
    return RedirectResponse(f"/deliveries/{delivery_id}", 303)


def _pieces(sent: FormData) -> dict[str, int]:
    pieces: dict[str, int] = {}
    for role in Role:
        said = str(sent.get(role, "")).strip()[:4] or "0"
        if not said.isdecimal():
            raise BadInput(what=f"The number {said}", why="a whole number")
        pieces[role] = int(said)
    return pieces


async def _again(
    request: Request,
    state: State_,
    actor: Actor,
    delivery_id: uuid.UUID,
    error: VungCaoError,
    no: int = 0,
    serial: str = "",
    device: str = "",
) -> HTMLResponse:
    """Return the page of the delivery with what was wrong beside the piece."""
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
        return await _delivery(request, actor, tx, delivery_id, error, no, serial, device)


async def _delivery(
    request: Request,
    actor: Actor,
    tx: Transaction,
    delivery_id: uuid.UUID,
    error: VungCaoError | None = None,
    no: int = 0,
    serial: str = "",
    device: str = "",
) -> HTMLResponse:
    t = translator_of(request)
    found = await delivery_for(actor, tx, delivery_id)
    may_change = actor.may(INVENTORY_CHANGE)
    answer = page(
        request,
        "needs/delivery.html",
        status_code=error.http_status if error else 200,
        said=NeedsWords(t),
        delivery=found,
        devices=await installable(actor, tx, found.office) if may_change and found.state == "arrived" else [],
        may_change=may_change,
        error=Words(t).error(error) if error else None,
        no=no,
        serial=serial,
        device=device,
        today=day_of(tx.now()),
    )
    answer.headers["Permissions-Policy"] = CAMERA
    return answer
