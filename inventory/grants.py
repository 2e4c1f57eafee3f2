"""Who may do what, where, and since when: giving a role on a node of the tree, taking it away, and telling of it."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, true

from inventory.access import ACCOUNTS_MANAGE, ACCOUNTS_READ, ADMINISTRATOR, within
from inventory.errors import GrantOver, LastAdministrator
from inventory.grant_models import GrantRow, RolePermissionRow, RoleRow
from inventory.holding import RoleTitle, in_force
from inventory.models import UnitPeriodRow, UnitRow
from inventory.people_models import AccountRow
from inventory.units import day_of
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from kernel.ids import new_id
from kernel.sentences import Sentence

MOST_A_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Grant:
    """What is given.

    Attributes:
        role: Code of the role.
        unit: Code of the unit; None: the whole tree.
        below: With all units below it.
        valid_from: When it begins (aware); None: now.
        valid_to: When it ends; None: when it is taken away.
    """

    role: str
    unit: str | None = None
    below: bool = True
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class GrantView:
    """A grant as others see it; `unit` is None for the whole tree, `ended_by` names who took it away."""

    id: uuid.UUID
    account: str
    display_name: str
    role: str
    role_name: str
    role_name_en: str
    unit: str | None
    unit_name: str
    unit_name_en: str
    below: bool
    valid_from: datetime
    valid_to: datetime | None
    given_at: datetime
    given_by: str
    ended_by: str | None


@dataclass(frozen=True, slots=True)
class GrantPage:
    """A page of grants, the newest first; `next_cursor` is None on the last."""

    grants: list[GrantView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role: what it allows, and whether who has it proves a second factor."""

    code: str
    name: str
    name_en: str
    needs_totp: bool
    permissions: tuple[str, ...]


async def roles(actor: Actor, tx: Transaction) -> list[RoleView]:
    """Return the roles in their order. Raises Refused if `actor` may not see who may do what."""
    actor.require(ACCOUNTS_READ)
    allowed = (
        select(func.array_agg(RolePermissionRow.permission))
        .where(RolePermissionRow.role == RoleRow.code)
        .correlate(RoleRow)
        .scalar_subquery()
    )
    rows = await tx.session.execute(select(RoleRow, allowed).order_by(RoleRow.position, RoleRow.code))
    return [
        RoleView(row.code, row.name, row.name_en, row.needs_totp, tuple(sorted(permissions or ())))
        for row, permissions in rows
    ]


async def role_titles(tx: Transaction, codes: Collection[str]) -> list[RoleTitle]:
    """Return what the roles with `codes` are called, in their order: everybody may know."""
    rows = await tx.session.scalars(
        select(RoleRow).where(RoleRow.code.in_(codes)).order_by(RoleRow.position, RoleRow.code)
    )
    return [RoleTitle(row.position, row.code, row.name, row.name_en) for row in rows]


async def require_totp(actor: Actor, tx: Transaction, role: str, *, required: bool) -> None:
    """Have everybody with `role` prove a second factor from the next request on, or no more; NotFound if none such."""
    actor.require_everywhere(ACCOUNTS_MANAGE)
    row = await tx.session.get(RoleRow, role, with_for_update=True)
    if row is None:
        raise NotFound(kind="role", code=role)
    if row.needs_totp != required:
        row.needs_totp = required
        tx.audit(
            actor, "role.changed", f"role:{role}", before={"needs_totp": not required}, after={"needs_totp": required}
        )


async def grant_role(actor: Actor, tx: Transaction, account: str, grant: Grant) -> GrantView:
    """Give `account` (a sign-in name) a role and return the grant; it holds from the next request on.

    Raises:
        Refused: `actor` may manage no accounts.
        NotFound: There is no such account that `actor` may see, or no unit for which they may manage accounts.
        BadInput: There is no such role, the unit has ended, or the time has no length.
    """
    actor.require(ACCOUNTS_MANAGE)
    found = await tx.session.scalar(
        select(AccountRow).where(
            AccountRow.name == account, AccountRow.erased_at.is_(None), seen(actor, tx, ACCOUNTS_MANAGE)
        )
    )
    if found is None:
        raise NotFound(kind="account", code=account[:100])
    return await _one(tx, await give(actor, tx, account=found.id, name=found.name, grant=grant))


