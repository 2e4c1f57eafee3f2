"""An event: an immutable fact that leaves in the transaction that made it true.

Delivery is at least once, so that whoever reacts must be idempotent by `Event.id`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Base of a domain's events: a frozen dataclass with JSON-able fields and a `name` such as `alert.raised`."""

    name: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Event:
    """A fact as it is delivered.

    Attributes:
        id: UUIDv7, the same at every delivery.
        name: The fact's name, such as `alert.raised`.
        at: When its transaction said that it happened (aware UTC).
        actor: Who did it, as text.
        data: The fact's fields as JSON.
    """

    id: uuid.UUID
    name: str
    at: datetime
    actor: str
    data: dict[str, Any]
