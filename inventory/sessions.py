"""Signing in and out: sessions live in the database, and the browser has nothing but a random token."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import ColumnElement, delete, or_, select

from inventory import passwords
from inventory.errors import ExampleAccountElsewhere, WrongPassword
from inventory.people import AccountView, plain_name, view
from inventory.people_models import AccountRow, SessionRow
from inventory.tries import count_try, forgive_try, gates
from kernel.actors import Actor, system
from kernel.db.transaction import Database, Transaction
from kernel.errors import NotFound
from kernel.ids import new_id

IDLE_END: Final = timedelta(hours=12)
END: Final = timedelta(days=7)
USE_NOTED_EACH: Final = timedelta(minutes=1)  # a page must not cost a write each time
MOST_PROGRAM: Final = 200

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
    """A session as its owner sees it; `ends_at` is when it ends if it is not used again."""

    id: uuid.UUID
    account: AccountView
    started_at: datetime
    used_at: datetime
    ends_at: datetime
    address: str
    program: str


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
    if account.example and not peer.local:
        raise ExampleAccountElsewhere
    token = secrets.token_urlsafe(32)
    async with database.transaction() as tx:
        await tx.session.execute(delete(SessionRow).where(_over(tx.now())))
        row = SessionRow(
            key=_key(token),
            id=new_id(),
            account_id=account.id,
            started_at=tx.now(),
            used_at=tx.now(),
            address=peer.address,
            program=peer.program[:MOST_PROGRAM],
        )
        tx.session.add(row)
        tx.audit(account.actor, "session.started", f"account:{account.name}", after={"address": peer.address})
    return Started(token, _session(row, account))


async def confirm_password(database: Database, actor: Actor, password: str, peer: Peer) -> None:
    """Make sure that it is still the owner who sits at the open session, before something weighty.

    Raises:
        TooManyTries: After many failures, with the seconds to wait.
        WrongPassword: If it is not the password of `actor`.
    """
    await _proven(database, actor.name, password, peer)


async def session_for(token: str, tx: Transaction, *, local: bool) -> SessionView | None:
    """Return the session that `token` opens, and note its use; None if there is none, or it is over.

    Args:
        token: What the browser sent.
        tx: The transaction.
        local: Whether the request comes from this very machine, as `Peer.local`: an example account needs it.
    """
    found = (
        await tx.session.execute(
            select(SessionRow, AccountRow)
            .join(AccountRow, AccountRow.id == SessionRow.account_id)
            .where(SessionRow.key == _key(token), ~_over(tx.now()), ~AccountRow.disabled)
        )
    ).one_or_none()
    if found is None or (found.AccountRow.example and not local):
        return None
    if tx.now() - found.SessionRow.used_at >= USE_NOTED_EACH:
        found.SessionRow.used_at = tx.now()
    return _session(found.SessionRow, view(found.AccountRow))


async def own_sessions(actor: Actor, tx: Transaction) -> list[SessionView]:
    """Return the open sessions of `actor`'s account, the last used first."""
    rows = await tx.session.execute(
        select(SessionRow, AccountRow)
        .join(AccountRow, AccountRow.id == SessionRow.account_id)
        .where(SessionRow.account_id == actor.id, ~_over(tx.now()))
        .order_by(SessionRow.used_at.desc(), SessionRow.id)
    )
    return [_session(session, view(account)) for session, account in rows]


async def end_session(actor: Actor, session: uuid.UUID, tx: Transaction) -> None:
    """End one session of `actor`'s account, this one or another; NotFound if it is not theirs or over."""
    ended = await tx.session.scalar(
        delete(SessionRow).where(SessionRow.id == session, SessionRow.account_id == actor.id).returning(SessionRow.id)
    )
    if ended is None:
        raise NotFound(kind="session", code=str(session))
    tx.audit(actor, "session.ended", f"account:{actor.name}")


async def _proven(database: Database, name: str, password: str, peer: Peer) -> AccountView:
    tried = gates(name, peer.address)
    async with database.transaction() as tx:
        await count_try(tx, tried)
        row = await tx.session.scalar(select(AccountRow).where(AccountRow.name == name))
    right = await passwords.matches(password, row.password_hash if row else None)
    if row is None or not right or row.disabled:
        await _note_failure(database, name if row else None, peer)
        raise WrongPassword
    better = await passwords.hash_of(password) if passwords.needs_rehash(row.password_hash) else None
    async with database.transaction() as tx:
        await forgive_try(tx, tried)
        if better:
            (await tx.session.merge(row)).password_hash = better
    return view(row)


async def _note_failure(database: Database, name: str | None, peer: Peer) -> None:
    """Put a failure on record. What was typed as an unknown name is not: people type their password there."""
    log.warning("sign_in_failed", account=name, address=peer.address)
    if name is not None:
        async with database.transaction() as tx:
            tx.audit(system("web"), "session.refused", f"account:{name}", after={"address": peer.address})


def _over(now: datetime) -> ColumnElement[bool]:
    return or_(SessionRow.used_at <= now - IDLE_END, SessionRow.started_at <= now - END)


def _session(row: SessionRow, account: AccountView) -> SessionView:
    return SessionView(
        id=row.id,
        account=account,
        started_at=row.started_at,
        used_at=row.used_at,
        ends_at=min(row.used_at + IDLE_END, row.started_at + END),
        address=row.address,
        program=row.program,
    )


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
