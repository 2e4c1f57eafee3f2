from __future__ import annotations

import pytest

from monitor.probes.port import Kind, Outcome, PollResult, Reading
from monitor.rates import UPTIME_PERIOD_S, Committed, RateMemory, samples_of
from monitor.samples import Sample, Series

START_MS = 1_790_000_000_000
GIGABIT = 1_000_000_000
WAN = {"wan": Committed(in_bps=20_000_000, out_bps=10_000_000)}


def counters(octets_in: int, octets_out: int = 0, *, kind: Kind = Kind.COUNTER64, name: str = "wan") -> list[Reading]:
    return [Reading("if_in_octets", name, octets_in, kind), Reading("if_out_octets", name, octets_out, kind)]


def speed(bps: float = GIGABIT, name: str = "wan") -> list[Reading]:
    return [Reading("if_speed_bps", name, bps, Kind.GAUGE)]


def poll(
    at_s: float,
    readings: list[Reading],
    *,
    uptime_s: float | None = -1.0,
    discontinuity_s: float | None = None,
    outcome: Outcome = Outcome.ANSWERED,
) -> PollResult:
    """Return a poll `at_s` seconds after the start; its uptime is 1,000 s more, unless given."""
    return PollResult(
        device="ps-rt1",
        started_at_ms=START_MS + round(at_s * 1000),
        duration_s=0.05,
        outcome=outcome,
        asked=4,
        answered=2,
        readings=tuple(readings),
        uptime_s=1000 + at_s if uptime_s == -1.0 else uptime_s,
        discontinuities={} if discontinuity_s is None else {"wan": discontinuity_s},
    )


def said(samples: list[Sample], metric: str, instance: str = "wan") -> float | None:
    """Return the one value of a series among `samples`, None if it has none."""
    values = [sample.value for sample in samples if sample.series == Series(metric, "ps-rt1", instance)]
    assert len(values) <= 1
    return values[0] if values else None


def second(first: PollResult, then: PollResult, committed: dict[str, Committed] | None = None) -> list[Sample]:
    memory = RateMemory(150)
    samples_of(first, memory, committed or {})
    return samples_of(then, memory, committed or {})


def test_two_polls_make_a_rate() -> None:
    samples = second(poll(0, counters(1_000, 5_000)), poll(60, counters(751_000, 35_000)))
    assert said(samples, "if_in_bps") == pytest.approx(100_000)
    assert said(samples, "if_out_bps") == pytest.approx(4_000)


def test_the_first_poll_makes_no_rate() -> None:
    samples = samples_of(poll(0, counters(1_000) + speed()), RateMemory(150))
    assert said(samples, "if_in_octets") == 1_000
    assert said(samples, "if_in_bps") is None
    assert said(samples, "if_utilisation_ratio") is None


def test_every_poll_says_how_it_went() -> None:
    samples = samples_of(poll(0, counters(1)), RateMemory(150))
    assert said(samples, "reachable", "") == 1
    assert said(samples, "poll_completeness_ratio", "") == 0.5
    assert said(samples, "poll_duration_s", "") == 0.05


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if not outcome.brought_values])
def test_a_poll_without_values_is_not_reachable_and_says_nothing_more(outcome: Outcome) -> None:
    samples = samples_of(poll(0, [], outcome=outcome), RateMemory(150))
    assert said(samples, "reachable", "") == 0
    assert {sample.series.metric for sample in samples} == {"reachable", "poll_duration_s", "poll_octets"}


def test_one_silent_poll_leaves_one_point_over_both_intervals() -> None:
    memory = RateMemory(150)
    samples_of(poll(0, counters(0)), memory)
    assert said(samples_of(poll(60, [], outcome=Outcome.SILENT), memory), "if_in_bps") is None
    assert said(samples_of(poll(120, counters(1_500_000)), memory), "if_in_bps") == pytest.approx(100_000)


