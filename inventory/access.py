"""What an actor may do and see: the permissions, and the only way to narrow a statement to where they are held.

What is not yours is cut off in the statement itself, so that it looks like what is not there: in pages, lists, counts
and searches alike. Every statement that reads offices, or what stands in them, goes through here.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from inventory.models import OfficeRow, UnitRow, UnitSuccessionRow
from inventory.tree import above, below
from kernel.actors import Actor, Hold, Permission, Place

INVENTORY_READ: Final = Permission("inventory.read")
INVENTORY_CHANGE: Final = Permission("inventory.change")
ALERTS_READ: Final = Permission("alerts.read")
ALERTS_TAKE: Final = Permission("alerts.take")
AUDIT_READ: Final = Permission("audit.read")
CREDENTIALS_SET: Final = Permission("credentials.set")
ACCOUNTS_READ: Final = Permission("accounts.read")
"""See who may do what."""
ACCOUNTS_MANAGE: Final = Permission("accounts.manage")
"""Give and take it."""
PLATFORM_READ: Final = Permission("platform.read")
PLAYBOOKS_READ: Final = Permission("playbooks.read")
PLAYBOOKS_RUN: Final = Permission("playbooks.run")
MEETINGS_READ: Final = Permission("meetings.read")
MEETINGS_BOOK: Final = Permission("meetings.book")
MEETINGS_MANAGE: Final = Permission("meetings.manage")
"""Change what others have booked."""

PERMISSIONS: Final = frozenset(
    {
        INVENTORY_READ,
        INVENTORY_CHANGE,
        ALERTS_READ,
        ALERTS_TAKE,
        AUDIT_READ,
        CREDENTIALS_SET,
        ACCOUNTS_READ,
        ACCOUNTS_MANAGE,
        PLATFORM_READ,
        PLAYBOOKS_READ,
        PLAYBOOKS_RUN,
        MEETINGS_READ,
        MEETINGS_BOOK,
        MEETINGS_MANAGE,
    }
)
"""All that there are. Which role has which of them is data (`grant_models.py`)."""

ADMINISTRATOR: Final = "administrator"
"""The one role that the code knows: who holds it on the whole tree can make everybody else."""

Statement = TypeVar("Statement", bound=Select[*tuple[Any, ...]])


def narrow_offices(
    statement: Statement, actor: Actor, as_of: date, permission: Permission = INVENTORY_READ
) -> Statement:
    """Return `statement`, which reads from `OfficeRow`, with only the offices for which `actor` holds `permission`.

    Raises:
        Refused: If `actor` holds it nowhere.
    """
    where = within(OfficeRow.unit_id, actor, as_of, permission)
    return statement if where is None else statement.where(where)


def narrow_units(
    statement: Statement,
    actor: Actor,
    as_of: date,
    today: date,
    permission: Permission = INVENTORY_READ,
) -> Statement:
    """Return `statement`, which reads from `UnitRow`, with only the units that `actor` may see on the map of `as_of`.

    These are the units for which they hold `permission` today, those that became them, and the names above each: a
    place cannot be told without them.

    Raises:
        Refused: If `actor` holds it nowhere.
    """
    if (theirs := _held(actor, today, permission)) is None:
        return statement
    return statement.where(or_(UnitRow.id.in_(theirs), UnitRow.id.in_(above(theirs, as_of))))


def narrow_to_held(
    statement: Statement, actor: Actor, today: date, permission: Permission = INVENTORY_READ
) -> Statement:
    """Return `statement`, which reads from `UnitRow`, with only the units for which `actor` holds `permission` today.

    Those that became them are among them, and the names above are not: what is known of a province is not its
    commune's to see.

    Raises:
        Refused: If `actor` holds it nowhere.
    """
    theirs = _held(actor, today, permission)
    return statement if theirs is None else statement.where(UnitRow.id.in_(theirs))


def _held(actor: Actor, today: date, permission: Permission) -> Select[Any] | None:
    """Return the ids of the units for which `actor` holds `permission`, and of those that became them; None: all."""
    if (held := within(UnitRow.id, actor, today, permission)) is None:
        return None
    became = select(UnitRow.id).where(held).cte(recursive=True)
    became = became.union(
        select(UnitSuccessionRow.predecessor_id).join(became, became.c.id == UnitSuccessionRow.successor_id)
    )
    return select(became.c.id)


def within(
    unit: InstrumentedAttribute[Any] | ColumnElement[Any], actor: Actor, as_of: date, permission: Permission
) -> ColumnElement[bool] | None:
    """Return the condition that `actor` holds `permission` for the unit with the id `unit`; None: for every one.

    Raises:
        Refused: If `actor` holds it nowhere.
    """
    actor.require(permission)
    if actor.may_everywhere(permission):
        return None
    holds = [hold.within for hold in actor.holds if permission in hold.permissions]
    # Grants are many and mostly of one place: those share one look-up.
    subtrees = [places[0].node for places in holds if len(places) == 1 and places[0].below]
    alone = [places[0].node for places in holds if len(places) == 1 and not places[0].below]
    overlaps = [and_(*(_in(unit, place, as_of) for place in places)) for places in holds if len(places) > 1]
    either: list[ColumnElement[bool]] = [*overlaps]
    if subtrees:
        either.append(unit.in_(below(subtrees, as_of)))
    if alone:
        either.append(unit.in_(alone))
    return or_(*either)


def _in(unit: InstrumentedAttribute[Any] | ColumnElement[Any], place: Place, as_of: date) -> ColumnElement[bool]:
    return unit.in_(below([place.node], as_of)) if place.below else unit == place.node


def everywhere(role: str, permissions: frozenset[Permission]) -> tuple[Hold, ...]:
    """Return what a role gives that is granted on the whole tree."""
    return (Hold(role, permissions),)
