from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kernel.work.port import Retry

SECONDS = st.floats(min_value=0.01, max_value=1000)


def test_waits_double_up_to_the_longest_and_end_with_the_patience() -> None:
    assert list(Retry(first_s=1, most_s=8, give_up_after_s=30).waits()) == [1, 2, 4, 8, 8, 7]


def test_by_default_a_receiver_may_be_away_for_an_hour() -> None:
    waits = list(Retry().waits())
    assert sum(waits) == 3600
    assert max(waits) == 60


@given(SECONDS, st.floats(min_value=1, max_value=100), st.floats(min_value=0, max_value=10_000))
def test_waits_never_exceed_the_longest_nor_in_all_the_patience(
    first_s: float, factor: float, patience_s: float
) -> None:
    retry = Retry(first_s=first_s, most_s=first_s * factor, give_up_after_s=patience_s)
    total_s = 0.0
    for count, wait_s in enumerate(retry.waits()):
        assert 0 < wait_s <= retry.most_s
        total_s += wait_s
        if count > 5000:
            break
    assert total_s <= patience_s * 1.000001