async def give(actor: Actor, tx: Transaction, *, account: uuid.UUID, name: str, grant: Grant) -> uuid.UUID:
    """Give the account with this id and name a role, and return the grant's id. Raises as `grant_role`."""
    if await tx.session.get(RoleRow, grant.role) is None:
        known = await tx.session.scalars(select(RoleRow.code).order_by(RoleRow.position))
        raise BadInput(
            what=Sentence("The role {role}", role=grant.role[:50]),
            why=Sentence("choose among {known}", known=", ".join(known)),
        )
    unit = None if grant.unit is None else await unit_for(actor, tx, grant.unit, below=grant.below)
    if unit is None:
        actor.require_everywhere(ACCOUNTS_MANAGE)
        if not grant.below:
            raise BadInput(what="A grant on the whole tree", why="it always holds for all that is below")
    begin = max(grant.valid_from or tx.now(), tx.now())
    if grant.valid_to is not None and grant.valid_to <= begin:
        raise BadInput(what="The time of the grant", why="it ends before it begins, or has ended")
    row = GrantRow(
        id=new_id(),
        account_id=account,
        role=grant.role,
        unit_id=unit,
        below=grant.below,
        valid_from=begin,
        valid_to=grant.valid_to,
        given_at=tx.now(),
        given_by=actor.name,
    )
    tx.session.add(row)
    await tx.session.flush()
    tx.audit(actor, "grant.given", f"account:{name}", after=_about(row, grant.unit))
    return row.id


async def revoke_grant(actor: Actor, tx: Transaction, grant: uuid.UUID) -> GrantView:
    """Take a grant away, from the next request on, and return it. One that has not begun never will.

    Raises:
        Refused: `actor` may manage no accounts.
        NotFound: There is no such grant where `actor` may manage accounts.
        GrantOver: It has ended.
        LastAdministrator: Nobody would be left who can give grants on the whole tree.
    """
    where = _reach(actor, tx, ACCOUNTS_MANAGE)
    row = await tx.session.scalar(select(GrantRow).where(GrantRow.id == grant, *where).with_for_update())
    if row is None:
        raise NotFound(kind="grant", code=grant)
    if row.valid_to is not None and row.valid_to <= tx.now():
        raise GrantOver
    view = await _one(tx, row.id)
    before = await administrators(tx)
    row.valid_to = max(row.valid_from, tx.now())
    row.ended_by = actor.name
    await tx.session.flush()
    await refuse_the_last(tx, before)
    tx.audit(actor, "grant.revoked", f"account:{view.account}", before=_about(row, view.unit))
    return await _one(tx, row.id)


async def grants(
    actor: Actor,
    tx: Transaction,
    *,
    account: str | None = None,
    unit: str | None = None,
    ended: bool = False,
    limit: int = 50,
    after: str | None = None,
) -> GrantPage:
    """Return a page of the grants that `actor` may see, the newest first.

    Args:
        account: Only of this sign-in name.
        unit: Only on this unit itself (its code).
        ended: Also those that have ended.
        limit: Most in this page, up to 200.
        after: Cursor of the page before.
    """
    limit = min(limit, MOST_A_PAGE)
    statement = _grants().where(*_reach(actor, tx, ACCOUNTS_READ)).order_by(GrantRow.id.desc()).limit(limit + 1)
    if account is not None:
        statement = statement.where(AccountRow.name == account)
    if unit is not None:
        statement = statement.where(UnitRow.code == unit)
    if not ended:
        statement = statement.where(lasting(tx))
    if after is not None:
        statement = statement.where(GrantRow.id < _read_cursor(after))
    found = [_view(*row) for row in await tx.session.execute(statement)]
    return GrantPage(found[:limit], str(found[limit - 1].id) if len(found) > limit else None)


async def own_grants(actor: Actor, tx: Transaction) -> list[GrantView]:
    """Return what `actor`'s own account was given and holds now or will, the oldest first."""
    statement = _grants().where(GrantRow.account_id == actor.id, lasting(tx)).order_by(GrantRow.id)
    return [_view(*row) for row in await tx.session.execute(statement)]


async def unit_for(actor: Actor, tx: Transaction, code: str, *, below: bool) -> uuid.UUID:
    """Return the id of the unit `code`, if `actor` may manage accounts there, and `below` it if that is asked.

    Raises:
        NotFound: There is no such unit, or not for `actor`.
        BadInput: It has ended: nothing stands in it any more.
    """
    return await unit_within(actor, tx, code, ACCOUNTS_MANAGE, below=below)


