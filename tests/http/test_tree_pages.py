"""The pages of the tree, of search and of figures: on any day, by links and plain forms, narrowed to what is theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from inventory.public import Grant, bundled_profiles, create_account, load_file
from kernel.actors import system
from kernel.db.transaction import Database
from tests.http.conftest import PASSWORD, browser, sign_in

TREE = """\
version: 1
units:
  binh-thuan: {name: Tỉnh Bình Thuận, level: province, valid_from: 1992-04-01, valid_to: 2025-07-01,
    successors: [lam-dong]}
  lam-dong: {name: Tỉnh Lâm Đồng, level: province, valid_from: 1976-02-01}
  phan-son: {name: Xã Phan Sơn, name_en: Phan Son Commune, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  la-da: {name: Xã La Dạ, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  bon-thop: {name: Thôn Bon Thớp, level: village, parent: phan-son, valid_from: 2025-07-01}
offices:
  ps: {name: Trụ sở Phan Sơn, unit: phan-son, since: 2025-07-01}
  bt: {name: Nhà văn hóa Bon Thớp, unit: bon-thop, since: 2025-07-01}
  ld: {name: Trụ sở La Dạ, unit: la-da, since: 2025-07-01}
devices:
  ps-rt1: {name: Bộ định tuyến, office: ps, role: router, profile: network-interfaces, address: 10.20.0.1, snmp: v2c,
    credential: v2c, since: 2025-07-01}
"""


@pytest.fixture
async def country(database: Database, tmp_path: Path) -> None:
    (tmp_path / "tree.yaml").write_text(TREE, encoding="utf-8")
    async with database.transaction() as tx:
        await load_file(tmp_path / "tree.yaml", system("test"), tx, bundled_profiles())


@pytest.fixture
async def technician(app: FastAPI, database: Database, country: None) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody of the whole tree."""
    async with database.transaction() as tx:
        await create_account(system("test"), tx, name="hoa", password=PASSWORD, grant=Grant("technician"))
    async with browser(app) as client:
        await sign_in(client)
        yield client


@pytest.fixture
async def of_the_commune(app: FastAPI, database: Database, country: None) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody of Phan Sơn and what is below it."""
    async with database.transaction() as tx:
        await create_account(
            system("test"), tx, name="hoa", password=PASSWORD, grant=Grant("technician", unit="phan-son")
        )
    async with browser(app) as client:
        await sign_in(client)
        yield client


async def test_the_top_of_the_tree_is_shown_with_what_is_below(technician: httpx.AsyncClient) -> None:
    text = (await technician.get("/units")).text
    assert "Tỉnh Lâm Đồng" in text
    assert "3 văn phòng" in text
    assert "Xã Phan Sơn" not in text, "only the top: the rest is a click away"


async def test_a_day_of_the_past_has_its_own_map(technician: httpx.AsyncClient) -> None:
    text = (await technician.get("/units", params={"as_of": "2024-01-01"})).text
    assert "Tỉnh Bình Thuận" in text
    assert "Tỉnh Bình Thuận" not in (await technician.get("/units")).text
    assert 'value="2024-01-01"' in text


async def test_a_unit_shows_its_way_up_its_children_offices_and_figures(technician: httpx.AsyncClient) -> None:
    text = (await technician.get("/units/phan-son")).text
    assert '<a href="/units/lam-dong">Tỉnh Lâm Đồng</a>' in text
    assert "Thôn Bon Thớp" in text
    assert "Nhà văn hóa Bon Thớp" in text
    assert "Trụ sở La Dạ" not in text


async def test_a_unit_that_ended_is_shown_as_it_was_and_says_what_it_became(technician: httpx.AsyncClient) -> None:
    text = (await technician.get("/units/binh-thuan")).text
    assert "Đã kết thúc ngày 01/07/2025" in text
    assert 'href="/units/lam-dong"' in text
    assert 'href="/units/binh-thuan"' in (await technician.get("/units/lam-dong")).text, "and the other way round"


async def test_a_day_before_a_unit_began_shows_its_first_day(technician: httpx.AsyncClient) -> None:
    answer = await technician.get("/units/phan-son", params={"as_of": "2020-01-01"})
    assert answer.status_code == 200
    assert "Bắt đầu từ ngày 01/07/2025" in answer.text


@pytest.mark.parametrize("day", ["yesterday", "2024-13-01", "9" * 20, "\0"])
@pytest.mark.parametrize("path", ["/units", "/units/phan-son", "/figures"])
async def test_what_is_no_day_is_told(technician: httpx.AsyncClient, path: str, day: str) -> None:
    assert (await technician.get(path, params={"as_of": day})).status_code == 400


async def test_units_are_found_without_accents(technician: httpx.AsyncClient) -> None:
    text = (await technician.get("/units", params={"q": "phan son"})).text
    assert "Xã Phan Sơn" in text
    assert "Xã La Dạ" not in text


async def test_figures_have_the_same_sum_under_both_maps(technician: httpx.AsyncClient) -> None:
    new = (await technician.get("/figures")).text
    old = (await technician.get("/figures", params={"map_of": "2024-01-01"})).text
    assert "Tỉnh Lâm Đồng" in new
    assert "Không thuộc đơn vị nào của cấp này" in old, "offices that were in no unit then are not lost"
    assert "3 văn phòng" in new
    assert "3 văn phòng" in old


async def test_search_forgives_accents_and_names_all_three_kinds(technician: httpx.AsyncClient) -> None:
    text = (await technician.get("/search", params={"q": "phan son"})).text
    for way in ("/units/phan-son", "/offices/ps", "/devices/ps-rt1"):
        assert f'href="{way}"' in text


async def test_while_typing_a_part_of_a_page_answers(technician: httpx.AsyncClient) -> None:
    answer = await technician.get("/search/found", params={"q": "bon th"}, headers={"HX-Request": "true"})
    assert "<html" not in answer.text
    assert 'href="/units/bon-thop"' in answer.text
    assert (await technician.get("/search/found", params={"q": "b"})).text.strip() == "", (
        "one letter is no question yet"
    )


async def test_what_nobody_has_is_said(technician: httpx.AsyncClient) -> None:
    assert "Không có kết quả phù hợp" in (await technician.get("/search", params={"q": "hà nội"})).text


async def test_the_commune_sees_its_own_and_the_names_above(of_the_commune: httpx.AsyncClient) -> None:
    top = (await of_the_commune.get("/units")).text
    assert "Tỉnh Lâm Đồng" in top
    assert "2 văn phòng" in top, "of three, those that are theirs are counted"
    province = (await of_the_commune.get("/units/lam-dong")).text
    assert "Xã Phan Sơn" in province
    assert "Xã La Dạ" not in province
    assert (await of_the_commune.get("/units/la-da")).status_code == 404
    assert "la-da" not in (await of_the_commune.get("/search", params={"q": "la da"})).text
