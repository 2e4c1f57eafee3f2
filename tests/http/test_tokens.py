"""API tokens: never more than their owner may, for a time, shown once, and of no use to a browser."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from inventory.people_models import ApiTokenRow
from inventory.public import Grant, grant_role, grants, revoke_grant, set_disabled
from kernel.actors import system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from tests.http.conftest import MakeAccount, browser, sign_in, token
from tests.http.world import Place, make_world

ALL = ("inventory.read", "alerts.read")


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> dict[str, Place]:
    return await make_world(database, tmp_path)


async def make(client: httpx.AsyncClient, clock: FrozenClock, **wish: object) -> httpx.Response:
    wanted: Mapping[str, Any] = {
        "title": "Máy đọc", "permissions": list(ALL), "ends_at": (clock.now() + timedelta(days=30)).isoformat(), **wish,
    }  # fmt: skip
    headers = {"X-CSRF-Token": await token(client), "Accept": "application/json"}
    return await client.post("/api/v1/tokens", json=wanted, headers=headers)


def program(app: FastAPI, value: str, **options: str) -> httpx.AsyncClient:
    return browser(app, Authorization=f"Bearer {value}", Accept="application/json", **options)


async def test_a_program_reads_with_it_and_changes_without_a_form_token(
    app: FastAPI, hoa: httpx.AsyncClient, clock: FrozenClock, world: dict[str, Place]
) -> None:
    made = (await make(hoa, clock, permissions=[*ALL, "alerts.take"])).json()
    async with program(app, made["value"]) as machine:
        assert len((await machine.get("/api/v1/devices")).json()["items"]) == 4
        taken = await machine.post(f"/api/v1/alerts/{world['outside'].alert}/take")
        assert (taken.status_code, taken.json()["taken_by"]) == (200, "hoa")
        assert (await machine.get("/api/v1/rooms")).status_code == 403, "its owner may, and it was not given that"
        whose = (await machine.get("/api/v1/session")).json()
        assert (whose["account"]["name"], whose["csrf"]) == ("hoa", "")
    listed = (await hoa.get("/api/v1/tokens")).json()["items"]
    assert [one["used_at"] is not None for one in listed] == [True]
    assert made["value"] not in str(listed)
    assert made["value"] not in (await hoa.get("/account")).text


async def test_the_database_holds_only_its_hash(hoa: httpx.AsyncClient, clock: FrozenClock, database: Database) -> None:
    value = (await make(hoa, clock)).json()["value"]
    assert value.startswith("vungcao_")
    async with database.transaction() as tx:
        row = await tx.session.scalar(select(ApiTokenRow))
    assert row is not None
    assert value.encode() not in row.key
    assert value not in str(vars(row))


async def test_it_is_bound_to_a_unit_and_what_is_below(
    app: FastAPI, hoa: httpx.AsyncClient, clock: FrozenClock, world: dict[str, Place]
) -> None:
    bound = (await make(hoa, clock, unit="phan-son")).json()["value"]
    alone = (await make(hoa, clock, unit="phan-son", below=False)).json()["value"]
    for value, devices in ((bound, ["bt-rt1", "ps-rt1"]), (alone, ["ps-rt1"])):
        async with program(app, value) as machine:
            found = (await machine.get("/api/v1/devices")).json()["items"]
            assert [device["code"] for device in found] == devices
            assert (await machine.get("/api/v1/devices/ld-rt1")).status_code == 404
    assert world


async def test_it_is_never_wider_than_its_owner_at_that_moment(
    app: FastAPI, visitor: httpx.AsyncClient, clock: FrozenClock, database: Database, world: dict[str, Place],
    make_account: MakeAccount,
) -> None:  # fmt: skip
    await make_account("hoa", "technician")
    await sign_in(visitor)
    value = (await make(visitor, clock)).json()["value"]
    async with database.transaction() as tx:
        (whole,) = (await grants(system("test"), tx, account="hoa")).grants
        await grant_role(system("test"), tx, "hoa", Grant("official", unit="la-da"))
        await revoke_grant(system("test"), tx, whole.id)
    async with program(app, value) as machine:
        found = (await machine.get("/api/v1/devices")).json()["items"]
        assert [device["code"] for device in found] == ["ld-rt1"]
    refused = await make(visitor, clock, unit="phan-son")
    assert (refused.status_code, refused.json()["code"]) == (404, "not-found"), "a unit that is not theirs is not there"
    wider = await make(visitor, clock, permissions=["playbooks.run"])
    assert (wider.status_code, wider.json()["code"]) == (400, "token-too-wide")
    assert world


@pytest.mark.parametrize(
    "wish",
    [
        {"title": " "}, {"title": "x" * 81}, {"permissions": []}, {"permissions": ["all"]}, {"unit": "không-có"},
        {"ends_at": "2026-11-24T01:25:00Z"}, {"ends_at": "2028-01-01T00:00:00Z"}, {"below": False},
        {"ends_at": "2026-12-01T00:00:00"}, {"permissions": ["inventory.read"] * 51}, {"unit": "\N{NULL}"},
    ],
    ids=str,
)  # fmt: skip
async def test_a_wish_that_makes_no_sense_is_refused(
    hoa: httpx.AsyncClient, clock: FrozenClock, wish: dict[str, object]
) -> None:
    assert (await make(hoa, clock, **wish)).status_code in {400, 404, 422}


async def test_it_ends_in_time_when_revoked_and_with_its_owner(
    app: FastAPI, hoa: httpx.AsyncClient, clock: FrozenClock, database: Database
) -> None:
    values = [(await make(hoa, clock)).json() for _ in range(2)]
    short = (await make(hoa, clock, ends_at=(clock.now() + timedelta(hours=1)).isoformat())).json()
    headers = {"X-CSRF-Token": await token(hoa)}
    assert (await hoa.delete(f"/api/v1/tokens/{values[0]['token']['id']}", headers=headers)).status_code == 204
    clock.forward(timedelta(hours=1))
    async with program(app, short["value"]) as late, program(app, values[0]["value"]) as revoked:
        for machine in (late, revoked):
            answer = await machine.get("/api/v1/offices")
            assert (answer.status_code, answer.json()["code"]) == (401, "bad-token")
    async with program(app, values[1]["value"]) as machine:
        assert (await machine.get("/api/v1/offices")).status_code == 200
        async with database.transaction() as tx:
            await set_disabled(system("test"), tx, "hoa", disabled=True)
        assert (await machine.get("/api/v1/offices")).status_code == 401
        async with database.transaction() as tx:
            await set_disabled(system("test"), tx, "hoa", disabled=False)
        assert (await machine.get("/api/v1/offices")).status_code == 401, "what ended stays ended"
    assert (await hoa.get("/api/v1/session")).json()["account"] is None


async def test_it_makes_no_other_and_counts_on_no_page(
    app: FastAPI, hoa: httpx.AsyncClient, clock: FrozenClock
) -> None:
    value = (await make(hoa, clock)).json()["value"]
    async with program(app, value) as machine:
        again = await machine.post(
            "/api/v1/tokens", json={"title": "x", "permissions": list(ALL), "ends_at": "2026-12-01T00:00:00Z"}
        )
        assert (again.status_code, again.json()["code"]) == (403, "not-by-program")
        assert (await machine.get("/account", headers={"Accept": "text/html"})).status_code == 303
        assert (await machine.post("/language", data={"language": "en"})).status_code == 403


@pytest.mark.parametrize("value", ["", "x", "vungcao_", "vungcao_" + "x" * 5000, "\xff\xfe"])
async def test_a_token_that_is_none_opens_nothing_even_beside_a_cookie(hoa: httpx.AsyncClient, value: str) -> None:
    headers = {b"Authorization": b"Bearer " + value.encode("latin-1")}
    answer = await hoa.get("/api/v1/offices", headers=headers)
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["www-authenticate"]


async def test_the_page_makes_one_and_shows_it_once(hoa: httpx.AsyncClient) -> None:
    form = {"csrf": await token(hoa), "title": "Máy đọc", "days": "30", "permissions": ["inventory.read"]}
    made = await hoa.post("/account/tokens", data=form)
    assert made.status_code == 200
    assert "vungcao_" in made.text
    shown = await hoa.get("/account")
    assert "Máy đọc" in shown.text
    assert "vungcao_" not in shown.text.replace("vungcao_session", "")
    wrong = await hoa.post("/account/tokens", data={**form, "permissions": ["accounts.manage"]})
    assert (wrong.status_code, "không được làm ở đó" in wrong.text) == (400, True)
