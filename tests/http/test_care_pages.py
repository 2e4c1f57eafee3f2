"""The pages that look after meetings: changes seen ahead, answers, calendars of rooms, doors, days off, delegates."""

from __future__ import annotations

import re

import httpx
import icalendar
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from meetings.models import RoomRow
from tests.http.conftest import MakeAccount, browser, sign_in, token
from tests.http.test_booking_pages import communes, first_step, press
from tests.http.test_meetings_pages import booked, lan, rooms_loaded, words

__all__ = ["communes", "lan", "rooms_loaded"]


async def post(client: httpx.AsyncClient, path: str, **sent: str) -> httpx.Response:
    return await client.post(path, data={"csrf": await token(client), **sent})


async def weekly(lan: httpx.AsyncClient) -> str:
    """Book five Tuesdays at nine, and return the address of the first meeting."""
    first = await first_step(
        lan, "search", required="yen-son", title="Giao ban", first="2026-12-01", last="2026-12-01", repeat="weekly",
        weekday="TU", until="2026-12-29",
    )  # fmt: skip
    last = await press(lan, await press(lan, first, "find"), "pick:2026-12-01T09:00")
    answer = await press(lan, last, "book")
    series = (await lan.get(answer.headers["location"])).text
    found = re.search(r'href="(/meetings/[0-9a-f-]{36})"', series)
    assert found
    return found[1]


@pytest.mark.parametrize(("scope", "number"), [("this", 1), ("following", 5), ("all", 5)])
async def test_a_change_says_exactly_what_it_does_before_it_does_it(
    lan: httpx.AsyncClient, communes: None, scope: str, number: int
) -> None:
    meeting = await weekly(lan)
    typed = {
        "scope": scope,
        "title": "Giao ban",
        "day": "2026-12-01",
        "begin": "14:00",
        "minutes": "60",
        "version": "1",
    }
    ahead = await post(lan, f"{meeting}/change", act="look", **typed)
    said = words(ahead.text)
    assert f"{number} cuộc họp thay đổi. Hiện chưa có gì thay đổi." in said
    assert said.count("giờ: 09:00–10:00") == number
    assert "09:00–10:00" in words((await lan.get(meeting)).text), "nothing is changed yet"
    done = await post(lan, f"{meeting}/change", act="do", **typed)
    assert done.headers["location"] == f"{meeting}?done=changed"
    assert "14:00–15:00" in words((await lan.get(meeting)).text)
    late = await post(lan, f"{meeting}/change", act="do", **{**typed, "begin": "15:00"})
    assert late.status_code == 412
    assert "14:00–15:00" in words((await lan.get(meeting)).text), "who saw an older version changes nothing"
    gone = await post(lan, f"{meeting}/change", act="look-cancel", **typed)
    assert f"{number} cuộc họp sẽ không diễn ra" in words(gone.text)
    assert (await post(lan, f"{meeting}/change", act="do-cancel", **typed)).status_code == 303
    assert "Đã huỷ" in words((await lan.get(meeting)).text)


@pytest.mark.parametrize(
    "wrong", [{"day": "x"}, {"begin": "25:00"}, {"minutes": "-1"}, {"title": ""}, {"adding": "no\x00"}]
)
async def test_a_change_that_makes_no_sense_is_told_and_changes_nothing(
    lan: httpx.AsyncClient, wrong: dict[str, str]
) -> None:
    meeting = await booked(lan, "ps-room")
    typed = {"title": "Khác", "day": "2026-11-25", "begin": "09:00", "minutes": "90", **wrong}
    answer = await post(lan, f"{meeting}/change", act="do", **typed)
    assert answer.status_code in {400, 404}
    assert 'role="alert"' in answer.text
    assert "<h1>Họp giao ban</h1>" in (await lan.get(meeting)).text


async def test_the_calendar_of_a_room_shows_day_week_and_month_with_what_is_free(lan: httpx.AsyncClient) -> None:
    await booked(lan, "ps-room")
    day = words((await lan.get("/rooms/ps-room?view=day&day=2026-11-25")).text)
    assert "07:00–09:00 Rảnh 09:00–10:30 Họp giao ban lan 10:30–18:00 Rảnh" in day
    for view in ("week", "month"):
        assert "09:00–10:30 Họp giao ban" in words((await lan.get(f"/rooms/ps-room?view={view}&day=2026-11-25")).text)
    assert (await lan.get("/rooms/khong-co")).status_code == 404
    for wrong in ("view=year", "day=x", "day=0001-01-01", "day=9999-12-31&view=month"):
        assert (await lan.get(f"/rooms/ps-room?{wrong}")).status_code in {400, 422}


