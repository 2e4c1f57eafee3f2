"""The JSON API of the tree and its equipment: paged, as of any day, and edited without losing or doubling anything."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from api.demo.agents import PROGRAMME
from inventory.load import load_file
from inventory.profiles import bundled_profiles
from inventory.reorganisations import apply_due
from kernel.actors import system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from tests.http.conftest import MakeAccount, browser, sign_in, token

OFFICE = {"code": "lk", "name": "Văn phòng xã La Dạ, cơ sở 2", "unit": "la-da", "kind": "meeting-point"}
DEVICE = {
    "code": "ps-rt9", "name": "Bộ định tuyến dự phòng", "office": "ps", "role": "router",
    "profile": "network-interfaces", "address": "10.1.2.3", "snmp": "v3", "credential": "example-v3",
}  # fmt: skip
MERGE = {
    "title": "Nhập xã",
    "day": "2026-11-24",
    "operations": [{"do": "merge", "units": ["la-da"], "into": "dong-giang"}],
}


@pytest.fixture
async def admin(app: FastAPI, database: Database, make_account: MakeAccount) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator of the whole tree, signed in, with the example programme."""
    async with database.transaction() as tx:
        await load_file(PROGRAMME, system("test"), tx, bundled_profiles())
    await make_account("quantri", "administrator")
    async with browser(app, Accept="application/json") as client:
        await sign_in(client, "quantri")
        client.headers["X-CSRF-Token"] = await token(client)
        client.base_url = client.base_url.join("/api/v1/")
        yield client


