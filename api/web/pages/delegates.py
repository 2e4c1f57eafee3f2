"""Who may book in one's name: a leader names their secretaries here, and takes it back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.deps import CsrfForm, Person, State_, Tx
from api.http.routes.meetings import Booker
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, NotFound
from meetings.public import add_delegate, delegates, leaders, remove_delegate

router = APIRouter(include_in_schema=False)


@router.get("/delegates")
async def delegate_list(
    request: Request, actor: Booker, tx: Tx, _frame: Frame, done: Annotated[str, Query(max_length=10)] = ""
) -> HTMLResponse:
    """Return who may book for the reader, and for whom they may."""
    return await _page(request, actor, tx, done=done)


@router.post("/delegates")
async def add(
    request: Request,
    actor: Booker,
    _person: Person,
    state: State_,
    _csrf: CsrfForm,
    name: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Let somebody book for the reader."""
    try:
        async with state.database.transaction() as tx:
            await add_delegate(actor, name.strip(), tx)
    except (BadInput, Conflict, NotFound) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            told = Words(translator_of(request)).error(error)
            return await _page(request, actor, tx, error=told, typed=name, status_code=error.http_status)
    return RedirectResponse("/delegates?done=added", 303)


@router.post("/delegates/{name}/remove")
async def remove(actor: Booker, _person: Person, name: str, tx: Tx, _csrf: CsrfForm) -> Response:
    """Let somebody book no more."""
    await remove_delegate(actor, name, tx)
    return RedirectResponse("/delegates?done=removed", 303)


async def _page(
    request: Request,
    actor: Actor,
    tx: Transaction,
    *,
    done: str = "",
    error: str = "",
    typed: str = "",
    status_code: int = 200,
) -> HTMLResponse:
    return page(
        request, "meetings/delegates.html", status_code=status_code, delegates=await delegates(actor, tx),
        leaders=await leaders(actor, tx), done=done, error=error, typed=typed,
    )  # fmt: skip
