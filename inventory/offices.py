"""Offices: what one is, who answers for it, and when somebody is there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class OfficeKind(StrEnum):
    """What an office is to the programme."""

    MANAGING_BODY = "managing-body"
    IMPLEMENTING_ORGANISATION = "implementing-organisation"
    MEETING_POINT = "meeting-point"


DAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_DAY = "|".join(DAYS)
_SPAN = r"(?:[01]\d|2[0-3]):[0-5]\d-(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)"
_RULE: Final = re.compile(rf"(?:{_DAY})(?:-(?:{_DAY}))?(?:,(?:{_DAY})(?:-(?:{_DAY}))?)* {_SPAN}(?:,{_SPAN})*")
MOST_HOURS: Final = 200


def mistake_in_hours(text: str) -> str | None:
    """Return what is wrong with `text` as hours, such as `Mo-Fr 07:30-11:30,13:30-17:00; Sa 08:00-11:00`, or None.

    They are written as OpenStreetMap's key `opening_hours` has them, of which this takes days with their times.
    """
    if len(text) > MOST_HOURS:
        return f"at most {MOST_HOURS} characters"
    for rule in text.split("; ") if text else ():
        if not _RULE.fullmatch(rule):
            return f"write days and times as Mo-Fr 07:30-11:30,13:30-17:00; this is none: {rule}"
        for span in rule.partition(" ")[2].split(","):
            begin, _, end = span.partition("-")
            if end <= begin:
                return f"{span} ends before it begins"
    return None


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody to reach at an office.

    Attributes:
        position: What they are there, such as `Chánh Văn phòng`.
        name: Their name.
        phone: Telephone number; empty if there is none.
        email: Address for mail; empty if there is none.
    """

    position: str
    name: str
    phone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class OfficeView:
    """A place of the programme with equipment in it.

    Attributes:
        code: Stable code, such as `ps`.
        name: What people call it.
        unit: Code of the unit that it belongs to.
        unit_name: Name of that unit.
        address: Where it stands.
        latitude: Degrees north; None if nobody wrote it down.
        longitude: Degrees east; None if nobody wrote it down.
        devices: How many devices stand in it.
        watched: How many of these are asked how they are: the active ones and those in maintenance.
        kind: What it is to the programme.
        hours: When somebody is there, as OpenStreetMap's opening_hours: `Mo-Fr 07:30-11:30,13:30-17:00`.
    """

    code: str
    name: str
    unit: str
    unit_name: str
    address: str
    latitude: float | None
    longitude: float | None
    devices: int
    kind: OfficeKind = OfficeKind.IMPLEMENTING_ORGANISATION
    hours: str = ""
    watched: int = 0
