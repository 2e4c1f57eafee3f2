"""What the page of a run shows of its waves, devices and changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from api.web.run_view import MOST_CHANGE_LINES, cell, changes, legend, steps
from kernel.i18n import Translator
from kernel.ids import new_id
from playbooks.public import (
    Difference,
    HostState,
    HostView,
    RunState,
    RunView,
    WaveKind,
    WaveState,
    WaveView,
    Why,
)

T = Translator("en", "Asia/Ho_Chi_Minh")
NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def wave(number: int, kind: WaveKind, state: WaveState, devices: int, **counts: int) -> WaveView:
    by_state = {HostState(name): count for name, count in counts.items()}
    started = None if state is WaveState.WAITING else NOW
    return WaveView(number, kind, state, devices, by_state, started, None, None)


def run(**changes: Any) -> RunView:
    made = RunView(
        id=new_id(), playbook="site-check", office="", office_name="", check=False, arguments={}, targets=(),
        left_out=(), state=RunState.RUNNING, why=Why.NOTHING, details={}, launched_by_id=None, launched_by="hoa",
        launched_at=NOW, started_at=NOW, ended_at=None, held_room="", held_meeting="", held_until=None,
        overridden_by=None, override_reason="", cancelled_by=None, lines=0, coverage=None,
    )  # fmt: skip
    return replace(made, **changes)


def host(state: HostState, changed: int = 0) -> HostView:
    return HostView("ps-rt1", 3, changed, 0, 0, unreachable=False, state=state)


@pytest.mark.parametrize(
    ("state", "changed", "check", "shown"),
    [
        (HostState.WAITING, 0, False, ("waiting", "·", "Not begun")),
        (HostState.RUNNING, 1, False, ("running", "▸", "Running")),
        (HostState.DONE, 0, False, ("done", "✓", "No change")),
        (HostState.DONE, 2, False, ("changed", "Δ", "Changed")),
        (HostState.DONE, 2, True, ("would-change", "Δ", "Would change")),
        (HostState.FAILED, 1, False, ("failed", "✕", "Failed")),
        (HostState.UNREACHABLE, 0, False, ("unreachable", "!", "Cannot be reached")),
        (HostState.INTERRUPTED, 0, False, ("interrupted", "!", "Interrupted")),
    ],
)
def test_a_device_has_a_sign_and_a_word(
    state: HostState, changed: int, shown: tuple[str, str, str], *, check: bool
) -> None:
    found = cell(run(check=check), host(state, changed), T)
    assert (found.state, found.sign, found.word) == shown


def test_the_legend_counts_each_device_once() -> None:
    counts: Mapping[HostState, int] = {HostState.DONE: 5, HostState.FAILED: 1, HostState.WAITING: 70}
    found = {state: count for _, state, _, count in legend(run(counts=counts, changed=4), T)}
    assert found == {"waiting": 70, "done": 1, "changed": 4, "failed": 1}


def test_waves_say_how_far_they_are_and_whose_turn_it_is() -> None:
    going = run(
        waves=(
            wave(1, WaveKind.CANARY, WaveState.PASSED, 2, done=2),
            wave(2, WaveKind.GROWING, WaveState.RUNNING, 8, done=5, failed=1, running=2),
            wave(3, WaveKind.GROWING, WaveState.WAITING, 30, waiting=30),
        )
    )
    trial, second, third = steps(going, T)
    assert (trial.title, trial.told, trial.share, trial.now) == ("Trial: 2 devices", "2 done", 1.0, False)
    assert (second.told, second.share, second.now) == ("5 done, 1 failed, 2 running", 0.75, True)
    assert (third.word, third.told, third.now) == ("Not begun", "", False)


def test_a_run_that_is_over_has_no_turn() -> None:
    over = run(state=RunState.CANCELLED, waves=(wave(1, WaveKind.CANARY, WaveState.WAITING, 2, left=2),))
    assert not steps(over, T)[0].now


def test_a_change_is_a_diff_cut_to_what_a_person_reads() -> None:
    long = Difference("Write it", "/etc/x", "", "\n".join(str(number) for number in range(500)))
    (shown,) = changes("ps-rt1", [long], 8)
    assert len(shown.lines) == MOST_CHANGE_LINES
    assert shown.more == 501 - MOST_CHANGE_LINES
    assert (shown.added, shown.removed) == (500, 0)
