"""What the commands on playbooks make of their words, and how they end."""

from __future__ import annotations

import pytest

from api.commands.playbooks import CODES, arguments_of, exit_code, wish_of
from kernel.errors import BadInput
from playbooks.public import RunState, TargetWish
from tests.unit.web.test_run_view import run


def test_places_of_one_kind_are_joined_and_kinds_narrow_each_other() -> None:
    assert wish_of(["unit:lam-dong,phan-son", "unit:la-da", "role:router"]) == TargetWish(
        units=("lam-dong", "phan-son", "la-da"), roles=("router",)
    )


@pytest.mark.parametrize("word", ["lam-dong", "unit:", "unit:, ,", "commune:x", ":", "", "unit"])
def test_a_word_that_names_no_place_is_told_with_how_to_write_it(word: str) -> None:
    with pytest.raises(BadInput, match="KIND:CODE"):
        wish_of([word])


def test_an_argument_may_hold_an_equals_sign() -> None:
    assert arguments_of(["words=a=b", "empty="]) == {"words": "a=b", "empty": ""}
    with pytest.raises(BadInput):
        arguments_of(["words"])


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (RunState.SUCCEEDED, 0),
        (RunState.FAILED, 3),
        (RunState.TIMED_OUT, 3),
        (RunState.INTERRUPTED, 3),
        (RunState.PARTLY, 4),
        (RunState.CANCELLED, 5),
        (RunState.REFUSED, 5),
        (RunState.EXPIRED, 5),
        (RunState.STOPPED, 6),
        (RunState.PAUSED, 6),
    ],
)
def test_the_exit_code_says_what_became_of_a_run(state: RunState, code: int) -> None:
    assert exit_code(run(state=state)) == code


def test_what_goes_on_ends_well_and_every_end_has_a_code() -> None:
    assert exit_code(run(state=RunState.RUNNING)) == 0
    assert {state for state in RunState if run(state=state).over} <= set(CODES)
