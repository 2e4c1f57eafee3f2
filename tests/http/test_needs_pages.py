"""The pages of kits, needs, deliveries and coverage, by forms alone, with scripts off; nobody's change is lost."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from inventory.public import Grant, bundled_profiles, create_account, load_file
from kernel.actors import system
from kernel.db.transaction import Database
from tests.http.conftest import PASSWORD, browser, sign_in, token

TREE = """\
version: 1
units:
  lam-dong: {name: Tỉnh Lâm Đồng, level: province, valid_from: 1976-02-01}
  phan-son: {name: Xã Phan Sơn, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  la-da: {name: "=1+1", level: commune, parent: lam-dong, valid_from: 2025-07-01}
offices:
  ps: {name: Văn phòng Phan Sơn, unit: phan-son, since: 2025-07-01}
devices:
  ps-sw1: {name: Bộ chuyển mạch, office: ps, role: switch, profile: network-interfaces, address: 10.20.0.1, snmp: v2c,
    credential: v2c, state: staged}
"""


@pytest.fixture
async def engineer(app: FastAPI, database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "tree.yaml").write_text(TREE, encoding="utf-8")
    async with database.transaction() as tx:
        await load_file(tmp_path / "tree.yaml", system("test"), tx, bundled_profiles())
        await create_account(system("test"), tx, name="hoa", password=PASSWORD, grant=Grant("engineer"))
    async with browser(app) as client:
        await sign_in(client)
        yield client


def version_on(text: str) -> str:
    found = re.search(r'name="version" value="([^"]*)"', text)
    assert found is not None
    return found[1].replace("&#34;", '"')


async def test_from_a_kit_to_an_accepted_device_with_forms_alone(engineer: httpx.AsyncClient) -> None:
    csrf = {"csrf": await token(engineer)}
    kit = {"code": "xa", "name": "Bộ chuẩn xã", "level": "commune", "office_kind": "", "since": "2026-01-01"}
    made = await engineer.post("/kits/new", data=csrf | kit | {"switch/office": "1", "ups/office": "1"})
    assert (made.status_code, made.headers["location"]) == (303, "/kits")
    assert "Bộ chuẩn xã" in (await engineer.get("/kits")).text
    needs = (await engineer.get("/offices/ps/needs")).text
    assert 'name="switch" type="number" min="0" max="200" value="1"' in needs, "the plan is filled in from the gap"
    planned = await engineer.post("/offices/ps/deliveries", data=csrf | {"switch": "1", "ups": "1", "due": ""})
    where = planned.headers["location"]
    assert "Văn phòng Phan Sơn" in (await engineer.get("/deliveries")).text
    assert "/pieces/1/accept" not in (await engineer.get(where)).text, "it has not arrived"
    assert (await engineer.post(f"{where}/arrive", data=csrf)).status_code == 303
    page = await engineer.get(where)
    assert "/pieces/1/accept" in page.text
    assert page.headers["Permissions-Policy"].startswith("camera=(self)")
    assert (await engineer.get("/deliveries")).headers["Permissions-Policy"].startswith("camera=()")
    wrong = await engineer.post(f"{where}/pieces/1/accept", data=csrf | {"serial": "<b>", "device": "ps-sw1"})
    assert wrong.status_code == 400
    assert "<b>&" not in wrong.text
    right = await engineer.post(f"{where}/pieces/1/accept", data=csrf | {"serial": "SN-1", "device": "ps-sw1"})
    assert right.status_code == 303
    again = await engineer.post(f"{where}/pieces/1/accept", data=csrf | {"serial": "SN-1", "device": "ps-sw1"})
    assert again.status_code == 409
    assert (await engineer.post(f"{where}/pieces/2/refuse", data=csrf | {"why": "vỡ"})).status_code == 303
    shown = (await engineer.get(where)).text
    assert "Đang chờ thiết bị trả lời lần đầu" in shown
    assert "vỡ" in shown
    sums = (await engineer.get("/needs")).text
    assert "Tỉnh Lâm Đồng" in sums
    assert (await engineer.get("/needs?as_of=2025-12-31&lacking=1")).status_code == 200


async def test_a_version_of_a_kit_that_somebody_else_changed_is_not_overwritten(engineer: httpx.AsyncClient) -> None:
    csrf = {"csrf": await token(engineer)}
    kit = {"code": "xa", "name": "Bộ chuẩn xã", "since": "2026-01-01", "switch/office": "1"}
    await engineer.post("/kits/new", data=csrf | kit)
    seen = version_on((await engineer.get("/kits/xa/edit")).text)
    newer = {"name": "Bộ chuẩn xã", "since": "2026-12-01", "switch/office": "2", "version": seen}
    assert (await engineer.post("/kits/xa/edit", data=csrf | newer)).status_code == 303
    assert (await engineer.post("/kits/xa/edit", data=csrf | newer)).status_code == 412
    old = newer | {"since": "2026-01-01", "version": version_on((await engineer.get("/kits/xa/edit")).text)}
    assert (await engineer.post("/kits/xa/edit", data=csrf | old)).status_code == 409
    none = old | {"since": "2026-12-02", "switch/office": "nhiều"}
    assert (await engineer.post("/kits/xa/edit", data=csrf | none)).status_code == 400


async def test_what_is_known_of_a_commune_is_written_down_counted_and_given_out(engineer: httpx.AsyncClient) -> None:
    csrf = {"csrf": await token(engineer)}
    form = (await engineer.get("/units/la-da/coverage")).text
    fact = {
        "kind": "connectivity", "connectivity": ["4g", "fibre"], "since": "2026-05-01", "source": "@Sở KHCN",
        "measured": "yes", "version": version_on(form),
    }  # fmt: skip
    assert (await engineer.post("/units/la-da/coverage", data=csrf | fact)).status_code == 303
    assert (await engineer.post("/units/la-da/coverage", data=csrf | fact)).status_code == 412
    wrong = await engineer.post("/units/la-da/coverage", data=csrf | fact | {"since": "hôm qua", "version": "*"})
    assert wrong.status_code == 400
    page = (await engineer.get("/coverage?unit=lam-dong")).text
    assert "1 trong 2 đơn vị có kết nối, 0 không có sóng, 1 chưa có số liệu." in page
    listed = (await engineer.get("/coverage/units?level=commune&kind=connectivity&value=unknown")).text
    assert "Xã Phan Sơn" in listed
    assert "/units/la-da/coverage" not in listed
    sheet = (await engineer.get("/coverage/export?level=commune")).text
    assert sheet.startswith("\ufeffMã;")
    assert "la-da;'=1+1;commune;lam-dong;4G, Cáp quang;01/05/2026;đo được;'@Sở KHCN" in sheet
    told = json.loads((await engineer.get("/coverage/export?form=json&as_of=2026-04-30&level=commune")).text)
    assert [(one["code"], one["facts"]) for one in told["units"]] == [("la-da", []), ("phan-son", [])]


async def test_the_api_counts_the_same_and_keeps_edits_apart(engineer: httpx.AsyncClient) -> None:
    headers = {"X-CSRF-Token": await token(engineer)}
    tag = (await engineer.get("/api/v1/units/la-da/coverage")).headers["ETag"]
    fact = {"kind": "electricity", "value": ["part"], "since": "2026-05-01", "source": "Xã"}
    blind = await engineer.post("/api/v1/units/la-da/coverage", json=fact, headers=headers)
    assert blind.status_code == 428
    done = await engineer.post("/api/v1/units/la-da/coverage", json=fact, headers={**headers, "If-Match": tag})
    assert done.status_code == 200
    late = await engineer.post("/api/v1/units/la-da/coverage", json=fact, headers={**headers, "If-Match": tag})
    assert late.status_code == 412
    sums = (await engineer.get("/api/v1/coverage?level=commune")).json()["items"]
    assert [(one["unit"], one["total"], one["counts"]["electricity"]) for one in sums] == [
        ("lam-dong", 2, {"none": 0, "part": 1, "whole": 0, "unknown": 1})
    ]
    for bad in ({**fact, "value": ["ba pha"]}, {**fact, "colour": 1}, {**fact, "since": "2026-13-01"}):
        answer = await engineer.post("/api/v1/units/la-da/coverage", json=bad, headers={**headers, "If-Match": "*"})
        assert answer.status_code in {400, 422}
    assert (await engineer.get("/api/v1/needs/offices?unit=lam-dong")).json()["items"][0]["code"] == "ps"
