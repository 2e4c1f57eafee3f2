"""Editing offices, devices and lines by hand, one or many: what two write at once, and what a device may become."""

from __future__ import annotations

import html
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
from tests.http.test_tree_pages import TREE

MORE = """\
  ld-rt1: {name: Bộ định tuyến, office: ld, role: router, profile: network-interfaces, address: 10.20.1.1, snmp: v2c,
    credential: v2c, state: retired}
uplinks:
  ps-fibre: {device: ps-rt1, interface: ether1, carrier: VNPT, medium: fibre, down_bps: 50000000, up_bps: 50000000}
  ps-4g: {device: ps-rt1, interface: lte1, carrier: Viettel, medium: 4g, down_bps: 20000000, up_bps: 10000000}
"""


@pytest.fixture
async def hoa(app: FastAPI, database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator of the whole tree; `son` is that of Phan Sơn only."""
    (tmp_path / "tree.yaml").write_text(TREE + MORE, encoding="utf-8")
    async with database.transaction() as tx:
        await load_file(tmp_path / "tree.yaml", system("test"), tx, bundled_profiles())
        await create_account(system("test"), tx, name="hoa", password=PASSWORD, grant=Grant("administrator"))
        await create_account(
            system("test"), tx, name="son", password=PASSWORD, grant=Grant("administrator", "phan-son")
        )
        await create_account(system("test"), tx, name="lan", password=PASSWORD, grant=Grant("technician"))
    async with browser(app) as client:
        await sign_in(client)
        yield client


def hidden(text: str) -> dict[str, str]:
    """Return what the form carries besides what is typed."""
    found = re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)">', text)
    return {name: html.unescape(value) for name, value in found if name == "version" or name.startswith("was-")}


async def edit(client: httpx.AsyncClient, path: str, seen: str | None = None, **typed: str) -> httpx.Response:
    """Send the form of `path` with what is `typed`, as it was `seen`."""
    form = hidden(seen or (await client.get(path)).text)
    now = {name.removeprefix("was-"): value for name, value in form.items() if name.startswith("was-")}
    return await client.post(path, data={"csrf": await token(client), **form, **now, **typed})


async def test_an_office_is_edited_with_its_contacts_and_hours(hoa: httpx.AsyncClient) -> None:
    answer = await edit(
        hoa, "/offices/ps/edit", kind="managing-body", hours="Mo-Fr 07:30-11:30",
        contacts="Chánh Văn phòng; K’Brèm; 0263 123 456\nKế toán; Ka Thêm",
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    text = (await hoa.get("/offices/ps")).text
    for said in ("Cơ quan quản lý", "Mo-Fr 07:30-11:30", "Chánh Văn phòng", 'href="tel:0263123456"', "Ka Thêm"):
        assert said in text


async def test_two_who_write_at_once_lose_nothing(hoa: httpx.AsyncClient) -> None:
    seen = (await hoa.get("/offices/ps/edit")).text
    await edit(hoa, "/offices/ps/edit", seen, address="Thôn 1", hours="Mo 08:00-09:00")
    late = await edit(hoa, "/offices/ps/edit", seen, address="Thôn 2")
    assert late.status_code == 412
    assert "Chưa có gì bị ghi đè" in late.text
    assert 'value="Thôn 2"' in late.text, "what was typed stays"
    assert "Hiện có: Thôn 1" in late.text
    assert "Thôn 1" in (await hoa.get("/offices/ps")).text
    again = hidden(late.text)
    answer = await hoa.post(
        "/offices/ps/edit", data={"csrf": await token(hoa), "version": again["version"], "address": "Thôn 2"}
    )
    assert answer.status_code == 303
    text = (await hoa.get("/offices/ps")).text
    assert "Thôn 2" in text
    assert "Mo 08:00-09:00" in text, "what they did not touch is not put back"


@pytest.mark.parametrize(
    "typed", [{"hours": "always"}, {"latitude": "north"}, {"unit": "nowhere"}, {"contacts": "one"}, {"name": ""}]
)
async def test_what_cannot_be_is_told_and_stays_in_the_form(hoa: httpx.AsyncClient, typed: dict[str, str]) -> None:
    answer = await edit(hoa, "/offices/ps/edit", **typed)
    assert answer.status_code in {400, 404}
    assert 'role="alert"' in answer.text
    assert "Trụ sở Phan Sơn" in (await hoa.get("/offices/ps")).text


async def test_a_form_without_what_it_saw_changes_nothing(hoa: httpx.AsyncClient) -> None:
    answer = await hoa.post("/offices/ps/edit", data={"csrf": await token(hoa), "address": "Thôn 9"})
    assert answer.status_code == 412


async def test_a_device_offers_the_steps_of_its_life_and_takes_no_other(hoa: httpx.AsyncClient) -> None:
    text = (await hoa.get("/devices/ld-rt1/edit")).text
    states = re.findall(r'<option value="(\w+)"', text[text.index('id="state"') : text.index('id="ownership"')])
    assert states == ["retired", "staged"]
    assert (await edit(hoa, "/devices/ld-rt1/edit", state="active")).status_code == 409
    assert (await edit(hoa, "/devices/ld-rt1/edit", state="staged", firmware="7.1")).status_code == 303
    shown = (await hoa.get("/devices/ld-rt1")).text
    assert "Đã chuẩn bị" in shown
    assert "7.1" in shown


async def test_a_line_is_shown_and_edited(hoa: httpx.AsyncClient) -> None:
    assert (await edit(hoa, "/uplinks/ps-4g/edit", group="reserve", carrier="Mobifone")).status_code == 303
    text = (await hoa.get("/uplinks/ps-4g")).text
    assert "Mobifone" in text
    assert "reserve" in text
    assert 'href="/uplinks/ps-4g"' in (await hoa.get("/offices/ps")).text


async def test_many_devices_are_changed_after_a_look_at_what_will_change(hoa: httpx.AsyncClient) -> None:
    form = {"csrf": await token(hoa), "codes": ["ps-rt1", "ld-rt1"], "field": "state", "choice": "state:maintenance"}
    seen = (await hoa.post("/bulk-edit", data=form)).text
    assert "1 thiết bị sẽ thay đổi" in seen
    assert "Không thể: bước này không được phép" in seen, "a retired one cannot"
    versions = re.findall(r'name="versions" value="([^"]*)"', seen)
    assert [one.split()[0] for one in versions] == ["ps-rt1"]
    apply = {
        "csrf": form["csrf"],
        "field": "state",
        "value": "maintenance",
        "versions": [v.replace("&#34;", '"') for v in versions],
    }
    done = await hoa.post("/bulk-edit/apply", data=apply)
    assert done.status_code == 200, done.text
    assert "1 thiết bị hiện có giá trị này" in done.text
    assert "Đang bảo trì" in (await hoa.get("/devices/ps-rt1")).text


async def test_of_many_none_is_changed_if_one_was_meanwhile(hoa: httpx.AsyncClient) -> None:
    form = {"csrf": await token(hoa), "codes": ["ps-rt1", "ld-rt1"], "field": "firmware", "value": "9.9"}
    versions = re.findall(r'name="versions" value="([^"]*)"', (await hoa.post("/bulk-edit", data=form)).text)
    assert len(versions) == 2
    await edit(hoa, "/devices/ld-rt1/edit", vendor="MikroTik")
    apply = {**form, "versions": [version.replace("&#34;", '"') for version in versions]}
    answer = await hoa.post("/bulk-edit/apply", data=apply)
    assert answer.status_code == 412
    assert "Chưa thiết bị nào bị thay đổi" in answer.text
    assert "9.9" not in (await hoa.get("/devices/ps-rt1")).text


@pytest.mark.parametrize(
    "form", [{"field": "serial", "value": "1"}, {"field": "state", "choice": "state:on-fire"}, {"field": ""}]
)
async def test_only_what_the_page_offers_is_changed_of_many(hoa: httpx.AsyncClient, form: dict[str, str]) -> None:
    answer = await hoa.post("/bulk-edit", data={"csrf": await token(hoa), "codes": ["ps-rt1"], **form})
    assert answer.status_code == 400


async def test_edits_reach_no_further_than_the_grant(app: FastAPI, hoa: httpx.AsyncClient) -> None:
    async with browser(app) as son:
        await sign_in(son, "son")
        assert (await son.get("/offices/ld/edit")).status_code == 404
        form = {"csrf": await token(son), "codes": ["ps-rt1", "ld-rt1"], "field": "firmware", "value": "9.9"}
        seen = (await son.post("/bulk-edit", data=form)).text
        assert "ps-rt1" in seen
        assert "ld-rt1" not in seen
        versions = ['ld-rt1 "*"']
        assert (await son.post("/bulk-edit/apply", data={**form, "versions": versions})).status_code == 404
    async with browser(app) as lan:
        await sign_in(lan, "lan")
        assert (await lan.get("/offices/ps/edit")).status_code == 403
        assert "/offices/ps/edit" not in (await lan.get("/offices/ps")).text
