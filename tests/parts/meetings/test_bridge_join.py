"""Joining by the API and by the page: a token made at that moment, for this person, for this room."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import jwt
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import select

from inventory import passwords
from inventory.grants import Grant
from inventory.people import AccountView, create_account
from kernel.actors import system
from kernel.audit import AuditEntryRow
from kernel.clock import FrozenClock, epoch_ms
from kernel.db.transaction import Database
from meetings.public import MeetingView, cancel
from monitor.live import DeviceLive, LastValue
from tests.builders.actors import account_actor
from tests.builders.web import app_of
from tests.http.conftest import PASSWORD, browser, sign_in, token
from tests.http.fake_engine import FakeEngine, health
from tests.parts.meetings.bridge_parts import joined, knock, prosody, settings, state_of
from tests.parts.meetings.conftest import NINE, Book
from tests.real.prosody import Prosody


class MeasuringEngine(FakeEngine):
    """An engine that has measured the loss to ps-rt1."""

    def __init__(self, clock: FrozenClock) -> None:
        super().__init__()
        self.loss = 0.0
        self._clock = clock

    async def device(self, code: str) -> DeviceLive | None:
        self._answer()
        value = LastValue(metric="loss_ratio", instance="", value=self.loss, at_ms=epoch_ms(self._clock.now()))
        return DeviceLive(health=health(code), values=(value,))


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))


@pytest.fixture
def engine_live(clock: FrozenClock) -> MeasuringEngine:
    return MeasuringEngine(clock)


@pytest.fixture
def app(database: Database, clock: FrozenClock, tmp_path: Path, engine_live: MeasuringEngine) -> FastAPI:
    return app_of(state_of(database, clock, settings(tmp_path), engine_live))


@pytest.fixture
async def organiser(database: Database) -> AccountView:
    async with database.transaction() as tx:
        return await create_account(
            system("test"), tx, name="canbo", password=PASSWORD, grant=Grant("official"), display_name="Nguyễn Thị Hòa"
        )


@pytest.fixture
async def meeting(booked: Book, organiser: AccountView, clock: FrozenClock) -> MeetingView:
    """A meeting of the organiser's, in ten minutes."""
    view = await booked("ps-room", "sl-room", by=organiser.actor)
    clock.forward(NINE - timedelta(minutes=10) - clock.now())
    return view


@pytest.fixture
async def client(app: FastAPI, meeting: MeetingView) -> AsyncIterator[httpx.AsyncClient]:
    """The organiser, signed in."""
    async with browser(app) as signed_in:
        assert (await sign_in(signed_in, "canbo")).status_code == 303
        yield signed_in


async def join(client: httpx.AsyncClient, meeting: uuid.UUID, wish: object = None) -> httpx.Response:
    headers = {"X-CSRF-Token": await token(client)}
    return await client.post(f"/api/v1/meetings/{meeting}/join", json=wish, headers=headers)


def claims(url: str) -> dict[str, Any]:
    return jwt.decode(
        httpx.URL(url).params["jwt"], Prosody.app_secret, ["HS256"], audience=Prosody.app_id,
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )  # fmt: skip


async def test_the_api_gives_the_way_in_and_puts_that_on_record_without_the_token(
    client: httpx.AsyncClient, meeting: MeetingView, database: Database, organiser: AccountView
) -> None:
    answer = await join(client, meeting.id)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (told["quality"], told["moderator"], told["until"]) == ("full", True, "2026-11-25T02:00:00Z")
    found = claims(told["url"])
    assert found["room"] == meeting.conference
    assert found["context"]["user"]["name"] == "Nguyễn Thị Hòa"
    async with database.transaction() as tx:
        given = select(AuditEntryRow).where(AuditEntryRow.action == "meeting.join-link-given")
        row = (await tx.session.scalars(given)).one()
    assert (row.actor_id, row.target) == (organiser.id, f"meeting:{meeting.id}")
    assert "jwt" not in json.dumps(row.after)


async def test_the_link_of_the_office_decides_the_picture_until_somebody_chooses(
    client: httpx.AsyncClient, meeting: MeetingView, engine_live: MeasuringEngine
) -> None:
    well = (await join(client, meeting.id, {"office": "ps"})).json()
    engine_live.loss = 0.3
    lossy = (await join(client, meeting.id, {"office": "ps"})).json()
    chosen = (await join(client, meeting.id, {"office": "ps", "quality": "low"})).json()
    assert well["quality"] != "audio"
    assert lossy["quality"] == "audio"
    assert "config.startAudioOnly=true" in lossy["url"]
    engine_live.loss = 1.0
    filtered = (await join(client, meeting.id, {"office": "ps"})).json()
    assert filtered["quality"] == well["quality"], "echoes are filtered: nothing is known of the loss"
    assert chosen["quality"] == "low"
    assert "Nguyễn Thị Hòa · " in claims(chosen["url"])["context"]["user"]["name"]


