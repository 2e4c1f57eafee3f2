"""Passwords: which are good enough, and their argon2id hashes, made in threads so that pages go on meanwhile."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from inventory.errors import WeakPassword
from kernel.errors import TooManyTries

LEAST_LENGTH: Final = 12
MOST_LENGTH: Final = 256  # a hash of a megabyte would keep a thread busy
LEAST_DIFFERENT: Final = 5

# RFC 9106, section 4, second recommended option: 64 MiB, 3 passes, about 0.1 s. When these are raised, a hash made with
# less is made anew at the next sign-in.
HASHER: Final = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_THREADS: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")
MOST_WAITING: Final = 32

_waiting = 0

Result = TypeVar("Result")


def check_strength(password: str, name: str) -> None:
    """Raise WeakPassword unless `password` is good enough for the account `name`.

    Length counts, not kinds of characters (NIST SP 800-63B, section 3.1.1).
    """
    plain = _normal(password)
    if (
        not LEAST_LENGTH <= len(plain) <= MOST_LENGTH
        or len(set(plain)) < LEAST_DIFFERENT
        or plain.casefold().strip("0123456789 .-_!") in {"", name.casefold(), name.casefold() * 2}
    ):
        raise WeakPassword(least=LEAST_LENGTH)


async def hash_of(password: str) -> str:
    """Return an argon2id hash of `password` with its parameters and salt, as the account's row keeps it.

    Raises:
        TooManyTries: If too many hashes are waited for.
    """
    return await _in_thread(lambda: HASHER.hash(_normal(password)))


async def matches(password: str, stored: str | None) -> bool:
    """Return whether `password` is the one of the hash `stored`; it takes as long to say no where there is none.

    Raises:
        TooManyTries: If too many hashes are waited for.
    """
    return await _in_thread(lambda: _verified(password, stored))


def needs_rehash(stored: str) -> bool:
    """Return whether `stored` was made with other parameters than today's."""
    return HASHER.check_needs_rehash(stored)


def _verified(password: str, stored: str | None) -> bool:
    decoy = _decoy()  # asked for in any case, so that making it does not tell the first unknown name from a known one
    if len(password) > MOST_LENGTH:
        password = ""
    try:
        HASHER.verify(stored or decoy, _normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


@cache
def _decoy() -> str:
    return HASHER.hash(secrets.token_urlsafe())


def _normal(password: str) -> str:
    """Return the same text for the same keys: an input method may send ế as one code point or as three (NFKC)."""
    return unicodedata.normalize("NFKC", password)


async def _in_thread(work: Callable[[], Result]) -> Result:
    global _waiting  # noqa: PLW0603 - counted in the event loop's thread only, for the threads that all share
    if _waiting >= MOST_WAITING:
        raise TooManyTries(wait_s=5)
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, work)
    finally:
        _waiting -= 1
