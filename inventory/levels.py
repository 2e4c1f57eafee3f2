"""Levels of the administration are rows: a law that adds one needs no release."""

from __future__ import annotations

from sqlalchemy import select

from inventory.access import INVENTORY_CHANGE
from inventory.models import UnitLevelRow
from inventory.programme_file import CODE
from inventory.tree_changes import hold_tree
from inventory.units import Level
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput
from kernel.sentences import Sentence


async def set_level(actor: Actor, tx: Transaction, level: Level) -> None:
    """Add a level, or change its names and time. Its position stays: units lie by it.

    Raises:
        Refused: `actor` may not change the whole tree.
        BadInput: It cannot be.
    """
    actor.require_everywhere(INVENTORY_CHANGE)
    if not CODE.fullmatch(level.code):
        raise BadInput(what="The code", why="small letters a to z, digits and hyphens, at most 63")
    if not level.name.strip() or not level.name_en.strip():
        raise BadInput(what="The name", why="a level has one in Vietnamese and one in English")
    if level.valid_from and level.valid_to and level.valid_to <= level.valid_from:
        raise BadInput(what="The time of the level", why="it ends before it begins")
    await hold_tree(tx)
    row = await tx.session.get(UnitLevelRow, level.code)
    other = await tx.session.scalar(
        select(UnitLevelRow.code).where(UnitLevelRow.position == level.position, UnitLevelRow.code != level.code)
    )
    if other is not None:
        raise BadInput(
            what=Sentence("The position {position}", position=level.position),
            why=Sentence("{other} has it", other=other),
        )
    before = None
    if row is None:
        row = UnitLevelRow(code=level.code, position=level.position)
        tx.session.add(row)
    else:
        before = {
            "name": row.name,
            "name_en": row.name_en,
            "valid_from": _day(row.valid_from),
            "valid_to": _day(row.valid_to),
        }
        if row.position != level.position:
            raise BadInput(
                what="The position", why=Sentence("it is {position}, and units lie by it", position=row.position)
            )
    row.name, row.name_en = level.name.strip(), level.name_en.strip()
    row.valid_from, row.valid_to = level.valid_from, level.valid_to
    after = {
        "name": row.name,
        "name_en": row.name_en,
        "valid_from": _day(row.valid_from),
        "valid_to": _day(row.valid_to),
    }
    tx.audit(actor, "level.set", f"level:{level.code}", before=before, after=after)


def _day(day: object) -> str | None:
    return None if day is None else str(day)
