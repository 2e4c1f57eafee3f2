"""The outermost layer: which hosts and sizes are taken, what browsers are told to forbid, a number for each request.

It also is the edge that no exception passes: what nobody expected is logged with the request's number and shown without
its details.
"""

from __future__ import annotations

import re
import socket
from functools import cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.auth import is_secure
from api.http.deps import UPLOADS
from api.http.errors import TooLarge, WrongHost, answer
from api.http.state import WebState
from kernel.ids import new_id
from kernel.origin import because
from kernel.settings import Settings

MOST_BODY_BYTES: Final = 1024 * 1024
MOST_REASON_BYTES: Final = 4_500
"""Of the header `X-Reason`, percent-encoded UTF-8: 500 letters of any kind."""

MOST_UPLOAD_BYTES: Final = 256 * 1024 * 1024
"""A million devices in a spreadsheet. Such a body is taken from who is signed in only (`api.http.deps.check_csrf`)."""
WITHOUT_HOST_CHECK: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked by monitoring under whatever name it knows; they answer the same to everybody."""

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}")

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
"""Set where the answer does not set them itself."""

HSTS: Final = "max-age=31536000"

log = structlog.get_logger()


class Edge:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, state: WebState) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other kinds of connection pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        number = _number(request)
        request.state.request_id = number
        begun_s = self._state.clock.monotonic_s()
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = number
                self._protect(request, headers)
                self._state.metrics.observe(
                    request.method, _route(scope), message["status"], self._state.clock.monotonic_s() - begun_s
                )
            await send(message)

        reason = unquote(request.headers.get("x-reason", "")[:MOST_REASON_BYTES])
        with structlog.contextvars.bound_contextvars(request=number), because(reason):
            try:
                await self._serve(request, receive, send_with_headers)
            except Exception as error:
                log.exception("request_failed", method=request.method, path=request.url.path)
                if started:
                    raise  # the server cuts the connection: a half answer must not look whole
                await _tell(request, error)(scope, receive, send_with_headers)

    async def _serve(self, request: Request, receive: Receive, send: Send) -> None:
        host = request.headers.get("host", "")
        if request.url.path not in WITHOUT_HOST_CHECK and not is_our_host(host, self._state.settings):
            await answer(request, WrongHost(host=host[:100]))(request.scope, receive, send)
        elif int(_digits(request.headers.get("content-length", "0"))) > _most(request):
            await answer(request, TooLarge())(request.scope, receive, send)
        else:
            await self._app(request.scope, _limited(receive, _most(request)), send)

    def _protect(self, request: Request, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        if is_secure(request, self._state.settings):
            headers["Strict-Transport-Security"] = HSTS


def _most(request: Request) -> int:
    return MOST_UPLOAD_BYTES if request.method == "POST" and request.url.path in UPLOADS else MOST_BODY_BYTES


def _limited(receive: Receive, most: int) -> Receive:
    """Return a `receive` that answers 413 to a body that does not say how large it is, and is too large."""
    left = most

    async def receive_at_most() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            # FastAPI lets this kind pass while it reads a body; any other it takes for a syntax error.
            raise HTTPException(TooLarge.http_status)
        return message

    return receive_at_most


def is_our_host(host: str, settings: Settings) -> bool:
    """Return whether we answer to the Host header `host`.

    Any address is taken, but only our own names: a name that somebody else's DNS points here would let their pages read
    ours (DNS rebinding).
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").lower()
        ip_address(name)
    except ValueError:
        return bool(host) and "@" not in host and name in _names(settings.public_url, settings.http_host)
    return True


@cache
def _names(public_url: str, http_host: str) -> frozenset[str]:
    names = {"localhost", socket.gethostname().lower(), http_host.lower(), urlsplit(public_url).hostname or ""}
    return frozenset(names - {""})


def _tell(request: Request, error: Exception) -> Response:
    try:
        return answer(request, error)
    except Exception:  # the error page itself may be what is broken: then plain words, and the log has both
        log.exception("error_page_failed", path=request.url.path)
        return PlainTextResponse("Something went wrong inside the platform. The log says what.", 500)


def _number(request: Request) -> str:
    """Return the number that a proxy before us gave the request, if it is one, else a new one."""
    given = request.headers.get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else str(new_id())


def _route(scope: Scope) -> str:
    """Return the template of the path that answered; one word for all that have none."""
    template = getattr(scope.get("route"), "path", None)
    if isinstance(template, str):
        return template
    return "/static" if scope["path"].startswith("/static/") else "none"


def _digits(text: str) -> str:
    return text if text.isdecimal() and text.isascii() and len(text) <= 18 else str(MOST_UPLOAD_BYTES + 1)  # noqa: PLR2004
