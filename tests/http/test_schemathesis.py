"""Whatever is sent to the API, as its description allows it or just not: nothing of it is a mistake of ours (5xx).

A program with the widest roles asks, so that what is made up reaches what lies behind the door. What is made up is the
same at each run.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode, openapi

from inventory.public import Grant, TokenRequest, account_for, create_account, grant_role, make_token
from kernel.actors import system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from tests.builders.actors import ROLES
from tests.builders.web import app_of
from tests.http.access_tables import OPEN
from tests.http.conftest import MakeState, browser
from tests.http.world import make_world

TEST = system("test")
AnyCase = Case[Any]
EXAMPLES: Final = 5
"""Of each operation and kind. More find more, and all tests together have to stay short."""


async def test_nothing_that_is_made_up_breaks_the_api(
    make_state: MakeState, database: Database, clock: FrozenClock, tmp_path: Path
) -> None:
    await make_world(database, tmp_path)
    app = app_of(make_state())
    async with database.transaction() as tx:
        made = await create_account(TEST, tx, name="may", password=None, grant=Grant("administrator"))
        for role in ("engineer", "technician", "secretary"):
            await grant_role(TEST, tx, "may", Grant(role))
    async with database.transaction() as tx:
        owner = (await account_for(TEST, "may", tx)).actor
        everything = sorted(frozenset().union(*ROLES.values()))
        value = (await make_token(owner, tx, TokenRequest("tất cả", everything, clock.now() + timedelta(days=9)))).value
    assert made.name == "may"
    cases = made_up(app.openapi())
    assert len(cases) > 2 * len(OPEN)
    broken = []
    async with browser(app, Authorization=f"Bearer {value.get_secret_value()}", Accept="application/json") as client:
        for case in cases:
            answer = await client.send(client.build_request(**request_of(case)))
            assert "bad-token" not in answer.text, "what is made up must reach what lies behind the door"
            if answer.status_code >= 500:
                broken.append((case.method, str(answer.request.url), case.body, answer.text[:200]))
    assert not broken


def made_up(description: dict[str, Any]) -> list[AnyCase]:
    """Return requests for every operation, sound ones and others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the library needs, not of ours
        schema = openapi.from_dict(description)
        found: list[AnyCase] = []
        for result in schema.get_all_operations():
            operation = result.ok()  # type: ignore[union-attr]  # of our own description
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                collect(operation.as_strategy(generation_mode=mode), found)
    return found


def collect(strategy: st.SearchStrategy[AnyCase], found: list[AnyCase]) -> None:
    """Add some of what `strategy` makes to `found`."""

    @seed(8)
    @settings(
        max_examples=EXAMPLES, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def take(case: AnyCase) -> None:
        found.append(case)

    with contextlib.suppress(Unsatisfiable):  # an operation without parameters cannot be asked wrongly
        take()


def request_of(case: AnyCase) -> dict[str, Any]:
    """Return what httpx sends for a case; what no client could write is written as well as it can be."""
    path = case.operation.path
    for name, value in as_mapping(case.path_parameters).items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe="") or "%20")
    query = urlencode(as_mapping(case.query), doseq=True, errors="replace")
    headers = {
        name: value
        for name, value in as_mapping(case.headers).items()
        if isinstance(value, str) and value.isascii() and value.isprintable() and name.lower() != "authorization"
    }
    content = None
    if isinstance(case.body, bytes):
        content = case.body
    elif type(case.body).__name__ != "NotSet":
        content = json.dumps(case.body, default=str).encode("utf-8", "replace")
        headers.setdefault("Content-Type", "application/json")
    return {
        "method": case.method,
        "url": httpx.URL(f"http://127.0.0.1:8080{path}?{query}"),
        "headers": headers,
        "content": content,
    }


def as_mapping(part: object) -> Mapping[str, Any]:
    return part if isinstance(part, Mapping) else {}
