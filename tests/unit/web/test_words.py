from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from api.http.translation import translator
from api.web import action_words, words
from api.web.metric_words import METRICS
from api.web.words import Words, general_values
from kernel.errors import NotFound, TooManyTries
from monitor.live import LastValue
from monitor.public import AlertView
from monitor.thresholds import first_rules

VI = Words(translator("vi", "Asia/Ho_Chi_Minh"))
EN = Words(translator("en", "Asia/Ho_Chi_Minh"))


def alert(rule: str, **details: Any) -> AlertView:
    return AlertView(
        uuid.uuid4(), rule, "warning", "ps-rt1", "Bộ định tuyến", "ps", "Văn phòng xã Phan Sơn", "Xã Phan Sơn", "eth1",
        details, datetime(2026, 11, 24, tzinfo=UTC), None, None, None,
    )  # fmt: skip


@pytest.mark.parametrize("rule", [rule.code for rule in first_rules(hold_s=1)])
def test_every_rule_has_a_title_and_advice(rule: str) -> None:
    titles = {speaker.alert(alert(rule, value=0.94)) for speaker in (VI, EN)}
    assert len(titles) == 2
    assert all("{" not in title and rule not in title for title in titles)
    assert VI.alert_advice(alert(rule))


def test_the_title_of_a_busy_line_tells_how_full_it_is() -> None:
    assert VI.alert(alert("uplink-busy", value=0.94)) == "Đường truyền eth1 dùng 94% băng thông cam kết"


def test_a_rule_without_words_is_shown_by_its_code() -> None:
    assert VI.alert(alert("brand-new")) == "brand-new: Bộ định tuyến"
    assert VI.alert_advice(alert("brand-new")) == ""
    assert VI.state("brand-new") == "brand-new"


def test_an_office_named_after_its_unit_is_named_once() -> None:
    assert VI.place("Văn phòng xã Phan Sơn", "Xã Phan Sơn") == "Văn phòng xã Phan Sơn"
    assert VI.place("Điểm họp số 2", "Xã Phan Sơn") == "Điểm họp số 2 · Xã Phan Sơn"


def test_values_are_written_with_their_units() -> None:
    assert VI.value("uptime_s", 90_061) == "1 ngày 1 giờ"
    assert VI.value("cpu_load_ratio", 0.034) == "3,4%"
    assert VI.value("temperature_celsius", 41.5) == "41,5\N{NO-BREAK SPACE}°C"
    assert [VI.value("poll_duration_s", seconds) for seconds in (0.0034, 0.034, 2.04)] == [
        "3,4\N{NO-BREAK SPACE}ms", "34\N{NO-BREAK SPACE}ms", "2\N{NO-BREAK SPACE}s",
    ]  # fmt: skip
    assert (VI.value("ups_on_battery", 1), EN.value("ups_on_battery", 0)) == ("Có", "No")


def test_values_come_in_the_order_of_the_page() -> None:
    given = [
        LastValue(metric=metric, instance="", value=1, at_ms=0)
        for metric in ("poll_duration_s", "if_in_octets", "wifi_clients", "uptime_s")
    ]
    assert [value.metric for value in general_values(tuple(given))] == ["uptime_s", "wifi_clients", "poll_duration_s"]


def test_errors_speak_the_reader_s_language_and_so_do_their_fields() -> None:
    assert VI.error(NotFound(kind="device", code="ps-rt9")) == "Không có thiết bị ps-rt9 nào mà bạn được xem."
    assert EN.error(TooManyTries(wait_s=30)) == "Too many tries. Try again in 30 seconds."


def test_every_word_table_is_translated() -> None:
    tables = [
        words.STATES, words.TITLES, words.RULE_ADVICE, words.DEVICE_ROLES, words.MEDIA,
        words.NOTIFICATIONS, action_words.ACTIONS, words.PARTS, words.PROCESS_STATES,
        {code: label for code, (label, _) in METRICS.items()},
    ]  # fmt: skip
    same = [text for table in tables for text in table.values() if VI.t.gettext(text) == text]
    assert same == []
