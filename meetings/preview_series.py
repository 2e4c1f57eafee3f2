"""Says which meetings a series would have before anybody books it: each with its day, and what a day off does to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from inventory.public import MEETINGS_BOOK
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from meetings.book_series import SeriesRequest, planned, read_pattern
from meetings.conflicts import FARTHEST
from meetings.series import calendar_of

Fate = Literal["as-planned", "moved", "left-out", "on-holiday"]


@dataclass(frozen=True, slots=True)
class PlannedMeeting:
    """One meeting that the rule gives.

    Attributes:
        original: Local time that the rule gives it.
        starts_at: When it would begin; None where it is left out.
        fate: What a day off does to it; `on-holiday`: it stays on one.
        holiday: Name of that day; empty where it is none.
    """

    original: datetime
    starts_at: datetime | None
    fate: Fate
    holiday: str


async def preview_series(request: SeriesRequest, actor: Actor, tx: Transaction) -> list[PlannedMeeting]:
    """Return what the rule of `request` gives in the next 18 months, in its order. Nothing is written.

    Raises:
        Refused: The role may not book.
        BadRule, BadTime: There is no such series.
    """
    actor.require(MEETINGS_BOOK)
    pattern = read_pattern(request, tx.now())
    until = tx.now() + FARTHEST
    calendar = await calendar_of(tx)
    given = await planned(tx, replace(pattern, on_holiday="keep"), until)
    real = {one.original: one for one in await planned(tx, pattern, until)}
    names = {day.day: day.name for year in {one.original.year for one in given} for day in calendar.official_days(year)}
    found = []
    for one in given:
        now = real.get(one.original)
        off = calendar.is_off(one.original.date())
        fate: Fate = "on-holiday" if off else "as-planned"
        if now is None:
            fate = "left-out"
        elif now.starts_at != one.starts_at:
            fate = "moved"
        starts_at = now.starts_at if now else None
        found.append(PlannedMeeting(one.original, starts_at, fate, names.get(one.original.date(), "") if off else ""))
    return found
