"""Signing in through the pages and the API: cookies, throttling, example accounts, the link of the first start."""

from __future__ import annotations

from datetime import timedelta
from http.cookies import SimpleCookie

import httpx
import pytest
from fastapi import FastAPI

from api.http.auth import csrf_of
from inventory.people import create_example_accounts
from inventory.setup_link import ensure_setup_link
from kernel.actors import system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from tests.builders.web import app_of
from tests.http.conftest import PASSWORD, MakeAccount, MakeState, browser, sign_in, token

DEMO_PASSWORD = "vungcao-demo"


def set_cookie(answer: httpx.Response, name: str) -> str:
    """Return the Set-Cookie line of `name`."""
    return next(line for line in answer.headers.get_list("set-cookie") if line.startswith(f"{name}="))


async def test_who_is_not_signed_in_is_led_to_the_form_and_from_there_back(
    visitor: httpx.AsyncClient, make_account: MakeAccount
) -> None:
    await make_account()
    led = await visitor.get("/devices?query=phan+sơn")
    assert led.status_code == 303
    form = await visitor.get(led.headers["location"])
    assert form.status_code == 200
    target = "/devices?query=phan+s%C6%A1n"
    assert f'name="next" value="{target.replace("&", "&amp;")}"' in form.text
    entered = await visitor.post(
        "/sign-in", data={"csrf": await token(visitor), "name": "hoa", "password": PASSWORD, "next": target}
    )
    assert (entered.status_code, entered.headers["location"]) == (303, target)
    assert (await visitor.get("/account")).status_code == 200


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(
    visitor: httpx.AsyncClient, make_account: MakeAccount
) -> None:
    await make_account()
    line = set_cookie(await sign_in(visitor), "vungcao_session")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(line.split("; "))
    assert "Secure" not in line


async def test_over_https_the_cookie_never_travels_in_the_clear(
    make_state: MakeState, make_account: MakeAccount
) -> None:
    await make_account()
    app = app_of(make_state(public_url="https://vungcao.example"))
    async with browser(app, address="https://vungcao.example") as client:
        answer = await sign_in(client)
    assert "Secure" in set_cookie(answer, "vungcao_session")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_a_token_that_somebody_planted_before_signing_in_opens_nothing_after(
    app: FastAPI, make_account: MakeAccount
) -> None:
    await make_account()
    planted = "planted-by-a-stranger"
    async with browser(app) as client:
        client.cookies.set("vungcao_session", planted, domain="127.0.0.1")
        await sign_in(client)
        assert client.cookies["vungcao_session"] != planted
    async with browser(app) as stranger:
        stranger.cookies.set("vungcao_session", planted, domain="127.0.0.1")
        assert (await stranger.get("/account")).status_code == 303


async def test_after_signing_out_the_old_cookie_opens_nothing(app: FastAPI, hoa: httpx.AsyncClient) -> None:
    kept = hoa.cookies["vungcao_session"]
    left = await hoa.post("/sign-out", data={"csrf": await token(hoa)})
    assert (left.status_code, left.headers["location"]) == (303, "/sign-in")
    async with browser(app) as thief:
        thief.cookies.set("vungcao_session", kept, domain="127.0.0.1")
        assert (await thief.get("/account")).status_code == 303


async def test_a_wrong_password_shows_the_form_again_with_the_name_and_in_the_readers_language(
    visitor: httpx.AsyncClient, make_account: MakeAccount
) -> None:
    await make_account()
    visitor.cookies.set("vungcao_language", "en", domain="127.0.0.1")
    answer = await sign_in(visitor, password="wrong")
    assert answer.status_code == 401
    assert "The name or the password is wrong." in answer.text
    assert 'value="hoa"' in answer.text
    assert 'value="wrong"' not in answer.text, "the password is not sent back"


async def test_after_five_failures_the_form_says_how_long_to_wait(
    visitor: httpx.AsyncClient, make_account: MakeAccount, clock: FrozenClock
) -> None:
    await make_account()
    visitor.cookies.set("vungcao_language", "en", domain="127.0.0.1")
    for _ in range(5):
        await sign_in(visitor, password="wrong")
    answer = await sign_in(visitor)
    assert answer.status_code == 429
    assert "2 seconds" in answer.text
    clock.forward(timedelta(seconds=2))
    assert (await sign_in(visitor)).status_code == 303


