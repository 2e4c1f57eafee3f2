"""People: who may sign in, what they hold and where; letting them in or keeping them out, and erasing somebody."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.glue import audit_key
from api.http.deps import CurrentActor, State_, Tx
from api.web.days import day_asked
from api.web.personal_words import ERASED
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from inventory.public import (
    ACCOUNTS_MANAGE,
    ACCOUNTS_READ,
    FactorView,
    Grant,
    SessionView,
    TokenView,
    account_factor,
    account_for,
    account_sessions,
    account_tokens,
    create_account,
    end_account_sessions,
    erase_person,
    give_password,
    grant_role,
    grants,
    list_accounts,
    reset_factor,
    revoke_account_token,
    revoke_grant,
    roles,
    set_disabled,
    start_of,
)
from kernel.actors import Actor
from kernel.db.base import Base
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, NotFound, Refused, VungCaoError
from kernel.personal import personal_columns

router = APIRouter(include_in_schema=False)

A_PAGE: Final = 50
A_DAY: Final = timedelta(days=1)

Text = Annotated[str, Form(max_length=200)]
Password = Annotated[str, Form(max_length=1000)]
Words_ = Annotated[str, Query(max_length=100)]


async def _manager(actor: CurrentActor) -> Actor:
    actor.require(ACCOUNTS_MANAGE)
    return actor


async def _reader(actor: CurrentActor) -> Actor:
    actor.require(ACCOUNTS_READ)
    return actor


async def _eraser(actor: CurrentActor) -> Actor:
    actor.require_everywhere(ACCOUNTS_MANAGE)
    return actor


Manager = Annotated[Actor, Depends(_manager)]
"""Who may manage accounts somewhere; asked before what they sent is looked at."""

Reader = Annotated[Actor, Depends(_reader)]
Eraser = Annotated[Actor, Depends(_eraser)]


@dataclass(frozen=True, slots=True)
class Managed:
    """What only who manages an account sees of it."""

    factor: FactorView
    sessions: list[SessionView]
    tokens: list[TokenView]


async def _wanted(
    role: Text = "",
    unit: Text = "",
    alone: Text = "",
    since: Text = "",
    until: Text = "",
) -> Grant:
    """Return the grant that a form asks for; days are those of the administration, the last one counts."""
    begin, end = day_asked(since), day_asked(until)
    return Grant(
        role,
        unit.strip() or None,
        not alone,
        start_of(begin) if begin else None,
        start_of(end) + A_DAY if end else None,
    )


Wanted = Annotated[Grant, Depends(_wanted)]


@router.get("/people")
async def people(
    request: Request, actor: Reader, tx: Tx, _frame: Frame, q: Words_ = "", after: Words_ = "", saved: Words_ = ""
) -> HTMLResponse:
    """Return a page of accounts in the order of their names."""
    return await _list(request, actor, tx, q, after, saved)


@router.post("/people")
async def let_in(
    request: Request,
    state: State_,
    actor: Manager,
    wanted: Wanted,
    name: Text = "",
    display_name: Text = "",
    password: Password = "",
) -> Response:
    """Make an account, with a role if one is chosen, and go to it; or show the list again, and why."""
    try:
        async with state.database.transaction() as tx:
            made = await create_account(
                actor, tx, name=name, display_name=display_name, password=password or None,
                grant=wanted if wanted.role else None,
            )  # fmt: skip
    except (BadInput, Conflict, NotFound) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            return await _list(request, actor, tx, "", "", "", error, {"name": name, "display_name": display_name})
    return RedirectResponse(f"/people/{made.name}", 303)


@router.get("/people/{name}")
async def person(
    request: Request, name: str, actor: Reader, tx: Tx, _frame: Frame, after: Words_ = "", saved: Words_ = ""
) -> HTMLResponse:
    """Return the page of one account: what it holds, and for who manages it its sessions, tokens, second factor."""
    return await _page(request, actor, tx, name, after=after, saved=saved)


@router.post("/people/{name}/grants")
async def give(request: Request, state: State_, actor: Manager, name: str, wanted: Wanted) -> Response:
    """Give a role; the giver gives no more, and no wider, than they may themselves."""
    try:
        async with state.database.transaction() as tx:
            await grant_role(actor, tx, name, wanted)
    except (BadInput, Conflict, NotFound) as error:
        return await _again(request, state, actor, name, error)
    return RedirectResponse(f"/people/{name}?saved=given", 303)


@router.post("/people/{name}/grants/{grant}/revoke")
async def take(request: Request, state: State_, actor: Manager, name: str, grant: uuid.UUID) -> Response:
    """Take a role away, from the next request on."""
    try:
        async with state.database.transaction() as tx:
            await revoke_grant(actor, tx, grant)
    except Conflict as error:
        return await _again(request, state, actor, name, error)
    return RedirectResponse(f"/people/{name}?saved=taken", 303)


@router.post("/people/{name}/disable")
async def disable(request: Request, state: State_, actor: Manager, name: str) -> Response:
    """Let the account in no more; its sessions and tokens end."""
    return await _let(request, state, actor, name, disabled=True)


@router.post("/people/{name}/enable")
async def enable(request: Request, state: State_, actor: Manager, name: str) -> Response:
    """Let the account in again."""
    return await _let(request, state, actor, name, disabled=False)


@router.post("/people/{name}/password")
async def password(request: Request, state: State_, actor: Manager, name: str, new: Password = "") -> Response:
    """Give the account another password; its sessions end."""
    try:
        async with state.database.transaction() as tx:
            await give_password(actor, tx, name, new)
    except BadInput as error:
        return await _again(request, state, actor, name, error)
    return RedirectResponse(f"/people/{name}?saved=password", 303)


@router.post("/people/{name}/second-factor/forget")
async def forget_factor(actor: Manager, tx: Tx, name: str) -> Response:
    """Take the second factor away, for a lost phone."""
    await reset_factor(actor, tx, name)
    return RedirectResponse(f"/people/{name}?saved=factor", 303)


@router.post("/people/{name}/sessions/end")
async def end_all(actor: Manager, tx: Tx, name: str) -> Response:
    """End all sessions of the account."""
    await end_account_sessions(actor, tx, name)
    return RedirectResponse(f"/people/{name}?saved=sessions", 303)


@router.post("/people/{name}/sessions/{session}/end")
async def end_one(actor: Manager, tx: Tx, name: str, session: uuid.UUID) -> Response:
    """End one session of the account."""
    await end_account_sessions(actor, tx, name, session)
    return RedirectResponse(f"/people/{name}?saved=sessions", 303)


@router.post("/people/{name}/tokens/{token}/revoke")
async def revoke(actor: Manager, tx: Tx, name: str, token: uuid.UUID) -> Response:
    """Let a token of the account open nothing any more."""
    await revoke_account_token(actor, tx, name, token)
    return RedirectResponse(f"/people/{name}?saved=token", 303)


@router.get("/people/{name}/erase")
async def ask_to_erase(request: Request, name: str, actor: Eraser, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Show what is kept of a person and what erasing leaves, before it is done."""
    return await _erase_page(request, actor, tx, name)


