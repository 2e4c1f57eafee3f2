"""At which hours of the week offices are often cut off, from what went wrong in the last weeks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from meetings.risk import Outage, during, risky_hours

NOW = datetime(2026, 11, 24, 1, 26, tzinfo=UTC)
TUESDAY_NINE = datetime(2026, 11, 17, 2, tzinfo=UTC)
"""A week ago, in Vietnam; the hour 24 + 9 of the week."""

HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)


def line(*weeks_ago: int, minutes: int = 20, office: str = "ps") -> list[Outage]:
    begins = [TUESDAY_NINE + HOUR - WEEK * (weeks - 1) - timedelta(minutes=40) for weeks in weeks_ago]
    return [Outage(office, "line", begin, begin + timedelta(minutes=minutes)) for begin in begins]


def test_what_happened_twice_at_an_hour_is_a_risk_and_what_happened_once_is_chance() -> None:
    assert risky_hours(line(1, 3, 5), NOW) == {"ps": {33: ("line", 3)}}
    assert risky_hours(line(2), NOW) == {}
    assert risky_hours([*line(2), *line(2)], NOW) == {}, "twice in one week is once"


def test_what_is_older_than_eight_weeks_or_shorter_than_two_minutes_does_not_count() -> None:
    assert risky_hours(line(1, 9, 10), NOW) == {}
    assert risky_hours(line(1, 2, minutes=1), NOW) == {}


def test_an_outage_that_lasts_still_counts_in_all_its_hours_and_no_hour_ahead() -> None:
    found = risky_hours([Outage("ps", "power", NOW - 8 * WEEK, None)], NOW)["ps"]
    assert len(found) == 168
    assert set(found.values()) == {("power", 8)}


def test_the_worst_hour_of_a_meeting_is_told_and_its_edges_are_half_open() -> None:
    hours = risky_hours([*line(1, 2, 3), *line(1, 2, office="sl")], NOW)["ps"]
    nine = TUESDAY_NINE + WEEK
    assert during(hours, nine, nine + HOUR) == ("line", 3)
    assert during(hours, nine - HOUR, nine) is None
    assert during(hours, nine + HOUR, nine + 2 * HOUR) is None
    assert during(hours, nine - HOUR, nine + timedelta(seconds=1)) == ("line", 3)
