"""When windows are open, and what is refused as one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inventory.windows import WindowKind, WindowWish, checked, next_open, now_open, openings
from kernel.errors import BadInput
from kernel.recurrence import BadRule

SATURDAY = datetime(2026, 11, 21, 22)  # noqa: DTZ001 - local, as windows have it
NIGHT = WindowWish(WindowKind.MAINTENANCE, "Đêm thứ bảy", SATURDAY, 120, unit="ld", rule="FREQ=WEEKLY;BYDAY=SA")
START = datetime(2026, 11, 21, tzinfo=UTC)


def test_a_rule_opens_at_the_same_local_time_each_week() -> None:
    found = openings(NIGHT, START, START + timedelta(days=15))
    assert [one.starts_at for one in found] == [
        datetime(2026, 11, 21, 15, tzinfo=UTC), datetime(2026, 11, 28, 15, tzinfo=UTC),
        datetime(2026, 12, 5, 15, tzinfo=UTC),
    ]  # fmt: skip
    assert found[0].ends_at - found[0].starts_at == timedelta(hours=2)


def test_what_opened_before_and_is_still_open_counts() -> None:
    at = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)
    found = openings(NIGHT, at, at + timedelta(minutes=1))
    assert now_open(found, WindowKind.MAINTENANCE, at) == found[0]
    assert now_open(found, WindowKind.BLACKOUT, at) is None
    assert openings(NIGHT, at + timedelta(minutes=30), at + timedelta(hours=1)) == [], "its end is not in it"


def test_the_next_one_is_the_soonest_that_has_not_begun() -> None:
    found = openings(NIGHT, START, START + timedelta(days=15))
    ahead = next_open(found, WindowKind.MAINTENANCE, found[0].starts_at)
    assert ahead == found[1]


def test_a_window_without_a_rule_is_open_once_also_over_a_change_of_clocks() -> None:
    twice = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001 - local, as windows have it
    once = replace(NIGHT, rule="", zone="Europe/Berlin", first_local=twice, minutes=60)
    (found,) = openings(once, datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 27, tzinfo=UTC))
    assert found.starts_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "the first of the two half past two"


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": "  "}, {"title": "x" * 201}, {"unit": None}, {"office": "ps"}, {"minutes": 0}, {"minutes": 10**6},
        {"zone": "Nowhere/Else"}, {"zone": "../etc/passwd"}, {"first_local": START},
        {"first_local": datetime(1, 1, 1), "rule": ""}, {"first_local": datetime(9999, 12, 31), "rule": ""},  # noqa: DTZ001
    ],
)  # fmt: skip
def test_what_cannot_be_a_window_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        checked(replace(NIGHT, **wrong))


@pytest.mark.parametrize(
    "rule", ["FREQ=HOURLY", "nonsense", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31", "FREQ=DAILY;COUNT=1;UNTIL=20300101"]
)
def test_a_rule_that_cannot_be_is_refused(rule: str) -> None:
    with pytest.raises(BadRule):
        checked(replace(NIGHT, rule=rule))


def test_a_window_begins_at_the_first_time_that_its_rule_gives() -> None:
    assert checked(replace(NIGHT, rule="FREQ=WEEKLY;BYDAY=MO")).first_local == SATURDAY + timedelta(days=2)
