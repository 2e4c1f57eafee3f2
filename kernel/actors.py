"""Who does something. Every function on an object takes an Actor: permission and audit are never an afterthought."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import NewType

from kernel.errors import Refused

Permission = NewType("Permission", str)
"""What a role allows, as `noun.verb`; the nouns belong to the domains."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody, or a part of the platform, who acts.

    Attributes:
        id: The account's id; None for a part of the platform itself.
        name: Sign-in name or part, as the audit log shows it for ever.
        role: Name of the role; `system` for a part of the platform.
        permissions: What the role allows.
    """

    id: uuid.UUID | None
    name: str
    role: str
    permissions: frozenset[Permission] = field(default_factory=frozenset)

    def may(self, permission: Permission) -> bool:
        """Return whether this actor has `permission`."""
        return self.role == "system" or permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raise Refused unless this actor has `permission`."""
        if not self.may(permission):
            raise Refused


def system(part: str) -> Actor:
    """Return the actor for a part of the platform, such as `engine` or `worker`."""
    return Actor(id=None, name=part, role="system")