async def unit_within(actor: Actor, tx: Transaction, code: str, permission: Permission, *, below: bool) -> uuid.UUID:
    """Return the id of the unit `code`, if `actor` holds `permission` there, and `below` it if that is asked.

    Raises:
        NotFound, BadInput: As `unit_for`.
    """
    today = day_of(tx.now())
    holder = spreading(actor) if below else actor
    statement = select(UnitRow.id, UnitRow.valid_to).where(UnitRow.code == code)
    if not holder.may(permission):
        raise NotFound(kind="unit", code=code[:100])
    if (where := within(UnitRow.id, holder, today, permission)) is not None:
        statement = statement.where(where)
    found = (await tx.session.execute(statement)).one_or_none()
    if found is None:
        raise NotFound(kind="unit", code=code[:100])
    if found.valid_to is not None and found.valid_to <= today:
        raise BadInput(
            what=Sentence("The unit {unit}", unit=code[:100]),
            why=Sentence("it ended on {day}; take one that took its place", day=found.valid_to),
        )
    unit: uuid.UUID = found.id
    return unit


def seen(actor: Actor, tx: Transaction, permission: Permission) -> ColumnElement[bool]:
    """Return the condition that an account of `AccountRow` has a grant, now or later, where `actor` has `permission`.

    Who has it everywhere sees those too that were granted nothing.
    """
    reach = within(GrantRow.unit_id, actor, day_of(tx.now()), permission)
    return true() if reach is None else exists().where(GrantRow.account_id == AccountRow.id, lasting(tx), reach)


def lasting(tx: Transaction) -> ColumnElement[bool]:
    """Return the condition that a grant has not ended, whether it has begun or not."""
    return or_(GrantRow.valid_to.is_(None), GrantRow.valid_to > tx.now())


def spreading(actor: Actor) -> Actor:
    """Return the same actor with only what they hold with all that is below: one node alone covers no other."""
    if actor.platform:
        return actor
    holds = tuple(hold for hold in actor.holds if all(place.below for place in hold.within))
    return Actor(actor.id, actor.name, holds)


async def administrators(tx: Transaction) -> int:
    """Return how many accounts can give grants on the whole tree, now and from anywhere."""
    count = await tx.session.scalar(
        select(func.count(AccountRow.id.distinct()))
        .join(GrantRow, GrantRow.account_id == AccountRow.id)
        .where(
            GrantRow.role == ADMINISTRATOR,
            GrantRow.unit_id.is_(None),
            in_force(tx.now()),
            ~AccountRow.disabled,
            ~AccountRow.example,
        )
    )
    return count or 0


async def refuse_the_last(tx: Transaction, before: int) -> None:
    """Raise LastAdministrator if there was one `before` a change, and there is none after it."""
    if before and not await administrators(tx):
        raise LastAdministrator


def _reach(actor: Actor, tx: Transaction, permission: Permission) -> list[ColumnElement[bool]]:
    where = within(GrantRow.unit_id, actor, day_of(tx.now()), permission)
    return [] if where is None else [where]


async def _one(tx: Transaction, grant: uuid.UUID) -> GrantView:
    return _view(*(await tx.session.execute(_grants().where(GrantRow.id == grant))).one())


def _grants() -> Select[GrantRow, AccountRow, RoleRow, str | None, list[str] | None]:
    # The name that the unit has now, or had last.
    names = (
        select(func.json_build_array(UnitPeriodRow.name, UnitPeriodRow.name_en))
        .where(UnitPeriodRow.unit_id == GrantRow.unit_id)
        .order_by(func.lower(UnitPeriodRow.valid).desc())
        .limit(1)
        .correlate(GrantRow)
        .scalar_subquery()
    )
    return (
        select(GrantRow, AccountRow, RoleRow, UnitRow.code, names)
        .join(AccountRow, AccountRow.id == GrantRow.account_id)
        .join(RoleRow, RoleRow.code == GrantRow.role)
        .outerjoin(UnitRow, UnitRow.id == GrantRow.unit_id)
    )


def _view(grant: GrantRow, account: AccountRow, role: RoleRow, unit: str | None, names: list[str] | None) -> GrantView:
    name, name_en = names or ("", "")
    return GrantView(
        id=grant.id,
        account=account.name,
        display_name=account.display_name,
        role=role.code,
        role_name=role.name,
        role_name_en=role.name_en,
        unit=unit,
        unit_name=name,
        unit_name_en=name_en,
        below=grant.below,
        valid_from=grant.valid_from,
        valid_to=grant.valid_to,
        given_at=grant.given_at,
        given_by=grant.given_by,
        ended_by=grant.ended_by,
    )


def _about(row: GrantRow, unit: str | None) -> dict[str, Any]:
    return {
        "grant": str(row.id),
        "role": row.role,
        "unit": unit,
        "below": row.below,
        "valid_from": row.valid_from.isoformat(),
        "valid_to": row.valid_to.isoformat() if row.valid_to else None,
    }


def _read_cursor(cursor: str) -> uuid.UUID:
    try:
        return uuid.UUID(cursor)
    except ValueError:
        raise BadInput(what="The cursor", why="it is not one that this list gave") from None
