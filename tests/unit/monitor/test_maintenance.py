"""Which alerts stay silent because work is expected where they are, and which are told of when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kernel.ids import new_id
from monitor.maintenance import Maintenance, Silent, look

NIGHT = Maintenance("Đêm bảo trì", datetime(2026, 11, 24, 17, tzinfo=UTC))
LONGER = Maintenance("Kéo dài", NIGHT.until + timedelta(hours=1))


def test_nobody_is_told_while_the_window_is_open() -> None:
    found = look([Silent(new_id(), "ps-rt1", NIGHT)], {"ps-rt1": NIGHT})
    assert (found.over, found.moved) == ((), {})


def test_people_are_told_of_what_is_open_when_no_window_is() -> None:
    left, still = new_id(), new_id()
    found = look([Silent(left, "ps-rt1", NIGHT), Silent(still, "ld-rt1", NIGHT)], {"ld-rt1": NIGHT})
    assert (found.over, found.moved) == ((left,), {})


def test_a_window_that_follows_at_once_keeps_it_silent_and_is_the_one_that_is_shown() -> None:
    first, second = new_id(), new_id()
    silent = [Silent(first, "ps-rt1", NIGHT), Silent(second, "ps-rt1", NIGHT)]
    found = look(silent, {"ps-rt1": LONGER})
    assert (found.over, found.moved) == ((), {LONGER: (first, second)})


def test_without_silent_alerts_there_is_nothing_to_do() -> None:
    found = look([], {"ps-rt1": NIGHT})
    assert (found.over, found.moved) == ((), {})