@router.post("/people/{name}/erase")
async def erase(request: Request, state: State_, actor: Eraser, name: str, confirm: Text = "") -> Response:
    """Erase the person, if their sign-in name was typed once more; there is no way back."""
    error: VungCaoError
    if confirm.strip() == name:
        try:
            key = audit_key(state.settings)
            async with state.database.transaction() as tx:
                await erase_person(actor, tx, name, tables=Base.metadata, audit_key=key)
        except Conflict as refused:
            error = refused
        else:
            return RedirectResponse("/people?saved=erased", 303)
    else:
        error = BadInput(what="The confirmation", why="it is not the sign-in name of this account")
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
        return await _erase_page(request, actor, tx, name, error)


async def _let(request: Request, state: State_, actor: Actor, name: str, *, disabled: bool) -> Response:
    try:
        async with state.database.transaction() as tx:
            await set_disabled(actor, tx, name, disabled=disabled)
    except Conflict as error:
        return await _again(request, state, actor, name, error)
    return RedirectResponse(f"/people/{name}?saved={'disabled' if disabled else 'enabled'}", 303)


async def _again(request: Request, state: State_, actor: Actor, name: str, error: VungCaoError) -> Response:
    async with state.database.transaction() as tx:
        await look(request, state.engine, actor, tx)
        return await _page(request, actor, tx, name, error=error)


async def _list(
    request: Request,
    actor: Actor,
    tx: Transaction,
    query: str,
    after: str,
    saved: str,
    error: VungCaoError | None = None,
    typed: dict[str, str] | None = None,
) -> HTMLResponse:
    found = await list_accounts(actor, tx, query=query, limit=A_PAGE, after=after or None)
    return page(
        request,
        "people/people.html",
        status_code=error.http_status if error else 200,
        query=query,
        accounts=found.accounts,
        next_cursor=found.next_cursor,
        roles=await roles(actor, tx),
        may_manage=actor.may(ACCOUNTS_MANAGE),
        everywhere=actor.may_everywhere(ACCOUNTS_MANAGE),
        error=Words(translator_of(request)).error(error) if error else None,
        typed=typed or {},
        saved=saved,
    )


async def _page(
    request: Request,
    actor: Actor,
    tx: Transaction,
    name: str,
    *,
    after: str = "",
    saved: str = "",
    error: VungCaoError | None = None,
) -> HTMLResponse:
    held = await grants(actor, tx, account=name, ended=True, limit=A_PAGE, after=after or None)
    view = await account_for(actor, name, tx)
    return page(
        request,
        "people/person.html",
        status_code=error.http_status if error else 200,
        person=view,
        grants=held.grants,
        next_cursor=held.next_cursor,
        roles=await roles(actor, tx),
        may_give=actor.may(ACCOUNTS_MANAGE),
        everywhere=actor.may_everywhere(ACCOUNTS_MANAGE),
        managed=await _managed(actor, tx, name),
        is_self=view.id == actor.id,
        error=Words(translator_of(request)).error(error) if error else None,
        saved=saved,
    )


async def _managed(actor: Actor, tx: Transaction, name: str) -> Managed | None:
    """Return what its manager sees of the account; None for who manages only a part of what it holds, or nothing."""
    if not actor.may(ACCOUNTS_MANAGE):
        return None
    try:
        return Managed(
            await account_factor(actor, tx, name),
            await account_sessions(actor, tx, name),
            await account_tokens(actor, tx, name),
        )
    except (Refused, NotFound):
        return None


async def _erase_page(
    request: Request, actor: Actor, tx: Transaction, name: str, error: VungCaoError | None = None
) -> HTMLResponse:
    view = await account_for(actor, name, tx, ACCOUNTS_MANAGE)
    return page(
        request,
        "people/erase.html",
        status_code=error.http_status if error else 200,
        person=view,
        columns=[(f"{column.table.name}.{column.name}", said) for column, said in personal_columns(Base.metadata)],
        erased=ERASED,
        error=Words(translator_of(request)).error(error) if error else None,
    )
