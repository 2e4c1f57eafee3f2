"""Adds an office, a device, a line or a check by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.deps import Changer, State_
from api.web import edit_form
from api.web.inventory_words import InventoryWords
from api.web.pages.edit import texts_of
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from inventory.public import (
    FIELDS_OF,
    OF_EVERY_CHECK,
    CheckKind,
    create_check,
    create_device,
    create_office,
    create_uplink,
    known_profiles,
)
from kernel.errors import BadField, BadInput, Conflict, NotFound, VungCaoError
from kernel.i18n import N_

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of thing is added: what the page is called, the fields, and what they begin with."""

    title: str
    names: tuple[str, ...]
    create: Callable[..., Awaitable[object]]
    begin: Mapping[str, str]


KINDS: Final = {
    "offices": Kind(N_("Add an office"), edit_form.OFFICE, create_office, {"kind": "implementing-organisation"}),
    "devices": Kind(
        N_("Add a device"), edit_form.DEVICE, create_device, {"state": "planned", "ownership": "owned", "port": "161"}
    ),
    "uplinks": Kind(N_("Add a line"), edit_form.UPLINK, create_uplink, {}),
    "checks": Kind(N_("Add a check"), edit_form.CHECK, create_check, {"every_s": "300", "place": "centre"}),
}
"""By the way to such a thing's page."""


@router.get("/add/{way}")
async def add_form(request: Request, state: State_, way: str, _actor: Changer, _frame: Frame) -> HTMLResponse:
    """Show the empty form; what the address names (`?office=ps`) is filled in already."""
    kind = _kind(way)
    given = {name: value[:200] for name, value in request.query_params.items() if name in kind.names}
    return _form(request, state, way, {**kind.begin, **given})


@router.post("/add/{way}")
async def add(request: Request, state: State_, way: str, actor: Changer) -> Response:
    """Add it, and lead to its page."""
    kind = _kind(way)
    sent = await request.form()
    code = str(sent.get("code", "")).strip()[:100]
    typed = texts_of(sent, kind.names)
    try:
        async with state.database.transaction() as tx:
            profiles = [known_profiles(state.settings.profiles_dir).keys()] if way == "devices" else []
            await kind.create(actor, tx, code, _fields(typed), *profiles)
    except (BadInput, Conflict, NotFound) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
        return _form(request, state, way, typed, code, error)
    return RedirectResponse(f"/{way}/{code}", 303)


def _kind(way: str) -> Kind:
    if way not in KINDS:
        raise NotFound(kind="page", code=way[:100])
    return KINDS[way]


def _fields(typed: Mapping[str, str]) -> dict[str, Any]:
    return {name: edit_form.parsed(name, text) for name, text in typed.items() if text}


def _form(
    request: Request,
    state: State_,
    way: str,
    typed: Mapping[str, str],
    code: str = "",
    error: VungCaoError | None = None,
) -> HTMLResponse:
    kind, t = KINDS[way], translator_of(request)
    names = kind.names
    kinds: tuple[CheckKind, ...] = ()
    choices = edit_form.choices_to_add(way)
    if way == "devices":
        choices["profile"] = tuple(sorted(known_profiles(state.settings.profiles_dir)))
    if way == "checks":
        if typed.get("kind") in set(CheckKind):
            shown = OF_EVERY_CHECK | FIELDS_OF[CheckKind(typed["kind"])]
            names = tuple(name for name in kind.names if name in shown)
            choices["kind"] = (typed["kind"],)
        else:
            kinds = tuple(CheckKind)
    return page(
        request,
        "inventory/add.html",
        status_code=error.http_status if error else 200,
        said=InventoryWords(t),
        title=t.gettext(kind.title),
        way=way,
        code=code,
        given=typed,
        kinds=kinds,
        fields=edit_form.fields_of(names, typed, choices),
        long=edit_form.LONG,
        back=_back(way, typed),
        error=Words(t).error(error) if error else None,
        wrong=error.fields["field"] if isinstance(error, BadField) else None,
    )


def _back(way: str, typed: Mapping[str, str]) -> str:
    """Return the page that one comes from: of the thing that this one is to belong to."""
    for name, above in (("device", "devices"), ("office", "offices"), ("unit", "units")):
        if typed.get(name):
            return f"/{above}/{typed[name]}"
    return "/units" if way == "checks" else f"/{way}"
