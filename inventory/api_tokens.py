"""API tokens: what a program proves itself with. Never more than its owner may at that moment, and for a time only."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import SecretStr
from sqlalchemy import ColumnElement, Select, and_, select

from inventory.access import PERMISSIONS
from inventory.errors import TokenTooWide
from inventory.grants import spreading, unit_within
from inventory.holding import holdings, read_holding
from inventory.models import UnitRow
from inventory.people import AccountView, view
from inventory.people_models import AccountRow, ApiTokenRow
from kernel.actors import Actor, Permission, Place
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound, NotSignedIn
from kernel.ids import new_id
from kernel.sentences import Sentence

PREFIX: Final = "vungcao_"
"""So that a scanner finds a token that was put where it does not belong."""

LONGEST: Final = timedelta(days=366)
MOST_TITLE: Final = 80
MOST_TOKENS: Final = 50
USE_NOTED_EACH: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a token shall allow.

    Attributes:
        title: What it is for, in its owner's words.
        permissions: Of those that the owner holds.
        ends_at: Until when (aware), a year at most.
        unit: Code of the unit that it is bound to; None: wherever its owner may.
        below: With all below the unit.
    """

    title: str
    permissions: Collection[str]
    ends_at: datetime
    unit: str | None = None
    below: bool = True


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as people see it; never its value."""

    id: uuid.UUID
    account: str
    title: str
    permissions: tuple[str, ...]
    unit: str | None
    below: bool
    created_at: datetime
    ends_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A token just made, with its value, which is kept nowhere."""

    token: TokenView
    value: SecretStr


async def make_token(actor: Actor, tx: Transaction, request: TokenRequest) -> MadeToken:
    """Make a token of `actor`'s own account and return it with its value, for the only time.

    Raises:
        NotSignedIn: `actor` is no account.
        BadInput: No title, no permission, one that there is not, an end past or too far, too many tokens.
        NotFound: There is no such unit that `actor` may see.
        TokenTooWide: It would allow what `actor` may not do there.
    """
    if actor.id is None:
        raise NotSignedIn
    title = " ".join(request.title.split())
    if not 0 < len(title) <= MOST_TITLE:
        raise BadInput(what="The title of the token", why=Sentence("it has 1 to {most} characters", most=MOST_TITLE))
    wanted = frozenset(Permission(one) for one in request.permissions)
    if not wanted or wanted - PERMISSIONS:
        raise BadInput(
            what="The permissions", why=Sentence("choose among {known}", known=", ".join(sorted(PERMISSIONS)))
        )
    if not tx.now() < request.ends_at <= tx.now() + LONGEST:
        raise BadInput(
            what="The end of the token", why=Sentence("it lies within {days} days from now", days=LONGEST.days)
        )
    if not request.below and request.unit is None:
        raise BadInput(what="A token of the whole tree", why="it always holds for all that is below")
    unit = await _bound(actor, tx, request, wanted)
    open_tokens = await tx.session.scalars(_tokens(tx).where(ApiTokenRow.account_id == actor.id))
    if len(open_tokens.all()) >= MOST_TOKENS:
        raise BadInput(
            what="One more token", why=Sentence("an account has {most} at most; revoke one first", most=MOST_TOKENS)
        )
    value = PREFIX + secrets.token_urlsafe(32)
    row = ApiTokenRow(
        id=new_id(),
        key=_key(value),
        account_id=actor.id,
        title=title,
        permissions=sorted(wanted),
        unit_id=unit,
        below=request.below,
        created_at=tx.now(),
        ends_at=request.ends_at,
    )
    tx.session.add(row)
    await tx.session.flush()
    tx.audit(
        actor,
        "token.made",
        f"account:{actor.name}",
        after={
            "token": str(row.id),
            "title": title,
            "permissions": row.permissions,
            "unit": request.unit,
            "below": request.below,
            "ends_at": request.ends_at.isoformat(),
        },
    )
    return MadeToken(_view(row, actor.name, request.unit), SecretStr(value))


async def own_tokens(actor: Actor, tx: Transaction) -> list[TokenView]:
    """Return the tokens of `actor`'s account that still work, the newest first."""
    return await tokens_of(actor.id, tx)


async def tokens_of(account: uuid.UUID | None, tx: Transaction) -> list[TokenView]:
    """Return the tokens of an account that still work, the newest first. The caller has made sure who may ask."""
    rows = await tx.session.execute(
        _tokens(tx).where(ApiTokenRow.account_id == account).order_by(ApiTokenRow.id.desc())
    )
    return [_view(row, name, unit) for row, name, unit in rows]


