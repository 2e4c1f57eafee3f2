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
    NO_LEAST,
    NO_UNTIL,
    NO_WEEKDAY,
    NO_WISH,
    TOO_LONG,
    Draft,
    GroupAsked,
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


MORE = ("need.ps", "need.", "least.1", "least.2", "drop.1", "wish.MO")


@given(st.dictionaries(st.sampled_from([*Draft().hidden(), *MORE]), ANY | st.sampled_from(["1:a,b 2:c", "2", "²"])))
def test_whatever_was_sent_is_a_question_or_has_mistakes_at_its_fields(sent: dict[str, str]) -> None:
    draft = read(sent)
    if not draft.mistakes():
        question = draft.question(ZONE, None)
        assert question.first <= question.last
        assert draft.at(ZONE, None) is None or draft.begins is not None


WISHED = replace(
    WHOLE, vetoes=("dl",), groups=(GroupAsked(("a", "b", "c"), "2"), GroupAsked(("d",), "1")),
    wish_days=("MO", "TU"), wish_from="08:00", wish_to="10:00",
)  # fmt: skip


@pytest.mark.parametrize("draft", [WHOLE, WISHED])
def test_a_draft_goes_through_a_form_and_comes_back_as_it_was(draft: Draft) -> None:
    assert read(draft.hidden()) == draft


def test_what_the_chair_and_the_groups_want_is_part_of_the_question() -> None:
    question = WISHED.question(ZONE, None)
    assert (question.vetoes, question.offices) == (("dl",), ("ps", "sl"))
    assert [(group.parties, group.least) for group in question.groups] == [(("a", "b", "c"), 2), (("d",), 1)]
    (wish,) = question.wishes
    assert (wish.days, wish.begin, wish.end) == (frozenset({0, 1}), time(8), time(10))
    (any_day,) = replace(WHOLE, wish_from="08:00").question(ZONE, None).wishes
    assert (len(any_day.days), any_day.begin, any_day.end) == (7, time(8), time.max)
    assert WHOLE.question(ZONE, None).wishes == ()


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ({"groups": "0:a,b"}, {"groups": NO_LEAST}),
        ({"groups": "3:a,b"}, {"groups": NO_LEAST}),
        ({"groups": "2:a,b", "least.1": "x"}, {"groups": NO_LEAST}),
        ({"groups": "x:a,b", "least.1": " 2 "}, {}),
        ({"groups": "x:a,b", "drop.1": "yes"}, {}),
        ({"groups": "1: 1:, :a"}, {"groups": NO_LEAST}),
        ({"wish_from": "10:00", "wish_to": "10:00"}, {"wish_from": NO_WISH}),
    ],
)
def test_a_group_has_a_number_it_can_reach_and_hours_end_after_they_begin(
    sent: dict[str, str], wrong: dict[str, str]
) -> None:
    assert read({**WHOLE.hidden(), **sent}).mistakes() == wrong


def test_an_office_stands_in_one_list_or_group_only() -> None:
    draft = Draft().with_offices(["a", "b"], "required").with_group(["b", "c", "d"], 1)
    assert (draft.required, draft.groups) == (("a",), (GroupAsked(("b", "c", "d"), "2"),))
    more = draft.with_group(["a"], 1).with_group(["d"], 2)
    assert (more.required, more.groups) == ((), (GroupAsked(("b", "c", "a"), "2"), GroupAsked(("d",), "1")))
    gone = more.with_offices(["d", "a"], "veto")
    assert (gone.vetoes, gone.groups) == (("d", "a"), (GroupAsked(("b", "c"), "2"),))
    assert gone.with_group([], 2) == gone.with_group(["x"], 9) == gone
    assert gone.everybody == ("d", "a", "b", "c")


def test_as_many_of_a_group_have_to_have_their_room_as_the_group_needs() -> None:
    assert WISHED.enough(["b", "c", "a", "ps"]) == {"a", "b"}
    assert WISHED.enough(["c", "d"]) == {"c", "d"}


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


@pytest.mark.parametrize(("begin", "end"), [("22:30", time()), ("23:30", time(1)), ("09:00", time(10, 30))])
def test_a_meeting_may_go_on_after_midnight(begin: str, end: time) -> None:
    question = replace(WHOLE, begin=f"2026-11-25T{begin}").at(ZONE, None)
    assert question is not None
    assert (question.first, question.last, question.hours[0].end) == (date(2026, 11, 25), date(2026, 11, 25), end)


@pytest.mark.parametrize(("hour", "first"), [(9, "2026-11-24"), (15, "2026-11-24"), (16, "2026-11-25")])
def test_an_empty_form_looks_at_the_next_two_weeks(hour: int, first: str) -> None:
    draft = suggested(datetime(2026, 11, 24, hour, 5, tzinfo=ZONE), ZONE)
    assert draft.first == first
    assert draft.mistakes().keys() == {"title", "who"}


def test_the_list_of_times_has_quarters_of_an_hour_and_whatever_was_typed() -> None:
    assert times_of_day("09:00")[:3] == ["00:00", "00:15", "00:30"]
    assert len(times_of_day("")) == len(times_of_day("09:00")) == 96
    assert "09:07" in times_of_day("09:07")
