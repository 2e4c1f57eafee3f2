"""When schedules are due, in the zone and by the days off of Vietnam, and what becomes of times that passed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.recurrence import BadRule, begins, parse
from meetings.working_days import Calendar, OfficialDay
from playbooks.automation.schedules.times import LATE, Due, OnHoliday, Timing, between, decide, next_times

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
LAW = Calendar()


def local(*parts: int) -> datetime:
    """Return a local time, as rules have them."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - year, month, day, hour


MONDAY = local(2026, 11, 23, 2)


def timing(rule: str, first: datetime = MONDAY, on_holiday: OnHoliday = "keep", zone: ZoneInfo = HANOI) -> Timing:
    return Timing(parse(rule, zone), first, zone, on_holiday)


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """Return an instant by the clocks of Hanoi."""
    return datetime(year, month, day, hour, minute, tzinfo=HANOI).astimezone(UTC)


def test_the_next_times_are_told_in_local_time_and_kept_as_instants() -> None:
    found = next_times(timing("FREQ=WEEKLY;BYDAY=MO"), LAW, at(2026, 11, 23, 2), 3)
    assert [due.at for due in found] == [at(2026, 11, 30, 2), at(2026, 12, 7, 2), at(2026, 12, 14, 2)]


def test_a_schedule_begins_at_the_first_time_that_its_rule_gives() -> None:
    assert begins(parse("FREQ=WEEKLY;BYDAY=WE", HANOI), MONDAY) == local(2026, 11, 25, 2, 0)
    assert begins(parse("FREQ=DAILY", HANOI), MONDAY) == MONDAY
    with pytest.raises(BadRule):
        begins(parse("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", HANOI), MONDAY)


@pytest.mark.parametrize(
    ("on_holiday", "expected"),
    [
        ("keep", [at(2027, 1, 1, 2), at(2027, 1, 8, 2)]),
        ("skip", [at(2027, 1, 8, 2), at(2027, 1, 15, 2)]),
        ("move", [at(2027, 1, 4, 2), at(2027, 1, 8, 2)]),
    ],
)
def test_a_day_off_keeps_leaves_out_or_moves_a_time(on_holiday: OnHoliday, expected: list[datetime]) -> None:
    """1 January 2027 is a Friday and off."""
    found = next_times(timing("FREQ=WEEKLY;BYDAY=FR", local(2026, 12, 25, 2), on_holiday), LAW, at(2026, 12, 26), 2)
    assert [due.at for due in found] == expected
    assert [due.moved for due in found] == [on_holiday == "move", False]


def test_a_swap_that_was_entered_wins_over_the_law() -> None:
    friday = date(2026, 12, 4)
    swapped = Calendar({friday: OfficialDay(friday, off=True, name="Nghỉ bù")})
    wanted = timing("FREQ=WEEKLY;BYDAY=FR", local(2026, 11, 27, 2), "skip")
    assert next_times(wanted, LAW, at(2026, 11, 28), 1)[0].at == at(2026, 12, 4, 2)
    assert next_times(wanted, swapped, at(2026, 11, 28), 1)[0].at == at(2026, 12, 11, 2)


def test_a_time_that_moves_onto_another_one_is_done_once() -> None:
    daily = timing("FREQ=DAILY", local(2026, 12, 28, 2), "move")
    found = [due.at for due in between(daily, LAW, at(2026, 12, 30), at(2027, 1, 5))]
    assert len(found) == len(set(found))
    assert at(2027, 1, 1, 2) not in found


def test_after_tet_a_moved_time_is_not_forgotten() -> None:
    """Tet 2027 is off from Friday 5 February at the latest; the Monday after the whole row is where it moves."""
    weekly = timing("FREQ=WEEKLY;BYDAY=MO", local(2027, 1, 4, 2), "move")
    assert LAW.is_off(date(2027, 2, 8))
    landed = datetime.combine(LAW.next_working_day(date(2027, 2, 8)), datetime.min.time())
    found = between(weekly, LAW, at(landed.year, landed.month, landed.day), at(2027, 2, 28))
    assert found[0] == Due(at(landed.year, landed.month, landed.day, 2), moved=True)


def test_a_rule_that_ended_gives_no_more() -> None:
    assert next_times(timing("FREQ=DAILY;COUNT=2"), LAW, at(2026, 11, 24, 2), 5) == []
    assert len(next_times(timing("FREQ=DAILY;COUNT=2"), LAW, at(2026, 11, 1), 5)) == 2


def test_the_leap_day_is_found_years_ahead() -> None:
    leap = timing("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", local(2028, 2, 29, 2))
    assert next_times(leap, LAW, at(2028, 3, 1), 1)[0].at == at(2032, 2, 29, 2)


def test_clocks_that_change_do_not_move_the_local_hour() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    found = next_times(timing("FREQ=DAILY", local(2027, 3, 27, 4), zone=berlin), LAW, at(2027, 3, 27), 3)
    assert [due.at.astimezone(berlin).hour for due in found] == [4, 4, 4]


NOW = at(2026, 11, 24, 2)


def test_what_is_due_now_is_done_and_older_times_were_missed() -> None:
    passed = [Due(NOW - timedelta(days=2)), Due(NOW - timedelta(days=1)), Due(NOW - LATE)]
    assert decide(passed, NOW) == (passed[2], passed[:2])


def test_what_was_meant_for_the_night_does_not_begin_in_the_morning() -> None:
    passed = [Due(NOW - LATE - timedelta(seconds=1))]
    assert decide(passed, NOW) == (None, passed)
    assert decide([], NOW) == (None, [])


@given(
    rule=st.sampled_from(
        ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,FR", "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=DAILY;COUNT=40"]
    ),
    on_holiday=st.sampled_from(["keep", "skip", "move"]),
    steps=st.lists(st.integers(0, 400), min_size=1, max_size=8),
)
def test_however_the_looks_fall_each_time_is_met_once(rule: str, on_holiday: OnHoliday, steps: list[int]) -> None:
    wanted = timing(rule, begins(parse(rule, HANOI), MONDAY), on_holiday)
    start = seen = at(2026, 11, 20)
    met: list[datetime] = []
    for hours in steps:
        until = seen + timedelta(hours=hours)
        met += [due.at for due in between(wanted, LAW, seen, until)]
        seen = until
    assert met == [due.at for due in between(wanted, LAW, start, seen)]
    assert len(set(met)) == len(met)
