"""Offices and devices by unit, cut by the map of any day: the sums agree whatever the map."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.http.deps import CurrentActor, Tx
from api.web.days import DayAsked, day_asked
from api.web.render import page
from api.web.shell import Frame
from inventory.public import PROVINCE, day_of, figures, levels

router = APIRouter(include_in_schema=False)

A_PAGE = 100


@router.get("/figures")
async def figure_list(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    _frame: Frame,
    level: Annotated[str, Query(max_length=63)] = PROVINCE,
    as_of: DayAsked = "",
    map_of: DayAsked = "",
    begin: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> HTMLResponse:
    """Return the figures of a day by the map of the same or another day, a page of them."""
    today = day_of(tx.now())
    day = day_asked(as_of) or today
    map_day = day_asked(map_of) or day
    all_levels = await levels(actor, tx)
    if level not in {each.code for each in all_levels}:
        level = PROVINCE
    found = await figures(actor, tx, level=level, as_of=day, map_of=map_day)
    return page(
        request,
        "tree/figures.html",
        levels=all_levels,
        level=level,
        figures=found[begin : begin + A_PAGE],
        following=begin + A_PAGE if begin + A_PAGE < len(found) else None,
        offices=sum(one.offices for one in found),
        devices=sum(one.devices for one in found),
        day=day,
        map_day=map_day,
        today=today,
    )
