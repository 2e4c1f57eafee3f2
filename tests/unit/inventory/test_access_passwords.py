"""Which passwords are good enough, and how they are kept."""

from __future__ import annotations

import asyncio
import unicodedata

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from inventory import passwords
from inventory.errors import WeakPassword
from inventory.passwords import LEAST_LENGTH, check_strength, hash_of, matches, needs_rehash
from kernel.errors import TooManyTries


@pytest.mark.parametrize(
    "password",
    ["short", "aaaaaaaaaaaaaaaa", "121212121212", "huongtran", "huongtran123456", "huongtranhuongtran", "x" * 300],
)
def test_a_password_that_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        check_strength(password, "huongtran")


@pytest.mark.parametrize("password", ["trời mưa ở Phan Sơn", "correct horse battery", "vungcao-demo"])
def test_a_long_password_needs_no_odd_signs(password: str) -> None:
    check_strength(password, "huongtran")


@given(st.text(max_size=LEAST_LENGTH - 1))
def test_nothing_shorter_than_the_least_length_passes(password: str) -> None:
    if len(unicodedata.normalize("NFKC", password)) < LEAST_LENGTH:
        with pytest.raises(WeakPassword):
            check_strength(password, "huongtran")


async def test_a_hash_is_argon2id_with_salt_of_its_own() -> None:
    first, second = await hash_of("trời mưa ở Phan Sơn"), await hash_of("trời mưa ở Phan Sơn")
    assert first.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert first != second
    assert not needs_rehash(first)


async def test_the_same_keys_match_however_the_input_method_composes_the_letters() -> None:
    stored = await hash_of(unicodedata.normalize("NFC", "trời mưa ở Phan Sơn"))
    assert await matches(unicodedata.normalize("NFD", "trời mưa ở Phan Sơn"), stored)
    assert not await matches("trời nắng ở Phan Sơn", stored)


async def test_no_account_matches_nothing_and_a_damaged_hash_neither() -> None:
    assert not await matches("trời mưa ở Phan Sơn", None)
    assert not await matches("trời mưa ở Phan Sơn", "not a hash")


def test_a_hash_made_with_less_is_to_be_made_anew() -> None:
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("trời mưa ở Phan Sơn"))


async def test_a_crowd_at_the_door_is_told_to_wait_and_none_of_it_waits_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "MOST_WAITING", 3)
    crowd = await asyncio.gather(*(matches("x" * 300, None) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(answer, TooManyTries) for answer in crowd) == 2
    assert sum(answer is False for answer in crowd) == 3
