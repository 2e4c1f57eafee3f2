"""The life of a run: what follows on what, and how it ended."""

from __future__ import annotations

import pytest

from playbooks.automation.runs import NEXT, HostCount, RunState, Stop, Why, begin, move, outcome, over

WELL = HostCount(ok=5)


def test_what_is_over_stays_as_it_is() -> None:
    for state in RunState:
        for to in RunState:
            if over(state) or to not in NEXT[state]:
                with pytest.raises(ValueError, match="does not become"):
                    move(state, to)
            else:
                assert move(state, to) is to


def test_a_run_that_another_worker_had_begun_is_interrupted_and_one_that_we_began_goes_on() -> None:
    assert begin(RunState.WAITING, ours=False) is RunState.RUNNING
    assert begin(RunState.RUNNING, ours=True) is RunState.RUNNING
    assert begin(RunState.RUNNING, ours=False) is RunState.INTERRUPTED
    assert begin(RunState.CANCELLED, ours=False) is RunState.CANCELLED


@pytest.mark.parametrize(
    ("code", "stopped", "hosts", "ended"),
    [
        (0, None, [WELL, WELL], (RunState.SUCCEEDED, Why.NOTHING)),
        (0, Stop.CANCELLED, [WELL, WELL], (RunState.SUCCEEDED, Why.NOTHING)),
        (0, None, [WELL], (RunState.FAILED, Why.PLAYBOOK_BROKEN)),
        (2, None, [WELL, HostCount(ok=1, failed=1)], (RunState.FAILED, Why.HOST_FAILED)),
        (4, None, [WELL, HostCount(unreachable=True)], (RunState.FAILED, Why.HOST_UNREACHABLE)),
        (4, None, [], (RunState.FAILED, Why.PLAYBOOK_BROKEN)),
        (-15, Stop.CANCELLED, [], (RunState.CANCELLED, Why.NOTHING)),
        (-15, Stop.TIME_LIMIT, [WELL], (RunState.TIMED_OUT, Why.NOTHING)),
        (None, Stop.CANCELLED, [], (RunState.CANCELLED, Why.NOTHING)),
        (None, None, [], (RunState.FAILED, Why.RUNNER_DIED)),
    ],
)
def test_how_a_run_ended(
    code: int | None, stopped: Stop | None, hosts: list[HostCount], ended: tuple[RunState, Why]
) -> None:
    assert outcome(code, stopped, hosts, expected=2) == ended
