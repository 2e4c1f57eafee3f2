"""Other people's accounts: who there is, and letting them in or keeping them out.

An account is seen by who may see accounts where one of its grants is; it is managed by who may manage accounts where
all of them are: else an administrator of one district could lock out the country's.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, delete, exists, func, or_, select, update

from inventory import passwords
from inventory.access import ACCOUNTS_MANAGE, ACCOUNTS_READ, AUDIT_READ, narrow_offices, within
from inventory.api_tokens import TokenView, revoke_token, tokens_of
from inventory.credential_models import CredentialRow
from inventory.credentials import reached
from inventory.delivery_models import DeliveryRow
from inventory.grant_models import GrantRow
from inventory.grants import administrators, lasting, refuse_the_last, seen
from inventory.holding import read_holding
from inventory.models import DeviceRow, OfficeRow, UnitRow, UplinkRow
from inventory.people import AccountView, accounts, view
from inventory.people_models import AccountRow, ApiTokenRow, IdentityRow, SessionRow
from inventory.second_factor import FactorView, factor_of, remove_factor
from inventory.sessions import SessionView, sessions_of
from inventory.units import day_of
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction
from kernel.errors import NotFound, Refused

MOST_A_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class AccountPage:
    """A page of accounts in the order of their names; `next_cursor` is None on the last."""

    accounts: list[AccountView]
    next_cursor: str | None


async def list_accounts(
    actor: Actor, tx: Transaction, *, query: str = "", limit: int = 50, after: str | None = None
) -> AccountPage:
    """Return a page of the accounts that `actor` may see, those whose name, or name for people, begins with `query`."""
    limit = min(limit, MOST_A_PAGE)
    statement = (
        accounts(tx)
        .where(seen(actor, tx, ACCOUNTS_READ), AccountRow.erased_at.is_(None))
        .order_by(AccountRow.name)
        .limit(limit + 1)
    )
    if query:
        plain = query.strip().casefold()
        statement = statement.where(
            or_(
                AccountRow.name.icontains(plain, autoescape=True),
                AccountRow.display_name.icontains(plain, autoescape=True),
            )
        )
    if after is not None:
        statement = statement.where(AccountRow.name > after)
    found = [view(row, read_holding(held)) for row, held in await tx.session.execute(statement)]
    return AccountPage(found[:limit], found[limit - 1].name if len(found) > limit else None)


async def account_for(actor: Actor, name: str, tx: Transaction, permission: Permission = ACCOUNTS_READ) -> AccountView:
    """Return the account `name`; NotFound if there is none for which `actor` holds `permission`."""
    statement = accounts(tx).where(AccountRow.name == name, seen(actor, tx, permission))
    found = (await tx.session.execute(statement)).one_or_none()
    if found is None:
        raise NotFound(kind="account", code=name[:100])
    return view(found[0], read_holding(found[1]))


async def set_disabled(actor: Actor, tx: Transaction, name: str, *, disabled: bool) -> AccountView:
    """Let the account in no more, or again, and return it. Its sessions and tokens end with that, and stay ended.

    Raises:
        Refused: `actor` may manage no accounts, or not all that this one holds.
        NotFound: There is no such account that `actor` may see.
        LastAdministrator: Nobody would be left who can give grants on the whole tree.
    """
    account = await _managed(actor, name, tx)
    if account.disabled == disabled:
        return account
    before = await administrators(tx)
    await tx.session.execute(update(AccountRow).where(AccountRow.id == account.id).values(disabled=disabled))
    if disabled:
        await refuse_the_last(tx, before)
        await tx.session.execute(delete(SessionRow).where(SessionRow.account_id == account.id))
        await tx.session.execute(
            update(ApiTokenRow)
            .where(ApiTokenRow.account_id == account.id, ApiTokenRow.revoked_at.is_(None))
            .values(revoked_at=tx.now())
        )
    tx.audit(actor, "account.disabled" if disabled else "account.enabled", f"account:{name}")
    return await account_for(actor, name, tx, ACCOUNTS_MANAGE)


async def give_password(actor: Actor, tx: Transaction, name: str, password: str) -> None:
    """Give the account another password and end its sessions; what was proven by the old one is not believed any more.

    Raises:
        Refused, NotFound: As `set_disabled`.
        WeakPassword: It is too easy to guess.
    """
    account = await _managed(actor, name, tx)
    passwords.check_strength(password, account.name)
    await tx.session.execute(
        update(AccountRow).where(AccountRow.id == account.id).values(password_hash=await passwords.hash_of(password))
    )
    await tx.session.execute(delete(SessionRow).where(SessionRow.account_id == account.id))
    tx.audit(actor, "account.password-given", f"account:{name}")


async def reset_factor(actor: Actor, tx: Transaction, name: str) -> bool:
    """Take the account's second factor away, for a lost phone, and return whether there was one. Raises as above."""
    account = await _managed(actor, name, tx)
    return await remove_factor(account.id, account.name, actor, tx)


