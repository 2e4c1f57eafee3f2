"""Search that forgives: words in any order, small letters for large, accents left out; quick while somebody types.

What is searched stands in the database in plain letters (`folded`), with an index of its trigrams.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from sqlalchemy import ARRAY, ColumnElement, Select, Uuid, and_, any_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from inventory.access import narrow_offices, narrow_units
from inventory.models import DeviceRow, OfficeRow, UnitPeriodRow, UnitRow
from inventory.units import day_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.i18n import without_accents

MOST_WORDS: Final = 8
MOST_FOUND: Final = 50
MOST_LETTERS: Final = 100
TRIGRAM: Final = 3

Kind = Literal["unit", "office", "device"]
Folded = ColumnElement[str] | InstrumentedAttribute[str]


@dataclass(frozen=True, slots=True)
class Found:
    """Something that was found: `place` tells where it is, for two of one name."""

    kind: Kind
    code: str
    name: str
    place: str


def words_of(query: str) -> list[str]:
    """Return the words of `query` in plain small letters, the first few of them."""
    return without_accents(query[:MOST_LETTERS]).lower().split()[:MOST_WORDS]


def has_words(query: str, folded: Folded) -> ColumnElement[bool]:
    """Return the condition that the plain letters in `folded` hold every word of `query`."""
    return and_(*(_holds(folded, word) for word in words_of(query)))


def in_device(query: str, as_of: date) -> ColumnElement[bool]:
    """Return the condition on `DeviceRow`: every word of `query` is in the device, its office, or the office's unit."""
    return and_(
        *(
            or_(_holds(DeviceRow.folded, word), _one_of(DeviceRow.office_id, _offices(word, as_of), word))
            for word in words_of(query)
        )
    )


def in_office(query: str, as_of: date) -> ColumnElement[bool]:
    """Return the condition on `OfficeRow`: every word of `query` is in the office or in its unit's name."""
    return and_(*(_office_or_unit(word, as_of) for word in words_of(query)))


async def search(actor: Actor, tx: Transaction, query: str, *, limit: int = 10) -> list[Found]:
    """Return what `actor` may see and `query` fits: at most `limit` units, then offices, then devices.

    Units and offices that hold the words as they stand come first, and short names before long ones; devices come by
    code. It takes three statements, whatever there is.
    """
    if not words_of(query):
        return []
    today = day_of(tx.now())
    limit = min(limit, MOST_FOUND)
    parent = aliased(UnitPeriodRow)
    units = narrow_units(
        select(UnitRow.code, UnitPeriodRow.name, func.coalesce(parent.name, ""))
        .join(UnitPeriodRow, and_(UnitPeriodRow.unit_id == UnitRow.id, UnitPeriodRow.valid.contains(today)))
        .outerjoin(parent, and_(parent.unit_id == UnitPeriodRow.parent_id, parent.valid.contains(today)))
        .where(has_words(query, UnitPeriodRow.folded))
        .order_by(*_best(query, UnitPeriodRow.folded), UnitRow.code)
        .limit(limit),
        actor,
        today,
        today,
    )
    offices = narrow_offices(
        select(OfficeRow.code, OfficeRow.name, func.coalesce(UnitPeriodRow.name, ""))
        .outerjoin(UnitPeriodRow, and_(UnitPeriodRow.unit_id == OfficeRow.unit_id, UnitPeriodRow.valid.contains(today)))
        .where(in_office(query, today))
        .order_by(*_best(query, OfficeRow.folded), OfficeRow.code)
        .limit(limit),
        actor,
        today,
    )
    devices = narrow_offices(
        select(DeviceRow.code, DeviceRow.name, OfficeRow.name)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .where(in_device(query, today))
        .order_by(DeviceRow.code)  # they are many, and named alike: the order of the index spares a sort of all
        .limit(limit),
        actor,
        today,
    )
    kinds: tuple[tuple[Kind, Select[str, str, str]], ...] = (("unit", units), ("office", offices), ("device", devices))
    return [Found(kind, *row) for kind, statement in kinds for row in await tx.session.execute(statement)]


def _best(query: str, folded: Folded) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    phrase = " ".join(words_of(query))
    return func.strpos(folded, phrase) == 0, func.length(folded)


def _office_or_unit(word: str, as_of: date) -> ColumnElement[bool]:
    units = select(UnitPeriodRow.unit_id).where(_holds(UnitPeriodRow.folded, word), UnitPeriodRow.valid.contains(as_of))
    return or_(_holds(OfficeRow.folded, word), _one_of(OfficeRow.unit_id, units, word))


def _offices(word: str, as_of: date) -> Select[uuid.UUID]:
    office = select(OfficeRow.id).where(_office_or_unit(word, as_of))
    return office.correlate(None)


def _one_of(column: InstrumentedAttribute[uuid.UUID], ids: Select[uuid.UUID], word: str) -> ColumnElement[bool]:
    """Return the condition that the column is one of `ids`, in the form that is quick for so many of them."""
    if len(word) < TRIGRAM:  # no index helps, most rows fit, and the first few are enough: look each one up in a hash
        return column.in_(ids)
    # As an array, an index on the column may be joined with that on the words.
    return column == any_(func.array(ids.scalar_subquery(), type_=ARRAY(Uuid)))


def _holds(folded: Folded, word: str) -> ColumnElement[bool]:
    return folded.contains(word, autoescape=True)
