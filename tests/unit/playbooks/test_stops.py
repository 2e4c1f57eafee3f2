"""What stops a rollout, and what does not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from playbooks.automation.runs import HostState, RunState, Why, rollout_outcome
from playbooks.automation.stops import Alarm, judge
from playbooks.automation.waves import WaveWish

NOW = datetime(2026, 11, 24, 1, 26, tzinfo=UTC)
WISH = WaveWish()
WELL = {HostState.DONE: 20}


def alarm(name: str = "a", severity: str = "critical", office: str = "ps") -> Alarm:
    return Alarm(name, f"{office}-rt1", office, "uplink-down", severity, NOW)


def test_a_wave_that_went_well_lets_the_next_one_begin() -> None:
    assert judge(WISH, WELL, [], [], []) is None


@pytest.mark.parametrize(
    ("done", "failed", "limit", "stops"), [(9, 1, 10, False), (8, 2, 10, True), (0, 1, 10, True), (99, 1, 0, True)]
)
def test_more_failures_than_the_limit_stop_it(done: int, failed: int, limit: int, stops: bool) -> None:  # noqa: FBT001
    counts = {HostState.DONE: done, HostState.FAILED: failed}
    found = judge(WaveWish(most_failed_percent=limit), counts, [], [], [])
    assert (found is not None and found.why is Why.TOO_MANY_FAILED) is stops


def test_what_does_not_answer_counts_neither_way() -> None:
    assert judge(WISH, {HostState.UNREACHABLE: 50, HostState.DONE: 1}, [], [], []) is None
    assert judge(WISH, {HostState.UNREACHABLE: 50}, [], [], []) is None
    found = judge(WISH, {HostState.UNREACHABLE: 50, HostState.FAILED: 1}, [], [], [])
    assert found is not None


def test_an_alert_that_came_after_the_wave_began_stops_it_and_is_named() -> None:
    found = judge(WISH, WELL, [alarm("old"), alarm("new")], ["old"], [])
    assert found is not None
    assert (found.why, found.details["count"]) == (Why.HEALTH, 1)
    assert found.details["alerts"][0]["device"] == "ps-rt1"
    assert judge(WISH, WELL, [alarm("old")], ["old"], []) is None


def test_a_small_alert_stops_it_only_where_somebody_meets() -> None:
    small = alarm(severity="notice")
    assert judge(WISH, WELL, [small], [], []) is None
    assert judge(WISH, WELL, [small], [], ["elsewhere"]) is None
    found = judge(WISH, WELL, [small], [], ["ps"])
    assert found is not None
    assert found.why is Why.MEETING_HURT


def test_gates_that_were_switched_off_let_it_go_on() -> None:
    blind = WaveWish(stop_on_health=False, stop_on_meetings=False)
    assert judge(blind, WELL, [alarm()], [], ["ps"]) is None


@pytest.mark.parametrize(
    ("counts", "state", "why"),
    [
        ({HostState.DONE: 3}, RunState.SUCCEEDED, Why.NOTHING),
        ({HostState.DONE: 3, HostState.EXPIRED: 1}, RunState.PARTLY, Why.HOSTS_LEFT),
        ({HostState.FAILED: 1}, RunState.FAILED, Why.HOST_FAILED),
        ({HostState.EXPIRED: 1}, RunState.FAILED, Why.HOST_UNREACHABLE),
        ({HostState.INTERRUPTED: 2}, RunState.FAILED, Why.WAVE_INTERRUPTED),
    ],
)
def test_how_a_rollout_ended_is_told_by_how_its_hosts_are(
    counts: dict[HostState, int], state: RunState, why: Why
) -> None:
    assert rollout_outcome(counts) == (state, why)
