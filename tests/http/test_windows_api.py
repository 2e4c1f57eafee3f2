"""Windows by the JSON API: previewed, set once, paged, ended, audited; bad ones are told so; and who may see which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from kernel.audit import AuditEntryRow
from kernel.db.transaction import Database
from tests.http.conftest import MakeAccount, browser, sign_in, token
from tests.http.office import load_office

WANTED: dict[str, Any] = {
    "kind": "maintenance",
    "title": "Đêm bảo trì",
    "place": {"kind": "unit", "code": "phan-son"},
    "first": "2026-11-23T22:00:00",
    "minutes": 120,
    "rule": "FREQ=WEEKLY;BYDAY=TU",
}
"""The clock of these tests stands at 08:26 on Tuesday 24 November 2026, in Hanoi."""


@pytest.fixture
async def engineer(app: FastAPI, database: Database, tmp_path: Path, make_account: MakeAccount) -> httpx.AsyncClient:
    """An engineer who asks as a program does."""
    await load_office(database, tmp_path)
    await make_account("son", "engineer")
    client = browser(app, Accept="application/json")
    await sign_in(client, "son")
    client.headers["X-CSRF-Token"] = await token(client)
    return client


async def test_a_window_is_previewed_set_once_listed_and_ended_and_audited(
    engineer: httpx.AsyncClient, database: Database
) -> None:
    seen = (await engineer.post("/api/v1/windows/preview?limit=2", json=WANTED)).json()
    assert (seen["devices"], [one["code"] for one in seen["first"]]) == (3, ["ld-rt1", "ps-rt1"])
    assert [one["starts_at"] for one in seen["times"][:2]] == ["2026-11-24T15:00:00Z", "2026-12-01T15:00:00Z"]
    assert (await engineer.get("/api/v1/windows")).json()["items"] == []

    made, again = [
        await engineer.post("/api/v1/windows", json=WANTED, headers={"Idempotency-Key": "dem"}) for _ in range(2)
    ]
    assert made.status_code == 201, made.text
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (made.json(), "true")
    window = made.json()
    assert window["place"] == {"kind": "unit", "code": "phan-son", "name": "Xã Phan Sơn"}
    assert window["next"] == {"starts_at": "2026-11-24T15:00:00Z", "ends_at": "2026-11-24T17:00:00Z"}
    address = f"/api/v1/windows/{window['id']}"
    read = await engineer.get(address)
    assert (read.json(), read.headers["ETag"]) == (window, made.headers["ETag"])

    ended = [(await engineer.post(f"{address}/end")).json() for _ in range(2)]
    assert ended[0] == ended[1] == window | {"ended_at": "2026-11-24T01:26:00Z", "next": None}
    assert (await engineer.get("/api/v1/windows")).json()["items"] == []
    async with database.transaction() as tx:
        entries = await tx.session.scalars(
            select(AuditEntryRow).where(AuditEntryRow.target == f"window:{window['id']}").order_by(AuditEntryRow.id)
        )
        assert [(entry.actor, entry.action) for entry in entries] == [("son", "window.set"), ("son", "window.ended")]


async def test_the_list_comes_a_page_at_a_time(engineer: httpx.AsyncClient) -> None:
    titles = [f"Đêm {number}" for number in range(5)]
    for title in titles:
        await engineer.post("/api/v1/windows", json=WANTED | {"title": title})
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = (await engineer.get("/api/v1/windows", params={"limit": "2", **after})).json()
        found += [one["title"] for one in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert found == titles[::-1]
    assert (await engineer.get("/api/v1/windows?after=x")).status_code == 400


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"place": {"kind": "unit", "code": "khong-co"}}, 404, "not-found"),
        ({"place": {"kind": "uplink", "code": "ps"}}, 422, "wrong-fields"),
        ({"title": " "}, 400, "bad-input"),
        ({"title": "x\x00"}, 400, "bad-input"),
        ({"minutes": 0}, 422, "wrong-fields"),
        ({"minutes": 10**9}, 422, "wrong-fields"),
        ({"first": "2026-11-24T22:00:00+07:00"}, 400, "bad-input"),
        ({"first": "0001-01-01T00:00:00", "rule": ""}, 400, "bad-input"),
        ({"first": "9999-12-31T23:59:59", "rule": ""}, 400, "bad-input"),
        ({"zone": "Mars/Olympus"}, 400, "bad-input"),
        ({"zone": "../../etc/passwd"}, 400, "bad-input"),
        ({"rule": "FREQ=HOURLY"}, 400, "bad-rule"),
        ({"rule": "FREQ=DAILY;UNTIL=99991231T235959Z"}, 400, "bad-rule"),
        ({"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31"}, 400, "bad-rule"),
        ({"owner": "hoa"}, 422, "wrong-fields"),
    ],
)
async def test_what_cannot_be_a_window_is_a_clear_answer(
    engineer: httpx.AsyncClient, changes: dict[str, Any], status: int, code: str
) -> None:
    for path in ("/api/v1/windows/preview", "/api/v1/windows"):
        answer = await engineer.post(path, json=WANTED | changes)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert (await engineer.get("/api/v1/windows")).json()["items"] == []
