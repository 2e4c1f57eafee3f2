"""Signing in and out: sessions live in the database, and the browser has nothing but a random token."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import structlog
from sqlalchemy import ColumnElement, Select, delete, or_, select

from inventory import passwords
from inventory.errors import ExampleAccountElsewhere, WrongPassword
from inventory.holding import Holding, holdings, read_holding
from inventory.people import AccountView, accounts, plain_name, view
from inventory.people_models import AccountRow, SessionRow, TotpRow
from inventory.tries import count_try, forgive_try, gates
from kernel.actors import Actor, system
from kernel.db.transaction import Database, Transaction
from kernel.errors import NotFound
from kernel.ids import new_id

IDLE_END: Final = timedelta(hours=12)
END: Final = timedelta(days=7)
USE_NOTED_EACH: Final = timedelta(minutes=1)  # a page must not cost a write each time
MOST_PROGRAM: Final = 200
SECOND_WITHIN: Final = timedelta(minutes=10)
"""For so long a session waits for the second factor."""

Second = Literal["", "code", "enrol"]
"""What a session still waits for: nothing, a code, or that its owner sets a second factor up."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Peer:
    """From where somebody signs in.

    Attributes:
        address: Network address.
        program: What the browser calls itself.
        local: Whether it is this very machine, and beyond doubt: nothing was forwarded.
    """

    address: str
    program: str
    local: bool


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as its owner sees it; `ends_at` is when it ends if it is not used again.

    While it waits for its `second` factor, it opens nothing else.
    """

    id: uuid.UUID
    account: AccountView
    started_at: datetime
    used_at: datetime
    ends_at: datetime
    address: str
    program: str
    second: Second = ""


@dataclass(frozen=True, slots=True)
class Started:
    """A session just started, with the token that opens it and is kept nowhere else."""

    token: str
    session: SessionView


async def sign_in(database: Database, name: str, password: str, peer: Peer) -> Started:
    """Start a session and return it with its new token.

    It takes the database and not a transaction: the try must stay counted when it fails, and no connection may be held
    while the password is hashed.

    Raises:
        TooManyTries: After many failures, with the seconds to wait.
        WrongPassword: If there is no such account, the password is wrong or the account is disabled.
        ExampleAccountElsewhere: If an example account signs in from another machine.
        DatabaseUnavailable: If the database does not answer.
    """
    account = await _proven(database, plain_name(name), password, peer)
    async with database.transaction() as tx:
        return await start_session(tx, account.id, peer)


async def start_session(tx: Transaction, account: uuid.UUID, peer: Peer) -> Started:
    """Start a session of an account that has just proven itself, and return it with its new token.

    Raises:
        WrongPassword: The account was disabled meanwhile.
        ExampleAccountElsewhere: It is an example account, and `peer` another machine.
    """
    found = (await tx.session.execute(accounts(tx).where(AccountRow.id == account, ~AccountRow.disabled))).one_or_none()
    if found is None:
        raise WrongPassword
    if found[0].example and not peer.local:
        raise ExampleAccountElsewhere
    await tx.session.execute(delete(SessionRow).where(_over(tx.now())))
    token = secrets.token_urlsafe(32)
    row = SessionRow(
        key=_key(token),
        id=new_id(),
        account_id=account,
        started_at=tx.now(),
        used_at=tx.now(),
        address=peer.address,
        program=peer.program[:MOST_PROGRAM],
    )
    tx.session.add(row)
    holding = read_holding(found[1])
    enrolled = await tx.session.scalar(select(TotpRow.confirmed_at).where(TotpRow.account_id == account))
    started = _session(row, view(found[0], holding), _second(row, found[0], holding, enrolled))
    tx.audit(started.account.actor, "session.started", f"account:{found[0].name}", after={"address": peer.address})
    return Started(token, started)


async def confirm_password(database: Database, actor: Actor, password: str, peer: Peer) -> None:
    """Make sure that it is still the owner who sits at the open session, before something weighty.

    Raises:
        TooManyTries: After many failures, with the seconds to wait.
        WrongPassword: If it is not the password of `actor`.
    """
    await _proven(database, actor.name, password, peer)


async def session_for(token: str, tx: Transaction, *, local: bool, note: bool = True) -> SessionView | None:
    """Return the session that `token` opens, and note its use; None if there is none, or it is over.

    Args:
        token: What the browser sent.
        tx: The transaction.
        local: Whether the request comes from this very machine, as `Peer.local`: an example account needs it.
        note: Whether this is a use. A stream that asks whether it may go on is none: it would never be idle.
    """
    found = (
        await tx.session.execute(_sessions(tx).where(SessionRow.key == _key(token), ~AccountRow.disabled))
    ).one_or_none()
    if found is None or (found.AccountRow.example and not local):
        return None
    session = _read(*found)
    if session.second and tx.now() - session.started_at >= SECOND_WITHIN:
        return None
    if note and tx.now() - found.SessionRow.used_at >= USE_NOTED_EACH:
        found.SessionRow.used_at = tx.now()
    return session


async def own_sessions(actor: Actor, tx: Transaction) -> list[SessionView]:
    """Return the open sessions of `actor`'s account, the last used first."""
    return await sessions_of(actor.id, tx)


