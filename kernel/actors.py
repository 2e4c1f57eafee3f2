"""Who does something. Every function on an object takes an Actor: permission and audit are never an afterthought.

A permission is held for a place, not as such: `may` says that it is held somewhere, and what it reaches is for those to
say who know the places (`inventory.access`).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import NewType

from kernel.errors import Refused

Permission = NewType("Permission", str)
"""What a role allows, as `noun.verb`; the nouns belong to the domains."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node of a tree, alone or with all `below` it."""

    node: uuid.UUID
    below: bool = True


@dataclass(frozen=True, slots=True)
class Hold:
    """Permissions that somebody holds by one role: everywhere, or where all places of `within` overlap."""

    role: str
    permissions: frozenset[Permission]
    within: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody, or a part of the platform, who acts.

    Attributes:
        id: The account's id; None for a part of the platform itself.
        name: Sign-in name or part, as the audit log shows it for ever.
        holds: What they may do, and where. Nothing else is allowed.
        platform: A part of the platform itself, which may do everything everywhere.
    """

    id: uuid.UUID | None
    name: str
    holds: tuple[Hold, ...] = ()
    platform: bool = False

    def may(self, permission: Permission) -> bool:
        """Return whether this actor has `permission` somewhere."""
        return self.platform or any(permission in hold.permissions for hold in self.holds)

    def may_everywhere(self, permission: Permission) -> bool:
        """Return whether this actor has `permission` without a bound: for what stands in no place."""
        return self.platform or any(permission in hold.permissions and not hold.within for hold in self.holds)

    def require(self, permission: Permission) -> None:
        """Raise Refused unless this actor has `permission` somewhere. Where the object matters, it is not enough."""
        if not self.may(permission):
            raise Refused

    def require_everywhere(self, permission: Permission) -> None:
        """Raise Refused unless this actor has `permission` without a bound."""
        if not self.may_everywhere(permission):
            raise Refused

    def by_roles(self, roles: Collection[str]) -> Actor:
        """Return the same actor with only what they hold by one of `roles`."""
        return replace(self, holds=tuple(hold for hold in self.holds if hold.role in roles))

    def bounded(self, permissions: frozenset[Permission], within: tuple[Place, ...]) -> Actor:
        """Return the same actor with no more than `permissions`, and only `within`: never wider than before."""
        holds = (
            Hold(hold.role, hold.permissions & permissions, tuple(dict.fromkeys((*hold.within, *within))))
            for hold in self.holds
        )
        return replace(self, holds=tuple(hold for hold in holds if hold.permissions))


def system(part: str) -> Actor:
    """Return the actor for a part of the platform, such as `engine` or `worker`."""
    return Actor(id=None, name=part, platform=True)
