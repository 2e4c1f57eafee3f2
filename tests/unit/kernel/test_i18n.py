from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from kernel.i18n import Translator, sort_key

LOCALE = Path(__file__).parents[3] / "api/web/locale"
VI = Translator("vi", "Asia/Ho_Chi_Minh", LOCALE)
EN = Translator("en", "Asia/Ho_Chi_Minh", LOCALE)
MORNING = datetime(2026, 11, 24, 1, 26, tzinfo=UTC)


def test_dates_and_times_are_those_of_the_reader_s_zone() -> None:
    late = datetime(2026, 11, 23, 18, 5, tzinfo=UTC)
    assert (VI.date(late), VI.time(late), VI.datetime(late)) == ("24/11/2026", "01:05", "01:05 24/11/2026")
    assert EN.datetime(late) == "01:05 24/11/2026"


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        VI.date(datetime(2026, 11, 24, 1, 26))  # noqa: DTZ001 - what is tested


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="'fr'"):
        Translator("fr", "Asia/Ho_Chi_Minh")


@pytest.mark.parametrize(
    ("value", "digits", "vi", "en"),
    [
        (1284, 0, "1.284", "1,284"),
        (12.5, 1, "12,5", "12.5"),
        (12.0, 1, "12", "12"),
        (-1284.55, 1, "-1.284,6", "-1,284.6"),
    ],
)
def test_numbers_are_written_as_people_write_them(value: float, digits: int, vi: str, en: str) -> None:
    assert (VI.number(value, digits), EN.number(value, digits)) == (vi, en)


def test_a_ratio_becomes_percent() -> None:
    assert (VI.percent(0.125, 1), EN.percent(0.125, 1), VI.percent(1)) == ("12,5%", "12.5%", "100%")


@pytest.mark.parametrize(
    ("bps", "words"),
    [
        (0, "0 bit/s"),
        (870, "870 bit/s"),
        (999.6, "1 kbit/s"),
        (1_500, "1,5 kbit/s"),
        (12_400_000, "12,4 Mbit/s"),
        (99_960_000, "100 Mbit/s"),
        (999_600_000, "1 Gbit/s"),
        (10_000_000_000, "10 Gbit/s"),
    ],
)
def test_rates_have_the_unit_that_fits(bps: float, words: str) -> None:
    assert VI.bits(bps) == words.replace(" ", "\N{NO-BREAK SPACE}")


@pytest.mark.parametrize(
    ("span", "vi", "en"),
    [
        (timedelta(0), "0 giây", "0 seconds"),
        (timedelta(seconds=1), "1 giây", "1 second"),
        (timedelta(minutes=41, seconds=59), "41 phút", "41 minutes"),
        (timedelta(hours=3, minutes=14), "3 giờ 14 phút", "3 hours 14 minutes"),
        (timedelta(hours=1), "1 giờ", "1 hour"),
        (timedelta(days=2, hours=5, minutes=30), "2 ngày 5 giờ", "2 days 5 hours"),
        (timedelta(seconds=-3), "0 giây", "0 seconds"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(span: timedelta, vi: str, en: str) -> None:
    assert (VI.duration(span), EN.duration(span)) == (vi, en)


def test_something_recent_is_told_by_its_age() -> None:
    assert VI.ago(MORNING - timedelta(minutes=3), MORNING) == "3 phút trước"
    assert VI.ago(MORNING - timedelta(seconds=2), MORNING) == "vừa xong"
    assert EN.ago(MORNING + timedelta(minutes=1), MORNING) == "just now"


def test_the_day_is_left_out_while_it_is_today() -> None:
    assert VI.since(MORNING - timedelta(hours=1), MORNING) == "07:26"
    assert VI.since(MORNING - timedelta(hours=9), MORNING) == "23:26 23/11"


def test_placeholders_are_filled_and_counts_are_written_out() -> None:
    assert VI.ngettext("{count} day", "{count} days", 1284) == "1.284 ngày"
    assert EN.ngettext("{count} day", "{count} days", 1) == "1 day"
    assert VI.gettext("{duration} ago", duration="3 phút") == "3 phút trước"


def test_a_sentence_without_translation_stays_english() -> None:
    assert VI.gettext("No catalogue has this {thing}.", thing="sentence") == "No catalogue has this sentence."
    assert VI.gettext("") == ""


def test_letters_follow_the_vietnamese_alphabet() -> None:
    alphabet = list("aăâbcdđeêghiklmnoôơpqrstuưvxy")
    backwards = alphabet[::-1]
    assert sorted(backwards, key=sort_key) == alphabet


def test_the_tone_decides_only_between_equal_letters() -> None:
    assert sorted(["bạ", "bá", "bã", "bả", "bà", "ba"], key=sort_key) == ["ba", "bà", "bả", "bã", "bá", "bạ"]
    assert sorted(["Hàm Thuận", "Ham", "Hàm Tân", "Hàng"], key=sort_key) == ["Ham", "Hàm Tân", "Hàm Thuận", "Hàng"]


def test_place_names_come_in_the_order_of_an_atlas() -> None:
    names = ["Đức Trọng", "Dầu Giây", "Ông Đốc", "Đức Linh", "Ơn", "Tuy Phong", "Đam Rông", "Ân Thi", "An Khê"]
    assert sorted(names, key=sort_key) == [
        "An Khê", "Ân Thi", "Dầu Giây", "Đam Rông", "Đức Linh", "Đức Trọng", "Ông Đốc", "Ơn", "Tuy Phong",
    ]  # fmt: skip


def test_numbers_in_names_compare_as_numbers() -> None:
    assert sorted(["Thôn 10", "Thôn 2", "Thôn 1"], key=sort_key) == ["Thôn 1", "Thôn 2", "Thôn 10"]


def test_both_ways_of_writing_a_letter_are_one() -> None:
    composed, decomposed = (
        "Đạ Tẻh ế",
        "Đa\N{COMBINING DOT BELOW} Te\N{COMBINING HOOK ABOVE}h ê\N{COMBINING ACUTE ACCENT}",
    )
    assert sort_key(composed).split("\t")[:2] == sort_key(decomposed).split("\t")[:2]


@given(some.text(), some.text())
def test_the_key_orders_any_two_texts_and_tells_them_apart(one: str, other: str) -> None:
    assert (sort_key(one) == sort_key(other)) == (one == other)