async def sessions_of(account: uuid.UUID | None, tx: Transaction) -> list[SessionView]:
    """Return the open sessions of an account, the last used first. The caller has made sure who may ask."""
    rows = await tx.session.execute(
        _sessions(tx).where(SessionRow.account_id == account).order_by(SessionRow.used_at.desc(), SessionRow.id)
    )
    return [_read(*row) for row in rows]


async def renew_token(tx: Transaction, session: uuid.UUID) -> Started | None:
    """Note that the second factor was given, and return the session with a new token; the old one opens nothing.

    None if the session is over.
    """
    token = secrets.token_urlsafe(32)
    row = await tx.session.scalar(select(SessionRow).where(SessionRow.id == session).with_for_update())
    if row is None:
        return None
    row.key, row.second_at = _key(token), tx.now()
    await tx.session.flush()
    found = (await tx.session.execute(_sessions(tx).where(SessionRow.id == session))).one_or_none()
    return None if found is None else Started(token, _read(*found))


async def end_session(actor: Actor, session: uuid.UUID, tx: Transaction) -> None:
    """End one session of `actor`'s account, this one or another; NotFound if it is not theirs or over."""
    ended = await tx.session.scalar(
        delete(SessionRow).where(SessionRow.id == session, SessionRow.account_id == actor.id).returning(SessionRow.id)
    )
    if ended is None:
        raise NotFound(kind="session", code=str(session))
    tx.audit(actor, "session.ended", f"account:{actor.name}")


async def _proven(database: Database, name: str, password: str, peer: Peer) -> AccountRow:
    tried = gates(name, peer.address)
    async with database.transaction() as tx:
        await count_try(tx, tried)
        row = await tx.session.scalar(select(AccountRow).where(AccountRow.name == name))
    right = await passwords.matches(password, (row.password_hash or None) if row else None)
    if row is None or not right or row.disabled:
        await _note_failure(database, name if row else None, peer)
        raise WrongPassword
    better = await passwords.hash_of(password) if passwords.needs_rehash(row.password_hash) else None
    async with database.transaction() as tx:
        await forgive_try(tx, tried)
        if better:
            (await tx.session.merge(row)).password_hash = better
    return row


async def _note_failure(database: Database, name: str | None, peer: Peer) -> None:
    """Put a failure on record. What was typed as an unknown name is not: people type their password there."""
    log.warning("sign_in_failed", account=name, address=peer.address)
    if name is not None:
        async with database.transaction() as tx:
            tx.audit(system("web"), "session.refused", f"account:{name}", after={"address": peer.address})


def _over(now: datetime) -> ColumnElement[bool]:
    return or_(SessionRow.used_at <= now - IDLE_END, SessionRow.started_at <= now - END)


def _sessions(tx: Transaction) -> Select[SessionRow, AccountRow, Any, datetime | None]:
    """Return the statement for open sessions, with everything that a request needs to know of who sends it."""
    return (
        select(SessionRow, AccountRow, holdings(tx.now()), TotpRow.confirmed_at)
        .join(AccountRow, AccountRow.id == SessionRow.account_id)
        .outerjoin(TotpRow, TotpRow.account_id == AccountRow.id)
        .where(~_over(tx.now()))
    )


def _read(
    session: SessionRow, account: AccountRow, held: Sequence[Mapping[str, Any]] | None, enrolled: datetime | None
) -> SessionView:
    holding = read_holding(held)
    return _session(session, view(account, holding), _second(session, account, holding, enrolled))


def _second(session: SessionRow, account: AccountRow, holding: Holding, enrolled: datetime | None) -> Second:
    if enrolled is not None:
        return "" if session.second_at is not None else "code"
    # The password of an example account is published: a second factor would only stand in the way of trying it.
    return "enrol" if holding.needs_totp and not account.example else ""


def _session(row: SessionRow, account: AccountView, second: Second) -> SessionView:
    return SessionView(
        id=row.id,
        account=account,
        started_at=row.started_at,
        used_at=row.used_at,
        ends_at=min(row.used_at + IDLE_END, row.started_at + END),
        address=row.address,
        program=row.program,
        second=second,
    )


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
