"""What was typed into the form that books a meeting, and what it means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.web.booking_form import (
    ENDS_FIRST,
    NO_UNTIL,
    NO_WEEKDAY,
    TOO_LONG,
    Draft,
    Repeat,
    read,
    read_day,
    read_time,
    suggested,
    times_of_day,
)

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
WHOLE = Draft(
    "Họp", minutes="90", required=("ps", "sl"), optional=("hn",), first="2026-11-25", last="2026-11-26",
    begin="2026-11-25T09:00", rooms=("ps-room",), key="k",
)  # fmt: skip


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


ANY = st.text(max_size=30)


@given(st.dictionaries(st.sampled_from([*Draft().hidden(), "need.ps", "need."]), ANY))
def test_whatever_was_sent_is_a_question_or_has_mistakes_at_its_fields(sent: dict[str, str]) -> None:
    draft = read(sent)
    if not draft.mistakes():
        question = draft.question(ZONE, None)
        assert question.first <= question.last
        assert draft.at(ZONE, None) is None or draft.begins is not None


def test_a_draft_goes_through_a_form_and_comes_back_as_it_was() -> None:
    assert read(WHOLE.hidden()) == WHOLE


def test_times_are_those_of_the_zone() -> None:
    times = WHOLE.times(ZONE)
    assert times.starts_at.astimezone(UTC) == datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
    assert times.ends_at.astimezone(UTC) == datetime(2026, 11, 25, 3, 30, tzinfo=UTC)
    assert WHOLE.mistakes() == {}


def test_mistakes_are_told_in_the_order_of_the_form() -> None:
    assert list(Draft(minutes="").mistakes()) == ["title", "minutes", "who", "first", "last"]
    assert replace(WHOLE, last="2026-11-24").mistakes() == {"last": ENDS_FIRST}
    assert replace(WHOLE, last="2027-11-24").mistakes() == {"last": TOO_LONG}
    assert replace(WHOLE, repeat="last").mistakes() == {"weekday": NO_WEEKDAY, "until": NO_UNTIL}


@pytest.mark.parametrize(
    ("repeat", "weekday", "rule"),
    [
        ("once", "TU", ""),
        ("workdays", "", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20270531"),
        ("weekly", "", "FREQ=WEEKLY;UNTIL=20270531"),
        ("weekly", "TU", "FREQ=WEEKLY;BYDAY=TU;UNTIL=20270531"),
        ("fortnightly", "FR", "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR;UNTIL=20270531"),
        ("monthly", "TU", "FREQ=MONTHLY;UNTIL=20270531"),
        ("first", "MO", "FREQ=MONTHLY;BYDAY=1MO;UNTIL=20270531"),
        ("last", "MO", "FREQ=MONTHLY;BYDAY=-1MO;UNTIL=20270531"),
    ],
)
def test_simple_choices_make_the_rule(repeat: Repeat, weekday: str, rule: str) -> None:
    assert replace(WHOLE, repeat=repeat, weekday=weekday, until="31/05/2027").rule == rule


def test_offices_are_required_or_optional_each_once_and_keep_their_order() -> None:
    draft = Draft().with_offices(["a", "b", "c", "a"], "required").with_offices(["b"], "optional")
    assert (draft.required, draft.optional) == (("a", "c"), ("b",))
    again = read({**draft.hidden(), "need.a": "out", "need.b": "required", "need.c": "required", "need.z": "optional"})
    assert (again.required, again.optional) == (("c", "b"), ())


def test_a_meeting_over_midnight_is_no_time_of_a_day() -> None:
    assert replace(WHOLE, begin="2026-11-25T23:30").at(ZONE, None) is None
    late = replace(WHOLE, begin="2026-11-25T22:30").at(ZONE, None)
    assert late is not None
    assert late.hours[0].end == time()


@pytest.mark.parametrize(("hour", "first"), [(9, "2026-11-24"), (15, "2026-11-24"), (16, "2026-11-25")])
def test_an_empty_form_looks_at_the_next_two_weeks(hour: int, first: str) -> None:
    draft = suggested(datetime(2026, 11, 24, hour, 5, tzinfo=ZONE), ZONE)
    assert draft.first == first
    assert draft.mistakes().keys() == {"title", "who"}


def test_the_list_of_times_has_quarters_of_an_hour_and_whatever_was_typed() -> None:
    assert times_of_day("09:00")[:3] == ["00:00", "00:15", "00:30"]
    assert len(times_of_day("")) == len(times_of_day("09:00")) == 96
    assert "09:07" in times_of_day("09:07")
