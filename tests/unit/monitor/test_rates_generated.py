"""Generated lives of an agent: whatever happens to it, each point that is drawn is true."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from monitor.probes.port import Kind, Outcome, PollResult, Reading
from monitor.rates import UPTIME_PERIOD_S, RateMemory, samples_of

SPEED_BPS = 100_000_000
LONGEST_GAP_S = 150
START_MS = 1_790_000_000_000


@dataclass(frozen=True)
class Step:
    """What happens before one poll."""

    after_s: int
    mean_bps: int
    lost: bool
    restarts: bool
    late: bool


steps = st.lists(
    st.builds(
        Step,
        after_s=st.integers(10, 400),
        mean_bps=st.integers(0, SPEED_BPS),
        lost=st.booleans(),
        restarts=st.sampled_from([False, False, False, True]),
        late=st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=30,
)


@given(
    life=steps,
    kind=st.sampled_from([Kind.COUNTER32, Kind.COUNTER64]),
    octets=st.integers(0, 2**64 - 1),
    uptime_s=st.one_of(st.integers(0, 10**6), st.integers(int(UPTIME_PERIOD_S) - 1000, int(UPTIME_PERIOD_S) - 1)),
)
def test_every_point_is_the_traffic_that_was(life: list[Step], kind: Kind, octets: int, uptime_s: int) -> None:
    """The traffic of an interval is known exactly, so a point must equal the mean since the last poll that came."""
    period = 2**32 if kind is Kind.COUNTER32 else 2**64
    memory = RateMemory(LONGEST_GAP_S)
    at_s, counter, up_s = 0.0, octets % period, float(uptime_s)
    since_s = since_octets = 0.0
    known = False
    sent: list[PollResult] = []
    for step in life:
        at_s += step.after_s
        octets_now = step.mean_bps * step.after_s // 8
        if step.restarts:  # in the middle of the interval
            counter, up_s = octets_now // 2, step.after_s / 2
            known = False
        else:
            counter, up_s = (counter + octets_now) % period, (up_s + step.after_s) % UPTIME_PERIOD_S
        since_s, since_octets = since_s + step.after_s, since_octets + octets_now
        result = PollResult(
            device="d",
            started_at_ms=START_MS + round(at_s * 1000),
            duration_s=0.1,
            outcome=Outcome.SILENT if step.lost else Outcome.ANSWERED,
            asked=2,
            answered=2,
            readings=()
            if step.lost
            else (
                Reading("if_speed_bps", "wan", SPEED_BPS, Kind.GAUGE),
                Reading("if_in_octets", "wan", counter, kind),
                Reading("if_out_octets", "wan", counter, kind),
            ),
            uptime_s=None if step.lost else up_s,
        )
        if step.late and sent:
            assert not points(sent[-1], memory), "a poll told twice makes no second point"
        found = points(result, memory)
        if step.lost:
            assert not found
            continue
        sent.append(result)
        # A 32-bit counter on this cable cannot wrap twice within the longest gap, so its points are exact too.
        if found:
            assert known, "no point without a sure beginning"
            assert since_s <= LONGEST_GAP_S
            assert abs(found["if_in_bps"] - since_octets * 8 / since_s) <= 1e-6 * SPEED_BPS
            assert found["if_in_bps"] == found["if_out_bps"]
            assert 0 <= found["if_utilisation_ratio"] <= 1
        elif known and since_s <= LONGEST_GAP_S and kind is Kind.COUNTER32:
            raise AssertionError("a calm interval must have its point")
        known, since_s, since_octets = True, 0.0, 0.0


def points(result: PollResult, memory: RateMemory) -> dict[str, float]:
    """Return the computed values of one poll."""
    computed = {"if_in_bps", "if_out_bps", "if_utilisation_ratio"}
    return {s.series.metric: s.value for s in samples_of(result, memory) if s.series.metric in computed}


anything = st.builds(
    PollResult,
    device=st.just("d"),
    started_at_ms=st.integers(0, 10**7),
    duration_s=st.floats(0, 30),
    outcome=st.sampled_from([Outcome.ANSWERED, Outcome.PARTIAL, Outcome.SILENT]),
    asked=st.just(4),
    answered=st.integers(0, 4),
    readings=st.lists(
        st.builds(
            Reading,
            st.sampled_from(["if_in_octets", "if_out_octets", "if_speed_bps", "if_in_errors"]),
            st.sampled_from(["a", "b"]),
            st.integers(0, 2**64 - 1),
            st.sampled_from(list(Kind)),
        ),
        max_size=8,
    ).map(tuple),
    uptime_s=st.one_of(st.none(), st.floats(0, UPTIME_PERIOD_S)),
    discontinuities=st.dictionaries(st.sampled_from(["a", "b"]), st.floats(0, 100)),
)


@given(st.lists(anything, max_size=12))
def test_nonsense_makes_no_negative_rate_and_none_above_the_cable(polls: list[PollResult]) -> None:
    memory = RateMemory(LONGEST_GAP_S)
    for one in polls:
        samples = samples_of(one, memory)
        for sample in samples:
            if sample.series.metric in {"if_in_bps", "if_out_bps"}:
                assert sample.value >= 0
                assert sample.value <= 1.05 * memory.speeds.get(sample.series.instance, float("inf"))
        assert all(sample.at_ms == one.started_at_ms for sample in samples)
