"""What an actor may do and see: the roles with their permissions, and the only way to narrow a query to it.

Until grants exist a role covers the whole tree. A grant of a part of the tree will add its condition in
`narrow_offices` and nowhere else: every statement that reads offices, or what stands in them, goes through it already.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from sqlalchemy import Select

from kernel.actors import Actor, Permission

INVENTORY_READ: Final = Permission("inventory.read")
INVENTORY_CHANGE: Final = Permission("inventory.change")
ALERTS_READ: Final = Permission("alerts.read")
ALERTS_TAKE: Final = Permission("alerts.take")
AUDIT_READ: Final = Permission("audit.read")
CREDENTIALS_SET: Final = Permission("credentials.set")
ACCOUNTS_MANAGE: Final = Permission("accounts.manage")
PLATFORM_READ: Final = Permission("platform.read")
PLAYBOOKS_READ: Final = Permission("playbooks.read")
PLAYBOOKS_RUN: Final = Permission("playbooks.run")
MEETINGS_READ: Final = Permission("meetings.read")
MEETINGS_BOOK: Final = Permission("meetings.book")
MEETINGS_MANAGE: Final = Permission("meetings.manage")
"""Change what others have booked."""

ADMINISTRATOR: Final = "administrator"

ROLES: Final[Mapping[str, frozenset[Permission]]] = MappingProxyType(
    {
        "technician": frozenset(
            {INVENTORY_READ, ALERTS_READ, ALERTS_TAKE, PLATFORM_READ, MEETINGS_READ, PLAYBOOKS_READ, PLAYBOOKS_RUN}
        ),
        "official": frozenset({INVENTORY_READ, ALERTS_READ, MEETINGS_READ, MEETINGS_BOOK}),
        "secretary": frozenset({INVENTORY_READ, ALERTS_READ, MEETINGS_READ, MEETINGS_BOOK, MEETINGS_MANAGE}),
        "security": frozenset({INVENTORY_READ, ALERTS_READ, ALERTS_TAKE, AUDIT_READ, PLATFORM_READ, MEETINGS_READ}),
        ADMINISTRATOR: frozenset(
            {
                INVENTORY_READ,
                INVENTORY_CHANGE,
                ALERTS_READ,
                ALERTS_TAKE,
                AUDIT_READ,
                CREDENTIALS_SET,
                ACCOUNTS_MANAGE,
                PLATFORM_READ,
                PLAYBOOKS_READ,
                MEETINGS_READ,
                MEETINGS_BOOK,
                MEETINGS_MANAGE,
            }
        ),
    }
)
"""What each role allows. Names of roles are stored with accounts: add to them, never rename."""

Statement = TypeVar("Statement", bound=Select[*tuple[Any, ...]])


def permissions_of(role: str) -> frozenset[Permission]:
    """Return what `role` allows; nothing for a role that no longer exists."""
    return ROLES.get(role, frozenset())


def account_actor(account: uuid.UUID, name: str, role: str) -> Actor:
    """Return the actor that a signed-in account is."""
    return Actor(id=account, name=name, role=role, permissions=permissions_of(role))


def narrow_offices(statement: Statement, actor: Actor) -> Statement:
    """Return `statement`, which reads from `OfficeRow`, with only those offices that `actor` may see.

    Raises:
        Refused: If `actor` may see no inventory at all.
    """
    actor.require(INVENTORY_READ)
    return statement
