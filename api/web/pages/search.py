"""Search from every page: units, offices and devices whose words fit, accents or not; while typing, and as a page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.http.deps import CurrentActor, Tx
from api.web.render import fragment, page
from api.web.shell import Frame
from inventory.public import Found, search
from kernel.actors import Actor
from kernel.db.transaction import Transaction

router = APIRouter(include_in_schema=False)

LEAST_LETTERS = 2
WHILE_TYPING = 5
ON_THE_PAGE = 25

Query_ = Annotated[str, Query(max_length=100)]


@router.get("/search")
async def search_page(request: Request, actor: CurrentActor, tx: Tx, _frame: Frame, q: Query_ = "") -> HTMLResponse:
    """Return the page of a search; without words it asks for some."""
    return page(request, "tree/search.html", query=q.strip(), found=await _found(actor, tx, q, ON_THE_PAGE))


@router.get("/search/found")
async def while_typing(request: Request, actor: CurrentActor, tx: Tx, q: Query_ = "") -> HTMLResponse:
    """Return the first few of each kind: the part of a page that follows what is typed."""
    found = await _found(actor, tx, q, WHILE_TYPING)
    return HTMLResponse(fragment(request, "tree/found.html", query=q.strip(), found=found))


async def _found(actor: Actor, tx: Transaction, query: str, limit: int) -> list[Found]:
    # One letter fits nearly everything, and is seldom all that somebody means to type.
    return await search(actor, tx, query, limit=limit) if len(query.strip()) >= LEAST_LETTERS else []
