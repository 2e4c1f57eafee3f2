"""When a rule is crossed, and when it is calm again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.thresholds import CALM, Rule, Watch, judge

BUSY = Rule("uplink-busy", "if_utilisation_ratio", "above", 0.9, 0.8, 60, "warning", "uplink")
DOWN = Rule("uplink-down", "if_oper_status", "below", 1, 1, 0, "critical", "uplink")
GAP_MS = 180_000


def after(rule: Rule, *values: tuple[float, float], watch: Watch = CALM) -> Watch:
    """Return the watch after `values`, each as second and value."""
    for at_s, value in values:
        watch = judge(rule, watch, value, int(at_s * 1000), gap_ms=GAP_MS)
    return watch


def test_a_short_spike_does_not_alert() -> None:
    assert not after(BUSY, (10, 0.95), (40, 0.99), (69, 0.92)).crossed
    assert not after(BUSY, (10, 0.95), (40, 0.5), (75, 0.95)).crossed


def test_a_value_that_stays_beyond_the_limit_crosses_after_the_hold_and_says_since_when() -> None:
    watch = after(BUSY, (5, 0.2), (10, 0.95), (40, 0.99), (70, 0.91))
    assert watch.crossed
    assert watch.since_ms == 10_000


def test_the_limit_itself_is_not_beyond_it() -> None:
    assert not after(BUSY, (10, 0.9), (80, 0.9)).crossed


def test_a_rule_without_hold_crosses_at_once() -> None:
    assert after(DOWN, (10, 0)).crossed


def test_a_value_between_calm_and_limit_keeps_the_verdict() -> None:
    crossed = after(BUSY, (10, 0.95), (70, 0.95))
    assert after(BUSY, (80, 0.85), watch=crossed).crossed
    assert not after(BUSY, (80, 0.85), (90, 0.8), watch=crossed).crossed
    assert not after(BUSY, (80, 0.85)).crossed


def test_time_that_nobody_saw_is_not_held_against_the_value() -> None:
    assert not after(BUSY, (10, 0.95), (1000, 0.95)).crossed
    assert after(BUSY, (10, 0.95), (1000, 0.95), (1060, 0.95)).crossed


def test_a_crossed_rule_stays_crossed_over_a_gap() -> None:
    watch = after(BUSY, (10, 0.95), (70, 0.95), (5000, 0.95))
    assert watch.crossed
    assert watch.since_ms == 10_000


def test_a_late_or_repeated_value_changes_nothing() -> None:
    watch = after(BUSY, (10, 0.95), (70, 0.95))
    assert after(BUSY, (70, 0.1), (30, 0.1), watch=watch) == watch


@given(st.lists(st.tuples(st.integers(1, 30), st.floats(0, 1)), min_size=1, max_size=60))
def test_whatever_comes_a_crossed_rule_has_seen_the_whole_hold_beyond_the_limit(steps: list[tuple[int, float]]) -> None:
    watch, at_s, wrong_since = CALM, 0, None
    for step_s, value in steps:
        at_s += step_s
        before = watch
        watch = judge(BUSY, watch, value, at_s * 1000, gap_ms=GAP_MS)
        wrong_since = (wrong_since if wrong_since is not None else at_s) if value > BUSY.limit else None
        if watch.crossed and not before.crossed:
            assert wrong_since is not None
            assert at_s - wrong_since >= BUSY.hold_s
        if value <= BUSY.calm:
            assert not watch.crossed


LOSSY = Rule("link-lossy", "loss_ratio", "above", 0.2, 0.05, 60, "warning", "device", blind_at=1)


def test_a_link_that_loses_everything_is_not_called_lossy() -> None:
    assert not after(LOSSY, (10, 1.0), (40, 1.0), (80, 1.0)).crossed


def test_a_burst_that_was_lost_altogether_neither_ends_nor_interrupts_a_lossy_link() -> None:
    watch = after(LOSSY, (10, 0.4), (40, 1.0), (70, 0.6))
    assert watch.crossed
    assert watch.since_ms == 10_000
    assert after(LOSSY, (100, 1.0), watch=watch).crossed
    assert not after(LOSSY, (130, 0.0), watch=watch).crossed
