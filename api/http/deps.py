"""What a route may ask for: who acts, a transaction, the engine, the settings, the reader's language."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData

from api.http.auth import (
    CSRF_FIELD,
    CSRF_HEADER,
    ForgedForm,
    Visit,
    bearer_of,
    csrf_is_right,
    is_same_origin,
    language_of,
    visit_of,
)
from api.http.state import EnginePort, WebState, web_state
from api.http.translation import translator
from inventory.public import INVENTORY_CHANGE, SessionView
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotSignedIn, Refused
from kernel.i18n import Translator
from kernel.settings import Settings


class NotByProgram(Refused):
    """A token that was stolen must not make others, nor lock its owner out."""

    code = "not-by-program"
    message = "This is done by the person who is signed in, and not with an API token."


SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
UPLOADS = frozenset({"/imports", "/api/v1/imports"})
"""Addresses that take files: their body may be large, and is looked at for nobody who is not signed in."""
WITHOUT_COOKIES = ("/jitsi/", "/hooks/")
"""Addresses that only programs ask. They know them by a bearer token or a signature and look at no cookie: another site
can make a browser send nothing there that would be believed, so there is no form to protect."""
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


async def _state(request: Request) -> WebState:
    return web_state(request)


async def _settings(request: Request) -> Settings:
    return web_state(request).settings


async def _engine(request: Request) -> EnginePort:
    return web_state(request).engine


async def _visit(request: Request) -> Visit:
    return await visit_of(request)


async def _actor(request: Request) -> Actor:
    actor = (await visit_of(request)).actor
    if actor is None:
        raise NotSignedIn
    return actor


async def _changer(request: Request) -> Actor:
    actor = await _actor(request)
    actor.require(INVENTORY_CHANGE)
    return actor


async def _person(request: Request) -> Actor:
    visit = await visit_of(request)
    if visit.program is not None:
        raise NotByProgram
    if visit.session is None:
        raise NotSignedIn
    return visit.session.account.actor


async def _waiting(request: Request) -> SessionView:
    waiting = (await visit_of(request)).waiting
    if waiting is None:
        raise NotSignedIn
    return waiting


async def _enrolling(request: Request) -> SessionView:
    visit = await visit_of(request)
    session = visit.session or visit.waiting
    if session is None or session.second == "code":
        raise NotSignedIn  # nobody sets up another second factor instead of giving the one they have
    return session


async def _language(request: Request) -> Translator:
    await visit_of(request)
    return translator(language_of(request), web_state(request).settings.timezone)


async def _transaction(request: Request) -> AsyncIterator[Transaction]:
    async with web_state(request).database.transaction() as tx:
        yield tx


async def check_csrf(request: Request) -> None:
    """Raise ForgedForm unless a request that may change something is our own page's.

    It carries our token, in the header or the form, and the browser does not say that another site made it.
    """
    if request.method in SAFE_METHODS or request.url.path.startswith(WITHOUT_COOKIES):
        return
    if bearer_of(request) is not None:
        return  # a browser sends this header for no other site, and no cookie counts beside it
    if not is_same_origin(request):
        raise ForgedForm
    sent = request.headers.get(CSRF_HEADER, "")
    if request.url.path in UPLOADS and (await visit_of(request)).actor is None:
        raise NotSignedIn
    if not sent and request.headers.get("content-type", "").startswith(FORM_TYPES):
        sent = _field(await request.form())
    if not csrf_is_right(request, sent):
        await request.close()
        raise ForgedForm


def _field(form: FormData) -> str:
    value = form.get(CSRF_FIELD, "")
    return value if isinstance(value, str) else ""


State_ = Annotated[WebState, Depends(_state)]
Settings_ = Annotated[Settings, Depends(_settings)]
Engine = Annotated[EnginePort, Depends(_engine)]

Visitor = Annotated[Visit, Depends(_visit)]
"""Whoever sends the request, signed in or not."""

CurrentActor = Annotated[Actor, Depends(_actor)]
"""Who is signed in. Nobody: pages lead to the sign-in page, the API answers 401."""

Changer = Annotated[Actor, Depends(_changer)]
"""Who may change the inventory somewhere; asked before what they sent is looked at."""

Person = Annotated[Actor, Depends(_person)]
"""Who is signed in, in person: an API token is not enough where somebody changes how they prove themselves."""

Waiting = Annotated[SessionView, Depends(_waiting)]
"""A session that waits for its second factor."""

Enrolling = Annotated[SessionView, Depends(_enrolling)]
"""A session whose owner may set up a second factor: an open one, or one that waits for just that."""

Language = Annotated[Translator, Depends(_language)]
"""The reader's language."""

Tx = Annotated[Transaction, Depends(_transaction, scope="function")]
"""A transaction. It is committed when the route's function has returned and before the answer leaves."""

CsrfForm = Annotated[None, Depends(check_csrf)]
"""Checked for the whole application already; a route may name it to say so."""
