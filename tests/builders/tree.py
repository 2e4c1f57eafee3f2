"""Questions that tests ask of the tree."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date

from sqlalchemy import Select, select

from inventory.models import OfficePeriodRow
from inventory.tree import below


def offices_below(units: Sequence[uuid.UUID], day: date) -> Select[uuid.UUID]:
    """Return a statement for the ids of the offices that belong to these units, or to one below them, on `day`."""
    return select(OfficePeriodRow.office_id).where(
        OfficePeriodRow.unit_id.in_(below(units, day)), OfficePeriodRow.valid.contains(day)
    )
