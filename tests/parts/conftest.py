"""Under which account a part runs, and where it keeps its data: as us, and as root also as an ordinary user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.homes import remove_sockets
from tests.real.accounts import identities, short_folder


@pytest.fixture(scope="module", params=identities())
def identity(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def shared_home(identity: str) -> Iterator[Path]:
    """A place for one data folder that all tests of a module use one after the other: making a cluster takes time."""
    with short_folder(identity) as made:
        yield made
        remove_sockets(made)


@pytest.fixture
def folder(identity: str) -> Iterator[Path]:
    """A folder of this test alone."""
    with short_folder(identity) as made:
        yield made
        remove_sockets(made)
