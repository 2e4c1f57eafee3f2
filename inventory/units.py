"""Administrative units: what one is. Levels are data, and everything about a unit holds for a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Level(StrEnum):
    """A level of the administration, from the top down. `district` ended in Vietnam on 1 July 2025."""

    CENTRAL = "central"
    PROVINCE = "province"
    DISTRICT = "district"
    COMMUNE = "commune"
    VILLAGE = "village"


@dataclass(frozen=True, slots=True)
class UnitView:
    """A unit on one date.

    Attributes:
        code: Stable code.
        name: Vietnamese name on that date.
        name_en: English name; the Vietnamese one where there is none.
        level: Its level.
        parent: Code of the unit above it on that date; None at the top.
        valid_from: First day of the unit.
        valid_to: First day on which it is no more; None while it lasts.
        successors: Codes of the units that took its place.
    """

    code: str
    name: str
    name_en: str
    level: Level
    parent: str | None
    valid_from: date
    valid_to: date | None
    successors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfficeView:
    """A place of the programme with equipment in it."""

    code: str
    name: str
    unit: str
    unit_name: str
    address: str
    latitude: float | None
    longitude: float | None
    devices: int
