"""The pages of people by plain forms: roles given and taken, keeping out, sessions of others, erasing with care."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api.web.personal_words import KEPT, PURPOSES
from inventory.public import Grant, bundled_profiles, create_account, load_file
from kernel.actors import system
from kernel.db.base import Base
from kernel.db.transaction import Database
from kernel.personal import personal_columns
from tests.http.conftest import PASSWORD, browser, sign_in, token
from tests.http.test_tree_pages import TREE


@pytest.fixture
async def accounts(database: Database, tmp_path: Path) -> None:
    (tmp_path / "tree.yaml").write_text(TREE, encoding="utf-8")
    async with database.transaction() as tx:
        await load_file(tmp_path / "tree.yaml", system("test"), tx, bundled_profiles())
        for name, grant in (
            ("hoa", Grant("administrator")), ("lan", Grant("technician", "phan-son")),
            ("son", Grant("administrator", "phan-son")), ("minh", Grant("technician", "la-da")),
        ):  # fmt: skip
            await create_account(system("test"), tx, name=name, password=PASSWORD, grant=grant)


@pytest.fixture
async def hoa(app: FastAPI, accounts: None) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator of the whole tree."""
    async with browser(app) as client:
        await sign_in(client)
        yield client


async def send(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await client.post(path, data={"csrf": await token(client), **fields})


async def test_a_role_is_given_for_a_time_and_taken_away(hoa: httpx.AsyncClient) -> None:
    answer = await send(
        hoa, "/people/lan/grants", role="engineer", unit="la-da", alone="1", since="2026-12-01", until="2026-12-31"
    )
    assert answer.status_code == 303, answer.text
    text = (await hoa.get("/people/lan")).text
    assert "từ 00:00 01/12/2026" in text
    assert "đến 00:00 01/01/2027" in text, "the last day counts"
    grant = re.findall(r'action="(/people/lan/grants/[\w-]+/revoke)"', text)[0]
    assert (await send(hoa, grant)).status_code == 303
    assert "do hoa thu hồi" in (await hoa.get("/people/lan")).text


@pytest.mark.parametrize("fields", [{"role": "king"}, {"role": "official", "unit": "nowhere"}, {}])
async def test_what_cannot_be_given_is_told_on_the_page(hoa: httpx.AsyncClient, fields: dict[str, str]) -> None:
    answer = await send(hoa, "/people/lan/grants", **fields)
    assert answer.status_code in {400, 404}
    assert 'role="alert"' in answer.text
    assert "Giao vai trò" in answer.text


async def test_a_giver_reaches_no_wider_than_themselves(app: FastAPI, hoa: httpx.AsyncClient) -> None:
    async with browser(app) as son:
        await sign_in(son, "son")
        assert "minh" not in (await son.get("/people")).text
        assert (await son.get("/people/minh")).status_code == 404
        assert (await send(son, "/people/lan/grants", role="official", unit="la-da")).status_code == 404
        assert (await send(son, "/people/lan/grants", role="official")).status_code == 403, "not on the whole tree"
        assert (await send(son, "/people/lan/grants", role="official", unit="bon-thop")).status_code == 303
        assert (await son.get("/people/lan/erase")).status_code == 403


async def test_who_manages_nobody_sees_no_page_of_people(app: FastAPI, hoa: httpx.AsyncClient) -> None:
    async with browser(app) as lan:
        await sign_in(lan, "lan")
        assert (await lan.get("/people")).status_code == 403
        assert (await send(lan, "/people/lan/grants", role="administrator")).status_code == 403


async def test_sessions_of_others_are_seen_and_ended(app: FastAPI, hoa: httpx.AsyncClient) -> None:
    async with browser(app) as lan:
        await sign_in(lan, "lan")
        session = re.findall(r'action="(/people/lan/sessions/[\w-]+/end)"', (await hoa.get("/people/lan")).text)[0]
        assert (await send(hoa, session)).status_code == 303
        assert (await lan.get("/offices")).status_code == 303, "led to the sign-in"


async def test_an_account_is_made_kept_out_and_let_in_again(app: FastAPI, hoa: httpx.AsyncClient) -> None:
    made = await send(hoa, "/people", name="tuan", password=PASSWORD, role="official", unit="phan-son")
    assert made.headers["location"] == "/people/tuan"
    async with browser(app) as tuan:
        assert (await sign_in(tuan, "tuan")).status_code == 303
        assert (await send(hoa, "/people/tuan/disable")).status_code == 303
        assert (await tuan.get("/offices")).status_code == 303
        assert (await sign_in(tuan, "tuan")).status_code == 401
        assert (await send(hoa, "/people/tuan/enable")).status_code == 303
        assert (await sign_in(tuan, "tuan")).status_code == 303
    twice = await send(hoa, "/people", name="tuan", password=PASSWORD)
    assert twice.status_code == 409
    assert 'value="tuan"' in twice.text, "what was typed stays"


async def test_the_last_administrator_stays(hoa: httpx.AsyncClient) -> None:
    answer = await send(hoa, "/people/hoa/disable")
    assert answer.status_code == 409
    assert 'role="alert"' in answer.text


async def test_erasing_asks_for_the_name_and_for_an_account_that_is_disabled(hoa: httpx.AsyncClient) -> None:
    text = (await hoa.get("/people/lan/erase")).text
    assert "Xác thực người đăng nhập" in text, "what for is said in the reader's language"
    assert "Xóa vĩnh viễn" not in text, "she can still act"
    assert (await send(hoa, "/people/lan/erase", confirm="lan")).status_code == 409
    await send(hoa, "/people/lan/disable")
    assert (await send(hoa, "/people/lan/erase", confirm="Lan?")).status_code == 400
    assert (await hoa.get("/people/lan")).status_code == 200
    assert (await send(hoa, "/people/lan/erase", confirm="lan")).headers["location"] == "/people?saved=erased"
    assert (await hoa.get("/people/lan")).status_code == 404


def test_every_purpose_can_be_said_in_another_language() -> None:
    said = [personal for _, personal in personal_columns(Base.metadata)]
    assert {each.purpose for each in said} == set(PURPOSES)
    assert {each.kept for each in said} == set(KEPT)