async def account_factor(actor: Actor, tx: Transaction, name: str) -> FactorView:
    """Return what the account has set up as its second factor; Refused or NotFound as `set_disabled`."""
    return await factor_of((await _managed(actor, name, tx)).id, tx)


async def account_sessions(actor: Actor, tx: Transaction, name: str) -> list[SessionView]:
    """Return the account's open sessions, the last used first; Refused or NotFound as `set_disabled`."""
    return await sessions_of((await _managed(actor, name, tx)).id, tx)


async def end_account_sessions(actor: Actor, tx: Transaction, name: str, session: uuid.UUID | None = None) -> int:
    """End one of the account's sessions, or all, and return how many that were.

    Raises:
        Refused, NotFound: As `set_disabled`; NotFound also if it has no such session.
    """
    account = await _managed(actor, name, tx)
    statement = delete(SessionRow).where(SessionRow.account_id == account.id).returning(SessionRow.id)
    if session is not None:
        statement = statement.where(SessionRow.id == session)
    ended = len((await tx.session.scalars(statement)).all())
    if session is not None and not ended:
        raise NotFound(kind="session", code=session)
    if ended:
        tx.audit(actor, "session.ended", f"account:{name}", after={"sessions": ended})
    return ended


async def account_tokens(actor: Actor, tx: Transaction, name: str) -> list[TokenView]:
    """Return the account's tokens that still work, the newest first; Refused or NotFound as `set_disabled`."""
    return await tokens_of((await _managed(actor, name, tx)).id, tx)


async def revoke_account_token(actor: Actor, tx: Transaction, name: str, token: uuid.UUID) -> None:
    """Let a token of the account open nothing any more; Refused or NotFound as `set_disabled`."""
    await revoke_token(actor, tx, token, (await _managed(actor, name, tx)).id)


async def link_identity(actor: Actor, tx: Transaction, name: str, issuer: str, subject: str) -> None:
    """Let the account sign in as `subject` of the organisation's sign-in `issuer`, and nobody else as that.

    Raises:
        Refused, NotFound: As `set_disabled`.
    """
    account = await _managed(actor, name, tx)
    await tx.session.merge(IdentityRow(issuer=issuer, subject=subject, account_id=account.id, linked_at=tx.now()))
    tx.audit(actor, "account.linked", f"account:{name}", after={"issuer": issuer})


def audited_places(actor: Actor, tx: Transaction) -> list[Select[str]]:
    """Return the statements for what is in the inventory, and the people, of which `actor` may read the audit log.

    They do not hold the permission on the whole tree. Each statement gives them as the log names them.
    """
    today = day_of(tx.now())
    devices = select(func.concat("device:", DeviceRow.code)).join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
    uplinks = (
        select(func.concat("uplink:", UplinkRow.code))
        .join(DeviceRow, DeviceRow.id == UplinkRow.device_id)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
    )
    deliveries = select(func.concat("delivery:", DeliveryRow.id)).join(OfficeRow, OfficeRow.id == DeliveryRow.office_id)
    units = select(func.concat("unit:", UnitRow.code))
    where = within(UnitRow.id, actor, today, AUDIT_READ)
    return [
        narrow_offices(select(func.concat("office:", OfficeRow.code)), actor, today, AUDIT_READ),
        narrow_offices(devices, actor, today, AUDIT_READ),
        units if where is None else units.where(where),
        select(func.concat("account:", AccountRow.name)).where(seen(actor, tx, AUDIT_READ)),
        narrow_offices(uplinks, actor, today, AUDIT_READ),
        narrow_offices(deliveries, actor, today, AUDIT_READ),
        select(func.concat("credential:", CredentialRow.name)).where(reached(actor, tx, AUDIT_READ)),
    ]


async def _managed(actor: Actor, name: str, tx: Transaction) -> AccountView:
    """Return the account if `actor` may manage all that it holds; the row is locked until the end."""
    account = await account_for(actor, name, tx, ACCOUNTS_MANAGE)
    reach = within(GrantRow.unit_id, actor, day_of(tx.now()), ACCOUNTS_MANAGE)
    if reach is not None:
        # A grant on the whole tree has no unit, and lies in nobody's reach: the condition is unknown then.
        wider = exists().where(GrantRow.account_id == account.id, lasting(tx), or_(GrantRow.unit_id.is_(None), ~reach))
        if await tx.session.scalar(select(wider)):
            raise Refused
    await tx.session.execute(select(AccountRow.id).where(AccountRow.id == account.id).with_for_update())
    return account