async def every(client: httpx.AsyncClient, address: str, **parameters: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        answer = await client.get(address, params={**parameters, **after})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        if page["next"] is None:
            return items
        after = {"after": page["next"]}


async def test_units_are_listed_page_by_page_as_of_a_day(admin: httpx.AsyncClient) -> None:
    then = await every(admin, "units", as_of="2025-06-30", limit=3)
    assert [unit["level"] for unit in then] == ["province"] * 2 + ["district"] * 5
    assert len({unit["code"] for unit in then}) == len(then)
    below = await every(admin, "units", subtree="phan-son", limit=1)
    assert [unit["code"] for unit in below] == ["phan-son", "thon-bon-thop"]
    assert [unit["code"] for unit in await every(admin, "units", query="SON phan")] == ["phan-son"]
    assert await every(admin, "units", subtree="binh-thuan") == []
    assert {unit["code"] for unit in await every(admin, "units", parent="phan-son")} == {"thon-bon-thop"}
    assert {unit["level"] for unit in await every(admin, "units", level="village")} == {"village"}


async def test_a_unit_tells_its_history(admin: httpx.AsyncClient) -> None:
    old = (await admin.get("units/bac-binh")).json()
    assert (old["unit"]["valid_to"], old["unit"]["successors"]) == ("2025-07-01", ["hai-ninh", "phan-son", "song-luy"])
    assert [unit["code"] for unit in old["above"]] == ["binh-thuan"]
    assert (await admin.get("units/nowhere")).status_code == 404


async def test_search_finds_without_accents_and_in_any_order(admin: httpx.AsyncClient) -> None:
    found = (await admin.get("search", params={"query": "son phan"})).json()
    assert [one["kind"] for one in found][:2] == ["unit", "office"]
    assert found[0]["code"] == "phan-son"
    assert {one["code"] for one in found if one["kind"] == "device"} >= {"ps-rt1"}
    router = (await admin.get("search", params={"query": "dinh tuyen phan son"})).json()
    assert [one["code"] for one in router] == ["bt-rt1", "ps-rt1"]
    for nothing in ("", "   ", "%", "_", "\\", "'; DROP TABLE device; --", "x" * 100):
        assert (await admin.get("search", params={"query": nothing})).json() == []
    assert (await admin.get("search", params={"query": "x" * 101})).status_code == 422


async def test_figures_have_the_same_sum_on_every_map(admin: httpx.AsyncClient) -> None:
    sums = set()
    for level, map_of in (("province", "2025-06-30"), ("province", "2026-01-01"), ("commune", "2026-01-01")):
        figures = await every(admin, "figures", level=level, map_of=map_of)
        sums.add((sum(one["offices"] for one in figures), sum(one["devices"] for one in figures)))
    assert sums == {(16, 75)}


async def test_an_office_is_added_changed_and_keeps_where_it_was(admin: httpx.AsyncClient) -> None:
    contact = {"position": "Chánh Văn phòng", "name": "Nguyễn Thị Hoa", "phone": "0263 3822 822", "email": ""}
    made = await admin.post("offices", json={**OFFICE, "hours": "Mo-Fr 07:30-11:30,13:30-17:00", "contacts": [contact]})
    assert made.status_code == 201, made.text
    assert made.json()["contacts"] == [contact]
    read = await admin.get("offices/lk")
    assert read.headers["etag"] == made.headers["etag"]
    moved = await admin.patch("offices/lk", json={"unit": "dong-giang"}, headers={"If-Match": read.headers["etag"]})
    assert moved.status_code == 200, moved.text
    assert (moved.json()["office"]["unit"], moved.json()["office"]["kind"]) == ("dong-giang", "meeting-point")
    assert moved.json()["contacts"] == [contact]
    assert moved.headers["etag"] != read.headers["etag"]
    assert "lk" in {office["code"] for office in await every(admin, "offices", unit="dong-giang")}
    again = await admin.post("offices", json=OFFICE)
    assert (again.status_code, again.json()["code"]) == (409, "code-taken")


async def test_nobody_changes_what_they_have_not_seen(admin: httpx.AsyncClient) -> None:
    blind = await admin.patch("offices/ps", json={"name": "X"})
    assert (blind.status_code, blind.json()["code"]) == (428, "not-seen")
    seen = (await admin.get("offices/ps")).headers["etag"]
    tries = [
        admin.patch("offices/ps", json={"name": f"Tên {number}"}, headers={"If-Match": seen}) for number in range(4)
    ]
    codes = sorted(answer.status_code for answer in await asyncio.gather(*tries))
    assert codes == [200, 412, 412, 412]
    whatever = await admin.patch("offices/ps", json={"name": "Tên"}, headers={"If-Match": "*"})
    assert whatever.status_code == 200


async def test_the_same_request_under_a_key_is_done_once(
    admin: httpx.AsyncClient, clock: FrozenClock, database: Database
) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, *others = await asyncio.gather(*(admin.post("devices", json=DEVICE, headers=key) for _ in range(4)))
    assert {one.status_code for one in (first, *others)} == {201}
    assert all(one.json() == first.json() for one in others)
    assert sum("idempotent-replayed" in one.headers for one in (first, *others)) == 3
    other = await admin.post("devices", json={**DEVICE, "code": "ps-rt8"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    wrong = await admin.post("devices", json={**DEVICE, "code": "x!"}, headers={"Idempotency-Key": "2"})
    assert wrong.status_code == 400
    right = await admin.post(
        "devices", json={**DEVICE, "code": "ps-rt8", "port": 162}, headers={"Idempotency-Key": "2"}
    )
    assert right.status_code == 201, "a request that failed has used no key"
    clock.forward(timedelta(days=2))
    async with database.transaction() as tx:
        assert await tx.session.scalar(text("SELECT count(*) FROM idempotency_key")) == 2


async def test_a_device_goes_through_its_life_step_by_step(admin: httpx.AsyncClient, database: Database) -> None:
    made = await admin.post("devices", json={**DEVICE, "state": "planned", "vendor": "MikroTik", "model": "hEX S"})
    assert made.status_code == 201, made.text
    tag = {"If-Match": made.headers["etag"]}
    leap = await admin.patch("devices/ps-rt9", json={"state": "active"}, headers=tag)
    assert (leap.status_code, leap.json()["fields"]["then"]) == (409, "retired, staged")
    for state in ("staged", "active", "maintenance", "retired"):
        step = await admin.patch("devices/ps-rt9", json={"state": state}, headers=tag)
        assert step.status_code == 200, step.text
        tag = {"If-Match": step.headers["etag"]}
    assert [one["code"] for one in await every(admin, "devices", state="retired")] == ["ps-rt9"]
    assert [one["code"] for one in await every(admin, "devices", query="hex mikrotik ps-rt9")] == []
    assert [one["code"] for one in await every(admin, "devices", query="hex ps-rt9")] == ["ps-rt9"]


async def test_a_device_that_moves_was_elsewhere_before(admin: httpx.AsyncClient, clock: FrozenClock) -> None:
    seen = (await admin.get("devices/ps-rt1")).headers["etag"]
    moved = await admin.patch("devices/ps-rt1", json={"office": "sl"}, headers={"If-Match": seen})
    assert moved.json()["office"] == "sl"
    then = await every(admin, "devices", as_of="2026-11-23", office="ps")
    now = await every(admin, "devices", as_of="2026-11-24", office="ps")
    assert {one["code"] for one in then} - {one["code"] for one in now} == {"ps-rt1"}
    assert {one["office"] for one in await every(admin, "devices", office="sl")} == {"sl"}


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("offices", {**OFFICE, "hours": "always"}),
        ("offices", {**OFFICE, "code": "Đà Lạt"}),
        ("offices", {**OFFICE, "latitude": 91}),
        ("offices", {**OFFICE, "unit": "binh-thuan"}),
        ("offices", {**OFFICE, "contacts": [{"position": "x", "name": "y", "email": "no"}]}),
        ("devices", {**DEVICE, "address": "not one"}),
        ("devices", {**DEVICE, "profile": "none"}),
        ("devices", {**DEVICE, "address": "127.20.1.1", "port": 16100}),
        (
            "uplinks",
            {
                "code": "x",
                "device": "ps-rt1",
                "interface": "e",
                "carrier": "c",
                "medium": "fibre",
                "down_bps": 0,
                "up_bps": 1,
            },
        ),
        ("reorganisations", {**MERGE, "operations": [{"do": "rename", "unit": "nowhere", "name": "X"}]}),
        (
            "reorganisations/rehearsal",
            {"day": "1026-01-01", "operations": [{"do": "rename", "unit": "la-da", "name": "X"}]},
        ),
    ],
)
async def test_what_cannot_be_is_refused_in_words(admin: httpx.AsyncClient, address: str, body: dict[str, Any]) -> None:
    answer = await admin.post(address, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"]


async def test_lines_do_not_go_in_a_circle(admin: httpx.AsyncClient) -> None:
    line = {"interface": "e1", "carrier": "VNPT", "medium": "microwave", "down_bps": 1, "up_bps": 1, "group": "lan"}
    first = await admin.post("uplinks", json={**line, "code": "a", "device": "ps-rt1", "parent": "sl-rt1"})
    assert (first.status_code, first.json()["group"]) == (201, "lan")
    second = await admin.post("uplinks", json={**line, "code": "b", "device": "sl-rt1", "parent": "ps-rt1"})
    assert second.status_code == 400
    tag = {"If-Match": (await admin.get("uplinks/a")).headers["etag"]}
    assert (await admin.patch("uplinks/a", json={"carrier": "Viettel"}, headers=tag)).json()["carrier"] == "Viettel"
    assert (await admin.patch("uplinks/a", json={"parent": "ps-rt1"}, headers={"If-Match": "*"})).status_code == 400


async def test_a_reorganisation_is_proposed_looked_at_and_happens(
    admin: httpx.AsyncClient, clock: FrozenClock, database: Database
) -> None:
    rehearsed = await admin.post("reorganisations/rehearsal", json={key: MERGE[key] for key in ("day", "operations")})
    made = await admin.post("reorganisations", json=MERGE)
    assert made.status_code == 201, made.text
    which = made.json()["id"]
    assert made.json()["rehearsed"] == rehearsed.json()
    assert [line["code"] for line in await every(admin, f"reorganisations/{which}/moves", kind="offices")] == ["ld"]
    assert len(await every(admin, f"reorganisations/{which}/moves", kind="devices", limit=2)) == 5
    assert (await admin.post(f"reorganisations/{which}/schedule")).json()["state"] == "scheduled"
    assert await apply_due(database, []) is not None
    done = (await admin.get(f"reorganisations/{which}")).json()
    assert (done["state"], done["applied"]["counts"]["offices"]) == ("applied", 1)
    assert (await admin.post(f"reorganisations/{which}/cancel")).status_code == 409
    assert [one["id"] for one in await every(admin, "reorganisations")] == [which]
