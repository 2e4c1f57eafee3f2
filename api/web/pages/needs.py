"""What offices need: the standard kits, and what is lacking, by unit and by office, on any day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from api.glue import OUTSIDE
from api.http.deps import CurrentActor, Language, State_, Tx
from api.http.editing import etag_of, saw
from api.web.days import DayAsked, day_asked, day_needed
from api.web.inventory_words import OFFICE_KINDS, InventoryWords
from api.web.needs_words import NeedsWords
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from inventory.public import (
    INVENTORY_CHANGE,
    INVENTORY_READ,
    KitItem,
    KitVersion,
    KitView,
    Per,
    Role,
    change_kit,
    create_kit,
    day_of,
    items_of,
    kit_for,
    kits,
    levels,
    needs_by_unit,
    needs_of_offices,
    needs_summed,
    office_needs,
    unit_for,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, VungCaoError

router = APIRouter(include_in_schema=False)

A_PAGE: Final = 50
FIELDS: Final = ("code", "name", "office_kind", "level", "since")

Code = Annotated[str, Query(max_length=63)]


async def _standard_setter(actor: CurrentActor) -> Actor:
    actor.require_everywhere(INVENTORY_CHANGE)
    return actor


StandardSetter = Annotated[Actor, Depends(_standard_setter)]


@router.get("/needs")
async def needs(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    _frame: Frame,
    unit: Code = "",
    as_of: DayAsked = "",
    lacking: Code = "",
    after: Annotated[str, Query(max_length=500)] = "",
) -> HTMLResponse:
    """Return what the offices of a unit lack: summed by the units below it, and office by office."""
    actor.require(INVENTORY_READ)
    today = day_of(tx.now())
    day = day_asked(as_of) or today
    place = await unit_for(actor, unit, tx, as_of=day) if unit else None
    found = await needs_by_unit(actor, tx, OUTSIDE, unit=unit or None, as_of=day)
    listed = await needs_of_offices(
        actor, tx, OUTSIDE, unit=unit or None, as_of=day, lacking=bool(lacking), limit=A_PAGE, after=after or None
    )  # fmt: skip
    return page(
        request,
        "needs/needs.html",
        said=NeedsWords(t),
        sums=found,
        whole=needs_summed(found),
        offices=listed.offices,
        next_cursor=listed.next_cursor,
        place=place,
        unit=unit,
        lacking=lacking,
        day=day,
        today=today,
    )


@router.get("/offices/{code}/needs")
async def of_office(
    request: Request, code: str, actor: CurrentActor, tx: Tx, t: Language, _frame: Frame, as_of: DayAsked = ""
) -> HTMLResponse:
    """Return what one office lacks, and the form that plans a delivery of it."""
    today = day_of(tx.now())
    day = day_asked(as_of) or today
    return page(
        request,
        "needs/office.html",
        said=NeedsWords(t),
        office=await office_needs(actor, code, tx, OUTSIDE, as_of=day),
        roles=list(Role),
        day=day,
        today=today,
        may_change=actor.may(INVENTORY_CHANGE),
    )


@router.get("/kits")
async def kit_list(request: Request, actor: CurrentActor, tx: Tx, t: Language, _frame: Frame) -> HTMLResponse:
    """Return the kits, each with what holds today and its other versions."""
    return page(
        request,
        "needs/kits.html",
        said=InventoryWords(t),
        kits=await kits(actor, tx),
        level_names=await _level_names(actor, tx, english=t.language == "en"),
        today=day_of(tx.now()),
        may_set=actor.may_everywhere(INVENTORY_CHANGE),
    )


@router.get("/kits/new")
async def new_kit(request: Request, actor: StandardSetter, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Show an empty form."""
    return await _form(request, actor, tx, None, {"since": day_of(tx.now()).isoformat()})


@router.post("/kits/new")
async def add_kit(request: Request, state: State_, actor: StandardSetter) -> Response:
    """Set a kit."""
    sent = await request.form()
    typed = _typed(sent)
    try:
        version = _version(typed)
        kit = KitView(typed["code"], typed["name"], typed["office_kind"], typed["level"], (version,))
        async with state.database.transaction() as tx:
            await create_kit(actor, tx, kit)
    except (BadInput, Conflict) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            return await _form(request, actor, tx, None, typed, error)
    return RedirectResponse("/kits", 303)


@router.get("/kits/{code}/edit")
async def edit_kit(request: Request, code: str, actor: StandardSetter, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Show the form of a kit's next version."""
    kit = await kit_for(actor, code, tx)
    today = day_of(tx.now())
    version = kit.on(today) or kit.versions[-1]
    numbers = {f"{item.role}/{item.per}": str(item.number) for item in version.items}
    return await _form(request, actor, tx, kit, {"name": kit.name, "since": today.isoformat(), **numbers})


@router.post("/kits/{code}/edit")
async def save_kit(request: Request, code: str, state: State_, actor: StandardSetter) -> Response:
    """Give a kit another version, or another name."""
    sent = await request.form()
    typed = _typed(sent)
    try:
        async with state.database.transaction() as tx:
            unchanged = saw(str(sent.get("version", "")))
            await change_kit(actor, tx, code, unchanged, name=typed["name"], version=_version(typed))
    except (BadInput, Conflict) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            return await _form(request, actor, tx, await kit_for(actor, code, tx), typed, error)
    return RedirectResponse("/kits", 303)


async def _form(
    request: Request,
    actor: Actor,
    tx: Transaction,
    kit: KitView | None,
    typed: Mapping[str, str],
    error: VungCaoError | None = None,
) -> HTMLResponse:
    t = translator_of(request)
    return page(
        request,
        "needs/kit_form.html",
        status_code=error.http_status if error else 200,
        kit=kit,
        version=etag_of(kit) if kit is not None else "",
        typed={**dict.fromkeys(FIELDS, ""), **typed},
        roles=list(Role),
        said=InventoryWords(t),
        office_kinds=list(OFFICE_KINDS),
        levels=await levels(actor, tx),
        error=Words(t).error(error) if error else None,
    )


def _typed(sent: FormData) -> dict[str, Any]:
    names = (*FIELDS, *(f"{role}/{per}" for role in Role for per in Per))
    return {name: str(sent.get(name, "")).strip()[:200] for name in names}


def _version(typed: Mapping[str, str]) -> KitVersion:
    since = day_needed(typed["since"])
    numbers: dict[tuple[str, str], int] = {}
    for role in Role:
        for per in Per:
            said = typed[f"{role}/{per}"] or "0"
            if not said.isdecimal() or len(said) > 4:  # noqa: PLR2004 - more is judged where kits are
                raise BadInput(what=f"The number {said[:20]}", why="a whole number")
            numbers[role, per] = int(said)
    items: tuple[KitItem, ...] = items_of(numbers)
    return KitVersion(since, items)


async def _level_names(actor: Actor, tx: Transaction, *, english: bool) -> dict[str, str]:
    return {level.code: level.name_en if english else level.name for level in await levels(actor, tx)}
