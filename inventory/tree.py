"""Questions about the dated tree, as parts of other statements: what lies below a unit, and above it, on a date.

They read the ancestry, which is computed when the tree changes (`ancestry.py`): each is a look-up in an index, whatever
the size of the tree, and nothing climbs it when a question is asked.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Select, select

from inventory.models import UnitAncestryRow

Units = Sequence[uuid.UUID] | Select[Any]
"""Ids of units, or a statement that gives them."""


def below(unit_ids: Units, as_of: date) -> Select[uuid.UUID]:
    """Return a statement for the ids of these units and of all below them on `as_of`.

    A unit that does not exist on that date gives nothing; one that lies below two of them comes twice.
    """
    return select(UnitAncestryRow.unit_id).where(
        UnitAncestryRow.ancestor_id.in_(unit_ids), UnitAncestryRow.since <= as_of, UnitAncestryRow.until > as_of
    )


def above(unit_ids: Units, as_of: date) -> Select[uuid.UUID]:
    """Return a statement for the ids of these units and of all above them on `as_of`, under the same rules."""
    return select(UnitAncestryRow.ancestor_id).where(
        UnitAncestryRow.unit_id.in_(unit_ids), UnitAncestryRow.since <= as_of, UnitAncestryRow.until > as_of
    )
