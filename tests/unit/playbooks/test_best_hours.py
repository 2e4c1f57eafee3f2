"""The best hours for work are those in which no meeting is hurt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from playbooks.automation.best_hours import Busy, best_times

START = datetime(2026, 11, 24, 1, 5, tzinfo=UTC)  # Tuesday, 08:05 in Vietnam
HOUR = timedelta(hours=1)
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def busy(begin_h: float, end_h: float, title: str = "Giao ban") -> Busy:
    return Busy(title, START + begin_h * HOUR, START + end_h * HOUR)


def test_the_first_free_hour_of_the_day_is_best() -> None:
    (best, *_) = best_times([busy(0, 2)], [], lasts=HOUR, start=START, until=START + 10 * HOUR, zone=ZONE)
    assert (best.clashes, best.starts_at) == (0, datetime(2026, 11, 24, 3, 30, tzinfo=UTC))


def test_where_every_hour_hurts_somebody_the_fewest_are_hurt_and_named() -> None:
    meetings = [busy(-1, 12), busy(0, 6, "Đào tạo")]
    (best, *_) = best_times(meetings, [], lasts=HOUR, start=START, until=START + 8 * HOUR, zone=ZONE)
    assert best.meetings == ("Giao ban",)


def test_nights_come_after_days_and_blackouts_not_at_all() -> None:
    found = best_times([], [busy(-1, 10)], lasts=HOUR, start=START, until=START + 20 * HOUR, zone=ZONE, most=3)
    assert [one.starts_at.astimezone(ZONE).hour for one in found] == [18, 19, 20]


@given(
    st.lists(st.tuples(st.floats(0, 40), st.floats(0.1, 6)), max_size=12),
    st.integers(15, 300),
)
def test_it_agrees_with_trying_every_half_hour(taken: list[tuple[float, float]], minutes: int) -> None:
    meetings = [busy(begin, begin + lasts, str(number)) for number, (begin, lasts) in enumerate(taken)]
    lasts, until = timedelta(minutes=minutes), START + 48 * HOUR
    found = best_times(meetings, [], lasts=lasts, start=START, until=until, zone=ZONE)
    steps = [datetime(2026, 11, 24, 1, 30, tzinfo=UTC) + number * timedelta(minutes=30) for number in range(96)]
    fewest = min(
        sum(one.starts_at < at + lasts and one.ends_at > at for one in meetings) for at in steps if at + lasts <= until
    )
    assert found[0].clashes == fewest
    assert all(one.ends_at - one.starts_at == lasts for one in found)