async def test_the_door_shows_its_day_to_who_has_the_address_until_it_is_taken_back(
    app: FastAPI, lan: httpx.AsyncClient, make_account: MakeAccount, clock: FrozenClock
) -> None:
    await booked(lan, "ps-room", day="2026-11-24", begin="08:15", end="09:00")
    await make_account("chu", "administrator")
    async with browser(app) as chu, browser(app) as tablet:
        await sign_in(chu, "chu")
        assert (await lan.get("/rooms/ps-room/door")).status_code == 403
        made = await post(chu, "/rooms/ps-room/door")
        found = re.search(r"(/rooms/ps-room/door/[\w-]{40,})", made.text)
        assert found
        shown = await tablet.get(found[1])
        assert "Đang họp đến 09:00 Họp giao ban" in words(shown.text)
        assert shown.headers["referrer-policy"] == "no-referrer"
        values = (await tablet.get(f"{found[1]}/day")).json()
        assert [use["title"] for use in values["uses"]] == ["Họp giao ban"]
        assert (await tablet.get(found[1].replace("ps-room", "sl-room"))).status_code == 404
        assert found[1] not in (await chu.get("/rooms/ps-room/door")).text, "it is shown once"
        led = await lan.get("/rooms/ps-room/check-in")
        answer = await lan.get(led.headers["location"])
        assert "Chúng tôi đã có mặt" in words(answer.text)
        meeting = led.headers["location"].partition("/check-in")[0]
        assert (await post(lan, f"{meeting}/rooms/ps-room/check-in")).status_code == 303
        assert (await tablet.get(f"{found[1]}/day")).json()["uses"][0]["in"] is True
        await post(chu, "/rooms/ps-room/door/revoke")
        assert (await tablet.get(found[1])).status_code == 404


async def test_a_door_shows_the_next_booking_on_its_day_when_nothing_follows_today(
    app: FastAPI, lan: httpx.AsyncClient, make_account: MakeAccount
) -> None:
    await booked(lan, "ps-room")
    await make_account("chu", "administrator")
    async with browser(app) as chu, browser(app) as tablet:
        await sign_in(chu, "chu")
        found = re.search(r"(/rooms/ps-room/door/[\w-]{40,})", (await post(chu, "/rooms/ps-room/door")).text)
        assert found
        said = words((await tablet.get(found[1])).text)
        assert "Rảnh đến hết ngày" in said
        assert "Hôm nay không còn cuộc họp nào. Thứ Tư, 25/11/2026 09:00–10:30 Họp giao ban" in said


async def test_what_a_manager_wrote_is_read_by_the_organiser_on_the_page_in_the_api_and_in_the_calendar(
    app: FastAPI, lan: httpx.AsyncClient, make_account: MakeAccount, database: Database
) -> None:
    async with database.transaction() as tx:
        room = (await tx.session.execute(select(RoomRow).where(RoomRow.code == "ps-room"))).scalar_one()
        room.approval = True
    meeting = await booked(lan, "ps-room", "sl-room")
    await make_account("thuky", "secretary")
    async with browser(app) as thuky:
        await sign_in(thuky, "thuky")
        answered = await post(thuky, f"{meeting}/rooms/ps-room/answer", agreed="no", reason="Phòng <b>sửa điện</b>")
        assert answered.headers["location"] == "/approvals?done=denied"
    shown = await lan.get(meeting)
    assert "Người quản lý ghi: “Phòng &lt;b&gt;sửa điện&lt;/b&gt;”" in words(shown.text)
    assert "1 phòng bị từ chối hoặc đã trả lại" in words((await lan.get("/meetings")).text)
    told = (await lan.get(f"/api/v1{meeting}")).json()["reservations"]
    assert [(one["room"], one["why"], one["answer"]) for one in told] == [
        ("ps-room", "denied", "Phòng <b>sửa điện</b>"), ("sl-room", "", ""),
    ]  # fmt: skip
    address = (await lan.post("/api/v1/calendar-feed", headers={"X-CSRF-Token": await token(lan)})).json()["path"]
    (event,) = icalendar.Calendar.from_ical((await lan.get(address)).text).walk("VEVENT")
    assert str(event["LOCATION"]) == "Phòng họp xã Sông Lũy"
    assert str(event["DESCRIPTION"]) == "Phòng họp xã Phan Sơn: Phòng <b>sửa điện</b>"


