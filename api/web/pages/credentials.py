"""Credentials: the list, setting one, and what holds at a unit, an office or a device, and from where.

A secret is never sent back: a form shows a placeholder, which leaves it as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.deps import CurrentActor, State_, Tx
from api.web.credential_words import FORM, CredentialWords, fields_of
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from inventory.public import (
    CREDENTIALS_SET,
    CredentialKind,
    CredentialPlace,
    CredentialView,
    PlaceKind,
    Use,
    attach,
    credential_named,
    credentials_at,
    detach,
    device_for,
    list_credentials,
    made_of,
    office_for,
    remove_credential,
    require_place,
    set_at_place,
    set_credential,
    unit_for,
    who_may,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, NotFound, Refused, VungCaoError

router = APIRouter(include_in_schema=False)

A_PAGE: Final = 50
LONGEST: Final = 20_000
WAYS: Final = {"units": PlaceKind.UNIT, "offices": PlaceKind.OFFICE, "devices": PlaceKind.DEVICE}
WAY_OF: Final = {kind: way for way, kind in WAYS.items()}

Text = Annotated[str, Form(max_length=200)]
Asked = Annotated[str, Query(max_length=100)]


async def _setter(actor: CurrentActor) -> Actor:
    actor.require(CREDENTIALS_SET)
    return actor


Setter = Annotated[Actor, Depends(_setter)]
"""Who may set credentials somewhere; asked before what they sent is looked at."""


@router.get("/credentials")
async def credential_list(
    request: Request, actor: Setter, tx: Tx, _frame: Frame, after: Asked = "", saved: Asked = ""
) -> HTMLResponse:
    """Return a page of the credentials that hold where the reader may set some."""
    found = await list_credentials(actor, tx, limit=A_PAGE + 1, after=after or None)
    return page(
        request,
        "credentials/list.html",
        credentials=found[:A_PAGE],
        next_cursor=found[A_PAGE - 1].name if len(found) > A_PAGE else "",
        saved=saved,
        everywhere=actor.may_everywhere(CREDENTIALS_SET),
        said=CredentialWords(translator_of(request)),
    )


@router.get("/credentials/new")
async def new_credential(
    request: Request, actor: Setter, tx: Tx, _frame: Frame, kind: Asked = "", at: Asked = "", code: Asked = ""
) -> HTMLResponse:
    """Show the form of a new credential of one kind, to hold at a place if one is given."""
    chosen = CredentialKind(kind) if kind in FORM else CredentialKind.SNMP_V2C
    place = None
    if at in WAYS and code:
        place = CredentialPlace(WAYS[at], code)
        await require_place(actor, tx, place)
    return _form(request, chosen, place=place)


@router.post("/credentials/new")
async def make_credential(
    request: Request, state: State_, actor: Setter, name: Text = "", kind: Text = "", at: Text = "", code: Text = ""
) -> Response:
    """Set a new credential, and let it hold at a place."""
    chosen = CredentialKind(kind) if kind in FORM else CredentialKind.SNMP_V2C
    place = CredentialPlace(WAYS[at], code.strip()) if at in WAYS and code.strip() else None
    typed = await _typed(request, chosen)
    try:
        async with state.database.transaction() as tx:
            credential = made_of(chosen, typed)
            if place is None:
                await set_credential(actor, tx, state.vault, name.strip(), credential, only_new=True)
            else:
                await set_at_place(actor, tx, state.vault, place, name.strip(), credential)
    except (BadInput, Conflict) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
        return _form(request, chosen, name=name, place=place, typed=typed, error=error)
    if place is not None:
        return RedirectResponse(f"{_address(place)}?saved=set", 303)
    return RedirectResponse("/credentials?saved=set", 303)


@router.get("/credentials/{credential}")
async def one_credential(request: Request, credential: str, actor: Setter, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Show what is known of a credential, and the form that sets it anew."""
    stored = await credential_named(actor, tx, credential)
    return _form(request, stored.kind, name=credential, stored=stored)


@router.post("/credentials/{credential}")
async def set_anew(request: Request, state: State_, actor: Setter, credential: str) -> Response:
    """Set a credential anew; a placeholder leaves its secret as it is."""
    async with state.database.transaction() as tx:
        stored = await credential_named(actor, tx, credential)
    typed = await _typed(request, stored.kind)
    try:
        async with state.database.transaction() as tx:
            await set_credential(actor, tx, state.vault, credential, made_of(stored.kind, typed))
    except (BadInput, Conflict, Refused) as error:
        return await _again(request, state, actor, stored, typed, error)
    return RedirectResponse("/credentials?saved=set", 303)


