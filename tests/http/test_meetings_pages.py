"""The pages of meetings: what they say of rooms that are taken, of readiness, of alerts; and what they refuse."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI, Request
from sqlalchemy import event, insert, select

from api.demo.agents import PROGRAMME, ROOMS
from api.demo.meetings import book_examples, examples
from api.http.stream import EngineLink, FeedEvent, never_quiet
from api.web.streams import MeetingStream
from inventory.models import DeviceRow
from inventory.public import bundled_profiles, create_example_accounts, load_file
from kernel.actors import system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.ids import new_id
from meetings.public import DeviceFacts, HealthPort, UplinkFacts, check_readiness, load_rooms, meetings_between
from monitor.models import AlertRow
from tests.builders.actors import account_actor
from tests.http.conftest import MakeAccount, browser, sign_in, token

DAY, NINE, HALF_PAST_TEN = "2026-11-25", "09:00", "10:30"


@pytest.fixture
async def rooms_loaded(database: Database) -> None:
    async with database.transaction() as tx:
        await load_file(PROGRAMME, system("test"), tx, bundled_profiles())
        await load_rooms(ROOMS, system("test"), tx)


@pytest.fixture
async def lan(visitor: httpx.AsyncClient, make_account: MakeAccount, rooms_loaded: None) -> httpx.AsyncClient:
    """An official, signed in."""
    await make_account("lan", "official")
    await sign_in(visitor, "lan")
    return visitor


async def send(client: httpx.AsyncClient, *rooms: str, **other: Any) -> httpx.Response:
    """Send the last step of booking, as a browser does."""
    typed = {"title": "Họp giao ban", "day": DAY, "begin": NINE, "end": HALF_PAST_TEN, **other}
    begin, end = (
        datetime.fromisoformat(f"{typed['day']}T{typed.pop(name).rjust(5, '0')}") for name in ("begin", "end")
    )
    day = typed.pop("day")
    sent = {
        "csrf": await token(client), "first": day, "last": day, "begin": begin.isoformat(timespec="minutes"),
        "minutes": str((end - begin) // timedelta(minutes=1)), "rooms": " ".join(rooms),
        "required": " ".join(room.partition("-")[0] for room in rooms), "act": "book", **typed,
    }  # fmt: skip
    return await client.post("/meetings/new", data=sent)


async def booked(client: httpx.AsyncClient, *rooms: str, **other: Any) -> str:
    """Book and return the address of the meeting's page."""
    answer = await send(client, *rooms, **other)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].partition("?")[0]


def words(page: str) -> str:
    """Return what a reader sees of a page, in one line."""
    body = page[page.index("<main") : page.index("</main>")]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


async def test_an_official_books_and_sees_the_meeting_under_its_day(lan: httpx.AsyncClient) -> None:
    assert "Đồng chí chưa có cuộc họp nào sắp tới." in words((await lan.get("/meetings")).text)
    answer = await send(lan, "ps-room", "dl-hall")
    assert (answer.status_code, answer.headers["location"].partition("?")[2]) == (303, "done=booked")
    shown = words((await lan.get(answer.headers["location"])).text)
    assert "Đã đặt 2 phòng, từ 09:00 đến 10:30 25/11/2026." in shown
    assert "Ngày mai, Thứ Tư 25/11/2026" in shown
    assert "Chưa kiểm tra" in shown
    listed = words((await lan.get("/meetings")).text)
    assert "Ngày mai, Thứ Tư 25/11/2026 1 cuộc họp 09:00–10:30 Họp giao ban" in listed
    assert "Hội trường Đà Lạt, Phòng họp xã Phan Sơn Chưa kiểm tra 2 phòng" in listed


