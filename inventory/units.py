"""Administrative units: what one is. Levels are data, and everything about a unit holds for a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

PROVINCE: Final = "province"
"""Code of the level under which the board gathers offices. Which levels there are is data (`unit_level`)."""

LAW: Final = ZoneInfo("Asia/Ho_Chi_Minh")
"""Where the days of the administration begin, whatever zone a reader has."""


def day_of(at: datetime) -> date:
    """Return the day of the administration at the aware instant `at`."""
    return at.astimezone(LAW).date()


def start_of(day: date) -> datetime:
    """Return the aware instant at which `day` begins for the administration."""
    return datetime.combine(day, time(), LAW)


@dataclass(frozen=True, slots=True)
class Level:
    """A level of the administration.

    Attributes:
        code: Stable code, such as `commune`.
        position: A unit lies below units of a smaller position only.
        name: Vietnamese name.
        name_en: English name.
        valid_from: First day on which units may have it; None: as long as anybody remembers.
        valid_to: First day on which none may have it any more; None while it lasts.
    """

    code: str
    position: int
    name: str
    name_en: str
    valid_from: date | None
    valid_to: date | None

    def lasts_on(self, day: date) -> bool:
        """Return whether units may have this level on `day`."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True)
class UnitView:
    """A unit on one date.

    Attributes:
        code: Stable code.
        name: Vietnamese name on that date.
        name_en: English name; the Vietnamese one where there is none.
        level: Code of its level.
        parent: Code of the unit above it on that date; None at the top.
        valid_from: First day of the unit.
        valid_to: First day on which it is no more; None while it lasts.
        successors: Codes of the units that took its place.
        predecessors: Codes of the units whose place it took.
    """

    code: str
    name: str
    name_en: str
    level: str
    parent: str | None
    valid_from: date
    valid_to: date | None
    successors: tuple[str, ...] = ()
    predecessors: tuple[str, ...] = ()
