"""What was typed into the form that books a meeting, and what it means."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.web.booking_form import ENDS_FIRST, NO_DAY, NO_TIME, Typed, read_day, read_time, suggested, times_of_day

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
WHOLE = Typed("Họp", "2026-11-25", "09:00", "10:30", ("ps-room",))


@pytest.mark.parametrize("text", ["2026-11-25", "25/11/2026", " 25.11.2026 ", "25-11-2026"])
def test_a_day_is_read_as_browsers_send_it_and_as_people_write_it(text: str) -> None:
    assert read_day(text) == date(2026, 11, 25)


@pytest.mark.parametrize(
    "text", ["", "25/11", "11/25/2026", "2026-02-30", "0/0/0000", "²/1/2026", "tomorrow", "9" * 99]
)
def test_what_is_no_day_is_none(text: str) -> None:
    assert read_day(text) is None


@pytest.mark.parametrize("text", ["09:30", "9:30", "9h30", "9g30", "09.30", "09:30:00", " 9H30 "])
def test_a_time_is_read_as_browsers_send_it_and_as_people_write_it(text: str) -> None:
    assert read_time(text) == time(9, 30)


@pytest.mark.parametrize("text", ["", "24:00", "9:60", "-1:00", "soon", "9:3", "²:00", "9" * 99])
def test_what_is_no_time_is_none(text: str) -> None:
    assert read_time(text) is None


@given(st.text(), st.text(), st.text())
def test_whatever_was_typed_is_a_time_or_has_mistakes_at_its_fields(day: str, begin: str, end: str) -> None:
    typed = Typed("Họp", day, begin, end, ("ps-room",))
    assert (typed.times(ZONE) is None) == bool(typed.mistakes())
    assert typed.mistakes().keys() <= {"day", "begin", "end"}


def test_times_are_those_of_the_zone() -> None:
    times = WHOLE.times(ZONE)
    assert times is not None
    assert times.starts_at.astimezone(UTC) == datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
    assert times.ends_at.astimezone(UTC) == datetime(2026, 11, 25, 3, 30, tzinfo=UTC)
    assert WHOLE.mistakes() == {}


def test_mistakes_are_told_in_the_order_of_the_form() -> None:
    assert list(Typed().mistakes()) == ["title", "day", "begin", "end", "rooms"]
    assert Typed("x", "x", "x", "10:00", ("a",)).mistakes() == {"day": NO_DAY, "begin": NO_TIME}
    assert Typed("x", "2026-11-25", "10:00", "10:00", ("a",)).mistakes() == {"end": ENDS_FIRST}


@pytest.mark.parametrize(
    ("now", "day", "begin", "end"),
    [
        ((9, 2), "2026-11-24", "10:00", "11:00"),
        ((9, 31), "2026-11-24", "10:30", "11:30"),
        ((3, 0), "2026-11-24", "08:00", "09:00"),
        ((16, 40), "2026-11-25", "08:00", "09:00"),
        ((23, 50), "2026-11-25", "08:00", "09:00"),
    ],
)
def test_an_empty_form_suggests_an_hour_of_work(now: tuple[int, int], day: str, begin: str, end: str) -> None:
    typed = suggested(datetime(2026, 11, 24, *now, tzinfo=ZONE), ZONE)
    assert (typed.day, typed.begin, typed.end) == (day, begin, end)


def test_the_list_of_times_has_quarters_of_an_hour_and_whatever_was_typed() -> None:
    assert times_of_day("09:00")[:3] == ["00:00", "00:15", "00:30"]
    assert len(times_of_day("")) == len(times_of_day("09:00")) == 96
    assert "09:07" in times_of_day("09:07")
