"""Requests that another site makes a browser send are refused, whatever cookie comes with them."""

from __future__ import annotations

import uuid

import httpx
import pytest
from fastapi import FastAPI

from tests.builders.web import app_of
from tests.http.conftest import MakeAccount, MakeState, browser, sign_in, token

CHANGE = "/language"


def form(csrf: str) -> dict[str, str]:
    return {"csrf": csrf, "language": "en"}


async def test_a_form_with_our_token_is_taken(hoa: httpx.AsyncClient) -> None:
    assert (await hoa.post(CHANGE, data=form(await token(hoa)))).status_code == 303


@pytest.mark.parametrize("csrf", ["", "made-up", "0" * 64, "Đ" * 10])
async def test_a_form_without_our_token_is_refused_and_says_what_to_do(hoa: httpx.AsyncClient, csrf: str) -> None:
    answer = await hoa.post(CHANGE, data=form(csrf))
    assert answer.status_code == 403
    assert "forged-form" in answer.text


async def test_the_token_of_one_session_is_worth_nothing_in_another(
    app: FastAPI, hoa: httpx.AsyncClient, make_account: MakeAccount
) -> None:
    await make_account("lan")
    async with browser(app) as lan:
        await sign_in(lan, "lan")
        assert (await lan.post(CHANGE, data=form(await token(hoa)))).status_code == 403


async def test_signing_in_itself_needs_a_token_of_this_browser(app: FastAPI, make_account: MakeAccount) -> None:
    await make_account()
    async with browser(app) as one, browser(app) as other:
        sent = {"name": "hoa", "password": "trời mưa ở Phan Sơn"}
        assert (await one.post("/sign-in", data=sent)).status_code == 403
        foreign = await token(other)
        await one.get("/sign-in")
        assert (await one.post("/sign-in", data={**sent, "csrf": foreign})).status_code == 403


async def test_the_api_wants_the_token_in_its_header(hoa: httpx.AsyncClient) -> None:
    address = f"/api/v1/alerts/{uuid.uuid4()}/take"
    assert (await hoa.post(address)).json()["code"] == "forged-form"
    answer = await hoa.post(address, headers={"X-CSRF-Token": await token(hoa)})
    assert answer.json()["code"] == "not-found"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "null"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_what_another_site_sends_is_refused_even_with_the_right_token(
    hoa: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    assert (await hoa.post(CHANGE, data=form(await token(hoa)), headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://127.0.0.1:8080"}, {}],
)
async def test_what_our_own_page_or_a_program_sends_is_taken(hoa: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await hoa.post(CHANGE, data=form(await token(hoa)), headers=headers)).status_code == 303


async def test_behind_a_proxy_our_public_address_is_our_own(make_state: MakeState) -> None:
    app = app_of(make_state(public_url="https://vungcao.example"))
    address = "https://vungcao.example"
    async with browser(app, address=address, Host="127.0.0.1:8080", Origin=address) as client:
        assert (await client.post(CHANGE, data=form(await token(client)))).status_code == 303
