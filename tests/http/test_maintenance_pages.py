"""Alerts within a maintenance window, as pages and the API show them: apart from what waits, and in words."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import insert, select

from inventory.models import DeviceRow
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.ids import new_id
from monitor.models import AlertRow, NotificationRow
from tests.http.office import load_office


async def raised(database: Database, clock: FrozenClock, device: str, *, silent: bool, over: bool = False) -> uuid.UUID:
    """Write an alert as the engine does, with the record of what was told of it."""
    alert = new_id()
    async with database.transaction() as tx:
        place = await tx.session.scalar(select(DeviceRow.id).where(DeviceRow.code == device))
        await tx.session.execute(
            insert(AlertRow).values(
                id=alert, rule="device-unreachable", severity="critical", device_id=place, instance="", details={},
                raised_at=clock.now(), cleared_at=clock.now() + timedelta(minutes=3) if over else None,
                maintenance="Thay pin" if silent else None,
                maintenance_until=clock.now() + timedelta(hours=1) if silent else None,
            )
        )  # fmt: skip
        await tx.session.execute(
            insert(NotificationRow).values(
                id=new_id(), event_id=new_id(), alert_id=alert, channel="none", at=clock.now(),
                state="in-maintenance" if silent else "nobody-to-tell", why="Thay pin" if silent else "",
            )
        )  # fmt: skip
    return alert


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> None:
    await load_office(database, tmp_path)


def shown(page: str) -> list[str]:
    """Return what the list has, in order: ids of alerts, and `group` for its heading."""
    return [alert or "group" for alert in re.findall(r'<li class="row-group"|<li [^>]*id="alert-([^"]+)"', page)]


async def test_the_board_has_them_last_under_a_heading_of_their_own_and_counts_them_apart(
    hoa: httpx.AsyncClient, office: None, database: Database, clock: FrozenClock
) -> None:
    loud = await raised(database, clock, "ps-rt1", silent=False)
    clock.forward(timedelta(minutes=5))
    silent = await raised(database, clock, "ld-rt1", silent=True)
    board = (await hoa.get("/")).text
    assert shown(board) == [str(loud), "group", str(silent)]
    assert "Trong khung giờ bảo trì: 1" in board
    assert "Trong khung giờ bảo trì đến 09:31: Thay pin" in board
    assert "1 cảnh báo trong khung giờ bảo trì." in board
    assert shown((await hoa.get("/?severity=maintenance")).text) == ["group", str(silent)]
    assert shown((await hoa.get("/?severity=critical")).text) == [str(loud)]


async def test_with_maintenance_alone_nothing_waits_to_be_taken(
    hoa: httpx.AsyncClient, office: None, database: Database, clock: FrozenClock
) -> None:
    silent = await raised(database, clock, "ld-rt1", silent=True)
    board = (await hoa.get("/")).text
    assert shown(board) == ["group", str(silent)]
    answer = re.search(r'id="answer">([^<]*)<', board)
    assert answer is not None
    assert answer.group(1).startswith("Không có việc nào cần nhận.")
    assert "untaken" not in board.split("data-rows")[1]


async def test_its_page_says_in_which_window_until_when_and_that_nobody_was_told(
    hoa: httpx.AsyncClient, office: None, database: Database, clock: FrozenClock
) -> None:
    open_, over = [await raised(database, clock, "ld-rt1", silent=True, over=gone) for gone in (False, True)]
    page = (await hoa.get(f"/alerts/{open_}")).text
    assert "phát sinh trong khung giờ bảo trì “Thay pin”, kết thúc lúc 09:26" in page
    assert "Không báo cho ai: trong khung giờ bảo trì “Thay pin”" in page
    assert "phát sinh và kết thúc trong khung giờ bảo trì “Thay pin”" in (await hoa.get(f"/alerts/{over}")).text
    assert "Trong khung giờ bảo trì" in (await hoa.get("/devices/ld-rt1")).text


async def test_the_api_tells_the_window_and_leaves_them_out_if_asked(
    hoa: httpx.AsyncClient, office: None, database: Database, clock: FrozenClock
) -> None:
    loud = await raised(database, clock, "ps-rt1", silent=False)
    silent = await raised(database, clock, "ld-rt1", silent=True)

    async def listed(query: str) -> dict[str, object]:
        items = (await hoa.get(f"/api/v1/alerts{query}")).json()["items"]
        return {one["id"]: one["maintenance"] for one in items}

    window = {"window": "Thay pin", "until": "2026-11-24T02:26:00Z"}
    assert await listed("") == {str(loud): None, str(silent): window}
    assert await listed("?maintenance=true") == {str(silent): window}
    assert await listed("?maintenance=false") == {str(loud): None}
    assert (await hoa.get(f"/api/v1/alerts/{silent}")).json()["alert"]["maintenance"] == window
