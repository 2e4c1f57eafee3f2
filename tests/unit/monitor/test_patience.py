"""How long a site is waited for, what silence makes of a device's turns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.poller.patience import FIRST_S, LEAST_S, MOST_RETRIES, MOST_S, Patience
from monitor.poller.schedule import Schedule
from monitor.poller.silence import ASKED_AS_ALWAYS, Silence
from monitor.probes.port import Traffic


def taught(traffic: Traffic, times: int = 200) -> Patience:
    patience = Patience()
    for _ in range(times):
        patience.learn(traffic)
    return patience


def test_a_near_site_is_waited_for_briefly_and_a_far_one_longer() -> None:
    near, far = taught(Traffic(10, 10, 0, 0.02)), taught(Traffic(10, 10, 0, 1.4))
    assert near.timeout_s == LEAST_S
    assert 1.4 < far.timeout_s < FIRST_S
    assert Patience().timeout_s == FIRST_S


def test_where_more_is_lost_more_is_asked_again() -> None:
    clean, weak = taught(Traffic(10, 10, 0, 0.1)), taught(Traffic(10, 8, 0, 0.1))
    assert clean.retries == 1
    assert weak.retries >= 4
    assert 0.2 ** (weak.retries + 1) < 0.001


def test_who_says_nothing_teaches_nothing() -> None:
    patience = taught(Traffic(3, 0, 300, None))
    assert (patience.timeout_s, patience.retries) == (Patience().timeout_s, Patience().retries)


@given(
    st.lists(
        st.builds(
            Traffic,
            st.integers(1, 100),
            st.integers(0, 100),
            st.just(0),
            st.one_of(st.none(), st.floats(0, 1e6, allow_nan=False)),
        ).filter(lambda traffic: traffic.answers <= traffic.requests)
    )
)
def test_whatever_is_measured_the_wait_stays_bearable(polls: list[Traffic]) -> None:
    patience = Patience()
    for traffic in polls:
        patience.learn(traffic)
        assert LEAST_S <= patience.timeout_s <= MOST_S
        assert 1 <= patience.retries <= MOST_RETRIES


def test_a_short_silence_is_asked_as_always_and_a_long_one_by_one_datagram() -> None:
    silence = Silence()
    whole = []
    for turn in range(100):
        if not silence.knocks_first("d"):
            whole.append(turn)
        assert not silence.told("d", silent=True)
    assert whole[:ASKED_AS_ALWAYS] == [0, 1, 2]
    assert len(whole) <= ASKED_AS_ALWAYS + 2 + 100 / 20
    assert silence.told("d", silent=False), "it came back"
    assert not silence.told("d", silent=False), "it was there before"
    assert not silence.knocks_first("d")
    silence.told("d", silent=True)
    assert silence.is_silent("d")
    silence.forget("d")
    assert not silence.is_silent("d")


def test_a_turn_that_is_hurried_comes_at_once_and_moves_no_other() -> None:
    schedule, twin = Schedule(60), Schedule(60)
    for each in (schedule, twin):
        each.replace(["a"], 0)
    offset_s = schedule.offset_s("a")
    assert schedule.due(offset_s) == twin.due(offset_s) == ["a"]
    schedule.hurry("a", offset_s + 10)
    schedule.hurry("unknown", offset_s + 10)
    assert schedule.due(offset_s + 10) == ["a"]
    assert schedule.due(offset_s + 59) == []
    assert schedule.due(offset_s + 60) == twin.due(offset_s + 60) == ["a"]


def test_a_turn_that_is_put_off_waits_and_goes_before_later_ones() -> None:
    schedule = Schedule(60)
    schedule.replace(["a", "b"], 0)
    first, second = sorted(["a", "b"], key=schedule.offset_s)
    assert schedule.due(schedule.offset_s(first)) == [first]
    schedule.put_off(first, 61)
    assert schedule.due(60) == [second]
    schedule.put_off(second, 61)
    assert schedule.due(61)[:2] == [first, second]
