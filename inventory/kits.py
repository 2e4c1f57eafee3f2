"""Standard kits: what equipment a kind of office on a level of the administration has to have, from which day on.

A newer version leaves the older ones as they were, so that the gap of any day of the past is still that of then.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import delete, select

from inventory.access import INVENTORY_CHANGE, INVENTORY_READ
from inventory.devices import Role
from inventory.errors import ChangedMeanwhile, CodeTaken, KitForAnother, KitVersionBegun
from inventory.kit_models import KitItemRow, KitRow, KitVersionRow
from inventory.models import UnitLevelRow
from inventory.offices import OfficeKind
from inventory.programme_file import CODE
from inventory.units import day_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from kernel.ids import new_id

MOST_OF_ONE: Final = 1_000
MOST_LETTERS: Final = 200


class Per(StrEnum):
    """For what the number of a kit's item is."""

    OFFICE = "office"
    ROOM = "room"
    """For each meeting room of the office."""


@dataclass(frozen=True, slots=True)
class KitItem:
    """So many devices of a role, for the office or for each of its meeting rooms."""

    role: Role
    number: int
    per: Per = Per.OFFICE


@dataclass(frozen=True, slots=True)
class KitVersion:
    """What a kit is from the day `since` on."""

    since: date
    items: tuple[KitItem, ...]


@dataclass(frozen=True, slots=True)
class KitView:
    """A kit with its versions, the newest first.

    Attributes:
        code: Stable code, such as `commune-office`.
        name: What people call it.
        office_kind: Kind of office that it is for; empty: every kind.
        level: Level of the office's unit; empty: every level. Of several kits that fit, the kind counts most.
        versions: At least one.
    """

    code: str
    name: str
    office_kind: str
    level: str
    versions: tuple[KitVersion, ...]

    def on(self, day: date) -> KitVersion | None:
        """Return the version that holds on `day`; None before the first."""
        return next((version for version in self.versions if version.since <= day), None)


async def kits(actor: Actor, tx: Transaction) -> list[KitView]:
    """Return all kits by code; two statements."""
    actor.require(INVENTORY_READ)
    return await _views(tx)


async def kit_for(actor: Actor, code: str, tx: Transaction) -> KitView:
    """Return one kit; NotFound if there is none."""
    actor.require(INVENTORY_READ)
    found = await _views(tx, code)
    if not found:
        raise NotFound(kind="kit", code=code[:100])
    return found[0]


async def create_kit(actor: Actor, tx: Transaction, kit: KitView) -> KitView:
    """Add a kit with its first version, which may have begun already, and return it.

    Raises:
        Refused: `actor` may not change the whole tree.
        CodeTaken: There is such a kit.
        KitForAnother: There is a kit for this kind and level.
        BadInput: What is wrong with it.
    """
    actor.require_everywhere(INVENTORY_CHANGE)
    if not CODE.fullmatch(kit.code):
        raise BadInput(what="The code", why="small letters a to z, digits and hyphens, at most 63")
    await _checked(tx, kit)
    if await tx.session.scalar(select(KitRow.id).where(KitRow.code == kit.code)) is not None:
        raise CodeTaken(kind="kit", code=kit.code)
    await _alone(tx, kit)
    row = KitRow(id=new_id(), code=kit.code, name=kit.name.strip(), office_kind=kit.office_kind, level=kit.level)
    tx.session.add(row)
    await tx.session.flush()
    for version in kit.versions:
        await _save(tx, row.id, version)
    after = await kit_for(actor, kit.code, tx)
    tx.audit(actor, "kit.created", f"kit:{kit.code}", after=_plain(after))
    return after


async def change_kit(
    actor: Actor,
    tx: Transaction,
    code: str,
    unchanged: Callable[[Any], bool],
    *,
    name: str | None = None,
    version: KitVersion | None = None,
) -> KitView:
    """Rename a kit, or give it another version from today or a later day on; return it.

    Raises:
        Refused: `actor` may not change the whole tree.
        NotFound: There is no such kit.
        ChangedMeanwhile: It is not any more what the editor saw.
        KitVersionBegun: The version would rewrite the past.
        BadInput: What is wrong with it.
    """
    actor.require_everywhere(INVENTORY_CHANGE)
    row = await tx.session.scalar(select(KitRow).where(KitRow.code == code).with_for_update())
    if row is None:
        raise NotFound(kind="kit", code=code[:100])
    before = await kit_for(actor, code, tx)
    if not unchanged(before):
        raise ChangedMeanwhile(what=f"The kit {code}")
    if name is not None:
        row.name = _name(name)
    if version is not None:
        _items(version)
        if version.since < day_of(tx.now()):
            raise KitVersionBegun(kit=code, day=version.since.isoformat())
        await _save(tx, row.id, version)
    await tx.session.flush()
    after = await kit_for(actor, code, tx)
    if after != before:
        tx.audit(actor, "kit.changed", f"kit:{code}", before=_plain(before), after=_plain(after))
    return after


