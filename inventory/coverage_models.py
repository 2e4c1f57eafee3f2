"""Table of what is known of units over time: connectivity, electricity, disadvantaged status."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal


class UnitFactRow(Base):
    """What is known of a unit from the day `since` until the next of its kind, or until the day before `until`.

    What was known before stays: of one kind and day there is one, and the newest that has begun is the one that holds.
    """

    __tablename__ = "unit_fact"
    __table_args__ = (
        CheckConstraint("until IS NULL OR until > since", name="ends_after_it_begins"),
        CheckConstraint("cardinality(value) > 0", name="says_something"),
    )

    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[date] = mapped_column(primary_key=True)
    until: Mapped[date | None]
    value: Mapped[list[str]] = mapped_column(ARRAY(Text))
    source: Mapped[str]
    measured: Mapped[bool]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str] = mapped_column(info=personal("Who wrote it down", kept="as long as the fact"))
