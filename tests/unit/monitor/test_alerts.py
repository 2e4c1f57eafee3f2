"""What is raised and cleared, when what should be open meets what is open."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kernel.ids import new_id
from monitor.alerts import AlertKey, Wrong, decide, worst

KEYS = [AlertKey(rule, device, "") for rule in ("uplink-down", "on-battery") for device in ("ps-rt1", "ld-rt1", "gone")]


def wrong(key: AlertKey) -> Wrong:
    return Wrong(key, "critical", 1000)


def test_what_is_wrong_is_raised_once() -> None:
    key = KEYS[0]
    first = decide([wrong(key)], {}, {key}, {"ps-rt1"})
    assert [found.key for found in first.raise_] == [key]
    assert not decide([wrong(key)], {key: new_id()}, {key}, {"ps-rt1"})


def test_what_is_right_again_is_cleared() -> None:
    row = new_id()
    assert decide([], {KEYS[0]: row}, {KEYS[0]}, {"ps-rt1"}).clear == (row,)


def test_silence_is_no_recovery() -> None:
    assert not decide([], {KEYS[0]: new_id()}, set(), {"ps-rt1"})


def test_an_alert_about_a_device_that_is_no_longer_watched_is_over() -> None:
    row = new_id()
    assert decide([], {AlertKey("uplink-down", "gone", ""): row}, set(), {"ps-rt1"}).clear == (row,)


@given(st.sets(st.sampled_from(KEYS)), st.sets(st.sampled_from(KEYS)), st.sets(st.sampled_from(KEYS)))
def test_after_the_decision_open_alerts_are_what_is_wrong_or_unknown(
    bad: set[AlertKey], is_open: set[AlertKey], judged: set[AlertKey]
) -> None:
    planned = {"ps-rt1", "ld-rt1"}
    bad = {key for key in bad if key.device in planned}
    rows = {key: new_id() for key in is_open}
    decision = decide([wrong(key) for key in bad], rows, judged | bad, planned)
    remaining = {key for key, row in rows.items() if row not in decision.clear} | {
        found.key for found in decision.raise_
    }
    unknown = {key for key in is_open if key not in judged | bad and key.device in planned}
    assert remaining == bad | unknown


def test_the_worst_of_nothing_is_nothing() -> None:
    assert worst([]) is None
    assert worst(["notice", "critical", "warning"]) == "critical"
