"""The second factor: giving a code at sign-in, setting an authenticator up, and taking it away again."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import segno
from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from api.http.auth import Visit, csrf_of, open_session, peer_of, safe_next
from api.http.deps import Enrolling, Person, State_, Visitor, Waiting
from api.http.state import WebState
from api.web.render import page, translator_of
from api.web.words import Words
from inventory.public import (
    SessionView,
    Started,
    WrongCode,
    begin_enrolment,
    finish_enrolment,
    give_code,
    prove,
    remove_factor,
)
from kernel.errors import NotSignedIn, TooManyTries, VungCaoError

router = APIRouter(include_in_schema=False)

Code = Annotated[str, Form(max_length=100)]
Next = Annotated[str, Form(alias="next", max_length=2000)]
Asked = Annotated[str, Query(alias="next", max_length=2000)]


def go_on(request: Request, started: Started, target: str) -> Response:
    """Return the answer to who has just proven who they are: on to `target`, or first to the second factor."""
    ways = {
        "": safe_next(target),
        "code": _with_target("/sign-in/code", target),
        "enrol": _with_target("/second-factor", target),
    }
    response = RedirectResponse(ways[started.session.second], 303)
    open_session(request, response, started)
    return response


@router.get("/sign-in/code")
async def ask_code(request: Request, visit: Visitor, target: Asked = "/") -> Response:
    """Show the form for the code; who waits for none goes on."""
    if visit.session is not None:
        return RedirectResponse(safe_next(target), 303)
    waiting = _waiting(visit)
    if waiting.second == "enrol":
        return RedirectResponse(_with_target("/second-factor", target), 303)
    return page(request, "sign_in_code.html", error=None, next=safe_next(target), account_name=waiting.account.name)


@router.post("/sign-in/code")
async def take_code(request: Request, state: State_, waiting: Waiting, code: Code, target: Next = "/") -> Response:
    """Open the session and go on; or show the form again, and why."""
    try:
        started = await give_code(waiting, code, state.database, state.vault, peer_of(request))
    except (WrongCode, TooManyTries) as error:
        return page(
            request,
            "sign_in_code.html",
            status_code=error.http_status,
            error=Words(translator_of(request)).error(error),
            next=safe_next(target),
            account_name=waiting.account.name,
        )
    return go_on(request, started, safe_next(target))


@router.get("/second-factor")
async def show(request: Request, state: State_, session: Enrolling, target: Asked = "/account") -> Response:
    """Show the secret for the authenticator, as a QR code and as text; who has one already goes to their account."""
    return await _enrolment(request, state, session, target)


@router.post("/second-factor")
async def confirm(
    request: Request, state: State_, session: Enrolling, code: Code, target: Next = "/account"
) -> Response:
    """Take the first code and show the codes for paper, once; or show the secret again, and why."""
    try:
        started, codes = await finish_enrolment(session, code, state.database, state.vault, peer_of(request))
    except (WrongCode, TooManyTries) as error:
        return await _enrolment(request, state, session, target, error)
    # The page belongs to the session that is open now.
    request.state.visit = Visit(started.session, csrf_of(started.token))
    response = page(request, "recovery_codes.html", codes=codes, next=safe_next(target))
    open_session(request, response, started)
    return response


@router.post("/second-factor/remove")
async def remove(request: Request, state: State_, actor: Person, session: Enrolling, code: Code) -> Response:
    """Take the authenticator away, for one of its codes; where a role asks for one, another is set up at once."""
    try:
        await prove(session, code, state.database, state.vault, peer_of(request))
    except (WrongCode, TooManyTries) as error:
        return RedirectResponse(f"/account?failed={error.code}", 303)
    async with state.database.transaction() as tx:
        await remove_factor(session.account.id, session.account.name, actor, tx)
    return RedirectResponse("/account?saved=factor", 303)


async def _enrolment(
    request: Request, state: WebState, session: SessionView, target: str, error: VungCaoError | None = None
) -> Response:
    async with state.database.transaction() as tx:
        enrolment = await begin_enrolment(session, tx, state.vault)
    if enrolment is None:
        return RedirectResponse("/account" if session.second != "code" else "/sign-in/code", 303)
    secret = enrolment.secret.get_secret_value()
    return _page(
        request,
        error,
        secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        qr=drawn(enrolment.address.get_secret_value()),
        next=safe_next(target),
        required=session.second == "enrol",
    )


def _page(request: Request, error: VungCaoError | None, **context: object) -> HTMLResponse:
    return page(
        request,
        "second_factor.html",
        status_code=error.http_status if error else 200,
        error=Words(translator_of(request)).error(error) if error else None,
        **context,
    )


def drawn(text: str) -> Markup:
    """Return `text` as a QR code in SVG, dark on light whatever the page's colours: readers want it so."""
    code = segno.make(text, error="m", micro=False)
    return Markup(code.svg_inline(omitsize=True, border=4, light="#fff", dark="#000", svgclass="qr"))  # noqa: S704 - drawn here


def _waiting(visit: Visit) -> SessionView:
    if visit.waiting is None:
        raise NotSignedIn
    return visit.waiting


def _with_target(way: str, target: str) -> str:
    return f"{way}?next={quote(safe_next(target))}"
