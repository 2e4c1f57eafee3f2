"""Who stands behind a request: the session cookie or an API token, the token against forged forms, the machine.

The form token is an HMAC of a cookie that only the browser and we can read (`vungcao_session`, before signing in
`vungcao_visit`): another site can make a browser send a form, but cannot know the token. Nothing of it is stored.
Programs send an API token in `Authorization`, and no cookie counts then: they need no form token, for no browser sends
that header for another site.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from api.http.state import web_state
from inventory.public import AccountView, Peer, SessionView, Started, bearer_for, session_for
from kernel.actors import Actor
from kernel.errors import NotSignedIn, VungCaoError
from kernel.i18n import LANGUAGES
from kernel.settings import Settings

SESSION_COOKIE: Final = "vungcao_session"
VISIT_COOKIE: Final = "vungcao_visit"
LANGUAGE_COOKIE: Final = "vungcao_language"
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "X-CSRF-Token"

SESSION_LASTS_S: Final = 7 * 24 * 3600
LANGUAGE_LASTS_S: Final = 365 * 24 * 3600
FORWARDING: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


class ForgedForm(VungCaoError):
    """A form without our token, or sent by another site."""

    code = "forged-form"
    http_status = 403
    message = "This form is too old or was not made by this site. Load the page again, then repeat."


class BadToken(NotSignedIn):
    """The same for a token that never was, and one that is over or revoked."""

    code = "bad-token"
    message = "This API token is wrong, over or revoked. Make a new one on the page of your account."


@dataclass(frozen=True, slots=True)
class Visit:
    """Who is at the other end.

    Attributes:
        session: The open session; None for who is not signed in.
        csrf: Token that the forms of this visitor carry.
        new_cookie: Value for `vungcao_visit` that the answer has to set; None if the visitor has a cookie.
        waiting: A session that still waits for its second factor, and opens nothing else.
        program: Whom an API token stands for, with what it allows.
    """

    session: SessionView | None
    csrf: str
    new_cookie: str | None = None
    waiting: SessionView | None = None
    program: AccountView | None = None

    @property
    def account(self) -> AccountView | None:
        """The account; None for who is not signed in."""
        return self.session.account if self.session else self.program

    @property
    def actor(self) -> Actor | None:
        """The actor; None for who is not signed in."""
        return self.account.actor if self.account else None


async def visit_of(connection: HTTPConnection) -> Visit:
    """Return who sends this request; looked up once and then kept with it.

    Raises:
        BadToken: If there is an API token that opens nothing.
        DatabaseUnavailable: If there is a session cookie or a token, and the database cannot be asked.
    """
    known = getattr(connection.state, "visit", None)
    if isinstance(known, Visit):
        return known
    visit = await _look_up(connection)
    connection.state.visit = visit
    return visit


def known_visit(connection: HTTPConnection) -> Visit | None:
    """Return who sends this request if that was looked up already: for error pages, which must not ask a database."""
    known = getattr(connection.state, "visit", None)
    return known if isinstance(known, Visit) else None


def bearer_of(connection: HTTPConnection) -> str | None:
    """Return the API token of a request to the JSON API (RFC 6750, section 2.1); None if it brings none.

    Elsewhere the header counts for nothing: pages are for browsers, and Jitsi's addresses have a token of their own.
    """
    scheme, _, value = connection.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" and connection.url.path.startswith("/api/") else None


async def is_unchanged(connection: HTTPConnection, actor: Actor) -> bool:
    """Return whether who sent this request is still signed in, and may still do exactly the same.

    For answers that last: what was taken away in the meantime must not go on being shown.
    """
    async with web_state(connection).database.transaction() as tx:
        if (value := bearer_of(connection)) is not None:
            program = await bearer_for(value, tx, local=is_local(connection))
            return program is not None and program.actor == actor
        token = connection.cookies.get(SESSION_COOKIE, "")
        session = await session_for(token, tx, local=is_local(connection), note=False)
    return session is not None and not session.second and session.account.actor == actor


def csrf_of(cookie: str) -> str:
    """Return the form token that belongs to a cookie."""
    return hmac.new(cookie.encode(), b"vungcao form", hashlib.sha256).hexdigest()


def csrf_is_right(connection: HTTPConnection, sent: str) -> bool:
    """Return whether `sent` belongs to one of the visitor's cookies."""
    cookies = (connection.cookies.get(name) for name in (SESSION_COOKIE, VISIT_COOKIE))
    return any(hmac.compare_digest(csrf_of(cookie).encode(), sent.encode()) for cookie in cookies if cookie)


