"""The calendar address: only who has it reads it, it can be taken back, and other programs understand what is there."""

from __future__ import annotations

from typing import Any

import httpx
import icalendar
from fastapi import FastAPI
from sqlalchemy import text

from kernel.db.transaction import Database
from tests.http.conftest import MakeAccount, browser, sign_in
from tests.http.test_meetings_api import SERIES, book, lan, rooms_loaded

__all__ = ["lan", "rooms_loaded"]


async def test_a_calendar_program_reads_meetings_with_their_changes_and_cancellations(
    lan: httpx.AsyncClient, app: FastAPI
) -> None:
    first = (await book(lan, "ps-room", "sl-room", title="Họp; giao ban, tuần\\1")).json()
    await lan.post("/api/v1/series", json=SERIES)
    await lan.patch(f"/api/v1/meetings/{first['id']}", json={"minutes": 30})
    await lan.post(f"/api/v1/meetings/{first['id']}/cancel")
    path = (await lan.post("/api/v1/calendar-feed")).json()["path"]
    async with browser(app) as program:
        answer = await program.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert "no-store" in answer.headers["cache-control"]
    assert max(len(line) for line in answer.content.split(b"\r\n")) <= 75
    read: Any = icalendar.Calendar.from_ical(answer.text)
    events: dict[str, Any] = {str(event["UID"]): event for event in read.walk("VEVENT")}
    assert len(events) == 4
    event = events[f"{first['id']}@vungcao"]
    assert (str(event["SUMMARY"]), str(event["STATUS"]), event["SEQUENCE"]) == (
        "Họp; giao ban, tuần\\1",
        "CANCELLED",
        2,
    )
    assert event["DTSTART"].dt.isoformat() == "2026-11-25T02:00:00+00:00"
    assert event["DTEND"].dt.isoformat() == "2026-11-25T02:30:00+00:00"
    assert "Phan Sơn" in str(event["LOCATION"])
    assert not read.errors


async def test_an_address_that_was_taken_back_or_replaced_or_never_was_opens_nothing(
    lan: httpx.AsyncClient, app: FastAPI
) -> None:
    old = (await lan.post("/api/v1/calendar-feed")).json()["path"]
    new = (await lan.post("/api/v1/calendar-feed")).json()["path"]
    assert old != new
    assert len(old) > 40
    async with browser(app) as program:
        assert [(await program.get(path)).status_code for path in (old, new)] == [404, 200]
        assert (await lan.delete("/api/v1/calendar-feed")).status_code == 204
        for path in (new, "/feeds/x.ics", "/feeds/%00.ics", f"/feeds/{'x' * 201}.ics"):
            answer = await program.get(path)
            assert answer.status_code in {404, 422}, path
            assert new[7:-4] not in answer.text
    assert (await lan.delete("/api/v1/calendar-feed")).status_code == 204


async def test_the_calendar_of_a_disabled_account_is_closed_and_shows_only_their_own_meetings(
    lan: httpx.AsyncClient, app: FastAPI, make_account: MakeAccount, database: Database
) -> None:
    await book(lan, "ps-room")
    await make_account("thu", "secretary")
    async with browser(app) as other:
        await sign_in(other, "thu")
        other.headers["X-CSRF-Token"] = (await other.get("/api/v1/session")).json()["csrf"]
        path = (await other.post("/api/v1/calendar-feed")).json()["path"]
        assert "VEVENT" not in (await other.get(path)).text
        async with database.transaction() as tx:
            await tx.session.execute(text("UPDATE account SET disabled = true WHERE name = 'thu'"))
        assert (await other.get(path)).status_code == 404