async def revoke_own_token(actor: Actor, tx: Transaction, token: uuid.UUID) -> None:
    """Let one of `actor`'s own tokens open nothing any more; NotFound if it is not theirs, or is over."""
    await revoke_token(actor, tx, token, actor.id)


async def revoke_token(actor: Actor, tx: Transaction, token: uuid.UUID, account: uuid.UUID | None) -> None:
    """Let a token of `account` open nothing any more; the caller has made sure who may. NotFound if it is over."""
    found = (
        await tx.session.execute(_tokens(tx).where(ApiTokenRow.id == token, ApiTokenRow.account_id == account))
    ).one_or_none()
    if found is None:
        raise NotFound(kind="token", code=token)
    row, name, _ = found
    row.revoked_at = tx.now()
    tx.audit(actor, "token.revoked", f"account:{name}", before={"token": str(token), "title": row.title})


async def bearer_for(value: str, tx: Transaction, *, local: bool) -> AccountView | None:
    """Return the account that the token `value` stands for, as an actor that may no more than both; and note its use.

    None if there is no such token, it is over, or its owner cannot sign in.

    Args:
        value: What the program sent.
        tx: The transaction.
        local: Whether the request comes from this very machine: an example account's token needs it.
    """
    found = (
        await tx.session.execute(
            select(ApiTokenRow, AccountRow, holdings(tx.now()))
            .join(AccountRow, AccountRow.id == ApiTokenRow.account_id)
            .where(ApiTokenRow.key == _key(value), _open(tx), ~AccountRow.disabled)
        )
    ).one_or_none()
    if found is None:
        return None
    token, account, held = found
    if account.example and not local:
        return None
    if token.used_at is None or tx.now() - token.used_at >= USE_NOTED_EACH:
        token.used_at = tx.now()
    whole = view(account, read_holding(held))
    bound = () if token.unit_id is None else (Place(token.unit_id, token.below),)
    allowed = frozenset(Permission(one) for one in token.permissions)
    return AccountView(
        id=whole.id,
        name=whole.name,
        display_name=whole.display_name,
        roles=whole.roles,
        language=whole.language,
        example=whole.example,
        disabled=whole.disabled,
        actor=whole.actor.bounded(allowed, bound),
    )


async def _bound(
    actor: Actor, tx: Transaction, request: TokenRequest, wanted: frozenset[Permission]
) -> uuid.UUID | None:
    """Return the id of the unit that the token is bound to; TokenTooWide where `actor` may less."""
    holder = spreading(actor) if request.below and request.unit is not None else actor
    if lacking := [one for one in wanted if not holder.may(one)]:
        raise TokenTooWide(permissions=", ".join(sorted(lacking)))
    if request.unit is None:
        return None  # wherever its owner may: looked up anew at each use
    known = await tx.session.scalar(select(UnitRow.id).where(UnitRow.code == request.unit))
    lacking, seen = [], False
    for one in sorted(wanted):
        try:
            await unit_within(actor, tx, request.unit, one, below=request.below)
        except NotFound:
            lacking.append(one)
        else:
            seen = True
    if known is None or not seen:
        raise NotFound(kind="unit", code=request.unit[:100])
    if lacking:
        raise TokenTooWide(permissions=", ".join(lacking))
    unit: uuid.UUID = known
    return unit


def _open(tx: Transaction) -> ColumnElement[bool]:
    return and_(ApiTokenRow.revoked_at.is_(None), ApiTokenRow.ends_at > tx.now())


def _tokens(tx: Transaction) -> Select[ApiTokenRow, str, str | None]:
    return (
        select(ApiTokenRow, AccountRow.name, UnitRow.code)
        .join(AccountRow, AccountRow.id == ApiTokenRow.account_id)
        .outerjoin(UnitRow, UnitRow.id == ApiTokenRow.unit_id)
        .where(_open(tx))
    )


def _view(row: ApiTokenRow, account: str, unit: str | None) -> TokenView:
    permissions: Sequence[str] = row.permissions
    return TokenView(
        id=row.id,
        account=account,
        title=row.title,
        permissions=tuple(permissions),
        unit=unit,
        below=row.below,
        created_at=row.created_at,
        ends_at=row.ends_at,
        used_at=row.used_at,
    )


def _key(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "replace")).digest()