async def test_a_deputy_is_named_and_taken_back_on_the_page_of_the_meeting(
    app: FastAPI, lan: httpx.AsyncClient, make_account: MakeAccount
) -> None:
    meeting = await booked(lan, "ps-room", "sl-room")
    wrong = await post(lan, f"{meeting}/deputies", office="sl", deputy=" ", instead_of="Chủ tịch")
    assert wrong.status_code == 400
    assert "<details open>" in wrong.text
    assert '<option value="sl" selected>' in wrong.text, "what was chosen and typed stays"
    assert 'value="Chủ tịch"' in wrong.text
    sent = await post(lan, f"{meeting}/deputies", office="sl", deputy="Trần Thị Hoa", instead_of="Chủ tịch")
    assert sent.status_code == 303
    said = words((await lan.get(sent.headers["location"])).text)
    assert "Đã cử người dự thay." in said
    assert "Trần Thị Hoa Văn phòng Chương trình xã Sông Lũy · thay Chủ tịch" in said
    for other in ("dk", "", "a\x00b"):
        assert (await post(lan, f"{meeting}/deputies", office=other, deputy="An")).status_code == 404
    await make_account("ky", "technician")
    async with browser(app) as ky:
        await sign_in(ky, "ky")
        assert (await post(ky, f"{meeting}/deputies", office="sl", deputy="An")).status_code == 403
        seen = (await ky.get(meeting)).text
        assert "Trần Thị Hoa" in seen
        assert f"{meeting}/deputies" not in seen, "who speaks for no office is offered no form"
    assert (await post(lan, f"{meeting}/deputies/sl/recall")).status_code == 303
    assert "Trần Thị Hoa" not in (await lan.get(meeting)).text


async def test_the_address_of_ones_calendar_is_shown_once_and_taken_back(lan: httpx.AsyncClient) -> None:
    made = await post(lan, "/calendar-address")
    found = re.search(r"(/feeds/[\w-]+\.ics)", made.text)
    assert found
    assert (await lan.get(found[1])).status_code == 200
    again = (await lan.get("/calendar-address")).text
    assert "Đã có địa chỉ" in words(again)
    assert found[1] not in again
    await post(lan, "/calendar-address/revoke")
    assert (await lan.get(found[1])).status_code == 404


async def test_use_is_a_table_and_a_file_and_no_cell_of_it_is_a_formula(lan: httpx.AsyncClient) -> None:
    await booked(lan, "ps-room")
    days = "first=2026-11-25&last=2026-11-25"
    assert "Xã Phan Sơn 1 1 1,5 1,5 0 0 0" in words((await lan.get(f"/room-use?{days}")).text)
    file = await lan.get(f"/room-use.csv?{days}")
    assert file.content.startswith(b"\xef\xbb\xbf")
    assert "phan-son,Xã Phan Sơn,1,1,1.5,1.5,0.0,0,0" in file.text
    assert "Giờ đã đặt,Giờ đã họp,Giờ trả lại" in file.text
    for wrong in (
        "first=x",
        "first=0001-01-01",
        "last=9999-12-31",
        "last=0001-01-01",
        "first=2026-11-25&last=2026-11-01",
    ):
        assert (await lan.get(f"/room-use?{wrong}")).status_code == 400, wrong


async def test_an_administrator_enters_a_swapped_day_and_takes_it_back(
    app: FastAPI, lan: httpx.AsyncClient, make_account: MakeAccount
) -> None:
    assert (await post(lan, "/working-days", day="2026-12-24", name="Nghỉ")).status_code == 403
    await make_account("chu", "administrator")
    async with browser(app) as chu:
        await sign_in(chu, "chu")
        assert (await post(chu, "/working-days", day="24/12/2026", name="Nghỉ bù")).status_code == 303
        assert "24/12/2026 Thứ Năm nghỉ Nghỉ bù ghi tại đây" in words((await chu.get("/working-days?year=2026")).text)
        assert (await post(chu, "/working-days/2026-12-24/forget")).status_code == 303
        assert "Nghỉ bù" not in words((await chu.get("/working-days?year=2026")).text)
        for wrong in ("x", "", "0001-01-01"):
            assert (await post(chu, "/working-days", day=wrong, name="Nghỉ")).status_code == 400


async def test_a_secretary_who_was_named_books_for_the_leader(
    app: FastAPI, lan: httpx.AsyncClient, make_account: MakeAccount
) -> None:
    await make_account("mai", "secretary")
    assert (await post(lan, "/delegates", name="khong-co")).status_code == 404
    assert (await post(lan, "/delegates", name="mai")).status_code == 303
    assert "mai" in words((await lan.get("/delegates")).text)
    async with browser(app) as mai:
        await sign_in(mai, "mai")
        assert '<option value="lan">' in (await mai.get("/meetings/new?office=ps")).text
        meeting = await booked(mai, "ps-room", behalf="lan")
        assert "Chủ trì đặt họp lan Đặt bởi mai" in words((await mai.get(meeting)).text).replace("Người đặt", "Đặt bởi")
    assert "Họp giao ban" in words((await lan.get("/meetings")).text), "it is the leader's"
    assert (await post(lan, "/delegates/mai/remove")).status_code == 303
