"""Every state and reason of a run has its words in both languages, and says what the run waits for."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.http.translation import translator
from api.web import run_words
from api.web.run_words import told
from playbooks.public import Kind, Risk, RunState, RunView, WhyLeftOut
from playbooks.public import Why as WhyEnded

VI, EN = translator("vi", "Asia/Ho_Chi_Minh"), translator("en", "Asia/Ho_Chi_Minh")
NOW = datetime(2026, 11, 24, 1, 26, tzinfo=UTC)
LIMIT = timedelta(minutes=10)
RUN = RunView(
    id=uuid.UUID(int=7), playbook="time-and-dns", office="ps", office_name="Văn phòng xã Phan Sơn", check=False,
    arguments={}, targets=("ps-rt1",), left_out=(), state=RunState.WAITING, why=WhyEnded.NOTHING, details={},
    launched_by_id=None, launched_by="hoa", launched_at=NOW, started_at=None, ended_at=None, held_room="",
    held_meeting="", held_until=None, overridden_by=None, override_reason="", cancelled_by=None, lines=0, coverage=None,
)  # fmt: skip
IN_SESSION = {"held_room": "Phòng họp", "held_meeting": "Giao ban", "held_until": NOW + timedelta(hours=1)}


def run(**changes: Any) -> RunView:
    return dataclasses.replace(RUN, **changes)


def test_every_code_has_words_and_every_word_is_translated() -> None:
    for codes, table in (
        (RunState, run_words.STATES), (RunState, run_words.SHAPES), (WhyLeftOut, run_words.LEFT_OUT),
        (Risk, run_words.RISKS), (Risk, run_words.RISK_SHAPES), (set(WhyEnded) - {WhyEnded.NOTHING}, run_words.WHY),
    ):  # fmt: skip
        assert set(table) == {str(code) for code in codes}
    tables = (run_words.STATES, run_words.WHY, run_words.LEFT_OUT, run_words.RISKS, run_words.ACTIONS)
    assert [text for table in tables for text in table.values() if VI.gettext(text) == text] == []


@pytest.mark.parametrize("state", RunState)
def test_every_state_says_more_than_a_word(state: RunState) -> None:
    why = {RunState.FAILED: WhyEnded.HOST_FAILED, RunState.INTERRUPTED: WhyEnded.WORKER_DIED,
           RunState.REFUSED: WhyEnded.ROOM_IN_SESSION, RunState.STOPPED: WhyEnded.TIME_LIMIT,
           RunState.PARTLY: WhyEnded.HOSTS_LEFT, RunState.EXPIRED: WhyEnded.NOBODY_APPROVED,
           }.get(state, WhyEnded.NOTHING)  # fmt: skip
    found = [
        told(t, run(state=state, why=why, cancelled_by="duc", cancelled_by_name="Trần Đức", paused_by="nga",
                    paused_by_name="Lê Nga", details={"room": "Phòng họp", "meeting": "Giao ban"},
                    approve_by=NOW + timedelta(hours=4), **IN_SESSION), NOW, LIMIT)
        for t in (VI, EN)
    ]  # fmt: skip
    assert found[0].word != found[1].word
    assert found[0].sentence != found[1].sentence
    assert all(one.sentence and "{" not in one.sentence and "?" not in one.sentence for one in found)


@pytest.mark.parametrize("why", [why for why in WhyEnded if why])
def test_every_reason_is_told_even_if_nothing_more_is_known(why: WhyEnded) -> None:
    assert "{" not in told(VI, run(state=RunState.FAILED, why=why), NOW, None).sentence


def test_a_held_run_says_until_when_and_then_that_the_room_is_free() -> None:
    held = run(state=RunState.HELD, **IN_SESSION)
    assert told(VI, held, NOW, None).sentence == (
        "Phòng họp đang họp: Giao ban. Kỹ thuật viên thứ hai có thể cho chạy trước 09:26."
    )
    later = told(VI, held, NOW + timedelta(hours=2), None).sentence
    assert later == "Phòng họp đã họp xong từ 09:26. Hãy chạy lại."


def test_kinds_of_lines_are_what_the_sheet_and_the_script_know() -> None:
    assert {"failed", "unreachable", "changed", "task", "play", "summary"} <= {str(kind) for kind in Kind}
