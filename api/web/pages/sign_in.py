"""Signing in and out, and the link of the first start: pages for who is not signed in yet."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from api.http.auth import (
    SESSION_COOKIE,
    VISIT_COOKIE,
    close_session,
    is_local,
    peer_of,
    remember_visit,
    safe_next,
)
from api.http.deps import State_, Tx, Visitor
from api.http.oidc import Provider
from api.http.state import WebState
from api.web.pages.second_factor import go_on
from api.web.render import page, translator_of
from api.web.words import Words
from inventory.public import (
    EXAMPLE_PASSWORD,
    AccountView,
    ProviderRefused,
    SetupLinkOver,
    TripOver,
    begin_trip,
    end_session,
    end_trip,
    example_accounts,
    setup_link_works,
    sign_in,
    sign_in_by_provider,
    use_setup_link,
)
from kernel.errors import BadInput, Conflict, NotSignedIn, Refused, TooManyTries, Unavailable, VungCaoError

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=1000)]


@router.get("/sign-in")
async def ask(
    request: Request, state: State_, visit: Visitor, target: Annotated[str, Query(alias="next", max_length=2000)] = "/"
) -> Response:
    """Show the form; who is signed in already goes on."""
    if visit.session is not None:
        return RedirectResponse(safe_next(target), 303)
    if visit.waiting is not None:
        return RedirectResponse(f"/sign-in/code?next={quote(safe_next(target))}", 303)
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
    return go_on(request, started, target)


@router.get("/sign-in/provider")
async def go_there(
    request: Request, state: State_, visit: Visitor, target: Annotated[str, Query(alias="next", max_length=2000)] = "/"
) -> Response:
    """Send the browser to the organisation's own sign-in."""
    provider = _provider(state)
    browser = visit.new_cookie or request.cookies.get(VISIT_COOKIE) or request.cookies[SESSION_COOKIE]
    async with state.database.transaction() as tx:
        trip = await begin_trip(tx, browser, safe_next(target))
    try:
        way = await provider.way_there(trip, _back(request, state))
    except (NotSignedIn, Unavailable) as error:
        return await _form(request, state, target=target, error=error)
    response = RedirectResponse(way, 303)
    remember_visit(request, response, visit)
    return response


@router.get("/sign-in/provider/back")
async def come_back(
    request: Request,
    state: State_,
    _visit: Visitor,
    came: Annotated[str, Query(alias="state", max_length=200)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
    iss: Annotated[str | None, Query(max_length=1000)] = None,
) -> Response:
    """Start a session for whom the organisation vouches for; or show the form, and why not."""
    provider = _provider(state)
    browser = request.cookies.get(VISIT_COOKIE) or request.cookies.get(SESSION_COOKIE, "")
    async with state.database.transaction() as tx:
        trip = await end_trip(tx, browser, came)
    try:
        if trip is None:
            raise TripOver(provider=provider.title)
        if not code:
            raise ProviderRefused(provider=provider.title)
        subject = await provider.who_came(trip, code, iss, _back(request, state))
        async with state.database.transaction() as tx:
            started = await sign_in_by_provider(tx, subject, peer_of(request), provider.title)
    except (NotSignedIn, Refused, Unavailable) as error:
        return await _form(request, state, target=trip.target if trip else "/", error=error)
    return go_on(request, started, trip.target)


@router.post("/sign-out")
async def leave(visit: Visitor, tx: Tx) -> Response:
    """End this session, whether it is open or waits for its second factor."""
    session = visit.session or visit.waiting
    if session is None:
        raise NotSignedIn
    await end_session(session.account.actor, session.id, tx)
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
    return go_on(request, started, "/")


async def _form(
    request: Request, state: WebState, *, target: str, name: str = "", error: VungCaoError | None = None
) -> HTMLResponse:
    shown: list[AccountView] = []
    if state.settings.demo and is_local(request):
        async with state.database.transaction() as tx:
            shown = await example_accounts(tx)
    return page(
        request,
        "sign_in.html",
        status_code=error.http_status if error else 200,
        name=name,
        next=safe_next(target),
        error=Words(translator_of(request)).error(error) if error else None,
        provider=state.provider.title if state.provider else None,
        example_accounts=shown,
        example_password=EXAMPLE_PASSWORD,
    )


def _provider(state: WebState) -> Provider:
    if state.provider is None:
        raise HTTPException(404)
    return state.provider


def _back(request: Request, state: WebState) -> str:
    """Return the address to which browsers come back: the one that people use, as it was told to the organisation."""
    return (state.settings.public_url or str(request.base_url)).rstrip("/") + "/sign-in/provider/back"
