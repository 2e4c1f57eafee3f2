"""The first start: nobody can sign in yet, so a link that works once makes the first administrator."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select

from inventory.access import ADMINISTRATOR
from inventory.errors import SetupLinkOver
from inventory.grants import Grant
from inventory.people import AccountView, administered, create_account
from inventory.people_models import SetupLinkRow
from kernel.actors import system
from kernel.db.transaction import Transaction

LASTS: Final = timedelta(hours=24)


async def ensure_setup_link(tx: Transaction) -> str | None:
    """Return the token of a new link to `/setup?token=…`, to be printed, or None if there is an administrator.

    The link works once and for 24 hours; an older one stops working, for only its hash was kept. An example account
    is no administrator: it cannot sign in from elsewhere.
    """
    if await administered(tx):
        return None
    token = secrets.token_urlsafe(32)
    await tx.session.execute(delete(SetupLinkRow))
    tx.session.add(SetupLinkRow(key=_key(token), ends_at=tx.now() + LASTS))
    return token


async def setup_link_works(tx: Transaction, token: str) -> bool:
    """Return whether `token` can still make the first administrator."""
    link = await tx.session.scalar(
        select(SetupLinkRow.key).where(SetupLinkRow.key == _key(token), SetupLinkRow.ends_at > tx.now())
    )
    return link is not None and not await administered(tx)


async def use_setup_link(
    tx: Transaction, token: str, *, name: str, password: str, display_name: str = ""
) -> AccountView:
    """Create the first administrator and return it. If it cannot be, the link still works.

    Raises:
        SetupLinkOver: If the link was used or is too old, or there is an administrator.
        BadName, WeakPassword, BadInput, NameTaken: As `create_account`.
    """
    # The row lock makes a second use at the same time wait here, and then find nothing.
    used = await tx.session.scalar(
        delete(SetupLinkRow)
        .where(SetupLinkRow.key == _key(token), SetupLinkRow.ends_at > tx.now())
        .returning(SetupLinkRow.key)
    )
    if used is None or await administered(tx):
        raise SetupLinkOver
    return await create_account(
        system("setup-link"), tx, name=name, password=password, grant=Grant(ADMINISTRATOR), display_name=display_name
    )


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
