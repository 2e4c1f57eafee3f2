"""What one burst of pings brought, and which values follow from it."""

from __future__ import annotations

import pytest

from monitor.probes.ping import METHOD_NUMBERS, PingMethod, PingResult, burst_for, ping_samples, result_of


def values(result: PingResult) -> dict[str, float]:
    return {sample.series.metric: sample.value for sample in ping_samples(result)}


def test_round_trip_is_the_median_and_jitter_the_mean_step_from_one_to_the_next() -> None:
    result = result_of("ps-rt1", 1000, PingMethod.ICMP, 5, [0.100, 0.140, 0.100, 0.300])
    assert result.rtt_s == pytest.approx(0.120)
    assert result.jitter_s == pytest.approx((0.040 + 0.040 + 0.200) / 3)
    assert values(result) == {"ping_method": 1, "loss_ratio": 0.2, "rtt_s": result.rtt_s, "jitter_s": result.jitter_s}


def test_one_packet_in_five_is_exactly_the_limit_of_a_lossy_link() -> None:
    assert result_of("ps-rt1", 0, PingMethod.ICMP, 5, [0.1] * 4).loss_ratio == 0.2


def test_without_an_answer_there_is_loss_and_no_time() -> None:
    assert values(result_of("ps-rt1", 0, PingMethod.FPING, 5, [])) == {"ping_method": 2, "loss_ratio": 1}


def test_one_answer_has_a_round_trip_and_no_jitter() -> None:
    assert values(result_of("ps-rt1", 0, PingMethod.ICMP, 5, [0.2])) == {
        "ping_method": 1,
        "loss_ratio": 0.8,
        "rtt_s": 0.2,
    }


def test_tcp_tells_that_somebody_is_there_and_neither_loss_nor_time() -> None:
    assert values(PingResult("ps-rt1", 0, PingMethod.TCP, 1, 1)) == {"ping_method": 3, "tcp_reachable": 1}


def test_no_answer_by_tcp_is_not_known_rather_than_down() -> None:
    result = PingResult("ps-rt1", 0, PingMethod.TCP, 1, 0)
    assert result.loss_ratio is None
    assert values(result) == {"ping_method": 3}


def test_every_method_has_a_number_of_its_own_in_the_store() -> None:
    assert sorted(METHOD_NUMBERS) == sorted(PingMethod)
    assert len(set(METHOD_NUMBERS.values())) == len(PingMethod)


@pytest.mark.parametrize("interval_s", [1, 5, 60, 3600])
def test_a_burst_is_over_before_the_next_turn_comes(interval_s: float) -> None:
    assert burst_for(interval_s).longest_s < interval_s
    assert burst_for(interval_s).gap_s <= 1
