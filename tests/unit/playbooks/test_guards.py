"""May a playbook run now, and if not, when?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kernel.ids import new_id
from playbooks.automation.guards import SessionNotice, hold, may_decide

NOW = datetime(2026, 11, 24, 1, 26, tzinfo=UTC)
HOUR = timedelta(hours=1)


def session(until: datetime, room: str = "Phòng họp") -> SessionNotice:
    return SessionNotice(room, "Giao ban tuần", until)


def test_a_change_waits_for_the_session_that_ends_last() -> None:
    first, last = session(NOW + HOUR), session(NOW + 2 * HOUR, "Phòng lớn")
    held = hold([last, first], changes=True, overridden=False, at=NOW)
    assert held is not None
    assert (held.notice, held.until) == (last, NOW + 2 * HOUR)


def test_nothing_waits_for_a_session_that_is_over_or_for_none() -> None:
    assert hold([session(NOW)], changes=True, overridden=False, at=NOW) is None
    assert hold([], changes=True, overridden=False, at=NOW) is None


def test_what_changes_nothing_and_what_a_second_person_let_run_does_not_wait() -> None:
    present = [session(NOW + HOUR)]
    assert hold(present, changes=False, overridden=False, at=NOW) is None
    assert hold(present, changes=True, overridden=True, at=NOW) is None


def test_only_another_person_may_decide() -> None:
    hoa, duc = new_id(), new_id()
    assert may_decide(hoa, duc)
    assert may_decide(None, duc), "what the command line launched, any technician may let run"
    assert not may_decide(hoa, hoa)
    assert not may_decide(hoa, None)
    assert not may_decide(None, None)