async def test_the_list_is_paged_and_ends(lan: httpx.AsyncClient) -> None:
    for number in range(31):
        await booked(lan, "ps-room", title=f"Cuộc thứ {number}", day=f"2026-12-{number % 28 + 1:02}",
                     begin=f"{8 + number // 28}:00", end=f"{8 + number // 28}:45")  # fmt: skip
    first = (await lan.get("/meetings")).text
    assert first.count('class="row meeting"') == 30
    later = re.search(r'href="(/meetings\?after=[^"]+)"', first)
    assert later
    second = (await lan.get(later[1].replace("&amp;", "&"))).text
    assert second.count('class="row meeting"') == 1
    assert "after=" not in words(second)
    garbage = await lan.get("/meetings", params={"after": "no cursor"})
    assert garbage.status_code == 400


async def test_only_who_booked_or_manages_is_offered_to_cancel_and_the_rooms_are_free_again(
    app: FastAPI, lan: httpx.AsyncClient, make_account: MakeAccount
) -> None:
    address = await booked(lan, "ps-room")
    await make_account("mai", "official")
    async with browser(app) as mai:
        await sign_in(mai, "mai")
        assert f"{address}/cancel" not in (await mai.get(address)).text
        assert (await mai.post(f"{address}/cancel", data={"csrf": await token(mai)})).status_code == 403
    assert f'action="{address}/cancel"' in (await lan.get(address)).text
    answer = await lan.post(f"{address}/cancel", data={"csrf": await token(lan)})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{address}?done=cancelled")
    after = (await lan.get(answer.headers["location"])).text
    assert "Đã huỷ" in words(after)
    assert f"{address}/cancel" not in after
    assert "Đồng chí chưa có cuộc họp nào sắp tới." in words((await lan.get("/meetings")).text)
    await booked(lan, "ps-room")


async def test_who_may_not_book_is_not_offered_it(
    lan: httpx.AsyncClient, app: FastAPI, make_account: MakeAccount
) -> None:
    assert 'href="/meetings/new"' in (await lan.get("/meetings")).text
    address = await booked(lan, "ps-room")
    await make_account("hoa", "technician")
    async with browser(app) as hoa:
        await sign_in(hoa)
        listed = (await hoa.get("/meetings")).text
        assert 'href="/meetings/new"' not in listed
        assert 'href="/meetings" aria-current="page"' in listed, "it stands in the navigation"
        assert f"{address}/cancel" not in (await hoa.get(address)).text
        assert "/meetings/new" not in (await hoa.get("/offices/ps")).text
    assert "/meetings/new" in (await lan.get("/offices/ps")).text


def health_with(clock: FrozenClock, **changed: Mapping[str, Any]) -> HealthPort:
    """Return a health by which all is well, but for what of a device was `changed` (its code with underlines)."""
    line = UplinkFacts("ps-fibre", "ok", 0.2)
    of_role: Mapping[str, Mapping[str, Any]] = {
        "rt1": {"role": "router", "uplinks": (line,)},
        "mt1": {"role": "meeting-room"},
        "ups1": {"role": "ups", "on_battery": False},
    }

    async def health(devices: Sequence[str], /) -> dict[str, DeviceFacts]:
        return {
            code: DeviceFacts(
                **{
                    "device": code,
                    "outcome": "answered",
                    "state": "ok",
                    "at": clock.now(),
                    **of_role[code.partition("-")[2]],
                    **changed.get(code.replace("-", "_"), {}),
                }
            )
            for code in devices
        }

    return health


