"""What polling may cost a line: never more than its share, and nobody is forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.poller.limits import FIRST_OCTETS, Limits, Line
from monitor.poller.schedule import Schedule

INTERVAL_S = 60.0


def run(costs: dict[str, int], line_bytes_s: float, minutes: int) -> list[tuple[float, str, int]]:
    """Return begin, device and cost of each poll of an office in that time, as schedule and budgets have it."""
    limits, schedule = Limits(1e9), Schedule(INTERVAL_S)
    limits.plan(dict.fromkeys(costs, Line("office", line_bytes_s)), 0)
    schedule.replace(costs, 0)
    polls, now_s = [], 0.0
    while now_s < minutes * 60:
        for device in schedule.due(now_s):
            wait_s = limits.wait_s(device, now_s)
            if wait_s > 0:
                schedule.put_off(device, now_s + wait_s)
                continue
            limits.begin(device, now_s)
            limits.end(device, costs[device], now_s, whole=True)
            polls.append((now_s, device, costs[device]))
        next_s = schedule.next_s()
        assert next_s is not None
        now_s = max(next_s, now_s + 1e-6)
    return polls


costs_of_an_office = st.dictionaries(st.sampled_from("abcdef"), st.integers(100, 30_000), min_size=1)


@given(costs=costs_of_an_office, line_bytes_s=st.integers(100, 20_000))
def test_no_stretch_of_time_carries_more_than_the_budget_and_one_poll(costs: dict[str, int], line_bytes_s: int) -> None:
    polls = run(costs, line_bytes_s, 20)
    for start in range(0, len(polls), max(1, len(polls) // 20)):
        for end in range(start, len(polls), max(1, len(polls) // 20)):
            passed_s = polls[end][0] - polls[start][0]
            carried = sum(cost for _, _, cost in polls[start:end])
            assert carried <= line_bytes_s * passed_s + 1


@given(costs=costs_of_an_office)
def test_a_line_too_narrow_for_all_leaves_nobody_out(costs: dict[str, int]) -> None:
    round_s = sum(costs.values()) / 200
    polls = run(costs, 200, int(5 * (round_s + INTERVAL_S) / 60) + 1)
    often = {device: sum(1 for _, each, _ in polls if each == device) for device in costs}
    assert max(often.values()) <= 2 * min(often.values()) + 2, often


def test_where_there_is_room_everybody_keeps_his_turns() -> None:
    polls = run(dict.fromkeys("abc", 1000), 100_000, 10)
    assert len(polls) == 3 * 10


def test_an_unknown_device_is_thought_dear_until_it_was_seen() -> None:
    limits = Limits(1000)
    limits.plan({"a": Line("office", 100), "b": Line("office", 100)}, 0)
    assert limits.wait_s("a", 0) == 0
    limits.begin("a", 0)
    assert limits.wait_s("b", 0) == pytest.approx(FIRST_OCTETS / 100)
    limits.end("a", 500, 1, whole=True)
    assert limits.wait_s("b", 1) == pytest.approx(4)
    assert limits.cost_bytes_s("b", 10) == 50
    assert limits.cost_bytes_s("b", 10) is None, "no time has passed"


def test_pings_are_paid_from_the_same_budget() -> None:
    limits = Limits(1e9)
    limits.plan({"a": Line("office", 100)}, 0)
    limits.spend("a", 840, 0)
    assert limits.wait_s("a", 0) == pytest.approx(8.4)
    limits.spend("nobody", 840, 0)


def test_a_device_has_a_budget_of_its_own_also_where_no_line_is_known() -> None:
    limits = Limits(1000)
    limits.begin("a", 0)
    assert limits.wait_s("a", 0) == pytest.approx(FIRST_OCTETS / 1000)
    assert limits.wait_s("b", 0) == 0
    assert limits.cost_bytes_s("a", 1) is None
    limits.forget("a")
    assert limits.wait_s("a", 0) == 0
