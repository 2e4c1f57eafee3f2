"""Edits of an office, a device or a line by hand. Who edits says which state they saw: nobody's change is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from api.http.deps import Changer, State_, Tx
from api.http.editing import etag_of, saw
from api.web import edit_form
from api.web.inventory_words import InventoryWords
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from inventory.public import (
    BadMove,
    ChangedMeanwhile,
    change_check,
    change_device,
    change_office,
    change_uplink,
    check_for,
    device_for,
    known_profiles,
    office_details,
    uplink_for,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadField, BadInput, Conflict, NotFound, VungCaoError
from kernel.origin import because

router = APIRouter(include_in_schema=False)

MOST_LETTERS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of thing is read, shown and changed."""

    way: str
    names: tuple[str, ...]
    read: Callable[[Actor, str, Transaction], Awaitable[Any]]
    texts: Callable[[Any], dict[str, str]]
    change: Callable[..., Awaitable[object]]


OFFICE: Final = Kind("offices", edit_form.OFFICE, office_details, edit_form.of_office, change_office)
DEVICE: Final = Kind("devices", edit_form.DEVICE, device_for, edit_form.of_device, change_device)
CHECK: Final = Kind("checks", edit_form.CHECK, check_for, edit_form.of_check, change_check)
UPLINK: Final = Kind("uplinks", edit_form.UPLINK, uplink_for, edit_form.of_uplink, change_uplink)


@router.get("/offices/{code}/edit")
async def edit_office(request: Request, code: str, actor: Changer, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Show the form of an office."""
    return await _form(request, actor, tx, OFFICE, code)


@router.post("/offices/{code}/edit")
async def save_office(request: Request, state: State_, actor: Changer, code: str) -> Response:
    """Change an office."""
    return await _save(request, state, actor, OFFICE, code)


@router.get("/devices/{code}/edit")
async def edit_device(request: Request, code: str, actor: Changer, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Show the form of a device."""
    return await _form(request, actor, tx, DEVICE, code)


@router.post("/devices/{code}/edit")
async def save_device(request: Request, state: State_, actor: Changer, code: str) -> Response:
    """Change a device."""
    return await _save(request, state, actor, DEVICE, code)


@router.get("/uplinks/{code}/edit")
async def edit_uplink(request: Request, code: str, actor: Changer, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Show the form of a line."""
    return await _form(request, actor, tx, UPLINK, code)


@router.post("/uplinks/{code}/edit")
async def save_uplink(request: Request, state: State_, actor: Changer, code: str) -> Response:
    """Change a line."""
    return await _save(request, state, actor, UPLINK, code)


@router.get("/checks/{code}/edit")
async def edit_check(request: Request, code: str, actor: Changer, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Show the form of a check."""
    return await _form(request, actor, tx, CHECK, code)


@router.post("/checks/{code}/edit")
async def save_check(request: Request, state: State_, actor: Changer, code: str) -> Response:
    """Change a check."""
    return await _save(request, state, actor, CHECK, code)


async def _save(request: Request, state: State_, actor: Actor, kind: Kind, code: str) -> Response:
    sent = await request.form()
    typed, was = texts_of(sent, kind.names), texts_of(sent, kind.names, "was-")
    unchanged = saw(str(sent.get("version", "")))
    try:
        with because(str(sent.get("reason", ""))):
            async with state.database.transaction() as tx:
                before = kind.texts(await kind.read(actor, code, tx))
                fields = edit_form.changed(before, typed, {**before, **was})
                profiles = [known_profiles(state.settings.profiles_dir).keys()] if kind is DEVICE else []
                await kind.change(actor, tx, code, fields, unchanged, *profiles)
    except (BadInput, Conflict, NotFound, BadMove) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            # What they did not touch is shown as it is now, and is not put back by the next press.
            theirs = {name: text for name, text in typed.items() if text != was.get(name)}
            return await _form(request, actor, tx, kind, code, theirs, error)
    return RedirectResponse(f"/{kind.way}/{code}", 303)


def texts_of(sent: FormData, names: Iterable[str], prefix: str = "") -> dict[str, str]:
    """Return what was typed into the fields `names` that were sent."""
    return {
        name: str(sent[f"{prefix}{name}"]).replace("\r\n", "\n").strip()[:MOST_LETTERS]
        for name in names
        if f"{prefix}{name}" in sent
    }


async def _form(
    request: Request,
    actor: Actor,
    tx: Transaction,
    kind: Kind,
    code: str,
    typed: Mapping[str, str] | None = None,
    error: VungCaoError | None = None,
) -> HTMLResponse:
    view = await kind.read(actor, code, tx)
    now = kind.texts(view)
    met = isinstance(error, ChangedMeanwhile)
    t = translator_of(request)
    return page(
        request,
        "inventory/edit.html",
        status_code=error.http_status if error else 200,
        said=InventoryWords(t),
        way=kind.way,
        code=code,
        name=now.get("name", code),
        # After two edits met, the next press says that the other one was seen.
        version=etag_of(view),
        fields=edit_form.fields_of(
            [name for name in kind.names if name in now],
            {**now, **(typed or {})},
            edit_form.choices_of(view),
            now if met else None,
        ),
        was=now,
        long=edit_form.LONG,
        met=met,
        error=Words(t).error(error) if error and not met else None,
        wrong=error.fields["field"] if isinstance(error, BadField) else None,
    )
