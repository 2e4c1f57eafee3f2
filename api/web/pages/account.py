"""One's own account: password, language, open sessions."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.auth import close_session, peer_of
from api.http.deps import CurrentActor, State_, Tx, Visitor
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from inventory.public import (
    WrongPassword,
    change_password,
    confirm_password,
    end_session,
    own_account,
    own_sessions,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, TooManyTries, VungCaoError

router = APIRouter(include_in_schema=False)

Password = Annotated[str, Form(max_length=1000)]
Saved = Literal["password", "session"]


@router.get("/account")
async def show(
    request: Request,
    _frame: Frame,
    actor: CurrentActor,
    visit: Visitor,
    tx: Tx,
    saved: Annotated[Saved | None, Query()] = None,
) -> Response:
    """Show the account and its open sessions; `saved` names what was just done."""
    return await _page(request, actor, visit.session.id if visit.session else None, tx, saved=saved)


@router.post("/account/password")
async def new_password(
    request: Request, state: State_, actor: CurrentActor, visit: Visitor, current: Password, new: Password
) -> Response:
    """Change the password and end all other sessions; or show the page again, and why."""
    here = visit.session.id if visit.session else None
    try:
        # Before any transaction of ours: while the password is looked at, no connection waits.
        await confirm_password(state.database, actor, current, peer_of(request))
        async with state.database.transaction() as tx:
            await change_password(actor, tx, password=new, keep=here)
    except (WrongPassword, BadInput, TooManyTries) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            return await _page(request, actor, here, tx, error=error)
    return RedirectResponse("/account?saved=password", 303)


@router.post("/account/sessions/{session}/end")
async def finish(actor: CurrentActor, visit: Visitor, tx: Tx, session: uuid.UUID) -> Response:
    """End one of the own sessions; ending this one is signing out."""
    await end_session(actor, session, tx)
    if visit.session is not None and visit.session.id == session:
        response = RedirectResponse("/sign-in", 303)
        close_session(response)
        return response
    return RedirectResponse("/account?saved=session", 303)


async def _page(
    request: Request,
    actor: Actor,
    here: uuid.UUID | None,
    tx: Transaction,
    *,
    saved: Saved | None = None,
    error: VungCaoError | None = None,
) -> HTMLResponse:
    return page(
        request,
        "account.html",
        status_code=error.http_status if error else 200,
        account=await own_account(actor, tx),
        sessions=await own_sessions(actor, tx),
        this_session=here,
        error=Words(translator_of(request)).error(error) if error else None,
        saved=saved,
    )
