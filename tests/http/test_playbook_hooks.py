"""Webhooks, both ways: a signed call launches just what it is for, once; and who is told of runs learns no secret."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select, text

from api.wiring import signed_webhook
from kernel.actors import system
from kernel.audit import AuditEntryRow
from kernel.channels.port import ChannelUnavailable
from kernel.channels.signing import sign
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.events.event import Event
from kernel.ids import new_id
from kernel.secrets import Vault
from playbooks.public import RunView, run_teller, runs
from tests.http.conftest import MakeAccount, browser, sign_in, token
from tests.http.office import load_office
from tests.real.server import free_tcp_port
from tests.real.webhook import WebhookReceiver

FORM = {
    "playbook": "site-check", "sent": "1", "mode": "check", "offices": "ps", "name": "Từ giám sát", "do": "make",
}  # fmt: skip
PLANTED = "mat-khau-cay-san-7413"


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> str:
    await load_office(database, tmp_path)
    return "ps"


@pytest.fixture
async def hook(hoa: httpx.AsyncClient, office: str) -> tuple[str, SecretStr]:
    """A webhook's address and secret."""
    made = await hoa.post("/webhooks/new", data=FORM | {"csrf": await token(hoa)})
    assert made.status_code == 200, made.text
    found = re.search(r"whsec_[A-Za-z0-9+/=]+", made.text)
    address = re.search(r"/hooks/([0-9a-f-]{36})", made.text)
    assert found
    assert address
    return address[0], SecretStr(found[0])


async def launched(database: Database) -> list[RunView]:
    async with database.transaction() as tx:
        return (await runs(system("test"), tx)).runs


async def test_a_signed_call_launches_what_it_is_for_and_a_repeated_one_nothing(
    visitor: httpx.AsyncClient, hook: tuple[str, SecretStr], database: Database, clock: FrozenClock
) -> None:
    address, secret = hook
    body = b'{"playbook": "time-and-dns", "targets": {}}'
    headers = sign(secret, "msg-1", clock.now(), body)
    taken = await visitor.post(address, content=body, headers=headers)
    assert taken.status_code == 202, taken.text
    (run,) = await launched(database)
    assert (str(run.id), run.playbook, run.launched_by) == (taken.json()["run"], "site-check", "hoa")
    again = await visitor.post(address, content=body, headers=headers | {"Accept": "application/json"})
    assert (again.status_code, again.json()["code"]) == (409, "hook-repeated")
    assert len(await launched(database)) == 1


async def test_what_is_not_signed_well_launches_nothing_and_tells_nothing(
    visitor: httpx.AsyncClient, hook: tuple[str, SecretStr], database: Database, clock: FrozenClock
) -> None:
    address, secret = hook
    good = sign(secret, "msg-1", clock.now(), b"{}")
    late = sign(secret, "msg-1", clock.now() - timedelta(minutes=6), b"{}")
    nobody = f"/hooks/{new_id()}"
    tries = [
        (address, {}, b"{}"),
        (address, good, b"{ }"),
        (address, late, b"{}"),
        (address, good | {"webhook-id": "msg-2"}, b"{}"),
        (nobody, good, b"{}"),
        ("/hooks/x", good, b"{}"),
    ]
    answers = [
        await visitor.post(path, content=body, headers={**headers, "Accept": "application/json"})
        for path, headers, body in tries
    ]
    assert [answer.status_code for answer in answers] == [401] * len(tries)
    wrong, not_there = (answers[place].json() for place in (1, 4))
    assert wrong["detail"] == not_there["detail"], "one that is not there looks alike"
    assert await launched(database) == []
    too_large = await visitor.post(address, content=b"x" * 70_000, headers=good)
    assert too_large.status_code == 413


async def test_a_webhook_that_was_ended_is_not_there_any_more(
    hoa: httpx.AsyncClient, hook: tuple[str, SecretStr], clock: FrozenClock
) -> None:
    address, secret = hook
    ended = await hoa.post(f"/webhooks/{address.rpartition('/')[2]}/end", data={"csrf": await token(hoa)})
    assert ended.status_code == 303
    call = await hoa.post(address, content=b"", headers=sign(secret, "m", clock.now(), b""))
    assert call.status_code == 401