async def test_a_technician_reads_why_a_room_is_not_ready_when_it_was_looked_at_and_on_the_offices_page_too(
    lan: httpx.AsyncClient, database: Database, clock: FrozenClock
) -> None:
    address = await booked(lan, "ps-room", "sl-room")
    health = health_with(
        clock, ps_rt1={"uplinks": (UplinkFacts("ps-fibre", "critical"),)}, sl_mt1={"outcome": "silent"},
        ps_ups1={"on_battery": True, "battery_runtime_s": 900.0},
    )  # fmt: skip
    await check_readiness(uuid.UUID(address.rpartition("/")[2]), "t24h", health, database, clock)
    page = (await lan.get(address)).text
    told = words(page)
    assert "Chưa sẵn sàng Phòng họp xã Phan Sơn, Phòng họp xã Sông Lũy." in told
    assert "Mọi đường truyền của văn phòng đều bị đứt: ps-fibre." in told
    assert "Mất điện lưới: pin của ps-ups1 còn 15 phút, cuộc họp cần 1 giờ 30 phút." in told
    assert "Thiết bị phòng họp sl-mt1 không kết nối được." in told
    assert 'href="/devices/sl-mt1"' in page
    assert "kiểm tra lúc 08:26, lượt 24 giờ trước họp" in told
    assert "Chưa sẵn sàng 2/2 phòng" in words((await lan.get("/meetings")).text)

    office = words((await lan.get("/offices/ps")).text)
    assert "Họp giao ban 09:00 25/11–10:30 · Phòng họp xã Phan Sơn Chưa sẵn sàng" in office
    assert "Mọi đường truyền của văn phòng đều bị đứt: ps-fibre." in office
    assert "sl-mt1" not in office, "another office's room is not told here"
    device = (await lan.get("/devices/ps-rt1")).text
    assert f'href="{address}"' not in device, "it begins in more than 24 hours"
    clock.forward(timedelta(hours=2))
    assert f'href="{address}"' in (await lan.get("/devices/ps-rt1")).text
    assert f'href="{address}"' not in (await lan.get("/devices/hn-rt1")).text


@pytest.fixture
def raise_alert(database: Database, clock: FrozenClock) -> Callable[[str], Awaitable[uuid.UUID]]:
    """What raises the alert that an uplink of a device is down."""

    async def make(device: str) -> uuid.UUID:
        alert_id = new_id()
        async with database.transaction() as tx:
            device_id = await tx.session.scalar(select(DeviceRow.id).where(DeviceRow.code == device))
            await tx.session.execute(insert(AlertRow).values(
                id=alert_id, rule="uplink-down", severity="critical", device_id=device_id, instance="eth1",
                details={}, raised_at=clock.now(),
            ))  # fmt: skip
        return alert_id

    return make


async def test_the_alert_of_an_uplink_names_the_meetings_that_it_hurts_on_its_page_and_on_the_board(
    lan: httpx.AsyncClient, raise_alert: Callable[[str], Awaitable[uuid.UUID]], clock: FrozenClock
) -> None:
    soon = await booked(lan, "ps-room", "sl-room", day="2026-11-24", begin="14:00", end="15:00", title="Chiều nay")
    await booked(lan, "ps-room", day="2026-11-24", begin="16:00", end="17:00", title="Cuối ngày")
    await booked(lan, "ps-room", day="2026-11-26", title="Ngày kia")
    hurt, harmless = await raise_alert("ps-rt1"), await raise_alert("ld-rt1")
    page = (await lan.get(f"/alerts/{hurt}")).text
    told = words(page)
    assert "14:00 Chiều nay bắt đầu sau 5 giờ 34 phút, 2 văn phòng tham dự 16:00 Cuối ngày" in told
    assert f'href="{soon}"' in page
    assert "Ngày kia" not in told
    assert "Cuộc họp cần đến" not in (await lan.get(f"/alerts/{harmless}")).text

    board = (await lan.get("/")).text
    assert "Họp 14:00: Chiều nay và 1 cuộc nữa" in words(board)
    assert board.count('class="needed"') == 1
    clock.forward(timedelta(hours=9))
    assert 'class="needed"' not in (await lan.get("/")).text, "both are over"


async def test_a_row_that_was_taken_still_names_the_meeting(
    app: FastAPI, lan: httpx.AsyncClient, make_account: MakeAccount,
    raise_alert: Callable[[str], Awaitable[uuid.UUID]],
) -> None:  # fmt: skip
    await booked(lan, "ps-room", day="2026-11-24", begin="14:00", end="15:00")
    alert_id = await raise_alert("ps-rt1")
    await make_account("hoa", "technician")
    async with browser(app) as hoa:
        await sign_in(hoa)
        row = await hoa.post(
            f"/alerts/{alert_id}/take", data={"csrf": await token(hoa)}, headers={"HX-Request": "true"}
        )
    assert 'class="needed"' in row.text


