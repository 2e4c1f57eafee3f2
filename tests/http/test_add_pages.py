"""Adding an office, a device, its line and a check of it by hand, as a technician who has them in front of them."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from tests.http.conftest import browser, sign_in, token
from tests.http.test_edit_pages import hoa

__all__ = ["hoa"]

OFFICE = {
    "name": "Nhà văn hóa thôn Cờ Đỏ", "kind": "meeting-point", "unit": "phan-son",
    "latitude": "11,2", "longitude": "108,4",
}  # fmt: skip
DEVICE = {
    "name": "Bộ định tuyến", "role": "router", "office": "co-do", "state": "active", "ownership": "owned",
    "address": "10.30.0.1", "port": "161", "snmp": "v2c", "credential": "v2c", "profile": "network-interfaces",
}  # fmt: skip
LINE = {
    "device": "co-do-rt1", "interface": "ether1", "carrier": "VNPT", "medium": "fibre",
    "down_bps": "50000000", "up_bps": "50000000",
}  # fmt: skip
CHECK = {"device": "co-do-rt1", "kind": "tcp", "place": "centre", "every_s": "300", "port": "22"}


async def add(client: httpx.AsyncClient, way: str, code: str, **typed: str) -> httpx.Response:
    return await client.post(f"/add/{way}", data={"csrf": await token(client), "code": code, **typed})


async def test_an_office_with_its_device_line_and_check_is_added(hoa: httpx.AsyncClient) -> None:
    for way, code, typed in (
        ("offices", "co-do", OFFICE),
        ("devices", "co-do-rt1", DEVICE),
        ("uplinks", "co-do-wan", LINE),
        ("checks", "co-do-ssh", CHECK),
    ):
        answer = await add(hoa, way, code, **typed)
        assert (answer.status_code, answer.headers.get("location")) == (303, f"/{way}/{code}"), answer.text
        assert (await hoa.get(f"/{way}/{code}")).status_code == 200
    text = (await hoa.get("/offices/co-do")).text
    for said in ("Nhà văn hóa thôn Cờ Đỏ", "co-do-rt1", "VNPT", "11.2000", "/checks/co-do-ssh"):
        assert said in text


async def test_the_form_knows_where_one_comes_from_and_leads_back_there(hoa: httpx.AsyncClient) -> None:
    page = (await hoa.get("/offices/ps")).text
    assert 'href="/add/devices?office=ps"' in page
    form = (await hoa.get("/add/devices?office=ps")).text
    assert 'name="office" value="ps"' in form
    assert 'href="/offices/ps">' in form
    assert '<option value="planned" selected>' in form


async def test_a_check_is_first_asked_for_its_kind(hoa: httpx.AsyncClient) -> None:
    kinds = (await hoa.get("/add/checks?device=ps-rt1")).text
    assert "/add/checks?kind=tls&amp;device=ps-rt1" in kinds
    form = (await hoa.get("/add/checks?kind=dns&device=ps-rt1")).text
    assert 'name="record"' in form
    assert 'name="path"' not in form, "that is asked of a web server only"


@pytest.mark.parametrize(
    ("way", "code", "typed", "status", "said"),
    [
        ("offices", "ps", OFFICE, 409, "Đã có"),
        ("offices", "Cờ Đỏ", OFFICE, 400, "Không hiểu được Mã"),
        ("offices", "co-do", {**OFFICE, "unit": "khong-co"}, 404, "khong-co"),
        ("offices", "co-do", {**OFFICE, "latitude": "nửa"}, 400, "Vĩ độ"),
        ("devices", "moi", {**DEVICE, "office": "ps", "port": "99999"}, 400, "chỉ được đến 65535"),
        ("devices", "moi", {**DEVICE, "office": "ps", "profile": "khong-co"}, 400, "hãy chọn một trong"),
        ("uplinks", "moi", {**LINE, "device": "ps-rt1", "carrier": ""}, 400, "Nhà mạng"),
    ],
)
async def test_what_cannot_be_is_said_in_vietnamese_and_what_was_typed_stays(
    hoa: httpx.AsyncClient, way: str, code: str, typed: dict[str, str], status: int, said: str
) -> None:
    answer = await add(hoa, way, code, **typed)
    assert answer.status_code == status
    assert said in answer.text
    assert f'value="{code}"' in answer.text
    for value in (typed["name"],) if "name" in typed else ():
        assert value in answer.text


async def test_who_changes_elsewhere_adds_nothing_here_and_is_offered_nothing(
    app: FastAPI, hoa: httpx.AsyncClient
) -> None:
    async with browser(app) as son:
        await sign_in(son, "son")
        assert (await add(son, "offices", "moi", **{**OFFICE, "unit": "la-da"})).status_code == 404
        assert (await add(son, "offices", "moi", **OFFICE)).status_code == 303
    async with browser(app) as lan:
        await sign_in(lan, "lan")
        assert (await lan.get("/add/offices")).status_code == 403
        assert "/add/" not in (await lan.get("/offices/ps")).text


async def test_there_is_no_way_to_add_anything_else(hoa: httpx.AsyncClient) -> None:
    assert (await hoa.get("/add/people")).status_code == 404
    assert (await add(hoa, "units", "x")).status_code == 404
