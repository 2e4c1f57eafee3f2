"""What people are called: the name that colleagues know, for an account's id or for its sign-in name."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute

from inventory.people_models import AccountRow
from kernel.db.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Called:
    """Somebody with an account: its id, its sign-in name, and what colleagues call them."""

    id: uuid.UUID
    name: str
    display_name: str


def called(
    account: InstrumentedAttribute[Any] | ColumnElement[Any], otherwise: InstrumentedAttribute[Any] | ColumnElement[Any]
) -> ColumnElement[str]:
    """Return what the account with the id `account` is called, for a statement; `otherwise` where there is none.

    Part of the statement that reads the rest: no second one for each row.
    """
    name = select(AccountRow.display_name).where(AccountRow.id == account).correlate_except(AccountRow)
    return func.coalesce(name.scalar_subquery(), otherwise)


def called_by_name(name: InstrumentedAttribute[str] | InstrumentedAttribute[str | None]) -> ColumnElement[str]:
    """Return what the account with the sign-in name `name` is called, for a statement; that name where it is gone."""
    found = select(AccountRow.display_name).where(AccountRow.name == name).correlate_except(AccountRow)
    return func.coalesce(found.scalar_subquery(), name)


async def of(accounts: Collection[uuid.UUID | None], tx: Transaction) -> dict[uuid.UUID | None, Called]:
    """Return who these accounts are, by id; one that is gone has no entry."""
    ids = {account for account in accounts if account is not None}
    if not ids:
        return {}
    columns = AccountRow.id, AccountRow.name, AccountRow.display_name
    rows = await tx.session.execute(select(*columns).where(AccountRow.id.in_(ids)))
    return {row.id: Called(*row) for row in rows}


async def named(name: str, tx: Transaction) -> Called | None:
    """Return whose sign-in name this is; None for nobody, and for who may not sign in any more."""
    row = (
        await tx.session.execute(
            select(AccountRow.id, AccountRow.name, AccountRow.display_name).where(
                AccountRow.name == name.strip().lower(), ~AccountRow.disabled
            )
        )
    ).one_or_none()
    return Called(*row) if row is not None else None
