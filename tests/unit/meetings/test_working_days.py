"""Which days are off: Tet by the lunar calendar of Vietnam, the swaps of each year, what was entered here."""

from __future__ import annotations

from datetime import date

import pytest

from meetings.working_days import Calendar, OfficialDay
from tests.unit.meetings.lunar import tet


@pytest.mark.parametrize(
    ("year", "day"),
    [(1985, date(1985, 1, 21)), (2007, date(2007, 2, 17)), (2026, date(2026, 2, 17)), (2030, date(2030, 2, 2)),
     (2053, date(2053, 2, 18))],
)  # fmt: skip
def test_the_oracle_knows_the_years_in_which_china_has_another_day(year: int, day: date) -> None:
    assert tet(year) == day


def test_the_first_day_of_tet_is_off_from_1976_to_2099() -> None:
    calendar = Calendar()
    names = {
        year: {day.day for day in calendar.official_days(year) if day.name == "Tết Nguyên Đán" and day.off}
        for year in range(1976, 2100)
    }
    assert len(names) == 124
    assert {year for year, found in names.items() if tet(year) not in found} == set()


def test_the_swap_of_2026_is_known_and_a_worked_saturday_is_worked() -> None:
    calendar = Calendar()
    assert calendar.is_off(date(2026, 8, 31))
    assert calendar.is_worked(date(2026, 8, 22))
    assert not calendar.is_worked(date(2026, 8, 23))
    assert not calendar.is_off(date(2026, 8, 29)), "a common Saturday is no official day off"


def test_what_was_entered_wins_over_the_law() -> None:
    worked, off = date(2026, 9, 2), date(2026, 11, 25)
    calendar = Calendar(
        {worked: OfficialDay(worked, off=False, name="Làm việc"), off: OfficialDay(off, off=True, name="Nghỉ bão")}
    )
    assert (calendar.is_off(worked), calendar.is_worked(worked)) == (False, True)
    assert (calendar.is_off(off), calendar.is_worked(off)) == (True, False)
    days = {day.day: day.name for day in calendar.official_days(2026)}
    assert (days[worked], days[off]) == ("Làm việc", "Nghỉ bão")


def test_after_tet_comes_the_first_working_day() -> None:
    assert Calendar().next_working_day(date(2026, 2, 13)) == date(2026, 2, 23)
