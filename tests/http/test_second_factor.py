"""The second factor at sign-in: who is asked for it, what counts as a code, and what a lost phone means."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pyotp
import pytest

from inventory.public import require_totp, reset_factor
from kernel.actors import system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from tests.http.conftest import MakeAccount, sign_in, token


async def enrol(client: httpx.AsyncClient, clock: FrozenClock) -> tuple[pyotp.TOTP, list[str]]:
    """Set a second factor up by the pages and return the authenticator with the recovery codes."""
    shown = await client.get("/second-factor")
    assert shown.status_code == 200, shown.text
    assert "<svg" in shown.text
    secret = re.search(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}", shown.text)
    assert secret is not None
    phone = pyotp.TOTP(secret[0].replace(" ", ""))
    answer = await give(client, phone.at(clock.now()), "/second-factor")
    assert answer.status_code == 200, answer.text
    return phone, re.findall(r"<li>([a-z2-9]{4}(?:-[a-z2-9]{4}){2})</li>", answer.text)


async def give(client: httpx.AsyncClient, code: str, address: str = "/sign-in/code") -> httpx.Response:
    return await client.post(address, data={"csrf": await token(client), "code": code, "next": "/devices"})


async def who(client: httpx.AsyncClient) -> str | None:
    account = (await client.get("/api/v1/session")).json()["account"]
    return account and str(account["name"])


@pytest.fixture
async def enrolled(hoa: httpx.AsyncClient, clock: FrozenClock) -> tuple[pyotp.TOTP, list[str]]:
    """The authenticator and the recovery codes of hoa, who has signed out since."""
    made = await enrol(hoa, clock)
    await hoa.post("/sign-out", data={"csrf": await token(hoa)})
    clock.forward(timedelta(minutes=1))
    return made


async def test_a_password_alone_opens_nothing_any_more(
    hoa: httpx.AsyncClient, enrolled: tuple[pyotp.TOTP, list[str]], clock: FrozenClock
) -> None:
    phone, _ = enrolled
    answer = await sign_in(hoa)
    assert answer.headers["location"] == "/sign-in/code?next=/"
    waiting = (await hoa.get("/api/v1/session")).json()
    assert (waiting["account"], waiting["second_factor"]) == (None, "code")
    assert (await hoa.get("/api/v1/devices")).status_code == 401
    assert (await hoa.get("/account")).headers["location"].startswith("/sign-in")
    assert (await hoa.get("/second-factor")).status_code == 303, "nobody sets up another one instead"
    before = hoa.cookies["vungcao_session"]
    answer = await give(hoa, phone.at(clock.now()))
    assert (answer.status_code, answer.headers["location"]) == (303, "/devices")
    assert await who(hoa) == "hoa"
    assert hoa.cookies["vungcao_session"] != before, "what was known before the second factor opens nothing"


async def test_a_code_is_good_once_and_about_now(
    hoa: httpx.AsyncClient, enrolled: tuple[pyotp.TOTP, list[str]], clock: FrozenClock
) -> None:
    phone, _ = enrolled
    await sign_in(hoa)
    assert (await give(hoa, phone.at(clock.now() - timedelta(seconds=90)))).status_code == 401
    assert (await give(hoa, phone.at(clock.now() + timedelta(seconds=90)))).status_code == 401
    code = phone.at(clock.now() + timedelta(seconds=30))
    assert (await give(hoa, f" {code[:3]} {code[3:]} ")).status_code == 303, "a phone's clock may be ahead a little"
    await hoa.post("/sign-out", data={"csrf": await token(hoa)})
    await sign_in(hoa)
    again = await give(hoa, code)
    assert (again.status_code, "đã được dùng" in again.text) == (401, True)
    assert (await give(hoa, phone.at(clock.now()))).status_code == 401, "nor one from before the last one taken"
    assert await who(hoa) is None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "x" * 100, "0" * 6])
async def test_what_is_no_code_is_refused(
    hoa: httpx.AsyncClient, enrolled: tuple[pyotp.TOTP, list[str]], code: str
) -> None:
    assert enrolled
    await sign_in(hoa)
    assert (await give(hoa, code)).status_code in {401, 422}
    assert await who(hoa) is None


async def test_guessing_is_slowed_down(hoa: httpx.AsyncClient, enrolled: tuple[pyotp.TOTP, list[str]]) -> None:
    assert enrolled
    await sign_in(hoa)
    answers = [(await give(hoa, f"00000{digit}")).status_code for digit in range(7)]
    assert answers[0] == 401
    assert answers[-1] == 429


async def test_a_recovery_code_is_good_once(hoa: httpx.AsyncClient, enrolled: tuple[pyotp.TOTP, list[str]]) -> None:
    _, codes = enrolled
    assert len(set(codes)) == 8
    await sign_in(hoa)
    assert (await give(hoa, codes[0].upper().replace("-", " "))).status_code == 303
    assert "7 mã khôi phục" in (await hoa.get("/account")).text
    await hoa.post("/sign-out", data={"csrf": await token(hoa)})
    await sign_in(hoa)
    assert (await give(hoa, codes[0])).status_code == 401


async def test_a_session_waits_ten_minutes_for_its_code(
    hoa: httpx.AsyncClient, enrolled: tuple[pyotp.TOTP, list[str]], clock: FrozenClock
) -> None:
    phone, _ = enrolled
    await sign_in(hoa)
    clock.forward(timedelta(minutes=10))
    answer = await give(hoa, phone.at(clock.now()))
    assert answer.headers["location"].startswith("/sign-in")
    assert await who(hoa) is None


async def test_a_program_gives_its_code_too(
    hoa: httpx.AsyncClient, enrolled: tuple[pyotp.TOTP, list[str]], clock: FrozenClock
) -> None:
    phone, _ = enrolled
    await sign_in(hoa)
    headers = {"X-CSRF-Token": await token(hoa), "Accept": "application/json"}
    wrong = await hoa.post("/api/v1/session/code", json={"code": "000000"}, headers=headers)
    assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong-code")
    right = await hoa.post("/api/v1/session/code", json={"code": phone.at(clock.now())}, headers=headers)
    assert right.json()["account"]["name"] == "hoa"


async def test_a_role_that_asks_for_it_leads_whoever_has_it_to_setting_it_up_at_once(
    hoa: httpx.AsyncClient, database: Database, clock: FrozenClock
) -> None:
    assert (await hoa.get("/api/v1/offices")).status_code == 200
    async with database.transaction() as tx:
        await require_totp(system("test"), tx, "technician", required=True)
    assert (await hoa.get("/api/v1/offices")).status_code == 401, "with the next request, and not the next sign-in"
    assert (await hoa.get("/sign-in/code?next=/devices")).headers["location"] == "/second-factor?next=/devices"
    assert (await give(hoa, "000000", "/second-factor")).status_code == 401
    _, codes = await enrol(hoa, clock)
    assert len(codes) == 8
    assert (await hoa.get("/api/v1/offices")).status_code == 200


async def test_it_is_removed_for_a_code_only_and_by_an_administrator_for_a_lost_phone(
    hoa: httpx.AsyncClient, enrolled: tuple[pyotp.TOTP, list[str]], clock: FrozenClock, database: Database
) -> None:
    phone, _ = enrolled
    await sign_in(hoa)
    await give(hoa, phone.at(clock.now()))
    assert (await give(hoa, "000000", "/second-factor/remove")).headers["location"] == "/account?failed=wrong-code"
    assert "đã quá hạn hoặc đã được dùng" in (await hoa.get("/account?failed=wrong-code")).text
    clock.forward(timedelta(minutes=1))
    assert (
        (await give(hoa, phone.at(clock.now()), "/second-factor/remove")).headers["location"].endswith("saved=factor")
    )
    await hoa.post("/sign-out", data={"csrf": await token(hoa)})
    assert (await sign_in(hoa)).headers["location"] == "/"
    await enrol(hoa, clock)
    async with database.transaction() as tx:
        assert await reset_factor(system("test"), tx, "hoa")
        assert not await reset_factor(system("test"), tx, "hoa")
    await hoa.post("/sign-out", data={"csrf": await token(hoa)})
    assert (await sign_in(hoa)).headers["location"] == "/"


async def test_the_secret_is_shown_until_it_is_confirmed_and_never_after(
    hoa: httpx.AsyncClient, clock: FrozenClock
) -> None:
    first, second = (await hoa.get("/second-factor")).text, (await hoa.get("/second-factor")).text
    assert re.findall(r"(?:[A-Z2-7]{4} ){7}", first) == re.findall(r"(?:[A-Z2-7]{4} ){7}", second)
    await enrol(hoa, clock)
    assert (await hoa.get("/second-factor")).headers["location"] == "/account"


async def test_a_role_of_somebody_else_asks_for_nothing(
    hoa: httpx.AsyncClient, database: Database, make_account: MakeAccount
) -> None:
    await make_account("chi", "administrator")
    async with database.transaction() as tx:
        await require_totp(system("test"), tx, "administrator", required=True)
    assert await who(hoa) == "hoa"
