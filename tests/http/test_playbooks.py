"""Playbooks over the JSON API: launching, the reason why not, and what a run says. No worker runs here."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api.migrations.tables import Base
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.ids import new_id
from playbooks.automation.repository import add_lines
from tests.http.conftest import MakeAccount, browser, sign_in, token
from tests.http.office import load_office, meet

LAUNCH = {"playbook": "time-and-dns", "office": "ps"}


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> str:
    await load_office(database, tmp_path)
    return "ps"


async def post(client: httpx.AsyncClient, address: str, body: object = None) -> httpx.Response:
    """Post JSON with the client's form token."""
    headers = {"X-CSRF-Token": await token(client), "Accept": "application/json", "Accept-Language": "vi"}
    return await client.post(f"/api/v1{address}", json=body, headers=headers)


async def test_the_catalog_says_what_each_playbook_asks_for(hoa: httpx.AsyncClient) -> None:
    answer = (await hoa.get("/api/v1/playbooks")).json()
    found = {one["name"]: one for one in answer["items"]}
    assert {"site-check", "time-and-dns", "office-host"} <= found.keys()
    zone = found["time-and-dns"]["arguments"]["time_zone"]
    assert (zone["type"], zone["default"]) == ("text", "Asia/Ho_Chi_Minh")
    assert zone["title"] == {"vi": "Múi giờ", "en": "Time zone"}


async def test_a_launch_waits_and_a_second_one_is_told_who_has_the_office(hoa: httpx.AsyncClient, office: str) -> None:
    run = await post(hoa, "/playbook-runs", LAUNCH)
    assert run.status_code == 201, run.text
    assert run.json()["state"] == "waiting"
    assert run.json()["targets"] == ["ps-rt1"]
    second = await post(hoa, "/playbook-runs", LAUNCH | {"playbook": "site-check"})
    assert (second.status_code, second.json()["code"]) == (409, "playbook-office-busy")
    assert second.json()["fields"]["run"] == run.json()["id"]
    assert second.json()["fields"]["launcher"] == "hoa"
    assert [one["id"] for one in (await hoa.get("/api/v1/playbook-runs?office=ps")).json()["items"]] == [
        run.json()["id"]
    ]
    cancelled = await post(hoa, f"/playbook-runs/{run.json()['id']}/cancel")
    assert cancelled.json()["state"] == "cancelled"
    assert (await post(hoa, "/playbook-runs", LAUNCH)).status_code == 201


async def test_a_change_is_refused_before_and_in_a_meeting_and_let_run_by_a_second_technician(
    app: FastAPI,
    hoa: httpx.AsyncClient,
    office: str,
    database: Database,
    clock: FrozenClock,
    make_account: MakeAccount,
) -> None:
    await meet(database, clock.now() + timedelta(minutes=30))
    clock.forward(timedelta(minutes=20))
    refused = await post(hoa, "/playbook-runs", LAUNCH)
    assert (refused.status_code, refused.json()["code"]) == (409, "playbook-room-in-session")
    assert refused.json()["fields"] == {
        "room": "Phòng họp Phan Sơn",
        "meeting": "Giao ban tuần",
        "until": "2026-11-24T02:56:00Z",
    }
    held = (await post(hoa, "/playbook-runs", LAUNCH | {"ask": True})).json()
    assert (held["state"], held["held_until"]) == ("held", "2026-11-24T02:56:00Z")
    own = await post(hoa, f"/playbook-runs/{held['id']}/override", {"reason": "I am in a hurry."})
    assert (own.status_code, own.json()["code"]) == (403, "playbook-override-by-the-launcher")
    await make_account("duc", "technician")
    async with browser(app) as duc:
        await sign_in(duc, "duc")
        let = await post(duc, f"/playbook-runs/{held['id']}/override", {"reason": "The meeting has stopped."})
    assert (let.status_code, let.json()["state"], let.json()["overridden_by"]) == (200, "waiting", "duc")
    await post(hoa, f"/playbook-runs/{held['id']}/cancel")
    clock.forward(timedelta(minutes=70))
    assert (await post(hoa, "/playbook-runs", LAUNCH)).status_code == 201, "the meeting is over"


async def test_lines_come_from_any_number_on(hoa: httpx.AsyncClient, office: str, database: Database) -> None:
    run = (await post(hoa, "/playbook-runs", LAUNCH | {"check": True})).json()
    async with database.transaction() as tx:
        lines = [{"at": tx.now(), "host": "ps-rt1", "kind": "ok", "text": f"line {number}"} for number in range(1, 6)]
        await add_lines(tx, run["id"], lines[:4])
        await add_lines(tx, run["id"], lines[4:])
    answer = (await hoa.get(f"/api/v1/playbook-runs/{run['id']}/lines?after=3")).json()
    assert [(line["number"], line["text"]) for line in answer] == [(4, "line 4"), (5, "line 5")]
    assert (await hoa.get(f"/api/v1/playbook-runs/{run['id']}")).json()["lines"] == 5
    assert (await hoa.get(f"/api/v1/playbook-runs/{new_id()}/lines")).status_code == 404


async def test_a_wrong_argument_is_named(hoa: httpx.AsyncClient, office: str) -> None:
    answer = await post(hoa, "/playbook-runs", LAUNCH | {"arguments": {"dns_servers": ["ns1"]}})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-argument")
    assert answer.json()["fields"]["name"] == "dns_servers"


def test_the_tables_of_playbooks_are_known_to_the_migrations() -> None:
    assert {"playbook_run", "playbook_line", "playbook_host"} <= set(Base.metadata.tables)
