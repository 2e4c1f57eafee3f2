"""Schedules: made on pages and by the API, launched once each time, and honest about what was missed."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from api.glue import days_off, outside
from inventory.public import set_disabled
from kernel.actors import system
from kernel.audit import AuditEntryRow
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.events.models import EventRow
from meetings.public import OfficialDay, set_day
from playbooks.public import Launching, RunView, fire_due, runs
from tests.http.conftest import MakeAccount, browser, sign_in, token
from tests.http.office import load_office

LAUNCHING = Launching(outside(), days_off)
WANTED: dict[str, Any] = {
    "name": "Kiểm tra đêm",
    "playbook": "site-check",
    "targets": {"offices": ["ps"]},
    "check": True,
    "rule": "FREQ=DAILY",
    "first": "2026-11-24T22:00:00",
    "on_holiday": "keep",
}
"""The clock of these tests stands at 08:26 on Tuesday 24 November 2026, in Hanoi: Culture Day, a day off since 2026."""


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> str:
    await load_office(database, tmp_path)
    return "ps"


async def make(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    client.headers["X-CSRF-Token"] = await token(client)
    answer = await client.post("/api/v1/playbook-schedules", json=WANTED | changes)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def back(client: httpx.AsyncClient) -> None:
    """Sign in again: nobody stays signed in for so long."""
    client.headers.pop("X-CSRF-Token", None)
    await sign_in(client)


async def launched(database: Database) -> list[RunView]:
    async with database.transaction() as tx:
        return (await runs(system("test"), tx)).runs


async def past(client: httpx.AsyncClient, schedule: dict[str, Any]) -> list[tuple[str, str]]:
    answer = await client.get(f"/api/v1/playbook-schedules/{schedule['id']}/past")
    return [(fire["outcome"], fire["code"]) for fire in answer.json()]


async def test_a_schedule_launches_once_at_its_time_with_its_maker_s_rights(
    hoa: httpx.AsyncClient, office: str, database: Database, clock: FrozenClock
) -> None:
    made = await make(hoa)
    assert made["next_at"] == "2026-11-24T15:00:00Z"
    assert await fire_due(database, LAUNCHING) == 0
    clock.forward(timedelta(hours=13, minutes=34))
    assert await fire_due(database, LAUNCHING) == 1
    assert await fire_due(database, LAUNCHING) == 0, "never doubled"
    (run,) = await launched(database)
    assert (run.playbook, run.launched_by, run.check, run.note) == ("site-check", "hoa", True, "Kiểm tra đêm")
    await back(hoa)
    assert await past(hoa, made) == [("launched", "")]
    page = (await hoa.get(f"/schedules/{made['id']}")).text
    assert f"/runs/{run.id}" in page
    assert "22:00 25/11/2026" in page, "its next time is told"


async def test_of_two_workers_one_launches(
    hoa: httpx.AsyncClient, office: str, database: Database, clock: FrozenClock
) -> None:
    await make(hoa)
    clock.forward(timedelta(hours=13, minutes=34))
    await asyncio.gather(*(fire_due(database, LAUNCHING) for _ in range(4)))
    assert len(await launched(database)) == 1


async def test_what_was_missed_is_told_and_not_made_up_for(
    hoa: httpx.AsyncClient, office: str, database: Database, clock: FrozenClock
) -> None:
    made = await make(hoa)
    clock.forward(timedelta(days=3))  # Friday 08:26; three nights have passed
    await fire_due(database, LAUNCHING)
    assert await launched(database) == []
    await back(hoa)
    assert await past(hoa, made) == [("missed", "schedule-missed")] * 3
    async with database.transaction() as tx:
        told = (await tx.session.scalars(select(EventRow).where(EventRow.name == "schedule.missed"))).one()
        kept = (await tx.session.scalars(select(AuditEntryRow).where(AuditEntryRow.action == "schedule.missed"))).one()
    assert told.data["times"] == 3
    assert kept.after is not None
    assert kept.after["missed"] == 3
    assert "Bị lỡ" in (await hoa.get("/schedules")).text
    assert (await hoa.get(f"/api/v1/playbook-schedules/{made['id']}")).json()["next_at"] == "2026-11-27T15:00:00Z"


async def test_who_lost_their_account_launches_nothing_any_more_and_it_is_told(
    hoa: httpx.AsyncClient, office: str, database: Database, clock: FrozenClock, make_account: MakeAccount, app: FastAPI
) -> None:
    made = await make(hoa)
    async with database.transaction() as tx:
        await set_disabled(system("test"), tx, "hoa", disabled=True)
    clock.forward(timedelta(hours=13, minutes=34))
    await fire_due(database, LAUNCHING)
    assert await launched(database) == []
    await make_account("duc")
    async with browser(app) as duc:
        await sign_in(duc, "duc")
        assert await past(duc, made) == [("refused", "playbook-owner-gone")]
        assert "Bị từ chối" in (await duc.get("/schedules")).text


async def test_a_swap_entered_for_meetings_moves_schedules_too(
    hoa: httpx.AsyncClient, office: str, database: Database
) -> None:
    async with database.transaction() as tx:
        day = OfficialDay(tx.now().date() + timedelta(days=1), off=True, name="Nghỉ bù")
        await set_day(system("test"), day, tx)
    hoa.headers["X-CSRF-Token"] = await token(hoa)
    told = {}
    for on_holiday in ("keep", "skip", "move"):
        wanted = WANTED | {"on_holiday": on_holiday, "rule": "FREQ=WEEKLY;BYDAY=WE"}
        answer = await hoa.post("/api/v1/playbook-schedules/preview", json=wanted)
        told[on_holiday] = (answer.json()[0]["at"], answer.json()[0]["moved"])
    assert told == {
        "keep": ("2026-11-25T15:00:00Z", False),
        "skip": ("2026-12-02T15:00:00Z", False),
        "move": ("2026-11-26T15:00:00Z", True),
    }


async def test_paused_it_launches_nothing_and_resumed_it_makes_up_for_nothing(
    hoa: httpx.AsyncClient, office: str, database: Database, clock: FrozenClock
) -> None:
    made = await make(hoa)
    csrf = {"csrf": await token(hoa)}
    assert (await hoa.post(f"/schedules/{made['id']}/pause", data=csrf)).status_code == 303
    clock.forward(timedelta(days=2))
    assert await fire_due(database, LAUNCHING) == 0
    await back(hoa)
    csrf = {"csrf": await token(hoa)}
    assert (await hoa.post(f"/schedules/{made['id']}/resume", data=csrf)).status_code == 303
    assert await fire_due(database, LAUNCHING) == 0
    assert await past(hoa, made) == []
    assert (await hoa.post(f"/schedules/{made['id']}/end", data=csrf)).status_code == 303
    over = await hoa.post(f"/schedules/{made['id']}/resume", data=csrf)
    assert over.status_code == 409
    assert "đã chấm dứt" in over.text
    assert made["name"] not in (await hoa.get("/schedules")).text
    assert made["name"] in (await hoa.get("/schedules?ended=1")).text


async def test_the_form_shows_the_next_five_times_before_anything_is_made(hoa: httpx.AsyncClient, office: str) -> None:
    form = {
        "csrf": await token(hoa), "playbook": "site-check", "sent": "1", "mode": "check", "offices": "ps",
        "name": "Hằng tuần", "day": "2026-11-24", "time": "22:00", "repeat": "weekly", "days": "SA", "do": "look",
    }  # fmt: skip
    seen = (await hoa.post("/schedules/new", data=form)).text
    assert len(re.findall(r"Thứ Bảy 22:00", seen)) == 5
    assert "Hằng tuần" not in (await hoa.get("/schedules")).text
    made = await hoa.post("/schedules/new", data=form | {"do": "make"})
    assert made.status_code == 303, made.text
    page = (await hoa.get(made.headers["location"])).text
    assert "Hằng tuần vào Thứ 7" in page
    assert "Asia/Ho_Chi_Minh" in page


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"rule": "FREQ=HOURLY"}, "bad-rule"),
        ({"rule": "x" * 400}, "bad-rule"),
        ({"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "bad-rule"),
        ({"rule": "FREQ=DAILY;COUNT=1", "first": "2026-01-01T00:00:00"}, "schedule-never-due"),
        ({"first": "0001-01-01T00:00:00"}, "bad-rule"),
        ({"first": "9999-12-31T23:00:00"}, "bad-rule"),
        ({"rule": "FREQ=DAILY;UNTIL=99991231T235959Z"}, "bad-rule"),
        ({"zone": "Mars/Olympus"}, "schedule-zone-unknown"),
        ({"zone": "../../etc/passwd"}, "schedule-zone-unknown"),
        ({"name": "\u202e "}, "schedule-name-missing"),
        ({"first": "2026-11-24T22:00:00Z"}, "bad-input"),
        ({"playbook": "nothing"}, "not-found"),
        ({"arguments": {"disk_limit_percent": "{{ x }}"}}, "bad-argument"),
        ({"targets": {}}, "playbook-nothing-meant"),
    ],
)
async def test_what_makes_no_sense_is_a_clear_answer(
    hoa: httpx.AsyncClient, office: str, changes: dict[str, Any], code: str
) -> None:
    hoa.headers["X-CSRF-Token"] = await token(hoa)
    answer = await hoa.post("/api/v1/playbook-schedules", json=WANTED | changes, headers={"Accept": "application/json"})
    assert answer.status_code in {400, 404}, answer.text
    assert answer.json()["code"] == code


async def test_another_s_schedule_is_seen_by_who_sees_everywhere_and_is_not_there_for_others(
    app: FastAPI, hoa: httpx.AsyncClient, office: str, make_account: MakeAccount
) -> None:
    made = await make(hoa)
    await make_account("lan", "official")
    await make_account("duc", "administrator")
    async with browser(app, Accept="application/json") as lan, browser(app) as duc:
        await sign_in(lan, "lan")
        await sign_in(duc, "duc")
        assert (await lan.get(f"/api/v1/playbook-schedules/{made['id']}")).status_code == 403
        page = (await duc.get(f"/schedules/{made['id']}")).text
        assert made["name"] in page
        assert "/pause" not in page, "who may only look is offered nothing"
