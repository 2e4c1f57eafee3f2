"""Days in the address of a page: what a reader chose in a date field, which may be empty."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query

from kernel.errors import BadInput

DayAsked = Annotated[str, Query(max_length=20)]


def day_asked(text: str) -> date | None:
    """Return the day that `text` names as 2026-11-24; None if it is empty.

    Raises:
        BadInput: It is no day.
    """
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise BadInput(what="The day", why="write it as 2026-11-24") from None


def day_needed(text: str) -> date:
    """Return the day that `text` names.

    Raises:
        BadInput: It is no day, or none was given.
    """
    day = day_asked(text)
    if day is None:
        raise BadInput(what="The day", why="write it as 2026-11-24")
    return day
