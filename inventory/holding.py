"""What an account holds now: its grants in force with what their roles allow, read together with the account itself.

It is one statement for however many grants, and read anew for each request: what was taken away is gone with the next.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, or_, select

from inventory.access import PERMISSIONS
from inventory.grant_models import GrantRow, RolePermissionRow, RoleRow
from inventory.people_models import AccountRow
from kernel.actors import Actor, Hold, Permission, Place


@dataclass(frozen=True, slots=True, order=True)
class RoleTitle:
    """A role's code with its names for people, in the order of the roles."""

    position: int
    code: str
    name: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Holding:
    """What an account holds: the holds of its actor, the roles by which, and whether one asks for a second factor."""

    holds: tuple[Hold, ...]
    roles: tuple[RoleTitle, ...]
    needs_totp: bool


def in_force(at: datetime) -> ColumnElement[bool]:
    """Return the condition that a grant holds at the instant `at`."""
    return and_(GrantRow.valid_from <= at, or_(GrantRow.valid_to.is_(None), GrantRow.valid_to > at))


def holdings(at: datetime) -> ScalarSelect[Any]:
    """Return a column for statements that read from `AccountRow`; give what it says to `read_holding`."""
    allowed = (
        select(func.jsonb_agg(RolePermissionRow.permission))
        .where(RolePermissionRow.role == GrantRow.role)
        .correlate(GrantRow)
        .scalar_subquery()
    )
    grant = func.jsonb_build_object(
        "role", GrantRow.role, "unit", GrantRow.unit_id, "below", GrantRow.below, "allowed", allowed,
        "position", RoleRow.position, "name", RoleRow.name, "name_en", RoleRow.name_en, "totp", RoleRow.needs_totp,
    )  # fmt: skip
    return (
        select(func.jsonb_agg(grant))
        .join(RoleRow, RoleRow.code == GrantRow.role)
        .where(GrantRow.account_id == AccountRow.id, in_force(at))
        .correlate(AccountRow)
        .scalar_subquery()
    )


def read_holding(found: Sequence[Mapping[str, Any]] | None) -> Holding:
    """Return what the column of `holdings` says; nobody with no grant holds anything."""
    grants = found or ()
    holds = (
        Hold(
            grant["role"],
            frozenset(Permission(one) for one in grant["allowed"] or ()) & PERMISSIONS,
            (Place(uuid.UUID(grant["unit"]), grant["below"]),) if grant["unit"] else (),
        )
        for grant in grants
    )
    roles = {RoleTitle(grant["position"], grant["role"], grant["name"], grant["name_en"]) for grant in grants}
    return Holding(
        # In one order, so that the same grants make the same actor: an open stream ends when it is another.
        tuple(sorted(set(holds), key=_order)),
        tuple(sorted(roles)),
        any(grant["totp"] for grant in grants),
    )


def _order(hold: Hold) -> tuple[str, list[str], str]:
    """Return what holds are ordered by."""
    return hold.role, sorted(hold.permissions), str(hold.within)


def actor_of(account: uuid.UUID, name: str, holding: Holding) -> Actor:
    """Return the actor that an account is."""
    return Actor(account, name, holding.holds)