async def test_two_web_processes_count_the_same_failures(make_state: MakeState, make_account: MakeAccount) -> None:
    await make_account()
    apps = [app_of(make_state()), app_of(make_state())]
    for attempt in range(5):
        async with browser(apps[attempt % 2], peer="192.0.2.7") as client:
            assert (await sign_in(client, password="wrong")).status_code == 401
    for app in apps:
        async with browser(app, peer="192.0.2.7") as client:
            assert (await sign_in(client)).status_code == 429


async def test_behind_a_proxy_on_this_machine_each_browser_is_counted_for_itself(
    app: FastAPI, make_account: MakeAccount
) -> None:
    await make_account()
    async with browser(app, X_Forwarded_For="10.9.9.9, 192.0.2.7") as guesser:
        for _ in range(5):
            await sign_in(guesser, password="wrong")
        guesser.headers["X-Forwarded-For"] = "10.1.1.1, 192.0.2.7"
        assert (await sign_in(guesser)).status_code == 429, "what stands before the proxy's own word is made up"
    async with browser(app, X_Forwarded_For="192.0.2.8") as other:
        assert (await sign_in(other)).status_code == 303


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/\tevil", ""]
)
async def test_signing_in_leads_nowhere_else(
    visitor: httpx.AsyncClient, make_account: MakeAccount, target: str
) -> None:
    await make_account()
    answer = await visitor.post(
        "/sign-in", data={"csrf": await token(visitor), "name": "hoa", "password": PASSWORD, "next": target}
    )
    assert answer.headers["location"] == "/"


async def test_a_program_signs_in_reads_and_signs_out(visitor: httpx.AsyncClient, make_account: MakeAccount) -> None:
    await make_account()
    visitor.headers["Accept"] = "application/json"
    before = (await visitor.get("/api/v1/session")).json()
    assert before["account"] is None
    started = await visitor.post(
        "/api/v1/session", json={"name": "hoa", "password": PASSWORD}, headers={"X-CSRF-Token": before["csrf"]}
    )
    assert started.status_code == 200
    assert started.json()["account"] == {
        "name": "hoa", "display_name": "hoa", "language": None,
        "roles": [{"code": "technician", "name": "Kỹ thuật viên", "name_en": "Technician"}],
    }  # fmt: skip
    assert started.json()["csrf"] == csrf_of(visitor.cookies["vungcao_session"])
    assert started.json()["ends_at"] == "2026-11-24T13:26:00Z"
    assert (await visitor.get("/api/v1/devices")).json() == {"items": [], "next": None}
    ended = await visitor.delete("/api/v1/session", headers={"X-CSRF-Token": started.json()["csrf"]})
    assert ended.status_code == 204
    assert (await visitor.get("/api/v1/devices")).status_code == 401


