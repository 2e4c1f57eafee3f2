"""Reorganisations by plain forms: made step by step, mistakes at their step, what moves, what each waits for."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api.web.reorganise_form import MOST_STEPS, recognise
from inventory.public import Grant, bundled_profiles, create_account, load_file
from kernel.actors import system
from kernel.db.transaction import Database
from tests.http.conftest import PASSWORD, browser, sign_in, token
from tests.http.test_tree_pages import TREE


@pytest.fixture
async def administrator(app: FastAPI, database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "tree.yaml").write_text(TREE, encoding="utf-8")
    async with database.transaction() as tx:
        await load_file(tmp_path / "tree.yaml", system("test"), tx, bundled_profiles())
        await create_account(system("test"), tx, name="hoa", password=PASSWORD, grant=Grant("administrator"))
        await create_account(system("test"), tx, name="lan", password=PASSWORD, grant=Grant("technician", "phan-son"))
    async with browser(app) as client:
        await sign_in(client)
        yield client


async def send(client: httpx.AsyncClient, press: str, **fields: str) -> httpx.Response:
    form = {
        "csrf": await token(client), "press": press, "title": "Nghị quyết 99", "day": "2026-12-01",
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }  # fmt: skip
    return await client.post("/reorganisations/new", data=form)


MERGE = {"do_0": "merge", "units_0": "la-da phan-son", "into_0": "phan-son"}


async def test_the_form_grows_and_shrinks_and_keeps_what_was_typed(administrator: httpx.AsyncClient) -> None:
    grown = (await send(administrator, "add-split", **MERGE)).text
    assert 'value="la-da phan-son"' in grown
    assert 'name="rest-1"' in grown
    shrunk = (await send(administrator, "remove-0", **MERGE, do_1="abolish", unit_1="bon-thop")).text
    assert "la-da phan-son" not in shrunk
    assert 'name="unit-0" value="bon-thop"' in shrunk


async def test_codes_are_told_with_their_names(administrator: httpx.AsyncClient) -> None:
    assert "la-da: Xã La Dạ" in (await send(administrator, "again", **MERGE)).text


async def test_a_rehearsal_is_kept_as_a_draft_and_changes_nothing(administrator: httpx.AsyncClient) -> None:
    answer = await send(administrator, "rehearse", **MERGE)
    assert answer.status_code == 303, answer.text
    text = (await administrator.get(answer.headers["location"])).text
    assert "Đang chờ người có thẩm quyền quyết định" in text
    assert "Trụ sở La Dạ" in text, "what moves is listed"
    assert "<del>Xã La Dạ, Tỉnh Lâm Đồng</del>" in text
    assert "Xã La Dạ (la-da), Xã Phan Sơn (phan-son) nhập thành Xã Phan Sơn (phan-son)" in text
    assert "Xã La Dạ" in (await administrator.get("/units/lam-dong")).text


async def test_mistakes_stand_at_their_step_in_the_readers_language(administrator: httpx.AsyncClient) -> None:
    answer = await send(
        administrator, "rehearse", **MERGE, do_1="abolish", unit_1="khong-co", do_2="rename", unit_2="x"
    )
    assert answer.status_code == 400
    steps = re.findall(r"<fieldset.*?</fieldset>", answer.text, re.DOTALL)
    assert "Mục “Tên mới” còn thiếu" in steps[2], "what is not whole is told first"
    answer = await send(administrator, "rehearse", **MERGE, do_1="abolish", unit_1="khong-co")
    steps = re.findall(r"<fieldset.*?</fieldset>", answer.text, re.DOTALL)
    assert "không có đơn vị khong-co" in steps[1]
    assert 'class="errors"' not in steps[0]


async def test_it_is_scheduled_waits_for_its_day_and_is_given_up(administrator: httpx.AsyncClient) -> None:
    where = (await send(administrator, "rehearse", **MERGE)).headers["location"]
    form = {"csrf": await token(administrator)}
    assert (await administrator.post(f"{where}/schedule", data=form)).status_code == 303
    assert "Đang chờ đến 00:00 01/12/2026" in (await administrator.get(where)).text
    assert (await administrator.post(f"{where}/cancel", data=form)).status_code == 303
    assert "Đã hủy lúc" in (await administrator.get(where)).text
    again = await administrator.post(f"{where}/cancel", data=form)
    assert again.status_code == 409
    assert "Nghị quyết 99" in again.text, "on its own page"
    assert "Nghị quyết 99" in (await administrator.get("/reorganisations")).text


async def test_two_that_do_not_fit_together_say_so(administrator: httpx.AsyncClient) -> None:
    first = (await send(administrator, "rehearse", **MERGE)).headers["location"]
    second = (await send(administrator, "rehearse", **MERGE)).headers["location"]
    form = {"csrf": await token(administrator)}
    await administrator.post(f"{first}/schedule", data=form)
    answer = await administrator.post(f"{second}/schedule", data=form)
    assert answer.status_code == 400
    assert "la-da đã kết thúc ngày 2026-12-01" in answer.text


async def test_another_is_begun_from_one_that_there_is(administrator: httpx.AsyncClient) -> None:
    where = (await send(administrator, "rehearse", **MERGE)).headers["location"]
    text = (await administrator.get("/reorganisations/new", params={"like": where.rpartition("/")[2]})).text
    assert 'value="la-da phan-son"' in text


@pytest.mark.parametrize(
    "fields",
    [
        {"do_0": "explode"}, {"do_0": "move", "unit_0": "\x01"},
        {"do_0": "split", "unit_0": "a", "units_0": "a:b:c\n:"},
        {"do_0": "merge", "units_0": "a " * 9000, "into_0": "b"}, {"do_0": "create"}, {"title": "x" * 5000, **MERGE},
        {"day": "0001-01-01", **MERGE}, {"day": "soon", **MERGE}, {"title": "", **MERGE}, {},
    ],
)  # fmt: skip
async def test_nonsense_is_told_and_kept_in_the_form(administrator: httpx.AsyncClient, fields: dict[str, str]) -> None:
    answer = await send(administrator, "rehearse", **fields)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


async def test_the_page_takes_no_more_steps_than_one_can_read(administrator: httpx.AsyncClient) -> None:
    many = {f"do_{number}": "move" for number in range(MOST_STEPS)}
    text = (await send(administrator, "add-move", **many)).text
    assert f"tối đa {MOST_STEPS} bước" in text
    assert text.count("<fieldset") == MOST_STEPS


async def test_who_sees_a_part_sees_that_it_is_and_not_what_it_moves(
    app: FastAPI, administrator: httpx.AsyncClient
) -> None:
    where = (await send(administrator, "rehearse", **MERGE)).headers["location"]
    async with browser(app) as lan:
        await sign_in(lan, "lan")
        text = (await lan.get(where)).text
        assert "Nghị quyết 99" in text
        assert "La Dạ" not in text
        assert (await lan.get("/reorganisations/new")).status_code == 403
        assert (await send(lan, "rehearse", **MERGE)).status_code == 403


def test_every_mistake_of_the_domain_can_be_said_in_another_language() -> None:
    source = ast.parse((Path(__file__).parents[2] / "inventory/reorganise.py").read_text(encoding="utf-8"))
    said = [
        call.args[0]
        for call in ast.walk(source)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "_wrong"
    ]
    assert len(said) > 15
    for each in said:
        parts = each.values if isinstance(each, ast.JoinedStr) else [each]
        words = "".join(
            str(part.value) if isinstance(part, ast.Constant) else {"kind": "unit"}.get(ast.unparse(part.value), "x")  # type: ignore[attr-defined]  # the rest are braces
            for part in parts
        )
        assert recognise(words)[0] != words or "{" not in recognise(words)[0], words
        assert recognise(words)[1] or words == "a unit is named twice", words
