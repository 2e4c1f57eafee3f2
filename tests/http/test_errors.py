"""What readers and programs are told when something does not work."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from structlog.testing import capture_logs

from api.http.app import routes_of
from api.http.deps import Tx
from api.http.errors import NEXT, TITLES
from api.web.pages import ROUTERS
from kernel.db.engine import connect
from kernel.db.transaction import Database
from kernel.errors import StoreUnavailable, TooManyTries
from tests.builders.web import app_of
from tests.http.conftest import MakeState, browser, token
from tests.http.fake_engine import FakeEngine

PROBLEM = "application/problem+json"

router = APIRouter()


@router.get("/broken")
@router.get("/api/v1/broken")
async def broken() -> None:
    raise RuntimeError("the secret reason")


@router.get("/api/v1/many")
async def many() -> None:
    raise TooManyTries(wait_s=7)


@router.get("/full")
async def full() -> None:
    raise StoreUnavailable(why="the disk is full")


@router.get("/half")
async def half(tx: Tx) -> None:
    tx.audit(None, "", "")  # type: ignore[arg-type]  # what a bug would do


@pytest.fixture
def app(make_state: MakeState) -> FastAPI:
    return app_of(make_state(), routes_of([*ROUTERS, router]))


@pytest.fixture
async def english(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(app, Cookie="vungcao_language=en") as client:
        yield client


async def test_a_page_that_is_not_there_is_said_to_be_so_in_the_readers_language(
    visitor: httpx.AsyncClient, english: httpx.AsyncClient
) -> None:
    vietnamese, said = await visitor.get("/nowhere"), await english.get("/nowhere")
    assert (vietnamese.status_code, said.status_code) == (404, 404)
    assert said.headers["content-type"] == "text/html; charset=utf-8"
    assert "There is no page at this address." in said.text
    assert '<html lang="vi">' in vietnamese.text
    assert "There is no page at this address." not in vietnamese.text


async def test_a_program_gets_problem_details(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/api/v1/devices")
    assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM)
    assert answer.headers["www-authenticate"]
    told = answer.json()
    assert told.pop("request_id") == answer.headers["x-request-id"]
    assert told == {
        "type": "urn:vungcao:problem:not-signed-in", "title": "You are not signed in", "status": 401,
        "detail": "Sign in first.", "code": "not-signed-in",
    }  # fmt: skip


async def test_a_program_is_told_in_the_language_that_it_asks_for(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/api/v1/devices", headers={"Accept-Language": "fr, vi-VN;q=0.8, en;q=0.5"})
    assert answer.headers["content-language"] == "vi"
    assert answer.json()["detail"] != "Sign in first."
    assert answer.json()["code"] == "not-signed-in"


async def test_a_script_that_wants_json_gets_no_page(visitor: httpx.AsyncClient) -> None:
    for accepted in ("application/json", "text/event-stream"):
        answer = await visitor.get("/devices", headers={"Accept": accepted})
        assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM)


async def test_a_part_of_a_page_makes_the_browser_load_the_sign_in_page(visitor: httpx.AsyncClient) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://127.0.0.1:8080/devices?query=x"}
    answer = await visitor.get("/account", headers=headers)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in?next=/devices%3Fquery%3Dx")


async def test_an_unexpected_error_shows_a_number_that_the_log_has_and_nothing_else(english: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        answer = await english.get("/broken")
    assert answer.status_code == 500
    assert "the secret reason" not in answer.text
    number = answer.headers["x-request-id"]
    assert number in answer.text
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["request_failed"]
    assert answer.headers["content-security-policy"]


async def test_an_unexpected_error_is_a_problem_for_programs_too(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/api/v1/broken")
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert answer.json()["code"] == "internal"
    assert "the secret reason" not in answer.text


async def test_an_error_at_the_commit_is_told_instead_of_success(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/half")).status_code == 500


async def test_who_has_to_wait_is_told_how_long(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/api/v1/many")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["fields"] == {"wait_s": 7}
    assert "7 seconds" in answer.json()["detail"]


async def test_a_part_that_is_away_is_named(english: httpx.AsyncClient) -> None:
    answer = await english.get("/full")
    assert answer.status_code == 503
    assert "The metric store does not take values: the disk is full" in answer.text


async def test_an_engine_that_is_away_is_named_to_programs(hoa: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    fake_engine.cut()
    answer = await hoa.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["engine"] == {"ok": False, "why": "it was cut"}


async def test_a_database_that_is_away_is_named(make_state: MakeState, database: Database) -> None:
    state = make_state()
    gone = Database(connect("postgresql://nobody@/none?host=/nonexistent", process="test"), state.clock, None)  # type: ignore[arg-type]
    app = app_of(dataclasses.replace(state, database=gone))
    async with browser(app, Cookie="vungcao_session=anything; vungcao_language=en") as client:
        shown, told = await client.get("/account"), await client.get("/api/v1/devices")
        assert (await client.get("/healthz")).status_code == 200, "the process itself is alive"
    assert (shown.status_code, told.status_code) == (503, 503)
    assert "The database does not answer" in shown.text
    assert told.json()["code"] == "database-unavailable"
    await gone.close()


async def test_wrong_fields_are_listed_by_name(hoa: httpx.AsyncClient) -> None:
    answer = await hoa.get("/api/v1/devices?limit=1000&role=toaster")
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert {mistake["field"] for mistake in answer.json()["errors"]} == {"limit", "role"}


async def test_json_that_is_none_and_a_missing_field_are_told_apart(visitor: httpx.AsyncClient) -> None:
    headers = {"X-CSRF-Token": await token(visitor), "Content-Type": "application/json"}
    broken_json = await visitor.post("/api/v1/session", content=b"{", headers=headers)
    missing = await visitor.post("/api/v1/session", content=b'{"name": "hoa"}', headers=headers)
    assert (broken_json.status_code, missing.status_code) == (422, 422)
    assert [mistake["field"] for mistake in missing.json()["errors"]] == ["password"]


async def test_a_parameter_that_nobody_knows_is_refused_and_the_known_ones_are_named(hoa: httpx.AsyncClient) -> None:
    answer = await hoa.get("/api/v1/offices?qurey=phan")
    assert answer.status_code == 400
    assert "qurey" in answer.json()["detail"]
    assert "after, as_of, kind, limit, query, unit" in answer.json()["detail"]


async def test_an_address_that_takes_no_such_request_says_so(hoa: httpx.AsyncClient) -> None:
    answer = await hoa.delete("/api/v1/devices", headers={"X-CSRF-Token": await token(hoa)})
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"


def test_every_advice_belongs_to_a_title() -> None:
    assert set(NEXT) <= set(TITLES)
