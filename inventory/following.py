"""What moves with units and offices when the tree is reorganised: told before, and changed on the day.

Each kind of thing that hangs on the tree is a follower. Other domains have theirs; `api/glue.py` brings them together.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, func, literal, select

from inventory.models import DeviceRow, OfficeRow
from kernel.actors import Actor
from kernel.db.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Moved:
    """What a reorganisation moves.

    Attributes:
        day: First day on which it holds.
        heirs: Unit that ends to those that take its place; empty where none does. Before it is done, those that are yet
            to be made are left out.
        heir_names: The names of all of them.
        offices: Offices for which the way to the top is another one.
    """

    day: date
    heirs: Mapping[uuid.UUID, tuple[uuid.UUID, ...]]
    heir_names: Mapping[uuid.UUID, tuple[str, ...]]
    offices: tuple[uuid.UUID, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that moves; `before` and `after` are the names from its place to the top, where they are known."""

    code: str
    name: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class LinePage:
    """A page of what moves; `next_cursor` is None on the last."""

    lines: list[Line]
    next_cursor: str | None


class Follower(Protocol):
    """One kind of thing that hangs on units or offices."""

    @property
    def kind(self) -> str:
        """Return the name of the kind, in the plural, such as `bookings`."""
        ...

    async def count(self, moved: Moved, tx: Transaction) -> int:
        """Return how many of them move."""
        ...

    async def page(self, moved: Moved, tx: Transaction, *, limit: int, after: str | None) -> LinePage:
        """Return a page of those that move, in a fixed order."""
        ...

    async def follow(self, moved: Moved, actor: Actor, tx: Transaction) -> None:
        """Change what has to be changed, in the transaction that moves the tree."""
        ...


class Devices:
    """Devices go where their office goes, so there is nothing to change."""

    kind = "devices"

    async def count(self, moved: Moved, tx: Transaction) -> int:
        return await tx.session.scalar(select(func.count()).where(_theirs(moved))) or 0

    async def page(self, moved: Moved, tx: Transaction, *, limit: int, after: str | None) -> LinePage:
        statement = (
            select(DeviceRow.code, DeviceRow.name, OfficeRow.name)
            .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
            .where(_theirs(moved))
            .order_by(DeviceRow.code)
            .limit(limit + 1)
        )
        if after is not None:
            statement = statement.where(DeviceRow.code > after)
        lines = [Line(code, name, office, office) for code, name, office in await tx.session.execute(statement)]
        return LinePage(lines[:limit], lines[limit - 1].code if len(lines) > limit else None)

    async def follow(self, moved: Moved, actor: Actor, tx: Transaction) -> None:
        """Change nothing."""


def _theirs(moved: Moved) -> ColumnElement[bool]:
    return DeviceRow.office_id == any_(literal(list(moved.offices), ARRAY(Uuid)))