async def test_a_program_with_a_wrong_password_gets_a_problem(
    visitor: httpx.AsyncClient, make_account: MakeAccount
) -> None:
    await make_account()
    csrf = await token(visitor)
    answer = await visitor.post(
        "/api/v1/session", json={"name": "hoa", "password": "wrong"}, headers={"X-CSRF-Token": csrf}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong-password")
    assert "wrong" not in str(answer.json().get("fields"))


@pytest.mark.parametrize(
    ("settings", "peer", "address", "headers"),
    [
        ({}, "10.0.0.5", "http://127.0.0.1:8080", {}),
        ({}, "127.0.0.1", "http://127.0.0.1:8080", {"X_Forwarded_For": "127.0.0.1"}),
        ({}, "127.0.0.1", "http://127.0.0.1:8080", {"Forwarded": "for=127.0.0.1"}),
        ({}, "127.0.0.1", "http://192.0.2.1:8080", {}),
        ({"http_host": "::"}, "127.0.0.1", "http://127.0.0.1:8080", {}),
        ({"public_url": "https://vungcao.example"}, "127.0.0.1", "https://vungcao.example", {}),
    ],
    ids=["another machine", "a proxy", "a proxy by the standard", "another address", "open to all", "a public name"],
)
async def test_an_example_account_is_refused_and_not_shown_where_it_might_be_another_machine(
    make_state: MakeState,
    database: Database,
    settings: dict[str, str],
    peer: str,
    address: str,
    headers: dict[str, str],
) -> None:
    async with database.transaction() as tx:
        await create_example_accounts(system("demo"), tx)
    async with browser(app_of(make_state(demo=True, **settings)), peer=peer, address=address, **headers) as client:
        form = await client.get("/sign-in")
        assert DEMO_PASSWORD not in form.text
        answer = await sign_in(client, "quantri", DEMO_PASSWORD)
        assert answer.status_code == 403
        assert "vungcao_session" not in client.cookies


async def test_on_the_machine_itself_the_example_accounts_are_shown_and_enter(
    make_state: MakeState, database: Database
) -> None:
    async with database.transaction() as tx:
        await create_example_accounts(system("demo"), tx)
    app = app_of(make_state(demo=True))
    async with browser(app) as client:
        form = await client.get("/sign-in")
        assert DEMO_PASSWORD in form.text
        assert all(name in form.text for name in ("kythuat", "canbo", "thuky", "anninh", "quantri"))
        assert (await sign_in(client, "anninh", DEMO_PASSWORD)).status_code == 303
        cookie = SimpleCookie({"vungcao_session": client.cookies["vungcao_session"]}).output(header="").strip()
    async with browser(app, peer="10.0.0.5", Cookie=cookie) as thief:
        assert (await thief.get("/account")).status_code == 303, "the cookie is worth nothing elsewhere"


async def test_outside_the_example_programme_its_accounts_are_not_shown(
    make_state: MakeState, database: Database
) -> None:
    async with database.transaction() as tx:
        await create_example_accounts(system("demo"), tx)
    async with browser(app_of(make_state(demo=False))) as client:
        assert DEMO_PASSWORD not in (await client.get("/sign-in")).text


async def test_the_link_of_the_first_start_makes_the_administrator_and_is_then_over(
    visitor: httpx.AsyncClient, database: Database
) -> None:
    async with database.transaction() as tx:
        link = await ensure_setup_link(tx)
    assert (await visitor.get(f"/setup?token={link}")).status_code == 200
    sent = {"csrf": await token(visitor), "token": link, "name": "chi", "display_name": "Lê Thị Chi"}
    weak = await visitor.post("/setup", data={**sent, "password": "short"})
    assert weak.status_code == 400
    assert 'value="chi"' in weak.text
    made = await visitor.post("/setup", data={**sent, "password": PASSWORD})
    assert (made.status_code, made.headers["location"]) == (303, "/")
    who = (await visitor.get("/api/v1/session")).json()["account"]
    assert (who["name"], who["display_name"]) == ("chi", "Lê Thị Chi")
    assert [role["code"] for role in who["roles"]] == ["administrator"]
    assert (await visitor.get(f"/setup?token={link}")).status_code == 410
    again = await visitor.post("/setup", data={**sent, "csrf": await token(visitor), "password": PASSWORD})
    assert again.status_code == 410


async def test_a_made_up_setup_link_shows_no_form(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/setup?token=guess")).status_code == 410
    assert (await visitor.get("/setup")).status_code == 410


async def test_a_person_changes_the_password_and_ends_a_session_elsewhere(app: FastAPI, hoa: httpx.AsyncClient) -> None:
    async with browser(app) as elsewhere:
        await sign_in(elsewhere)
        csrf = await token(hoa)
        wrong = await hoa.post("/account/password", data={"csrf": csrf, "current": "no", "new": "trời nắng ở Phan Lâm"})
        assert wrong.status_code == 401
        assert (await elsewhere.get("/account")).status_code == 200
        right = await hoa.post(
            "/account/password", data={"csrf": csrf, "current": PASSWORD, "new": "trời nắng ở Phan Lâm"}
        )
        assert (right.status_code, right.headers["location"]) == (303, "/account?saved=password")
        assert (await elsewhere.get("/account")).status_code == 303
    assert (await hoa.get("/account?saved=password")).status_code == 200
