"""Webhooks by the JSON API, both ways: a secret is told once; what became of each call and message is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select, text

from api.wiring import signed_webhook
from inventory.public import Grant, TokenRequest, account_for, create_account, make_token
from kernel.actors import system
from kernel.audit import AuditEntryRow
from kernel.channels.signing import sign
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.ids import new_id
from kernel.secrets import Vault
from playbooks.public import run_teller
from tests.http.conftest import PASSWORD, MakeAccount, browser, sign_in, token
from tests.http.office import load_office
from tests.http.test_playbook_hooks import EVENT
from tests.real.webhook import WebhookReceiver

WANTED: dict[str, Any] = {
    "name": "Từ giám sát", "playbook": "site-check", "targets": {"offices": ["ps"]}, "check": True,
}  # fmt: skip
PLANTED = "mat-khau-cay-san-7413"


@pytest.fixture(autouse=True)
async def office(database: Database, tmp_path: Path) -> None:
    await load_office(database, tmp_path)


async def signed_in(app: FastAPI, name: str) -> httpx.AsyncClient:
    client = browser(app, Accept="application/json")
    await sign_in(client, name)
    client.headers["X-CSRF-Token"] = await token(client)
    return client


@pytest.fixture
async def lan(app: FastAPI, make_account: MakeAccount) -> httpx.AsyncClient:
    """A technician who asks as a program does."""
    await make_account("lan")
    return await signed_in(app, "lan")


@pytest.fixture
async def engineer(app: FastAPI, make_account: MakeAccount) -> httpx.AsyncClient:
    await make_account("son", "engineer")
    return await signed_in(app, "son")


async def test_a_secret_is_in_the_answer_that_made_it_and_nowhere_else(
    lan: httpx.AsyncClient, database: Database
) -> None:
    answer = await lan.post("/api/v1/webhooks", json=WANTED)
    assert answer.status_code == 201, answer.text
    hook, secret = answer.json()["webhook"], answer.json()["secret"]
    assert secret.startswith("whsec_")
    listed = await lan.get("/api/v1/webhooks")
    read = await lan.get(f"/api/v1/webhooks/{hook['id']}")
    assert (listed.json()["items"], read.json()) == ([hook], hook)
    assert hook["targets"]["offices"] == ["ps"]
    async with database.transaction() as tx:
        kept = str((await tx.session.execute(text("SELECT * FROM playbook_hook"))).all())
        keys = str((await tx.session.execute(text("SELECT * FROM idempotency_key"))).all())
        audited = [(row.action, str(row.after)) for row in await tx.session.scalars(select(AuditEntryRow))]
    for told in (kept, keys, str(audited), listed.text, read.text):
        assert secret.removeprefix("whsec_") not in told
    assert (await lan.post(f"/api/v1/webhooks/{hook['id']}/end")).status_code == 204
    assert (await lan.get("/api/v1/webhooks")).json()["items"] == []
    assert (await lan.post(f"/api/v1/webhooks/{hook['id']}/end")).status_code == 404
    async with database.transaction() as tx:
        target = AuditEntryRow.target == f"hook:{hook['id']}"
        actions = await tx.session.scalars(select(AuditEntryRow.action).where(target).order_by(AuditEntryRow.id))
        assert list(actions) == ["hook.made", "hook.ended"]


async def test_what_became_of_each_call_is_told_a_page_at_a_time(lan: httpx.AsyncClient, clock: FrozenClock) -> None:
    made = (await lan.post("/api/v1/webhooks", json=WANTED)).json()
    hook, secret = made["webhook"], SecretStr(made["secret"])
    for number in range(3):
        clock.forward(timedelta(seconds=number // 2))  # the first two come at once
        headers = sign(secret, f"msg-{number}", clock.now(), b"{}")
        await lan.post(hook["address"], content=b"{}", headers=headers)
    calls = f"/api/v1/webhooks/{hook['id']}/calls"
    first = (await lan.get(calls, params={"limit": 2})).json()
    second = (await lan.get(calls, params={"limit": 2, "after": first["next"]})).json()
    assert [one["message_id"] for one in first["items"] + second["items"]] == ["msg-2", "msg-1", "msg-0"]
    assert second["next"] is None
    launched = second["items"][0]
    assert (launched["run"] is None, launched["code"]) == (False, "")
    assert (await lan.get(f"/api/v1/webhooks/{hook['id']}")).json()["last"] == first["items"][0]
    assert (await lan.get(calls, params={"after": "msg-9"})).status_code == 400


async def test_another_s_webhook_is_not_there_for_who_sees_playbooks_at_one_place_only(
    app: FastAPI, lan: httpx.AsyncClient, database: Database
) -> None:
    made = (await lan.post("/api/v1/webhooks", json=WANTED)).json()["webhook"]
    async with database.transaction() as tx:
        await create_account(
            system("test"), tx, name="ba", password=PASSWORD, grant=Grant("technician", unit="phan-son")
        )
    ba = await signed_in(app, "ba")
    assert (await ba.get("/api/v1/webhooks")).json()["items"] == []
    for method, path in (("GET", ""), ("GET", "/calls"), ("POST", "/end")):
        answer = await ba.request(method, f"/api/v1/webhooks/{made['id']}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    for method, path in (("GET", ""), ("POST", ""), ("GET", f"/{new_id()}/deliveries"), ("POST", f"/{new_id()}/end")):
        assert (await ba.request(method, f"/api/v1/webhook-receivers{path}")).status_code == 403


async def test_a_program_makes_no_webhook_of_its_own(
    app: FastAPI, lan: httpx.AsyncClient, database: Database, clock: FrozenClock
) -> None:
    async with database.transaction() as tx:
        owner = (await account_for(system("test"), "lan", tx)).actor
        rights = ["playbooks.read", "playbooks.run"]
        made = await make_token(owner, tx, TokenRequest("Máy", rights, clock.now() + timedelta(days=1)))
    bearer = {"Authorization": f"Bearer {made.value.get_secret_value()}"}
    async with browser(app, Accept="application/json", **bearer) as program:
        assert (await program.get("/api/v1/webhooks")).status_code == 200
        answer = await program.post("/api/v1/webhooks", json=WANTED)
        assert answer.status_code == 403, answer.text
    assert (await lan.get("/api/v1/webhooks")).json()["items"] == []


async def test_who_is_told_and_of_what_is_listed_without_the_address_s_secrets(
    engineer: httpx.AsyncClient, database: Database
) -> None:
    with WebhookReceiver(lambda *_: False) as server:
        wanted = {"name": "Trực ban", "url": f"{server.url}?token={PLANTED}", "events": ["playbook.ended"]}
        answer = await engineer.post("/api/v1/webhook-receivers", json=wanted)
        assert answer.status_code == 201, answer.text
        receiver = answer.json()["receiver"]
        assert answer.json()["secret"].startswith("whsec_")
        await run_teller(Vault(bytes(32)), signed_webhook, "")(EVENT, database)
    told = (await engineer.get(f"/api/v1/webhook-receivers/{receiver['id']}/deliveries")).json()
    (one,) = told["items"]
    assert (one["id"], one["event"], one["state"], told["next"]) == (str(EVENT.id), "playbook.ended", "sent", None)
    listed = await engineer.get("/api/v1/webhook-receivers")
    assert listed.json()["items"] == [receiver | {"last": one}]
    assert PLANTED not in listed.text + answer.text
    end = f"/api/v1/webhook-receivers/{receiver['id']}/end"
    assert [(await engineer.post(end)).status_code for _ in range(2)] == [204, 404]
    gone = await engineer.get(f"/api/v1/webhook-receivers/{receiver['id']}/deliveries")
    assert gone.status_code == 404


@pytest.mark.parametrize(
    ("path", "wanted", "status"),
    [
        ("webhooks", WANTED | {"name": "\u202e"}, 400),
        ("webhooks", WANTED | {"playbook": "nothing"}, 404),
        ("webhooks", WANTED | {"targets": {}}, 400),
        ("webhooks", WANTED | {"arguments": {"disk_limit_percent": "{{ x }}"}}, 400),
        ("webhooks", WANTED | {"secret": "whsec_x"}, 422),
        ("webhook-receivers", {"name": "A", "url": "file:///etc/passwd", "events": ["playbook.ended"]}, 400),
        ("webhook-receivers", {"name": "A", "url": "http://[::1", "events": ["playbook.ended"]}, 400),
        ("webhook-receivers", {"name": "A", "url": "http://a/", "events": []}, 400),
        ("webhook-receivers", {"name": "A", "url": "http://a/", "events": ["alert.raised"]}, 400),
        ("webhook-receivers", {"name": "A", "url": "http://a/" + "x" * 3000, "events": ["playbook.ended"]}, 422),
    ],
)
async def test_what_makes_no_sense_is_a_clear_answer(
    engineer: httpx.AsyncClient, lan: httpx.AsyncClient, path: str, wanted: dict[str, Any], status: int
) -> None:
    asker = engineer if path == "webhook-receivers" else lan
    answer = await asker.post(f"/api/v1/{path}", json=wanted)
    assert answer.status_code == status, answer.text
    assert "whsec_" not in answer.text
