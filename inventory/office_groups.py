"""Groups of offices as people name them: "all communes of Lâm Đồng", with how many offices that means."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from inventory.access import narrow_offices
from inventory.models import OfficeRow, UnitAncestryRow, UnitLevelRow, UnitPeriodRow, UnitRow
from inventory.search import has_words, words_of
from inventory.tree import below
from inventory.units import day_of
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction
from kernel.i18n import without_accents

LEAST = 2
"""Fewer offices are no group: they are found by their names."""


@dataclass(frozen=True, slots=True)
class OfficeGroup:
    """The offices in units of one level that lie below a unit.

    Attributes:
        unit: Code of the unit above.
        name: Its name.
        name_en: Its English name.
        level: Code of the level.
        level_name: Its name.
        level_name_en: Its English name.
        offices: How many offices that are.
    """

    unit: str
    name: str
    name_en: str
    level: str
    level_name: str
    level_name_en: str
    offices: int


async def office_groups(
    actor: Actor, tx: Transaction, among: Select[uuid.UUID], permission: Permission, *, query: str = "", limit: int = 6
) -> list[OfficeGroup]:
    """Return the largest groups that offices of `among` (ids) form where `actor` holds `permission`.

    Args:
        actor: Who asks.
        tx: The transaction.
        among: Ids of the offices that count, such as those that have a room.
        permission: What the actor has to hold for an office.
        query: Words that the unit above or the level has in its name; accents may be missing.
        limit: Most groups in the answer.
    """
    today = day_of(tx.now())
    over, period = aliased(UnitRow), aliased(UnitPeriodRow)
    number = func.count(OfficeRow.id)
    statement = (
        select(
            over.code, period.name, period.name_en,
            UnitLevelRow.code, UnitLevelRow.name, UnitLevelRow.name_en, number,
        )
        .select_from(OfficeRow)
        .join(UnitRow, UnitRow.id == OfficeRow.unit_id)
        .join(UnitLevelRow, UnitLevelRow.code == UnitRow.level)
        .join(
            UnitAncestryRow,
            and_(
                UnitAncestryRow.unit_id == UnitRow.id, UnitAncestryRow.ancestor_id != UnitRow.id,
                UnitAncestryRow.since <= today, UnitAncestryRow.until > today,
            ),
        )
        .join(over, over.id == UnitAncestryRow.ancestor_id)
        .join(period, and_(period.unit_id == over.id, period.valid.contains(today)))
        .where(OfficeRow.id.in_(among))
        .group_by(over.code, period.name, period.name_en, UnitLevelRow.code, UnitLevelRow.name, UnitLevelRow.name_en)
        .having(number >= LEAST)
        .order_by(number.desc(), period.name, UnitLevelRow.code)
        .limit(limit)
    )  # fmt: skip
    for word in words_of(query):
        level_name = func.unaccent(func.lower(UnitLevelRow.name))
        statement = statement.where(
            or_(has_words(word, period.folded), func.strpos(level_name, without_accents(word).lower()) > 0)
        )
    rows = await tx.session.execute(narrow_offices(statement, actor, today, permission))
    return [OfficeGroup(*row) for row in rows]


def group_members(unit: str, level: str, tx: Transaction) -> Select[uuid.UUID]:
    """Return the statement for the ids of the offices in units of `level` at or below `unit` (codes), today."""
    top = select(UnitRow.id).where(UnitRow.code == unit)
    return (
        select(OfficeRow.id)
        .join(UnitRow, UnitRow.id == OfficeRow.unit_id)
        .where(UnitRow.level == level, UnitRow.id.in_(below(top, day_of(tx.now()))))
    )
