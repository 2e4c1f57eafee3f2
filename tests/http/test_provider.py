"""Sign-in by an organisation's own accounts: the way there and back, and everything that must not be believed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from sqlalchemy import select

from api.http.oidc import Provider
from inventory.people_models import AccountRow, IdentityRow
from inventory.public import link_identity, set_disabled
from kernel.actors import system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.errors import BadSetting
from kernel.settings import Settings
from tests.builders.web import app_of
from tests.http.conftest import MakeAccount, MakeState, browser
from tests.real import provider as real

HERE = "http://127.0.0.1:8080"


@pytest.fixture
def provider(clock: FrozenClock) -> Iterator[real.Provider]:
    with real.Provider() as running:
        running.now = lambda: clock.now().timestamp()
        yield running


def settings_for(provider: real.Provider) -> dict[str, str]:
    return {
        "oidc_issuer": provider.issuer, "oidc_client_id": real.CLIENT, "oidc_client_secret": real.SECRET,
        "oidc_title": "Cổng của tỉnh",
    }  # fmt: skip


@pytest.fixture
def app(make_state: MakeState, provider: real.Provider) -> FastAPI:
    return app_of(make_state(**settings_for(provider)))


@pytest.fixture
async def visitor(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(app) as client:
        await client.get("/sign-in")
        yield client


async def go(client: httpx.AsyncClient, target: str = "/devices") -> str:
    """Return the address at the provider to which the browser is sent."""
    answer = await client.get("/sign-in/provider", params={"next": target})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def refused(client: httpx.AsyncClient, back: str, *, status: int = 401) -> str:
    """Return the page that says why nobody was let in."""
    answer = await client.get(back)
    assert answer.status_code == status, answer.text
    assert (await client.get("/api/v1/session")).json()["account"] is None
    return answer.text


async def test_somebody_new_gets_an_account_that_may_do_nothing_yet(
    visitor: httpx.AsyncClient, provider: real.Provider
) -> None:
    assert "Đăng nhập qua Cổng của tỉnh" in (await visitor.get("/sign-in")).text
    answer = await visitor.get(provider.agree(await go(visitor)))
    assert (answer.status_code, answer.headers["location"]) == (303, "/devices")
    account = (await visitor.get("/api/v1/session")).json()["account"]
    assert account == {"name": "do.hoa", "display_name": "Đỗ Thị Hòa", "roles": [], "language": None}
    assert (await visitor.get("/api/v1/devices")).status_code == 403
    assert "chưa có vai trò" in (await visitor.get("/account")).text


async def test_the_same_subject_is_the_same_account_whatever_it_is_called(
    visitor: httpx.AsyncClient, provider: real.Provider, database: Database
) -> None:
    await visitor.get(provider.agree(await go(visitor)))
    visitor.cookies.clear()
    await visitor.get("/sign-in")
    provider.claims |= {"preferred_username": "quantri", "name": "Ai đó"}
    await visitor.get(provider.agree(await go(visitor)))
    assert (await visitor.get("/api/v1/session")).json()["account"]["name"] == "do.hoa"
    async with database.transaction() as tx:
        assert len((await tx.session.scalars(select(IdentityRow))).all()) == 1


async def test_a_name_is_no_proof(
    visitor: httpx.AsyncClient, provider: real.Provider, make_account: MakeAccount, database: Database
) -> None:
    await make_account("quantri", "administrator")
    provider.claims["preferred_username"] = "quantri"
    await visitor.get(provider.agree(await go(visitor)))
    account = (await visitor.get("/api/v1/session")).json()["account"]
    assert account["name"].startswith("quantri-")
    assert account["roles"] == []
    async with database.transaction() as tx:
        assert len((await tx.session.scalars(select(AccountRow.name))).all()) == 2


async def test_an_account_is_linked_by_an_administrator_and_disabled_it_is_shut(
    visitor: httpx.AsyncClient, provider: real.Provider, make_account: MakeAccount, database: Database
) -> None:
    await make_account("hoa")
    async with database.transaction() as tx:
        await link_identity(system("test"), tx, "hoa", provider.issuer, "248289761001")
    await visitor.get(provider.agree(await go(visitor)))
    assert (await visitor.get("/api/v1/session")).json()["account"]["name"] == "hoa"
    async with database.transaction() as tx:
        await set_disabled(system("test"), tx, "hoa", disabled=True)
    assert (await visitor.get("/api/v1/session")).json()["account"] is None
    await visitor.get("/sign-in")
    assert "không cho bạn đăng nhập" in await refused(visitor, provider.agree(await go(visitor)))


async def test_a_way_back_is_gone_once(visitor: httpx.AsyncClient, provider: real.Provider) -> None:
    back = provider.agree(await go(visitor))
    assert (await visitor.get(back)).status_code == 303
    visitor.cookies.delete("vungcao_session")
    assert "bắt đầu ở nơi khác" in await refused(visitor, back)


async def test_another_browser_cannot_come_back(
    app: FastAPI, visitor: httpx.AsyncClient, provider: real.Provider
) -> None:
    back = provider.agree(await go(visitor))
    async with browser(app) as other:
        await other.get("/sign-in")
        assert "bắt đầu ở nơi khác" in await refused(other, back)
    assert "bắt đầu ở nơi khác" in await refused(visitor, back), "and the trip is over with that"


async def test_a_way_back_is_good_for_ten_minutes(
    visitor: httpx.AsyncClient, provider: real.Provider, clock: FrozenClock
) -> None:
    back = provider.agree(await go(visitor))
    clock.forward(timedelta(minutes=10))
    assert "bắt đầu ở nơi khác" in await refused(visitor, back)


@pytest.mark.parametrize("state", ["", "x", "x" * 200, "\N{NULL}"])
async def test_a_state_of_ones_own_leads_nowhere(visitor: httpx.AsyncClient, state: str) -> None:
    answer = await visitor.get("/sign-in/provider/back", params={"state": state, "code": "x"})
    assert answer.status_code == 401


async def test_the_provider_s_no_is_told(visitor: httpx.AsyncClient) -> None:
    state = parse_qs(urlsplit(await go(visitor)).query)["state"][0]
    page = await refused(visitor, f"/sign-in/provider/back?error=access_denied&error_description=<b>&state={state}")
    assert "không cho bạn đăng nhập" in page
    assert "<b>" not in page.partition("<main")[2].partition('role="alert"')[0]


async def test_a_stolen_code_is_worth_nothing_without_its_verifier(
    app: FastAPI, visitor: httpx.AsyncClient, provider: real.Provider
) -> None:
    stolen = parse_qs(urlsplit(provider.agree(await go(visitor))).query)["code"][0]
    async with browser(app) as thief:
        await thief.get("/sign-in")
        state = parse_qs(urlsplit(await go(thief)).query)["state"][0]
        assert "không cho bạn đăng nhập" in await refused(
            thief, f"{HERE}/sign-in/provider/back?state={state}&code={stolen}"
        )
    assert provider.asked[0]["code_verifier"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "http://127.0.0.1:1"}, {"aud": "another"}, {"aud": ["vungcao", "another"]},
        {"aud": ["vungcao", "another"], "azp": "another"}, {"nonce": "another"}, {"nonce": None}, {"exp": None},
        {"iat": None}, {"at_hash": "x"}, {"exp": "soon"}, {"iss": None}, {"aud": None}, {"aud": {}}, {"iss": ["x"]},
    ],
    ids=str,
)  # fmt: skip
async def test_what_is_not_for_us_or_not_for_now_is_not_believed(
    visitor: httpx.AsyncClient, provider: real.Provider, wrong: dict[str, object]
) -> None:
    provider.change = lambda claims: {name: value for name, value in {**claims, **wrong}.items() if value is not None}
    assert "không dành cho hệ thống này" in await refused(visitor, provider.agree(await go(visitor)))


@pytest.mark.parametrize("subject", [None, "", "x" * 256, 7, ["x"]])
async def test_nobody_is_nobody(visitor: httpx.AsyncClient, provider: real.Provider, subject: object) -> None:
    provider.change = lambda claims: {
        name: value for name, value in {**claims, "sub": subject}.items() if value is not None
    }
    await refused(visitor, provider.agree(await go(visitor)))


@pytest.mark.parametrize(("ahead_s", "in_time"), [(-50, True), (50, True), (-400, False), (200, False)])
async def test_its_clock_may_be_a_minute_off(
    visitor: httpx.AsyncClient, provider: real.Provider, clock: FrozenClock, ahead_s: int, *, in_time: bool
) -> None:
    provider.now = lambda: clock.now().timestamp() + ahead_s
    back = provider.agree(await go(visitor))
    if in_time:
        assert (await visitor.get(back)).status_code == 303
    else:
        assert "không dành cho hệ thống này" in await refused(visitor, back)


async def test_a_token_signed_by_somebody_else_is_not_believed(
    visitor: httpx.AsyncClient, provider: real.Provider
) -> None:
    provider.signer = RSAKey.generate_key(2048)
    assert "không dành cho hệ thống này" in await refused(visitor, provider.agree(await go(visitor)))


async def test_a_secret_that_is_public_signs_nothing(visitor: httpx.AsyncClient, provider: real.Provider) -> None:
    provider.algorithm = "HS256"
    assert "không dành cho hệ thống này" in await refused(visitor, provider.agree(await go(visitor)))


async def test_a_key_that_is_changed_is_looked_up(
    visitor: httpx.AsyncClient, provider: real.Provider, clock: FrozenClock
) -> None:
    await visitor.get(provider.agree(await go(visitor)))
    visitor.cookies.delete("vungcao_session")
    await visitor.get("/sign-in")
    provider.new_key("second")
    clock.forward(timedelta(minutes=2))
    assert (await visitor.get(provider.agree(await go(visitor)))).status_code == 303


async def test_an_answer_mixed_up_with_another_provider_s_is_not_believed(
    visitor: httpx.AsyncClient, provider: real.Provider
) -> None:
    provider.says_issuer = "https://elsewhere.test"
    assert "không dành cho hệ thống này" in await refused(visitor, provider.agree(await go(visitor)))


async def test_a_provider_that_is_away_or_is_another_one_says_so(
    visitor: httpx.AsyncClient, provider: real.Provider
) -> None:
    provider.broken = True
    away = await visitor.get("/sign-in/provider")
    assert (away.status_code, "Cổng của tỉnh" in away.text) == (503, True)
    provider.broken, provider.published_issuer = False, "https://elsewhere.test"
    assert (await visitor.get("/sign-in/provider")).status_code == 401


async def test_nobody_is_led_elsewhere_afterwards(visitor: httpx.AsyncClient, provider: real.Provider) -> None:
    answer = await visitor.get(provider.agree(await go(visitor, "//evil.test/")))
    assert answer.headers["location"] == "/"


async def test_without_a_provider_there_is_no_button_and_no_way(make_state: MakeState) -> None:
    async with browser(app_of(make_state())) as client:
        assert "/sign-in/provider" not in (await client.get("/sign-in")).text
        assert (await client.get("/sign-in/provider")).status_code == 404
        assert (await client.get("/sign-in/provider/back")).status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"oidc_issuer": "http://id.example.vn", "oidc_client_id": "x"}, {"oidc_issuer": "https://id.example.vn"}]
)
def test_a_provider_that_anybody_could_play_is_refused_at_the_start(wrong: dict[str, str], clock: FrozenClock) -> None:
    with pytest.raises(BadSetting):
        Provider(Settings.model_validate(wrong), clock)
