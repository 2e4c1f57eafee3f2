"""Files by pages and by the API: a form that works without scripts, a preview, one word for all of it; contracts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from inventory.contract_warnings import contract_teller, warn_of_ends
from inventory.exchange.work import applying_work, forget_imports, reading_work
from inventory.public import Grant, bundled_profiles, create_account, load_file
from kernel.actors import system
from kernel.channels.port import Message
from kernel.db.transaction import Database
from kernel.events.event import Event
from kernel.ids import new_id
from tests.http.conftest import PASSWORD, browser, sign_in, token
from tests.http.test_edit_pages import MORE
from tests.http.test_tree_pages import TREE

CSV = "Mã;Tên;Số sê-ri\nps-rt1;Bộ định tuyến chính;HGD08\n"
HEAD = "code;name;office;role;profile;address;snmp;credential\n"


class InOneGo:
    """Runs each step of a work as it comes."""

    async def run(self, _name: str, step: object) -> None:
        await step()  # type: ignore[operator]

    async def read(self, read: object) -> object:
        return await read()  # type: ignore[operator]


class Heard:
    """A way out that remembers what left by it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def send(self, message: Message) -> None:
        self.messages.append(message)

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def hoa(app: FastAPI, database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator of the whole tree."""
    (tmp_path / "tree.yaml").write_text(TREE + MORE, encoding="utf-8")
    async with database.transaction() as tx:
        await load_file(tmp_path / "tree.yaml", system("test"), tx, bundled_profiles())
        await create_account(system("test"), tx, name="hoa", password=PASSWORD, grant=Grant("administrator"))
    async with browser(app) as client:
        await sign_in(client)
        yield client


async def send(client: httpx.AsyncClient, content: str | bytes, name: str = "thiet-bi.csv", **typed: str) -> str:
    """Send a file by the form, and return where its preview is."""
    raw = content.encode("utf-8-sig") if isinstance(content, str) else content
    form = {"csrf": await token(client), **typed}
    answer = await client.post("/imports", data=form, files={"file": (name, raw, "text/csv")})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def press(client: httpx.AsyncClient, place: str) -> httpx.Response:
    """Give the word for what the preview at `place` shows."""
    shown = re.search(r'name="token" value="(\w+)"', (await client.get(place)).text)
    return await client.post(
        f"{place}/apply", data={"csrf": await token(client), "token": shown[1] if shown else ""}
    )  # fmt: skip


async def test_a_spreadsheet_is_shown_first_and_taken_by_one_word(hoa: httpx.AsyncClient) -> None:
    place = await send(hoa, CSV)
    text = (await hoa.get(place)).text
    assert "Có 1 thay đổi. Chưa ghi gì" in text
    assert "<ins>Bộ định tuyến chính</ins>" in text
    assert "Đọc là Thiết bị, bảng mã UTF-8, các ô cách nhau bằng dấu chấm phẩy." in text
    assert "Bộ định tuyến chính" not in (await hoa.get("/devices/ps-rt1")).text, "nothing has changed yet"
    assert (await press(hoa, place)).status_code == 303
    assert "Đã ghi 1 thay đổi" in (await hoa.get(place)).text
    assert "Bộ định tuyến chính" in (await hoa.get("/devices/ps-rt1")).text
    assert "không cần làm gì" in (await hoa.get(await send(hoa, CSV))).text
    assert (await press(hoa, place)).status_code == 409, "twice is once"
    assert "thiet-bi.csv" in (await hoa.get("/imports")).text


async def test_what_is_refused_is_told_in_vietnamese_line_by_line_and_as_a_file(hoa: httpx.AsyncClient) -> None:
    place = await send(hoa, HEAD + "moi;;ps;router;network-interfaces;10.0.0.300;v2c;x\nMới;=1;;;;;;\n")
    text = (await hoa.get(place)).text
    for said in ("Có 2 dòng không nhận được", "Tên: Cần điền mục này.", "“10.0.0.300” không phải địa chỉ IP."):
        assert said in text
    assert 'name="token"' not in text
    answer = await hoa.get(f"{place}/refused.csv")
    assert "3;Mới;Tên: Đây là công thức: =1. Hãy ghi giá trị thay cho công thức." in answer.text
    assert (await press(hoa, place)).status_code == 409


async def test_a_large_file_waits_for_a_worker_and_says_how_far_it_is(
    hoa: httpx.AsyncClient, database: Database
) -> None:
    lines = (f"moi-{n};Tên;ps;router;network-interfaces;10.9.{n >> 8}.{n & 255};v2c;x\n" for n in range(6_000))
    place = await send(hoa, HEAD + "".join(lines))
    text = (await hoa.get(place)).text
    assert "Đang đọc tệp" in text
    assert '<noscript><meta http-equiv="refresh"' in text
    assert "progress" in (await hoa.get(f"{place}/progress")).text
    which = place.rpartition("/")[2]
    await reading_work(database, lambda: bundled_profiles().keys())(which, InOneGo())  # type: ignore[arg-type]
    assert (await hoa.get(f"{place}/progress")).headers["hx-refresh"] == "true"
    assert "Có 6.000 thay đổi" in (await hoa.get(place)).text
    assert (await press(hoa, place)).status_code == 303
    assert "Đang ghi" in (await hoa.get(place)).text
    await hoa.post(f"{place}/stop", data={"csrf": await token(hoa)})
    await applying_work(database)(which, InOneGo())  # type: ignore[arg-type]
    assert "Chưa có gì bị sửa" in (await hoa.get(place)).text
    assert (await hoa.get("/devices/moi-1")).status_code == 404
    assert await forget_imports(database) == 0


async def test_a_stranger_sends_nothing_and_nobody_sends_too_much(hoa: httpx.AsyncClient, app: FastAPI) -> None:
    async with browser(app) as stranger:
        answer = await stranger.post("/imports", files={"file": ("a.csv", b"x" * 2_000_000)})
        assert answer.headers.get("location", "").startswith("/sign-in")
    huge = {"X-CSRF-Token": await token(hoa), "Content-Length": str(2**40)}
    assert (await hoa.post("/api/v1/imports", content=b"x", headers=huge)).status_code == 413
    assert (await hoa.post("/imports", data={"csrf": await token(hoa)})).status_code == 400


async def test_a_program_sends_the_body_and_gets_the_same(hoa: httpx.AsyncClient) -> None:
    headers = {"X-CSRF-Token": await token(hoa), "Accept": "application/json"}
    sent = await hoa.post("/api/v1/imports?file=a.csv&kind=devices", content=CSV.encode(), headers=headers)
    assert sent.status_code == 201, sent.text
    body = sent.json()
    assert (body["state"], body["counts"]["changed"], body["may_be_applied"]) == ("ready", 1, True)
    address = f"/api/v1/imports/{body['id']}"
    (line,) = (await hoa.get(f"{address}/lines?verdict=changed", headers=headers)).json()["items"]
    assert line["diff"]["name"][1] == "Bộ định tuyến chính"
    wrong = await hoa.post(f"{address}/apply", json={"token": "x"}, headers=headers)
    assert (wrong.status_code, wrong.json()["code"]) == (409, "preview-changed")
    done = await hoa.post(f"{address}/apply", json={"token": body["token"]}, headers=headers)
    assert done.json()["state"] == "applied"
    text = (await hoa.get("/exports/devices.csv")).text
    assert "Bộ định tuyến chính" in text
    again = await hoa.post("/api/v1/imports?file=b.csv", content=text.encode(), headers=headers)
    assert {name for name, count in again.json()["counts"].items() if count} == {"same"}


async def test_a_contract_is_written_down_warns_once_and_is_edited_by_one_at_a_time(
    hoa: httpx.AsyncClient, database: Database
) -> None:
    form = {
        "csrf": await token(hoa), "code": "vnpt-17", "kind": "line", "party": "VNPT", "number": "17/HĐ",
        "starts": "01/12/2025", "ends": "15/12/2026", "warn_days": "60", "sla_percent": "99,5", "cost": "1.500.000",
        "uplinks": "ps-fibre", "devices": "", "note": "", "repair_hours": "4",
    }  # fmt: skip
    assert (await hoa.post("/contracts/new", data=form)).status_code == 303
    text = (await hoa.get("/contracts/vnpt-17")).text
    for said in ("Sắp hết hạn", "đến 15/12/2026, còn 21 ngày", "99,5%", "1.500.000 đồng", "/uplinks/ps-fibre"):
        assert said in text
    assert "15/12/2026" in (await hoa.get("/uplinks/ps-fibre")).text
    assert "VNPT" in (await hoa.get("/contracts?state=ending")).text
    other = await hoa.post("/contracts/new", data={**form, "code": "fpt-1"})
    assert (other.status_code, "đã có một hợp đồng cùng loại" in other.text) == (409, True)
    wrong = await hoa.post("/contracts/new", data={**form, "code": "fpt-1", "ends": "31/02/2026"})
    assert wrong.status_code == 400
    seen = re.search(r'name="version" value="([^"]*)"', (await hoa.get("/contracts/vnpt-17/edit")).text)
    assert seen is not None
    version = seen[1].replace("&#34;", '"')
    first = await hoa.post("/contracts/vnpt-17/edit", data={**form, "version": version, "note": "A"})
    second = await hoa.post("/contracts/vnpt-17/edit", data={**form, "version": version, "note": "B"})
    assert (first.status_code, second.status_code) == (303, 412)
    assert (await warn_of_ends(database), await warn_of_ends(database)) == (1, 0)


async def test_the_end_of_a_contract_is_told_on_every_way(database: Database) -> None:
    heard = Heard()
    said = {"contract": "vnpt-17", "number": "17/HĐ", "party": "VNPT", "ends": "2026-12-15", "days": 21}
    async with database.transaction() as tx:
        now = tx.now()
    event = Event(id=new_id(), name="contract.ending", at=now, actor="worker", data=said)
    await contract_teller({"webhook": heard})(event, database)
    assert heard.messages[0].text == "The contract vnpt-17 (17/HĐ) with VNPT ends on 2026-12-15."
