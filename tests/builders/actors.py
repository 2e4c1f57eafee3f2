"""Actors for tests: with a role as the migrations make it, on the whole tree or at one unit."""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Mapping
from typing import Final

from kernel.actors import Actor, Hold, Permission, Place

_shipped: Mapping[str, str] = importlib.import_module("api.migrations.versions.0007_grants").PERMISSIONS

ROLES: Final = {code: frozenset(Permission(one) for one in allowed.split()) for code, allowed in _shipped.items()}
"""What each role allows on a fresh platform."""


def account_actor(account: uuid.UUID, name: str, role: str, *within: Place) -> Actor:
    """Return what an account is that was granted `role`, on the whole tree unless it is bounded."""
    return Actor(account, name, (Hold(role, ROLES[role], within),))
