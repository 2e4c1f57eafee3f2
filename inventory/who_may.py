"""Who holds a permission at a unit: for pages that say who else could do what is done there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, or_, select

from inventory.access import ACCOUNTS_READ, within
from inventory.grant_models import GrantRow, RolePermissionRow, RoleRow
from inventory.holding import in_force
from inventory.models import UnitAncestryRow, UnitRow
from inventory.people_models import AccountRow
from inventory.units import day_of
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction

MOST = 50


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who holds a permission, by which role."""

    name: str
    display_name: str
    role: str
    role_en: str


async def who_may(actor: Actor, tx: Transaction, unit: str, permission: Permission) -> Sequence[Holder] | None:
    """Return who holds `permission` for `unit` now, at most `MOST`; None if `actor` may not see that there."""
    day = day_of(tx.now())
    if not actor.may(ACCOUNTS_READ):
        return None
    place = select(UnitRow.id).where(UnitRow.code == unit)
    if (theirs := within(UnitRow.id, actor, day, ACCOUNTS_READ)) is not None:
        place = place.where(theirs)
    unit_id = await tx.session.scalar(place)
    if unit_id is None:
        return None
    above = select(UnitAncestryRow.ancestor_id).where(
        UnitAncestryRow.unit_id == unit_id, UnitAncestryRow.since <= day, UnitAncestryRow.until > day
    )
    covers = or_(
        GrantRow.unit_id.is_(None),
        GrantRow.unit_id == unit_id,
        and_(GrantRow.below, GrantRow.unit_id.in_(above)),
    )
    statement = (
        select(AccountRow.name, AccountRow.display_name, RoleRow.name.label("role"), RoleRow.name_en.label("role_en"))
        .join(GrantRow, GrantRow.account_id == AccountRow.id)
        .join(RoleRow, RoleRow.code == GrantRow.role)
        .join(RolePermissionRow, RolePermissionRow.role == GrantRow.role)
        .where(
            RolePermissionRow.permission == str(permission),
            in_force(tx.now()),
            covers,
            AccountRow.disabled.is_(False),
            AccountRow.erased_at.is_(None),
        )
        .distinct()
        .order_by(AccountRow.name, RoleRow.name)
        .limit(MOST)
    )
    return [Holder(*row) for row in await tx.session.execute(statement)]
