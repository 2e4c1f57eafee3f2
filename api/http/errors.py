"""Errors become answers here and nowhere else: problem details (RFC 9457) for programs, a page for people."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from api.http.auth import language_of
from api.http.state import web_state
from api.http.translation import translator
from kernel.errors import NotSignedIn, TooManyTries, VungCaoError
from kernel.i18n import LANGUAGES, N_, Translator

PageMaker = Callable[..., HTMLResponse]
"""Renders a page: `page(request, "error.html", title=…)`."""

FOR_PROGRAMS: Final = ("/api/", "/jitsi/", "/feeds/", "/healthz", "/readyz", "/metrics")

TITLES: Final[Mapping[int, str]] = {
    400: N_("This cannot be understood"),
    401: N_("You are not signed in"),
    403: N_("This is not allowed"),
    404: N_("There is nothing here"),
    405: N_("This cannot be done here"),
    409: N_("It has changed meanwhile"),
    410: N_("This is over"),
    412: N_("It has changed meanwhile"),
    413: N_("This is too large"),
    422: N_("Something is missing or wrong"),
    428: N_("Say first what you saw"),
    429: N_("Too many tries"),
    500: N_("Something went wrong here"),
    503: N_("A part of the platform does not answer"),
}

NEXT: Final[Mapping[int, str]] = {
    404: N_("Check the address, or begin at the board."),
    500: N_("Try again. If it happens again, tell your administrator the number below."),
    503: N_("Wait a moment and load the page again. What was saved is safe."),
}


class WrongHost(VungCaoError):
    """The browser asked for a name that is not ours: a page elsewhere may try to reach us through it."""

    code = "wrong-host"
    http_status = 400
    message = "This platform does not answer to the name {host}. Use its own address."


class TooLarge(VungCaoError):
    """Nothing that we take is that large."""

    code = "too-large"
    http_status = 413
    message = "What was sent is larger than this address takes."


MESSAGES: Final[Mapping[int, str]] = {
    404: N_("There is no page at this address."),
    405: N_("This address does not take that kind of request."),
    413: TooLarge.message,
    422: N_("Some of what was sent is missing or wrong."),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What an answer says about an error; `message` is an English template and the key of its translation."""

    status: int
    code: str
    message: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    wrong: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def install(app: FastAPI, page: PageMaker | None) -> None:
    """Let `app` answer errors here; pages are made by `page`, and are plain where there is none."""
    app.state.error_page = page

    async def handle(request: Request, error: Exception) -> Response:
        return answer(request, error)

    for kind in (VungCaoError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle)


def answer(request: Request, error: Exception) -> Response:
    """Return the answer that tells of `error`. An unknown one says nothing of itself: the log has it."""
    trouble = trouble_of(error)
    if wants_problem(request):
        return _problem(request, trouble)
    if isinstance(error, NotSignedIn):
        return _to_sign_in(request)
    return _page(request, trouble)


def trouble_of(error: Exception) -> Trouble:
    """Return what to say about `error`."""
    if isinstance(error, VungCaoError):
        headers = {}
        if isinstance(error, TooManyTries):
            headers["Retry-After"] = str(error.fields.get("wait_s", 1))
        if isinstance(error, NotSignedIn):
            headers["WWW-Authenticate"] = 'Session realm="vungcao", Bearer'
        return Trouble(error.http_status, error.code, error.message, error.fields, headers=headers)
    if isinstance(error, RequestValidationError):
        wrong = [
            {"field": ".".join(str(part) for part in mistake["loc"][1:] or mistake["loc"]), "why": mistake["msg"]}
            for mistake in error.errors()
        ]
        return Trouble(422, "wrong-fields", MESSAGES[422], wrong=wrong)
    if isinstance(error, HTTPException):
        phrase = HTTPStatus(error.status_code).phrase
        return Trouble(
            error.status_code,
            re.sub(r"\W+", "-", phrase.lower()),
            MESSAGES.get(error.status_code, str(error.detail)),
            headers=error.headers or {},
        )
    return Trouble(500, VungCaoError.code, VungCaoError.message)


def wants_problem(request: Request) -> bool:
    """Return whether a program asks: by the address, or because it accepts JSON or events and no page."""
    if request.url.path.startswith(FOR_PROGRAMS):
        return True
    accepted = request.headers.get("accept", "")
    return "text/html" not in accepted and ("json" in accepted or "text/event-stream" in accepted)


def _problem(request: Request, trouble: Trouble) -> Response:
    words = translator(_language_for_programs(request), web_state(request).settings.timezone)
    body = {
        "type": f"urn:vungcao:problem:{trouble.code}",
        "title": words.gettext(TITLES.get(trouble.status, HTTPStatus(trouble.status).phrase)),
        "status": trouble.status,
        "detail": _message(words, trouble),
        "code": trouble.code,
        "request_id": request_id(request),
    }
    if trouble.fields:
        body["fields"] = {name: _plain(value) for name, value in trouble.fields.items()}
    if trouble.wrong:
        body["errors"] = list(trouble.wrong)
    headers = {**trouble.headers, "Content-Language": words.language}
    return JSONResponse(body, trouble.status, headers, media_type="application/problem+json")


def _page(request: Request, trouble: Trouble) -> Response:
    words = translator(language_of(request), web_state(request).settings.timezone)
    title = words.gettext(TITLES.get(trouble.status, HTTPStatus(trouble.status).phrase))
    message = _message(words, trouble)
    what_next = words.gettext(NEXT.get(trouble.status, ""))
    make: PageMaker | None = request.app.state.error_page
    if make is None:
        return Response(f"{title}\n{message}\n{what_next}\n", trouble.status, dict(trouble.headers), "text/plain")
    response = make(
        request,
        "error.html",
        status_code=trouble.status,
        status=trouble.status,
        code=trouble.code,
        title=title,
        message=message,
        what_next=what_next,
        wrong=trouble.wrong,
        request_id=request_id(request),
    )
    response.headers.update(trouble.headers)
    return response


def _to_sign_in(request: Request) -> Response:
    """Lead to the sign-in page, and from there back to where the reader is."""
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.headers.get("hx-request") == "true":
        # htmx would put the sign-in page where a part of a page belongs: this makes it load a whole one.
        shown = urlsplit(request.headers.get("hx-current-url", "/"))
        here = shown.path + (f"?{shown.query}" if shown.query else "")
        return Response(status_code=401, headers={"HX-Redirect": f"/sign-in?next={quote(here)}"})
    if request.method not in {"GET", "HEAD"}:
        return RedirectResponse("/sign-in", 303)
    return RedirectResponse("/sign-in" if asked == "/" else f"/sign-in?next={quote(asked)}", 303)


def _message(words: Translator, trouble: Trouble) -> str:
    if not trouble.fields:
        return words.gettext(trouble.message)
    fields = {name: words.gettext(value) if name == "kind" else value for name, value in trouble.fields.items()}
    return words.gettext(trouble.message, **fields)


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case dict():
            return {str(name): _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _language_for_programs(request: Request) -> str:
    """Return the first language of Accept-Language that we have, else English: a program's maker reads it."""
    for wish in request.headers.get("accept-language", "").split(","):
        language = wish.split(";")[0].strip().partition("-")[0].lower()
        if language in LANGUAGES:
            return language
    return "en"


def request_id(request: Request) -> str:
    """Return the number under which the log has this request."""
    return str(getattr(request.state, "request_id", ""))