@router.post("/credentials/{credential}/remove")
async def remove(request: Request, state: State_, actor: Setter, credential: str) -> Response:
    """Forget a credential that holds nowhere any more."""
    async with state.database.transaction() as tx:
        stored = await credential_named(actor, tx, credential)
    try:
        async with state.database.transaction() as tx:
            await remove_credential(actor, tx, credential)
    except (Conflict, Refused) as error:
        return await _again(request, state, actor, stored, {}, error)
    return RedirectResponse("/credentials?saved=removed", 303)


@router.get("/{way}/{code}/credentials")
async def credentials_here(
    request: Request, way: str, code: str, actor: Setter, tx: Tx, _frame: Frame, saved: Asked = ""
) -> HTMLResponse:
    """Show what holds at a place, from where, what it hides, and who may change that."""
    return await _here(request, _place(way, code), actor, tx, saved=saved)


@router.post("/{way}/{code}/credentials")
async def attach_here(request: Request, state: State_, way: str, code: str, actor: Setter, name: Text = "") -> Response:
    """Let a credential hold here."""
    place = _place(way, code)
    try:
        async with state.database.transaction() as tx:
            await attach(actor, tx, place, name.strip())
    except (BadInput, NotFound) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            return await _here(request, place, actor, tx, error=error)
    return RedirectResponse(f"{_address(place)}?saved=attached", 303)


@router.post("/{way}/{code}/credentials/{use}/detach")
async def detach_here(state: State_, way: str, code: str, actor: Setter, use: str) -> Response:
    """Take away what is attached here: the next one above holds again."""
    place = _place(way, code)
    if use not in set(Use):
        raise NotFound(kind="credential", code=use[:40])
    async with state.database.transaction() as tx:
        await detach(actor, tx, place, Use(use))
    return RedirectResponse(f"{_address(place)}?saved=detached", 303)


async def _here(
    request: Request,
    place: CredentialPlace,
    actor: Actor,
    tx: Transaction,
    *,
    saved: str = "",
    error: VungCaoError | None = None,
) -> HTMLResponse:
    held = await credentials_at(actor, tx, place)
    title, unit = await _titled(actor, tx, place)
    t = translator_of(request)
    return page(
        request,
        "credentials/here.html",
        status_code=error.http_status if error else 200,
        place=place,
        way=WAY_OF[place.kind],
        ways={str(kind): way for kind, way in WAY_OF.items()},
        title=title,
        held=held,
        uses=[use for use in Use if any(one.use == use for one in held)],
        known=await list_credentials(actor, tx),
        holders=await who_may(actor, tx, unit, CREDENTIALS_SET),
        saved=saved,
        error=Words(t).error(error) if error else None,
        said=CredentialWords(t),
    )


async def _titled(actor: Actor, tx: Transaction, place: CredentialPlace) -> tuple[str, str]:
    """Return the place's name and the code of its unit."""
    match place.kind:
        case PlaceKind.UNIT:
            unit = (await unit_for(actor, place.code, tx)).unit
            return unit.name, unit.code
        case PlaceKind.OFFICE:
            office = await office_for(actor, place.code, tx)
            return office.name, office.unit
        case PlaceKind.DEVICE:
            device = await device_for(actor, place.code, tx)
            office = await office_for(actor, device.office, tx)
            return device.name, office.unit


def _form(
    request: Request,
    kind: CredentialKind,
    *,
    name: str = "",
    place: CredentialPlace | None = None,
    stored: CredentialView | None = None,
    typed: Mapping[str, str] | None = None,
    error: VungCaoError | None = None,
) -> HTMLResponse:
    t = translator_of(request)
    return page(
        request,
        "credentials/form.html",
        status_code=error.http_status if error else 200,
        kind=kind,
        name=name,
        place=place,
        way=WAY_OF[place.kind] if place else "",
        stored=stored,
        fields=fields_of(kind, stored, typed or {}),
        error=Words(t).error(error) if error else None,
        said=CredentialWords(t),
    )


async def _again(
    request: Request,
    state: State_,
    actor: Actor,
    stored: CredentialView,
    typed: Mapping[str, str],
    error: VungCaoError,
) -> HTMLResponse:
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
    return _form(request, stored.kind, name=stored.name, stored=stored, typed=typed, error=error)


async def _typed(request: Request, kind: CredentialKind) -> dict[str, str]:
    """Return what was typed; a text of several lines has the line ends that everybody else has."""
    sent = await request.form()
    return {
        name: str(sent[name]).replace("\r\n", "\n")[:LONGEST].strip("" if "secret" in form else None)
        for name, form in FORM[kind]
        if name in sent
    }


def _place(way: str, code: str) -> CredentialPlace:
    if way not in WAYS:
        raise NotFound(kind="page", code=way[:40])
    return CredentialPlace(WAYS[way], code)


def _address(place: CredentialPlace) -> str:
    return f"/{WAY_OF[place.kind]}/{place.code}/credentials"