def items_of(numbers: Mapping[tuple[str, str], int]) -> tuple[KitItem, ...]:
    """Return the items of a kit from numbers by role and what they are for; those of 0 are left out.

    Raises:
        BadInput: A role or a number is none.
    """
    items = []
    for (role, per), number in numbers.items():
        if role not in set(Role) or per not in set(Per):
            raise BadInput(what=f"The item {role} for each {per}", why=f"choose a role of: {', '.join(Role)}")
        if number:
            items.append(KitItem(Role(role), number, Per(per)))
    return tuple(items)


async def _views(tx: Transaction, code: str | None = None) -> list[KitView]:
    statement = select(KitRow).order_by(KitRow.code)
    if code is not None:
        statement = statement.where(KitRow.code == code)
    rows = list(await tx.session.scalars(statement.execution_options(populate_existing=True)))
    items = (
        select(KitVersionRow.kit_id, KitVersionRow.since, KitItemRow.role, KitItemRow.number, KitItemRow.per)
        .outerjoin(KitItemRow, KitItemRow.version_id == KitVersionRow.id)
        .where(KitVersionRow.kit_id.in_([row.id for row in rows]))
        .order_by(KitVersionRow.since.desc(), KitItemRow.role, KitItemRow.per)
    )
    found: dict[uuid.UUID, dict[date, list[KitItem]]] = {}
    for kit_id, since, role, number, per in await tx.session.execute(items):
        of_it = found.setdefault(kit_id, {}).setdefault(since, [])
        if role is not None:
            of_it.append(KitItem(Role(role), number, Per(per)))
    return [
        KitView(
            row.code, row.name, row.office_kind, row.level,
            tuple(KitVersion(since, tuple(items)) for since, items in found.get(row.id, {}).items()),
        )
        for row in rows
    ]  # fmt: skip


async def _save(tx: Transaction, kit_id: uuid.UUID, version: KitVersion) -> None:
    found = select(KitVersionRow).where(KitVersionRow.kit_id == kit_id, KitVersionRow.since == version.since)
    row = await tx.session.scalar(found)
    if row is None:
        row = KitVersionRow(id=new_id(), kit_id=kit_id, since=version.since)
        tx.session.add(row)
        await tx.session.flush()
    await tx.session.execute(delete(KitItemRow).where(KitItemRow.version_id == row.id))
    tx.session.add_all(
        KitItemRow(version_id=row.id, role=item.role, per=item.per, number=item.number) for item in version.items
    )
    await tx.session.flush()


async def _checked(tx: Transaction, kit: KitView) -> None:
    _name(kit.name)
    if kit.office_kind and kit.office_kind not in set(OfficeKind):
        raise BadInput(what="The kind of office", why=f"choose one of: {', '.join(OfficeKind)}")
    if kit.level:
        levels = set(await tx.session.scalars(select(UnitLevelRow.code)))
        if kit.level not in levels:
            raise BadInput(what="The level", why=f"choose one of: {', '.join(sorted(levels))}")
    if not kit.versions:
        raise BadInput(what="The kit", why="say what is in it, and from which day on")
    for version in kit.versions:
        _items(version)


async def _alone(tx: Transaction, kit: KitView) -> None:
    statement = select(KitRow.code).where(KitRow.office_kind == kit.office_kind, KitRow.level == kit.level)
    if (other := await tx.session.scalar(statement)) is not None:
        raise KitForAnother(kit=other)


def _items(version: KitVersion) -> None:
    if not version.items:
        raise BadInput(what="The kit", why="it has at least one device")
    if len({(item.role, item.per) for item in version.items}) < len(version.items):
        raise BadInput(what="The kit", why="each role stands once for the office and once for each room")
    if any(not 0 < item.number <= MOST_OF_ONE for item in version.items):
        raise BadInput(what="The number", why=f"from 1 to {MOST_OF_ONE}")


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MOST_LETTERS:
        raise BadInput(what="The name", why=f"1 to {MOST_LETTERS} characters")
    return name


def _plain(kit: KitView) -> dict[str, Any]:
    versions: Sequence[KitVersion] = kit.versions
    return {
        "name": kit.name, "office_kind": kit.office_kind, "level": kit.level,
        "versions": [
            {"since": one.since.isoformat(), "items": [asdict(item) for item in one.items]} for one in versions
        ],
    }  # fmt: skip
