"""How long who guesses passwords has to wait, and what counts as the same place."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.tries import delay, gates, neighbourhood

BOTH, ADDRESS, NAME = gates("hoa", "192.0.2.7")


def test_the_first_five_tries_are_free_and_then_the_wait_doubles() -> None:
    seconds = [delay(failures, BOTH).total_seconds() for failures in range(4, 10)]
    assert seconds == [0, 2, 4, 8, 16, 32]


def test_nobody_waits_longer_than_a_quarter_of_an_hour_for_an_account_at_an_address() -> None:
    assert delay(10_000, BOTH) == timedelta(minutes=15)


def test_nobody_waits_longer_than_a_minute_because_of_strangers_elsewhere() -> None:
    assert delay(10_000, NAME) == timedelta(minutes=1)


@given(st.integers(0, 10_000))
def test_one_more_failure_never_makes_the_wait_shorter(failures: int) -> None:
    for gate in (BOTH, ADDRESS, NAME):
        assert delay(failures, gate) <= delay(failures + 1, gate) <= gate.most


def test_the_gates_of_two_names_share_the_address_only() -> None:
    theirs = {gate.key for gate in gates("hoa", "192.0.2.7")} & {gate.key for gate in gates("lan", "192.0.2.7")}
    assert theirs == {ADDRESS.key}


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("a socket", "a socket"),
    ],
)
def test_all_addresses_that_one_machine_can_take_are_one_place(address: str, place: str) -> None:
    assert neighbourhood(address) == place
