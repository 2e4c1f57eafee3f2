"""Signing in and out, and the link of the first start: pages for who is not signed in yet."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.auth import close_session, is_local, open_session, peer_of, safe_next
from api.http.deps import CurrentActor, State_, Tx, Visitor
from api.http.state import WebState
from api.web.render import page, translator_of
from api.web.words import Words
from inventory.public import (
    EXAMPLE_PASSWORD,
    SetupLinkOver,
    end_session,
    example_accounts,
    setup_link_works,
    sign_in,
    use_setup_link,
)
from kernel.errors import BadInput, Conflict, NotSignedIn, Refused, TooManyTries, VungCaoError

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=1000)]


@router.get("/sign-in")
async def ask(
    request: Request, state: State_, visit: Visitor, target: Annotated[str, Query(alias="next", max_length=2000)] = "/"
) -> Response:
    """Show the form; who is signed in already goes on."""
    if visit.session is not None:
        return RedirectResponse(safe_next(target), 303)
    return await _form(request, state, target=target)


@router.post("/sign-in")
async def enter(
    request: Request,
    state: State_,
    _visit: Visitor,
    name: Text,
    password: Text,
    target: Annotated[str, Form(alias="next", max_length=2000)] = "/",
) -> Response:
    """Start a session and go on to where the visitor wanted to be; or show the form again, and why."""
    try:
        started = await sign_in(state.database, name, password, peer_of(request))
    except (NotSignedIn, Refused, TooManyTries) as error:
        return await _form(request, state, target=target, name=name, error=error)
    response = RedirectResponse(safe_next(target), 303)
    open_session(request, response, started)
    return response


@router.post("/sign-out")
async def leave(visit: Visitor, actor: CurrentActor, tx: Tx) -> Response:
    """End this session."""
    if visit.session is not None:
        await end_session(actor, visit.session.id, tx)
    response = RedirectResponse("/sign-in", 303)
    close_session(response)
    return response


@router.get("/setup")
async def ask_administrator(
    request: Request, _visit: Visitor, tx: Tx, token: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """Show the form of the first administrator, if the link still works."""
    if not await setup_link_works(tx, token):
        raise SetupLinkOver
    return page(request, "setup.html", error=None, token=token)


@router.post("/setup")
async def make_administrator(
    request: Request,
    state: State_,
    _visit: Visitor,
    token: Text,
    name: Text,
    password: Text,
    display_name: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Create the first administrator and sign in; or show the form again, and why."""
    try:
        async with state.database.transaction() as tx:
            account = await use_setup_link(tx, token, name=name, password=password, display_name=display_name)
    except (BadInput, Conflict) as error:
        return page(
            request,
            "setup.html",
            status_code=error.http_status,
            error=Words(translator_of(request)).error(error),
            token=token,
            name=name,
            display_name=display_name,
        )
    started = await sign_in(state.database, account.name, password, peer_of(request))
    response = RedirectResponse("/", 303)
    open_session(request, response, started)
    return response


async def _form(
    request: Request, state: WebState, *, target: str, name: str = "", error: VungCaoError | None = None
) -> HTMLResponse:
    shown = []
    if state.settings.demo and is_local(request):
        async with state.database.transaction() as tx:
            shown = [(account.name, account.role) for account in await example_accounts(tx)]
    return page(
        request,
        "sign_in.html",
        status_code=error.http_status if error else 200,
        name=name,
        next=safe_next(target),
        error=Words(translator_of(request)).error(error) if error else None,
        example_accounts=shown,
        example_password=EXAMPLE_PASSWORD,
    )