def is_same_origin(connection: HTTPConnection) -> bool:
    """Return whether a browser says that our own page made this request; true for programs, which say nothing.

    Fetch Metadata decides where the browser sends it, else the Origin (RFC 6454, section 7).
    """
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = connection.headers.get("origin")
    if origin is None:
        return True
    ours = {connection.headers.get("host", "").lower()}
    if public_url := web_state(connection).settings.public_url:
        ours.add(urlsplit(public_url).netloc.lower())
    return urlsplit(origin).netloc.lower() in ours - {""}


def peer_of(connection: HTTPConnection) -> Peer:
    """Return from where the request comes."""
    return Peer(
        address=address_of(connection),
        program=connection.headers.get("user-agent", ""),
        local=is_local(connection),
    )


def address_of(connection: HTTPConnection) -> str:
    """Return the network address of the browser, as far as we can know it.

    A proxy on this machine appends whom it serves to X-Forwarded-For; what stands before that, the browser may have
    made up. Without this, all people behind the proxy would wait for the failures of one.
    """
    peer = connection.client.host if connection.client else ""
    nearest = connection.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    if not nearest or not is_loopback(peer):
        return peer
    try:
        return str(ip_address(nearest))
    except ValueError:
        return peer


def is_local(connection: HTTPConnection) -> bool:
    """Return whether the request was made on this very machine, beyond doubt.

    The other end is loopback, we listen on loopback only, the browser's address bar says loopback, and no proxy stands
    between: a proxy on this machine would make the whole world look local.
    """
    return (
        connection.client is not None
        and is_loopback(connection.client.host)
        and is_loopback(web_state(connection).settings.http_host)
        and is_loopback(connection.url.hostname or "")
        and not any(name in connection.headers for name in FORWARDING)
    )


def is_loopback(host: str) -> bool:
    """Return whether `host`, a name or an address, is this machine's loopback."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_secure(connection: HTTPConnection, settings: Settings) -> bool:
    """Return whether people reach us by HTTPS, here or at the proxy before us."""
    return connection.url.scheme == "https" or settings.public_url.startswith("https:")


def open_session(connection: HTTPConnection, response: Response, started: Started) -> None:
    """Give the browser the cookie of a new session; the token it had before, whoever chose it, opens nothing."""
    _set_cookie(connection, response, SESSION_COOKIE, started.token, SESSION_LASTS_S)
    response.delete_cookie(VISIT_COOKIE)
    if started.session.account.language:
        remember_language(connection, response, started.session.account.language)


def close_session(response: Response) -> None:
    """Take the session cookie away."""
    response.delete_cookie(SESSION_COOKIE)


def remember_visit(connection: HTTPConnection, response: Response, visit: Visit) -> None:
    """Give a visitor who is not signed in the cookie that form tokens are made from, unless there is one."""
    if visit.new_cookie is not None:
        _set_cookie(connection, response, VISIT_COOKIE, visit.new_cookie, None)


def remember_language(connection: HTTPConnection, response: Response, language: str) -> None:
    """Remember the language of this browser, for pages without sign-in."""
    _set_cookie(connection, response, LANGUAGE_COOKIE, language, LANGUAGE_LASTS_S)


def language_of(connection: HTTPConnection) -> str:
    """Return the language of pages: the account's, else this browser's, else the platform's."""
    visit = known_visit(connection)
    chosen = visit.account.language if visit and visit.account else None
    chosen = chosen or connection.cookies.get(LANGUAGE_COOKIE, "")
    return chosen if chosen in LANGUAGES else web_state(connection).settings.language


def safe_next(target: str) -> str:
    """Return `target` if it is a path on this site, else `/`: a link must not lead from our sign-in to elsewhere."""
    odd = not target.startswith("/") or target.startswith(("//", "/\\")) or not target.isprintable() or "\\" in target
    return "/" if odd else target


async def _look_up(connection: HTTPConnection) -> Visit:
    if (value := bearer_of(connection)) is not None:
        async with web_state(connection).database.transaction() as tx:
            program = await bearer_for(value, tx, local=is_local(connection))
        if program is None:
            raise BadToken
        return Visit(None, "", program=program)
    if token := connection.cookies.get(SESSION_COOKIE):
        # A transaction of its own: what the request does afterwards may fail, and a stream must not hold a connection.
        async with web_state(connection).database.transaction() as tx:
            session = await session_for(token, tx, local=is_local(connection))
        if session is not None and session.second:
            return Visit(None, csrf_of(token), waiting=session)
        if session is not None:
            return Visit(session, csrf_of(token))
    if cookie := connection.cookies.get(VISIT_COOKIE):
        return Visit(None, csrf_of(cookie))
    cookie = secrets.token_urlsafe(32)
    return Visit(None, csrf_of(cookie), new_cookie=cookie)


def _set_cookie(connection: HTTPConnection, response: Response, name: str, value: str, lasts_s: int | None) -> None:
    secure = is_secure(connection, web_state(connection).settings)
    response.set_cookie(name, value, max_age=lasts_s, path="/", httponly=True, samesite="lax", secure=secure)