def test_a_gap_is_no_point_and_never_zero() -> None:
    samples = second(poll(0, counters(0)), poll(3600, counters(450_000_000)))
    assert said(samples, "if_in_bps") is None
    assert said(samples, "if_in_octets") == 450_000_000


def test_the_agents_time_counts_and_not_ours() -> None:
    """An answer that came a second late does not bend the rate."""
    samples = second(poll(0, counters(0), uptime_s=1000), poll(60, counters(750_000), uptime_s=1061))
    assert said(samples, "if_in_bps") == pytest.approx(750_000 * 8 / 61)


def test_a_restart_is_no_point() -> None:
    samples = second(poll(0, counters(10**9), uptime_s=1000), poll(60, counters(10**6), uptime_s=20))
    assert said(samples, "if_in_bps") is None


def test_a_restart_with_a_counter_that_happens_to_be_higher_is_no_point() -> None:
    samples = second(poll(0, counters(10), uptime_s=1000), poll(60, counters(10**6), uptime_s=20))
    assert said(samples, "if_in_bps") is None


def test_a_restart_is_found_even_if_the_uptime_is_higher_than_before() -> None:
    """Polled 10 s after its start, started again at once, polled 110 s later: the uptime grew, but too little."""
    samples = second(poll(0, counters(10), uptime_s=10), poll(120, counters(10**6), uptime_s=90))
    assert said(samples, "if_in_bps") is None


def test_the_uptimes_own_wrap_after_497_days_is_no_restart() -> None:
    before = poll(0, counters(0), uptime_s=UPTIME_PERIOD_S - 20)
    assert said(second(before, poll(60, counters(750_000), uptime_s=40)), "if_in_bps") == pytest.approx(100_000)


def test_without_an_uptime_nobody_knows() -> None:
    samples = second(poll(0, counters(0), uptime_s=None), poll(60, counters(1), uptime_s=None))
    assert said(samples, "if_in_bps") is None


def test_a_discontinuity_is_no_point_for_that_interface_only() -> None:
    lan = counters(0, name="lan")
    samples = second(
        poll(0, counters(0) + lan, discontinuity_s=0),
        poll(60, counters(750_000) + counters(750_000, name="lan"), discontinuity_s=1030),
    )
    assert said(samples, "if_in_bps") is None
    assert said(samples, "if_in_bps", "lan") == pytest.approx(100_000)


def test_a_discontinuity_time_that_stays_is_fine() -> None:
    samples = second(poll(0, counters(0), discontinuity_s=5), poll(60, counters(750_000), discontinuity_s=5))
    assert said(samples, "if_in_bps") == pytest.approx(100_000)


def test_a_32_bit_counter_wraps() -> None:
    first = poll(0, counters(2**32 - 250_000, kind=Kind.COUNTER32) + speed(10_000_000))
    then = poll(60, counters(500_000, kind=Kind.COUNTER32) + speed(10_000_000))
    assert said(second(first, then), "if_in_bps") == pytest.approx(100_000)


def test_a_32_bit_counter_that_fell_where_no_speed_vouches_for_it_is_no_point() -> None:
    first = poll(0, counters(2**32 - 250_000, kind=Kind.COUNTER32))
    assert said(second(first, poll(60, counters(500_000, kind=Kind.COUNTER32))), "if_in_bps") is None


def test_a_64_bit_counter_that_fell_is_no_point() -> None:
    samples = second(poll(0, counters(2**64 - 5) + speed()), poll(60, counters(5) + speed()))
    assert said(samples, "if_in_bps") is None


def test_64_bit_counters_above_what_a_float_holds_make_exact_rates() -> None:
    samples = second(poll(0, counters(2**63 + 1)), poll(60, counters(2**63 + 751)))
    assert said(samples, "if_in_bps") == pytest.approx(100)


def test_a_counter_that_is_now_another_object_is_no_point() -> None:
    first = poll(0, counters(1_000, kind=Kind.COUNTER32) + speed())
    assert said(second(first, poll(60, counters(2_000) + speed())), "if_in_bps") is None


