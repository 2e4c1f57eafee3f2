"""The JSON API's own door: who am I, sign in, sign out."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Request, Response
from pydantic import Field, SecretStr

from api.http.auth import close_session, csrf_of, open_session, peer_of, remember_visit
from api.http.deps import CurrentActor, State_, Tx, Visitor, Waiting
from api.http.paging import Shape
from api.http.routes.router import api_router, problems
from inventory.public import SessionView, end_session, give_code, sign_in

router = api_router("session")


class Role(Shape):
    """A role that somebody has; `name` is the Vietnamese one."""

    code: str
    name: str
    name_en: str


class Account(Shape):
    """Who is signed in, or whose API token it is."""

    name: str
    display_name: str
    roles: tuple[Role, ...] = Field(description="By which they may do something now; where, say their grants.")
    language: str | None = Field(description="Chosen language; null for the platform's.")


class Session(Shape):
    """The open session, if there is one."""

    account: Account | None = Field(description="Null: not signed in.")
    ends_at: datetime | None = Field(description="When it ends if it is not used again; null for an API token.")
    second_factor: Literal["code", "enrol"] | None = Field(
        description="Name and password were right; `code`: give a code now. `enrol`: set one up on the page, once."
    )
    csrf: str = Field(description="Value for the header `X-CSRF-Token` of requests that change something.")


class SignIn(Shape):
    """Name and password."""

    name: Annotated[str, Field(max_length=100)]
    password: Annotated[SecretStr, Field(max_length=1000)]


class Code(Shape):
    """A code of the authenticator, or one of those on paper."""

    code: Annotated[SecretStr, Field(max_length=100)]


@router.get("/session", summary="Who is signed in, and the token for changes")
async def read_session(request: Request, response: Response, visit: Visitor) -> Session:
    """Also works for who is not signed in: it then sets a cookie that the token for signing in belongs to."""
    remember_visit(request, response, visit)
    if visit.program is not None:
        account = Account.model_validate(visit.program)
        return Session(account=account, ends_at=None, second_factor=None, csrf="")
    return _session(visit.session or visit.waiting, visit.csrf)


@router.post("/session", summary="Sign in", responses=problems(429))
async def start_session(request: Request, response: Response, state: State_, sent: SignIn) -> Session:
    """Sets the session's cookie. The token for changes is a new one: it is in the answer."""
    started = await sign_in(state.database, sent.name, sent.password.get_secret_value(), peer_of(request))
    open_session(request, response, started)
    return _session(started.session, csrf_of(started.token))


@router.post("/session/code", summary="Give the second factor", responses=problems(429))
async def give_second_factor(
    request: Request, response: Response, state: State_, waiting: Waiting, sent: Code
) -> Session:
    """Opens the session that waits for it. The session's cookie and the token for changes are new ones."""
    code = sent.code.get_secret_value()
    started = await give_code(waiting, code, state.database, state.vault, peer_of(request))
    open_session(request, response, started)
    return _session(started.session, csrf_of(started.token))


@router.delete("/session", summary="Sign out", status_code=204)
async def finish_session(response: Response, actor: CurrentActor, visit: Visitor, tx: Tx) -> None:
    """Ends this session; others of the same account go on."""
    await end_session(actor, visit.session.id if visit.session else uuid.UUID(int=0), tx)
    close_session(response)


def _session(session: SessionView | None, csrf: str) -> Session:
    if session is None:
        return Session(account=None, ends_at=None, second_factor=None, csrf=csrf)
    if session.second:
        return Session(account=None, ends_at=session.ends_at, second_factor=session.second, csrf=csrf)
    return Session(
        account=Account.model_validate(session.account), ends_at=session.ends_at, second_factor=None, csrf=csrf
    )