async def test_without_an_engine_the_committed_rates_decide(
    client: httpx.AsyncClient, meeting: MeetingView, engine_live: MeasuringEngine
) -> None:
    engine_live.cut()
    answer = await join(client, meeting.id, {"office": "ps"})
    assert answer.status_code == 200
    assert answer.json()["quality"] in {"medium", "full", "low"}


async def test_an_office_without_a_room_in_the_meeting_is_refused(
    client: httpx.AsyncClient, meeting: MeetingView
) -> None:
    for office in ("dl", "none", "'"):
        answer = await join(client, meeting.id, {"office": office})
        assert (answer.status_code, answer.json()["code"]) == (400, "not-an-office-of-the-meeting")


async def test_too_early_too_late_cancelled_and_unknown_say_so(
    client: httpx.AsyncClient, meeting: MeetingView, clock: FrozenClock, booked: Book, database: Database
) -> None:
    later = await booked("sk-room", at=NINE + timedelta(hours=5))
    assert (await join(client, later.id)).json()["code"] == "join-too-early"
    async with database.transaction() as tx:
        await cancel(account_actor(uuid.uuid4(), "thuky", "secretary"), later.id, tx)
    assert (await join(client, later.id)).json()["code"] == "meeting-called-off"
    clock.forward(timedelta(hours=2))
    assert (await join(client, meeting.id)).json()["code"] == "join-too-late"
    assert (await join(client, uuid.uuid4())).json()["code"] == "not-found"


async def test_a_bridge_that_is_not_set_up_names_the_setting(
    database: Database, clock: FrozenClock, tmp_path: Path, meeting: MeetingView
) -> None:
    app = app_of(state_of(database, clock, settings(tmp_path, jitsi_app_secret="")))
    async with browser(app) as client:
        await sign_in(client, "canbo")
        answer = await join(client, meeting.id)
    assert (answer.status_code, answer.json()["code"]) == (503, "bridge-not-set")
    assert answer.json()["fields"] == {"setting": "jitsi_app_secret"}


async def test_the_page_leads_to_the_meeting_and_its_policy_lets_the_browser_go_there(
    client: httpx.AsyncClient, meeting: MeetingView, app: FastAPI
) -> None:
    async with prosody(app) as jitsi:
        await knock(jitsi, meeting.conference)
        at = int((NINE - timedelta(minutes=9)).timestamp())
        await jitsi.post("/events/occupant/joined", json=joined(meeting.conference, at=at))
    shown = await client.get(f"/meetings/{meeting.id}/join?office=ps")
    assert shown.status_code == 200
    assert "form-action 'self' https://meet.test;" in shown.headers["content-security-policy"]
    assert "Họp giao ban" in shown.text
    assert "Xã Phan Sơn" in shown.text, "who is in the room"
    assert "jwt" not in shown.text, "no token before somebody joins"
    form = {"csrf": await token(client), "office": "ps", "quality": "medium"}
    led = await client.post(f"/meetings/{meeting.id}/join", data=form)
    assert led.status_code == 303
    assert led.headers["referrer-policy"] == "no-referrer"
    assert claims(led.headers["location"])["room"] == meeting.conference
    assert 'config.localSubject="Họp giao ban"' in unquote(led.headers["location"])


async def test_the_page_says_why_nobody_can_join_now(
    client: httpx.AsyncClient, booked: Book, meeting: MeetingView
) -> None:
    later = await booked("sk-room", at=NINE + timedelta(hours=5), title="Chiều")
    shown = await client.get(f"/meetings/{later.id}/join")
    assert shown.status_code == 200
    assert "13:45" in shown.text
    refused = await client.post(f"/meetings/{later.id}/join", data={"csrf": await token(client)})
    assert refused.status_code == 403
    assert "Chiều" in refused.text


async def test_nobody_joins_without_signing_in(app: FastAPI, meeting: MeetingView) -> None:
    async with browser(app) as stranger:
        assert (await stranger.get(f"/meetings/{meeting.id}/join")).status_code == 303
        assert (await join(stranger, meeting.id)).status_code == 401
