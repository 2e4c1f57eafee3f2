"""Who may ask what: made from the application's own list of routes, so that a new route cannot be forgotten."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from api.http.state import WebState
from tests.builders.actors import ROLES
from tests.builders.web import app_of
from tests.http.access_tables import NEEDS, PAGES
from tests.http.conftest import MakeAccount, MakeState, browser, sign_in, token

PUBLIC = {
    ("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/sign-in/provider"), ("GET", "/sign-in/provider/back"),
    ("GET", "/setup"), ("POST", "/setup"), ("POST", "/language"),
    ("GET", "/api/v1/session"), ("POST", "/api/v1/session"), ("GET", "/api/v1/openapi.json"),
    ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/feeds/{secret}.ics"),
    ("GET", "/rooms/{room}/door/{secret}"), ("GET", "/rooms/{room}/door/{secret}/day"),
    ("GET", "/rooms/door-worker.js"),
    ("GET", "/feeds/{secret}.ifb"), ("GET", "/feeds/rooms/{secret}.ics"), ("GET", "/feeds/rooms/{secret}.ifb"),
}  # fmt: skip
"""Open to everybody, on purpose. A new route is not."""

BY_BEARER = {
    ("POST", "/jitsi/conference"), ("GET", "/jitsi/conference/{conference}"),
    ("DELETE", "/jitsi/conference/{conference}"), ("POST", "/jitsi/events/room/created"),
    ("POST", "/jitsi/events/room/destroyed"),
    ("POST", "/jitsi/events/occupant/joined"), ("POST", "/jitsi/events/occupant/left"),
    ("POST", "/hooks/{hook_id}"),
}  # fmt: skip
"""Asked by the Jitsi server, known by its bearer token alone, and by programs known by their signature alone. No cookie
counts there, so that there is no form to forge: they need no form token, and open to no account, whatever its role."""

TAKERS = {"technician", "engineer", "security", "administrator"}
CHANGERS = {role for role in ROLES if "inventory.change" in ROLES[role]}
MANAGERS = {role for role in ROLES if "accounts.manage" in ROLES[role]}
RESTRICTED = {
    **{
        (method, path): CHANGERS
        for path in (
            "/offices/{code}/edit",
            "/devices/{code}/edit",
            "/uplinks/{code}/edit",
            "/checks/{code}/edit",
            "/bulk-edit",
        )
        for method in ("GET", "POST")
    },
    ("POST", "/bulk-edit/apply"): CHANGERS,
    ("GET", "/add/{way}"): CHANGERS,
    ("POST", "/add/{way}"): CHANGERS,
    ("GET", "/reorganisations/new"): CHANGERS,
    ("POST", "/reorganisations/new"): CHANGERS,
    ("POST", "/reorganisations/{reorganisation_id}/schedule"): CHANGERS,
    ("POST", "/reorganisations/{reorganisation_id}/cancel"): CHANGERS,
    **{
        ("GET", path): {role for role in ROLES if "accounts.read" in ROLES[role]}
        for path in ("/people", "/people/{name}")
    },
    ("GET", "/people/{name}/erase"): MANAGERS,
    **{
        ("POST", f"/people{path}"): MANAGERS
        for path in (
            "",
            "/{name}/grants",
            "/{name}/grants/{grant}/revoke",
            "/{name}/disable",
            "/{name}/enable",
            "/{name}/password",
            "/{name}/second-factor/forget",
            "/{name}/sessions/end",
            "/{name}/sessions/{session}/end",
            "/{name}/tokens/{token}/revoke",
            "/{name}/erase",
        )
    },
    **{
        (method, path): {role for role in ROLES if permission in ROLES[role]}
        for (method, path), permission in (
            (key.split(" "), permission) for key, permission in ({**NEEDS, **PAGES}).items()
        )
    },
    ("POST", "/api/v1/tokens"): set(ROLES),
    **{
        (method, "/api/v1/calendar-feed"): {role for role in ROLES if "meetings.read" in ROLES[role]}
        for method in ("POST", "DELETE")
    },
    **{
        ("GET", path): {role for role in ROLES if "meetings.read" in ROLES[role]}
        for path in ("/api/v1/delegates", "/api/v1/leaders")
    },
    ("PUT", "/api/v1/delegates/{name}"): {role for role in ROLES if "meetings.book" in ROLES[role]},
    ("DELETE", "/api/v1/delegates/{name}"): {role for role in ROLES if "meetings.read" in ROLES[role]},
    ("POST", "/alerts/{alert_id}/take"): TAKERS,
    ("POST", "/alerts/{alert_id}/release"): TAKERS,
    ("GET", "/platform"): TAKERS,
    ("GET", "/audit"): {"security", "auditor", "administrator"},
}
"""Roles that may ask; what is not listed is open to all roles."""


class Asked(NamedTuple):
    method: str
    template: str

    @property
    def address(self) -> str:
        filled = re.sub(r"\{(\w*(?:id|alert|session|grant|token))(:\w+)?\}", str(uuid.UUID(int=7)), self.template)
        return re.sub(r"\{\w+(:\w+)?\}", "none", filled)


def routes(app: FastAPI) -> Iterator[Asked]:
    for route in iter_route_contexts(app.routes):
        for method in sorted((route.methods or set()) - {"HEAD"}):
            assert route.path
            yield Asked(method, route.path)


@pytest.fixture
def state(make_state: MakeState) -> WebState:
    made = make_state()
    made.stopping.set()  # streams end at once: who may open them is the question here
    return made


@pytest.fixture
def app(state: WebState) -> FastAPI:
    return app_of(state)


def test_the_lists_of_this_test_name_routes_that_exist(app: FastAPI) -> None:
    existing = set(routes(app))
    assert existing >= PUBLIC
    assert existing >= set(RESTRICTED)
    assert existing >= BY_BEARER
    assert {asked for asked in existing if asked.template.startswith(("/jitsi/", "/hooks/"))} == BY_BEARER
    assert len(existing) > 30


async def test_who_is_not_signed_in_gets_nothing_but_what_is_public(app: FastAPI, visitor: httpx.AsyncClient) -> None:
    headers = {"X-CSRF-Token": await token(visitor)}
    open_to_all = set()
    for asked in routes(app):
        answer = await visitor.request(asked.method, asked.address, headers=headers)
        led = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
        if answer.status_code != 401 and not led:
            open_to_all.add(asked)
        elif asked.template.startswith("/api/"):
            assert answer.json()["code"] == "not-signed-in", asked
    assert open_to_all == PUBLIC


async def test_no_change_is_made_without_the_token_of_the_form(app: FastAPI, hoa: httpx.AsyncClient) -> None:
    changes = [asked for asked in routes(app) if asked.method != "GET" and asked not in BY_BEARER]
    assert changes
    for asked in changes:
        answer = await hoa.request(asked.method, asked.address, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (403, "forged-form"), asked
    assert (await hoa.get("/account")).status_code == 200, "the session is still open: nothing happened"


async def test_no_account_is_the_jitsi_server(app: FastAPI, make_account: MakeAccount) -> None:
    await make_account("hoa", "administrator")
    async with browser(app) as client:
        await sign_in(client)
        headers = {"X-CSRF-Token": await token(client)}
        for method, template in sorted(BY_BEARER):
            answer = await client.request(method, Asked(method, template).address, headers=headers)
            assert answer.status_code == 401, template


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_a_role_may_ask_what_it_is_listed_for_and_nothing_more(
    app: FastAPI, make_account: MakeAccount, role: str
) -> None:
    await make_account("hoa", role)
    async with browser(app) as client:
        for asked in routes(app):
            if asked in PUBLIC or asked in BY_BEARER:
                continue
            if (await client.get("/api/v1/session")).json()["account"] is None:
                await sign_in(client)
            headers = {"X-CSRF-Token": await token(client)}
            answer = await client.request(asked.method, asked.address, headers=headers)
            allowed = role in RESTRICTED.get(asked, set(ROLES))
            assert (answer.status_code != 403) == allowed, (asked, answer.status_code)
            assert answer.status_code < 500, (asked, answer.text)
