"""The tree of units on any day: from the top down, and one unit with what is below it and what it ever was."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.http.deps import CurrentActor, Language, Tx
from api.web.days import DayAsked, day_asked
from api.web.render import page
from api.web.shell import Frame
from inventory.public import (
    INVENTORY_CHANGE,
    Below,
    OfficeWish,
    UnitView,
    UnitWish,
    below_each,
    day_of,
    levels,
    offices_on,
    relatives,
    unit_for,
    units_on,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.i18n import Translator

router = APIRouter(include_in_schema=False)

A_PAGE = 50
MOST_OFFICES = 8

Cursor = Annotated[str, Query(max_length=100)]


@router.get("/units")
async def unit_list(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    _frame: Frame,
    q: Annotated[str, Query(max_length=100)] = "",
    as_of: DayAsked = "",
    after: Cursor = "",
) -> HTMLResponse:
    """Return the top of the tree on a day, or the units that the words fit."""
    today = day_of(tx.now())
    day = day_asked(as_of) or today
    wish = UnitWish(as_of=day, query=q, top=not q.strip())
    found = await units_on(actor, tx, wish, limit=A_PAGE, after=after or None)
    return page(
        request,
        "tree/units.html",
        units=found.units,
        next_cursor=found.next_cursor,
        below=await below_each(actor, tx, [unit.code for unit in found.units], as_of=day),
        level_names=await _level_names(actor, tx, t),
        query=q,
        day=day,
        today=today,
    )


@router.get("/units/{code}")
async def unit(
    request: Request,
    code: str,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    _frame: Frame,
    as_of: DayAsked = "",
    after: Cursor = "",
) -> HTMLResponse:
    """Return the page of one unit on a day; of one that was not there then, on the nearest day that it was."""
    today = day_of(tx.now())
    asked = day_asked(as_of) or today
    details = await unit_for(actor, code, tx, as_of=asked)
    day = _within(asked, details.unit)
    children = await units_on(actor, tx, UnitWish(as_of=day, parent=code), limit=A_PAGE, after=after or None)
    below = await below_each(actor, tx, [code, *(child.code for child in children.units)], as_of=day)
    here = await offices_on(actor, tx, OfficeWish(as_of=day, unit=code), limit=MOST_OFFICES)
    before, since = await relatives(actor, tx, code)
    parents = sorted({period.parent for period in details.periods if period.parent})
    return page(
        request,
        "tree/unit.html",
        unit=details.unit,
        above=details.above,
        periods=details.periods[::-1],
        parents=await _names(actor, tx, t, parents),
        children=children.units,
        next_cursor=children.next_cursor,
        below=below,
        total=below.get(code, Below()),
        offices=here.offices,
        more_offices=here.next_cursor is not None,
        before=before,
        became=since,
        level_names=await _level_names(actor, tx, t),
        day=day,
        asked=asked,
        today=today,
        may_reorganise=actor.may_everywhere(INVENTORY_CHANGE),
    )


def _within(day: date, unit: UnitView) -> date:
    """Return `day`, or the nearest to it on which the unit was there."""
    if day < unit.valid_from:
        return unit.valid_from
    return day if unit.valid_to is None or day < unit.valid_to else unit.valid_to - timedelta(days=1)


async def _level_names(actor: Actor, tx: Transaction, t: Translator) -> dict[str, str]:
    english = t.language == "en"
    return {level.code: level.name_en if english else level.name for level in await levels(actor, tx)}


async def _names(actor: Actor, tx: Transaction, t: Translator, codes: list[str]) -> dict[str, str]:
    """Return the names of those units that last; of the others the code will do."""
    found = (await units_on(actor, tx, UnitWish(codes=codes), limit=len(codes))).units if codes else []
    return {unit.code: unit.name_en if t.language == "en" else unit.name for unit in found}