async def test_pages_ask_the_database_as_often_for_many_alerts_and_meetings_as_for_one(
    lan: httpx.AsyncClient, database: Database, raise_alert: Callable[[str], Awaitable[uuid.UUID]]
) -> None:
    asked: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *told: asked.append(told[2]))

    async def statements(path: str) -> int:
        asked.clear()
        assert (await lan.get(path)).status_code == 200
        return len(asked)

    await raise_alert("ps-rt1")
    await booked(lan, "ps-room", day="2026-11-24", begin="14:00", end="15:00")
    await statements("/")
    board, listed = await statements("/"), await statements("/meetings")
    for office in ("sl", "hn", "tp", "dk"):
        await raise_alert(f"{office}-rt1")
        await booked(lan, f"{office}-room", day="2026-11-24", begin="14:00", end="15:00")
    assert (await statements("/"), await statements("/meetings")) == (board, listed)


async def test_an_open_page_learns_what_the_worker_found_and_that_the_meeting_was_cancelled(
    app: FastAPI, lan: httpx.AsyncClient, database: Database, clock: FrozenClock
) -> None:
    address = await booked(lan, "ps-room")
    meeting_id = uuid.UUID(address.rpartition("/")[2])
    state = app.state.web
    actor = account_actor(new_id(), "hoa", "technician")
    request = Request(
        {"type": "http", "method": "GET", "path": address, "headers": [], "app": app, "query_string": b""}
    )
    stream = MeetingStream(request, state, actor, meeting_id=meeting_id, part=1)
    first = await stream.everything()
    assert "Not checked yet" in first[1].data or "Chưa kiểm tra" in first[1].data
    assert await stream.changes([]) == [], "it does not look at each event"
    await check_readiness(meeting_id, "booking", health_with(clock), database, clock)
    clock.forward(timedelta(seconds=5))
    html, beat = await stream.changes([])
    assert 'id="rooms"' in html.data
    assert "Sẵn sàng" in html.data
    assert beat.event == "beat"
    clock.forward(timedelta(seconds=5))
    assert [message.event for message in await stream.changes([])] == ["beat"], "what is as it was is not sent again"
    assert (await lan.post(f"{address}/cancel", data={"csrf": await token(lan)})).status_code == 303
    clock.forward(timedelta(seconds=5))
    html, _ = await stream.changes([])
    assert "Đã huỷ" in html.data


async def test_a_quiet_feed_is_time_to_look_and_loses_nothing() -> None:
    told: asyncio.Queue[list[FeedEvent] | None] = asyncio.Queue()

    async def batched() -> AsyncIterator[list[FeedEvent]]:
        while (batch := await told.get()) is not None:
            yield batch

    seen: list[list[FeedEvent]] = []
    async for batch in never_quiet(batched(), 0.01):
        seen.append(batch)
        if len(seen) == 2:
            told.put_nowait([EngineLink(ok=True)])
        if batch:
            told.put_nowait(None)
    assert seen[:2] == [[], []]
    assert [batch for batch in seen if batch] == [[EngineLink(ok=True)]]


async def test_the_example_programme_has_meetings_ahead_whenever_it_starts_and_each_once(
    lan: httpx.AsyncClient, database: Database, clock: FrozenClock
) -> None:
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    async with database.transaction() as tx:
        await create_example_accounts(system("test"), tx)
    await book_examples(database, zone)
    listed = words((await lan.get("/meetings?whose=all")).text)
    assert [day.count("(mẫu)") for day in re.split("Ngày mai|Thứ Năm", listed)] == [2, 2, 1], listed
    await book_examples(database, zone)
    assert words((await lan.get("/meetings?whose=all")).text) == listed, "started again in the same hour"
    for hours in (1, 5, 9, 24, 30, 24 * 6):
        clock.forward(timedelta(hours=hours))
        await book_examples(database, zone)
        soonest = min(example.request.starts_at for example in examples(clock.now(), zone))
        assert timedelta(0) < soonest - clock.now() < timedelta(minutes=81)
    async with database.transaction() as tx:
        page = await meetings_between(system("test"), tx, clock.now(), clock.now() + timedelta(days=5))
    assert len(page.meetings) == 4
