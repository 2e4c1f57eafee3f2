"""The same edit of many devices: choose them, see what will change and what cannot, then apply all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from api.http.deps import Changer, State_, Tx
from api.http.editing import etag_of, saw
from api.web import edit_form
from api.web.inventory_words import InventoryWords
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from inventory.public import (
    DeviceState,
    DeviceView,
    DeviceWish,
    Ownership,
    Role,
    change_device,
    devices_on,
    known_profiles,
    may_become,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, NotFound, VungCaoError

router = APIRouter(include_in_schema=False)

A_PAGE: Final = 50
FIELDS: Final = ("state", "firmware", "vendor", "model", "ownership", "lessor", "credential", "profile")
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {"state": tuple(DeviceState), "ownership": tuple(Ownership)}

Codes = Annotated[list[str] | None, Form(max_length=A_PAGE)]
Text = Annotated[str, Form(max_length=200)]


@dataclass(frozen=True, slots=True)
class Change:
    """What will change in one device; `why_not` is set if it cannot be."""

    device: DeviceView
    version: str
    before: str
    why_not: str = ""


@router.get("/bulk-edit")
async def choose(
    request: Request,
    actor: Changer,
    tx: Tx,
    _frame: Frame,
    q: Annotated[str, Query(max_length=100)] = "",
    role: str = "",
    state: str = "",
    unit: Annotated[str, Query(max_length=63)] = "",
    after: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """Show a page of devices to choose from, and the fields that can be changed of many at once."""
    wish = DeviceWish(
        query=q, unit=unit or None,
        role=role if role in set(Role) else None, state=state if state in set(DeviceState) else None,
    )  # fmt: skip
    found = await devices_on(actor, tx, wish, limit=A_PAGE, after=after or None)
    return page(
        request,
        "inventory/bulk.html",
        said=InventoryWords(translator_of(request)),
        devices=found.devices,
        next_cursor=found.next_cursor,
        query=q,
        role=role,
        state=state,
        unit=unit,
        roles=list(Role),
        states=list(DeviceState),
        fields=FIELDS,
        choices=CHOICES,
    )


@router.post("/bulk-edit")
async def rehearse(
    request: Request, state: State_, actor: Changer, codes: Codes = None, field: Text = "", value: Text = "",
    choice: Text = "",
) -> Response:  # fmt: skip
    """Show what will change, device by device, and which cannot; nothing is changed yet."""
    if field not in FIELDS:
        raise BadInput(what="The field", why="choose one of those that the page offers")
    wanted = choice.removeprefix(f"{field}:") if field in CHOICES else value.strip()
    if field in CHOICES and wanted not in CHOICES[field]:
        raise BadInput(what="The value", why="choose one that belongs to the field")
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
        changes = await _changes(actor, tx, codes or [], field, wanted)
        return _shown(request, changes, field, wanted)


@router.post("/bulk-edit/apply")
async def apply(
    request: Request, state: State_, actor: Changer, field: Text = "", value: Text = "",
    versions: Annotated[list[str] | None, Form(max_length=A_PAGE)] = None,
) -> Response:  # fmt: skip
    """Change all the chosen devices, or none if one of them was changed meanwhile or cannot be so."""
    if field not in FIELDS:
        raise BadInput(what="The field", why="choose one of those that the page offers")
    seen = dict(one.partition(" ")[::2] for one in versions or [])
    try:
        profiles = known_profiles(state.settings.profiles_dir).keys()
        async with state.database.transaction() as tx:
            for code, version in seen.items():
                unchanged = saw(version)
                fields = {field: edit_form.parsed(field, value)}
                await change_device(actor, tx, code, fields, unchanged, profiles)
    except (BadInput, Conflict, NotFound) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            return _shown(request, await _changes(actor, tx, list(seen), field, value), field, value, error)
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
        return _shown(request, await _changes(actor, tx, list(seen), field, value), field, value, applied=True)


async def _changes(actor: Actor, tx: Transaction, codes: Sequence[str], field: str, value: str) -> list[Change]:
    found = (await devices_on(actor, tx, DeviceWish(codes=list(codes)[:A_PAGE]), limit=A_PAGE)).devices
    return [
        Change(
            device,
            etag_of(device),
            str(getattr(device, field)),
            "move" if field == "state" and not may_become(device.state, DeviceState(value)) else "",
        )
        for device in found
    ]


def _shown(
    request: Request,
    changes: Sequence[Change],
    field: str,
    value: str,
    error: VungCaoError | None = None,
    *,
    applied: bool = False,
) -> HTMLResponse:
    t = translator_of(request)
    return page(
        request,
        "inventory/bulk_changes.html",
        status_code=error.http_status if error else 200,
        said=InventoryWords(t),
        field=field,
        value=value,
        will=[one for one in changes if not one.why_not and one.before != value],
        same=[one for one in changes if not one.why_not and one.before == value],
        cannot=[one for one in changes if one.why_not],
        applied=applied,
        error=Words(t).error(error) if error else None,
    )
