"""Hours of rooms: written as those of offices, in local time, and a meeting has to lie in them without a break."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from inventory.public import LAW
from meetings.opening import is_open

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("hours", "begin", "minutes", "found"),
    [
        ("", "2026-11-28T23:00", 120, True),
        ("Mo-Fr 07:30-11:30,13:30-17:00", "2026-11-25T07:30", 240, True),
        ("Mo-Fr 07:30-11:30,13:30-17:00", "2026-11-25T07:29", 10, False),
        ("Mo-Fr 07:30-11:30,13:30-17:00", "2026-11-25T11:00", 31, False),
        ("Mo-Fr 07:30-11:30,13:30-17:00", "2026-11-25T11:00", 180, False),
        ("Mo-Fr 07:30-11:30,11:30-17:00", "2026-11-25T11:00", 180, True),
        ("Mo-Fr 07:30-11:30", "2026-11-28T08:00", 30, False),
        ("Mo-Fr 07:30-11:30; Sa 08:00-11:00", "2026-11-28T08:00", 30, True),
        ("Sa-Mo 00:00-24:00", "2026-11-28T23:00", 120, True),
        ("Sa-Mo 00:00-24:00", "2026-11-30T23:00", 120, False),
        ("Mo,We 00:00-24:00", "2026-11-25T10:00", 30, True),
    ],
)
def test_a_meeting_lies_in_the_hours_or_not(hours: str, begin: str, minutes: int, *, found: bool) -> None:
    at = datetime.fromisoformat(begin).replace(tzinfo=LAW)
    assert is_open(hours, at, at + minutes * MINUTE) is found


def test_seconds_beyond_an_edge_are_outside() -> None:
    at = datetime(2026, 11, 25, 7, 30, tzinfo=LAW)
    assert not is_open("We 07:30-08:30", at - timedelta(seconds=1), at + 30 * MINUTE)
    assert not is_open("We 07:30-08:30", at, at + timedelta(minutes=60, seconds=1))