async def test_a_flood_of_calls_is_held_back(visitor: httpx.AsyncClient, office: str) -> None:
    answers = [(await visitor.post(f"/hooks/{new_id()}", content=b"")).status_code for _ in range(80)]
    assert answers[0] == 401
    assert answers[-1] == 429


async def test_a_secret_is_shown_once_and_stands_nowhere(
    hoa: httpx.AsyncClient, hook: tuple[str, SecretStr], database: Database
) -> None:
    secret = hook[1].get_secret_value()
    assert secret not in (await hoa.get("/webhooks")).text
    async with database.transaction() as tx:
        stored = str((await tx.session.execute(text("SELECT * FROM playbook_hook"))).all())
        audited = str([row.after for row in await tx.session.scalars(select(AuditEntryRow))])
    assert secret not in stored + audited
    assert secret.removeprefix("whsec_") not in stored + audited


EVENT = Event(
    new_id(),
    "playbook.ended",
    datetime(2026, 11, 24, 1, 0, tzinfo=UTC),
    "worker",
    {"run": str(new_id()), "playbook": "site-check", "office": "", "check": True, "state": "failed"},
)


async def add(client: httpx.AsyncClient, url: str = "http://127.0.0.1:9/", **changes: str) -> httpx.Response:
    form = {"name": "Trực ban", "url": url, "events": "playbook.ended", "csrf": await token(client)}
    return await client.post("/webhooks/receivers", data=form | changes)


@pytest.fixture
async def engineer(app: FastAPI, make_account: MakeAccount) -> httpx.AsyncClient:
    await make_account("son", "engineer")
    client = browser(app)
    await sign_in(client, "son")
    return client


async def test_who_is_told_gets_a_signed_message_once_and_no_secret(
    engineer: httpx.AsyncClient, database: Database, office: str
) -> None:
    tell = run_teller(Vault(bytes(32)), signed_webhook, "https://vungcao.test/")
    with WebhookReceiver(lambda *_: False) as receiver:
        made = await add(engineer, f"{receiver.url}?token={PLANTED}")
        assert made.status_code == 200, made.text
        assert "whsec_" in made.text
        assert PLANTED not in made.text
        await tell(EVENT, database)
        await tell(EVENT, database)
    (told,) = receiver.received
    assert told.id == str(EVENT.id)
    assert told.body["data"]["state"] == "failed"
    assert told.body["data"]["page"] == f"https://vungcao.test/runs/{EVENT.data['run']}"
    assert set(told.body["data"]) == {"event", "at", "by", "run", "playbook", "office", "check", "state", "page"}
    page = (await engineer.get("/webhooks")).text
    assert "Đã báo" in page
    assert PLANTED not in page
    assert PLANTED not in json.dumps(told.body)


async def test_one_that_is_away_does_not_hold_up_the_others_and_is_tried_again(
    engineer: httpx.AsyncClient, database: Database, office: str
) -> None:
    tell = run_teller(Vault(bytes(32)), signed_webhook, "")
    with WebhookReceiver(lambda *_: False) as receiver:
        await add(engineer, f"http://127.0.0.1:{free_tcp_port()}/", name="Vắng")
        await add(engineer, receiver.url)
        for _ in range(2):
            with pytest.raises(ChannelUnavailable):
                await tell(EVENT, database)
    assert len(receiver.received) == 1
    assert "chưa gửi được" in (await engineer.get("/webhooks")).text


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "file:///etc/passwd"},
        {"url": "http://"},
        {"url": "http://x" + "y" * 3000},
        {"name": ""},
        {"events": "x"},
    ],
)
async def test_an_address_that_is_none_is_a_clear_answer(
    engineer: httpx.AsyncClient, office: str, changes: dict[str, str]
) -> None:
    answer = await add(engineer, **changes)
    assert answer.status_code == 400
    assert "whsec_" not in answer.text


async def test_who_may_not_set_credentials_has_no_address_called(hoa: httpx.AsyncClient, office: str) -> None:
    assert (await add(hoa)).status_code == 403
    assert 'action="/webhooks/receivers"' not in (await hoa.get("/webhooks")).text
