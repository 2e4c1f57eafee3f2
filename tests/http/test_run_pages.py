"""The page of a run names people as colleagues do, and costs the same however much the run has said."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event, text

from api.http.translation import translator
from api.web.pages.runs import LINES
from api.web.rollout_words import barrier
from inventory.grants import Grant
from inventory.people import create_account
from kernel.actors import system
from kernel.db.transaction import Database
from playbooks.automation.guards import Hindrance, HindranceKind
from tests.http.conftest import PASSWORD, sign_in, token
from tests.http.office import load_office
from tests.http.test_playbook_pages import launched, numbers, send

NAME = "Nguyễn Thị Hoa"
MANY = 5000


@pytest.fixture
async def hoa(visitor: httpx.AsyncClient, database: Database, tmp_path: Path) -> httpx.AsyncClient:
    """A technician whose colleagues call her otherwise than she signs in, at an office."""
    await load_office(database, tmp_path)
    async with database.transaction() as tx:
        await create_account(
            system("test"), tx, name="hoa", password=PASSWORD, grant=Grant("technician"), display_name=NAME
        )
    assert (await sign_in(visitor)).status_code == 303
    return visitor


async def test_who_did_something_with_a_run_is_called_as_colleagues_call_them(hoa: httpx.AsyncClient) -> None:
    run = await launched(hoa, "time-and-dns", dns_servers="10.20.0.53", ntp_servers="10.20.0.123")
    for page in ("/runs", run, f"{run}/hosts/ps-rt1"):
        shown = (await hoa.get(page)).text
        assert NAME in shown, page
    assert (await send(hoa, f"{run}/pause")).status_code == 303
    assert f"{NAME} đã tạm dừng" in (await hoa.get(run)).text
    assert (await send(hoa, f"{run}/cancel")).status_code == 303
    told = (await hoa.get(f"/api/v1/playbook-runs/{run.rpartition('/')[2]}")).json()
    assert {name: told[name] for name in told if "_by" in name} == {
        "launched_by": "hoa", "launched_by_name": NAME, "cancelled_by": "hoa", "cancelled_by_name": NAME,
        "overridden_by": None, "overridden_by_name": None,
    }  # fmt: skip


async def test_the_rights_of_a_schedule_are_somebody_s_with_a_name(hoa: httpx.AsyncClient) -> None:
    made = await hoa.post(
        "/api/v1/playbook-schedules",
        json={
            "name": "Đêm", "playbook": "site-check", "targets": {"offices": ["ps"]}, "check": True,
            "rule": "FREQ=DAILY", "first": "2026-11-24T22:00:00",
        },
        headers={"X-CSRF-Token": await token(hoa)},
    )  # fmt: skip
    assert made.status_code == 201, made.text
    assert (made.json()["owner"], made.json()["owner_name"]) == ("hoa", NAME)
    for page in ("/schedules", f"/schedules/{made.json()['id']}"):
        assert NAME in (await hoa.get(page)).text


async def test_a_page_takes_the_same_statements_and_shows_as_many_lines_however_long_the_log_is(
    hoa: httpx.AsyncClient, database: Database
) -> None:
    address = await launched(hoa)
    run = uuid.UUID(address.rpartition("/")[2])
    asked: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *told: asked.append(told[2]))

    async def say(first: int, last: int) -> None:
        async with database.transaction() as tx:
            await tx.session.execute(
                text(
                    "INSERT INTO playbook_line (run_id, line_no, at, host, kind, text) SELECT :run, number, now(),"
                    " 'ps-rt1', CASE number % 10 WHEN 0 THEN 'failed' ELSE 'ok' END, 'line ' || number"
                    " FROM generate_series(CAST(:first AS int), CAST(:last AS int)) number"
                ),
                {"run": run, "first": first, "last": last},
            )

    async def look() -> list[tuple[int, bool, int]]:
        found = []
        for query in ("", f"?after={LINES}", "?only=errors", "?q=line+1", "?host=ps-rt1", "/hosts", "/hosts/ps-rt1"):
            asked.clear()
            page = await hoa.get(f"{address}{query}")
            assert page.status_code == 200
            found.append((len(asked), len(numbers(page.text)) > LINES, len(page.content) // 100_000))
        return found

    await say(1, 3 * LINES)
    few = await look()
    await say(3 * LINES + 1, MANY)
    assert await look() == few
    assert numbers((await hoa.get(address)).text) == list(range(MANY - LINES + 1, MANY + 1))


def test_another_run_is_told_by_the_name_of_who_launched_it() -> None:
    fields = {"run": "r", "playbook": "site-check", "launcher": "hoa", "launcher_name": NAME, "device": "ps-rt1"}
    found = barrier(
        translator("vi", "Asia/Ho_Chi_Minh"),
        Hindrance(HindranceKind.ANOTHER_RUN, None, 1, fields),
        datetime(2026, 11, 24, tzinfo=UTC),
        {},
    )
    assert NAME in found.sentence
    assert "hoa" not in found.sentence
