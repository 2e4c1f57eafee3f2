"""What the page of a run shows of its devices and changes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from api.web.run_view import MOST_CHANGE_LINES, MOST_CHANGES, changes, host_states
from playbooks.public import Difference, HostView, Kind, RunState
from tests.unit.web.test_run_words import NOW, run


def host(*differences: Difference, **counts: Any) -> HostView:
    known = {"ok": 0, "changed": 0, "failed": 0, "skipped": 0, "unreachable": False, **counts}
    return HostView(host="ps-rt1", differences=differences, **known)


@pytest.mark.parametrize(
    ("changed", "counts", "heard", "state"),
    [
        ({"state": RunState.WAITING}, None, (), "waiting"),
        ({"state": RunState.RUNNING, "started_at": NOW}, {}, (), "running"),
        ({"state": RunState.RUNNING, "started_at": NOW}, {}, (Kind.OK, Kind.CHANGED), "running"),
        ({"state": RunState.RUNNING, "started_at": NOW}, {}, (Kind.OK, Kind.FAILED), "failed"),
        ({"state": RunState.RUNNING, "started_at": NOW}, {}, (Kind.UNREACHABLE,), "unreachable"),
        ({"state": RunState.SUCCEEDED, "started_at": NOW}, {"ok": 3}, (), "ok"),
        ({"state": RunState.SUCCEEDED, "started_at": NOW}, {"ok": 3, "changed": 1}, (), "changed"),
        ({"state": RunState.SUCCEEDED, "started_at": NOW, "check": True}, {"ok": 3, "changed": 1}, (), "would-change"),
        ({"state": RunState.FAILED, "started_at": NOW}, {"ok": 3, "failed": 1, "changed": 1}, (), "failed"),
        ({"state": RunState.FAILED, "started_at": NOW}, {"unreachable": True}, (), "unreachable"),
        ({"state": RunState.CANCELLED}, None, (), "waiting"),
        ({"state": RunState.CANCELLED, "started_at": NOW}, {}, (), "unknown"),
        ({"state": RunState.INTERRUPTED, "started_at": NOW}, {}, (Kind.CHANGED,), "changed"),
    ],
)
def test_a_device_is_shown_as_it_is(
    changed: dict[str, Any], counts: dict[str, Any] | None, heard: Collection[Kind], state: str
) -> None:
    hosts = [] if counts is None else [host(**counts)]
    (found,) = host_states(run(**changed), hosts, {"ps-rt1": heard})
    assert (found.code, found.state) == ("ps-rt1", state)


def test_a_change_is_shown_as_a_diff_with_its_size() -> None:
    (change,), more = changes([host(Difference("Name", "/etc/timezone", "a\nUTC\nb\n", "a\nAsia/Ho_Chi_Minh\nb\n"))])
    assert [line for line in change.lines if line[0] in "+-"] == [("-", "UTC"), ("+", "Asia/Ho_Chi_Minh")]
    assert (change.added, change.removed, change.more, more) == (1, 1, 0, 0)


def test_lines_that_look_like_a_diff_s_own_headers_stay() -> None:
    (change,), _ = changes([host(Difference("x", "y", "", "++ plus\n-- minus\n@@ at\n"))])
    assert [line for line in change.lines if line[0] == "+"] == [("+", "++ plus"), ("+", "-- minus"), ("+", "@@ at")]


def test_of_many_and_long_changes_a_part_is_shown_and_the_rest_is_counted() -> None:
    long = Difference("x", "y", "", "".join(f"{number}\n" for number in range(500)))
    shown, more = changes([host(*[long] * (MOST_CHANGES + 5))])
    assert (len(shown), more) == (MOST_CHANGES, 5)
    assert len(shown[0].lines) == MOST_CHANGE_LINES
    assert shown[0].more == 501 - MOST_CHANGE_LINES
    assert shown[0].added == 500