def test_what_a_cable_cannot_carry_is_no_point() -> None:
    megabit = speed(1_000_000)
    just_over_full = second(poll(0, counters(0) + megabit), poll(60, counters(7_800_000) + megabit))
    assert said(just_over_full, "if_in_bps") == pytest.approx(1_040_000)
    impossible = second(poll(0, counters(0) + megabit), poll(60, counters(8_000_000) + megabit))
    assert said(impossible, "if_in_bps") is None
    assert said(impossible, "if_utilisation_ratio") is None


def test_a_port_that_was_missing_once_makes_no_spike() -> None:
    memory = RateMemory(300)
    samples_of(poll(0, counters(10**9)), memory)
    samples_of(poll(60, [], outcome=Outcome.PARTIAL), memory)
    back = samples_of(poll(120, counters(10**9 + 750_000)), memory)
    assert said(back, "if_in_bps") is None
    assert said(samples_of(poll(180, counters(10**9 + 1_500_000)), memory), "if_in_bps") == pytest.approx(100_000)


def test_the_same_poll_twice_computes_once() -> None:
    memory = RateMemory(150)
    samples_of(poll(0, counters(0)), memory)
    then = poll(60, counters(750_000))
    assert said(samples_of(then, memory), "if_in_bps") == pytest.approx(100_000)
    again = samples_of(then, memory)
    assert said(again, "if_in_octets") == 750_000
    assert said(again, "if_in_bps") is None


def test_a_late_poll_computes_nothing_and_spoils_nothing() -> None:
    memory = RateMemory(150)
    samples_of(poll(0, counters(0)), memory)
    samples_of(poll(60, counters(750_000)), memory)
    assert said(samples_of(poll(30, counters(375_000)), memory), "if_in_bps") is None
    assert said(samples_of(poll(120, counters(1_500_000)), memory), "if_in_bps") == pytest.approx(100_000)


def test_our_own_clock_set_back_an_hour_costs_one_point() -> None:
    memory = RateMemory(150)
    samples_of(poll(7200, counters(0), uptime_s=1000), memory)
    assert said(samples_of(poll(3600, counters(750_000), uptime_s=1060), memory), "if_in_bps") is None
    after = samples_of(poll(3660, counters(1_500_000), uptime_s=1120), memory)
    assert said(after, "if_in_bps") == pytest.approx(100_000)


def test_utilisation_is_the_busier_direction_of_the_speed() -> None:
    first, then = counters(0, 0) + speed(1_000_000), counters(3_750_000, 750_000) + speed(1_000_000)
    assert said(second(poll(0, first), poll(60, then)), "if_utilisation_ratio") == pytest.approx(0.5)


def test_utilisation_of_an_uplink_is_of_what_its_carrier_promised() -> None:
    first, then = counters(0, 0) + speed(), counters(15_000_000, 67_500_000) + speed()
    samples = second(poll(0, first), poll(60, then), WAN)
    assert said(samples, "if_in_bps") == pytest.approx(2_000_000)
    assert said(samples, "if_out_bps") == pytest.approx(9_000_000)
    assert said(samples, "if_utilisation_ratio") == pytest.approx(0.9)


def test_a_burst_above_the_promise_is_full_and_no_more() -> None:
    samples = second(poll(0, counters(0) + speed()), poll(60, counters(1_500_000_000) + speed()), WAN)
    assert said(samples, "if_in_bps") == pytest.approx(200_000_000)
    assert said(samples, "if_utilisation_ratio") == 1.0


def test_without_a_speed_there_is_a_rate_and_no_utilisation() -> None:
    samples = second(poll(0, counters(0)), poll(60, counters(750_000)))
    assert said(samples, "if_in_bps") == pytest.approx(100_000)
    assert said(samples, "if_utilisation_ratio") is None


def test_names_that_come_and_go_do_not_pile_up() -> None:
    memory = RateMemory(150)
    for number in range(2000):
        samples_of(poll(number, counters(number, name=f"ppp{number}")), memory)
    assert len(memory.series) < 500
