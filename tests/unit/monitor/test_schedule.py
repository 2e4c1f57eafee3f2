"""Whose turn it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.poller.schedule import Schedule

DEVICES = [f"d{number}" for number in range(1000)]


def test_every_device_has_one_turn_in_each_interval() -> None:
    schedule = Schedule(60)
    schedule.replace(DEVICES, 0)
    for minute in range(3):
        turns = [device for second in range(60) for device in schedule.due(minute * 60 + second + 0.999)]
        assert sorted(turns) == sorted(DEVICES)


def test_turns_are_spread_so_that_no_second_is_crowded() -> None:
    schedule = Schedule(60)
    schedule.replace(DEVICES, 0)
    crowd = [len(schedule.due(second + 1)) for second in range(60)]
    assert max(crowd) < 3 * len(DEVICES) / 60


def test_a_new_plan_leaves_the_turns_of_known_devices_as_they_are() -> None:
    schedule, twin = Schedule(60), Schedule(60)
    schedule.replace(DEVICES[:10], 0)
    twin.replace(DEVICES[:10], 0)
    schedule.replace(DEVICES[:11], 30)
    assert set(twin.due(60)) <= set(schedule.due(60))


def test_turns_that_were_slept_through_are_not_made_up() -> None:
    schedule = Schedule(10)
    schedule.replace(["a"], 0)
    assert schedule.due(1000) == ["a"]
    assert schedule.due(1000) == []
    next_s = schedule.next_s()
    assert next_s is not None
    assert 1000 < next_s <= 1010


@given(st.sets(st.sampled_from(DEVICES), max_size=20), st.sets(st.sampled_from(DEVICES), max_size=20))
def test_exactly_the_devices_of_the_last_plan_have_turns(first: set[str], second: set[str]) -> None:
    schedule = Schedule(60)
    schedule.replace(first, 0)
    schedule.replace(second, 10)
    assert set(schedule.due(80)) == second
