"""Booking in three steps: offices by words and by groups, times in words, and exactly what will be booked."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from inventory.public import bundled_profiles, load_file
from kernel.actors import system
from kernel.db.transaction import Database
from meetings.public import load_rooms
from tests.builders.communes import NAMES, codes, write_communes
from tests.http.conftest import MakeAccount, browser, sign_in, token
from tests.http.test_meetings_pages import booked, lan, rooms_loaded, words

__all__ = ["lan", "rooms_loaded"]

GROUP = "group:son-la/commune"


@pytest.fixture
async def communes(rooms_loaded: None, database: Database, tmp_path: Path) -> None:
    """Forty communes of a province beside the example."""
    files = write_communes(tmp_path)
    async with database.transaction() as tx:
        await load_file(files.inventory, system("test"), tx, bundled_profiles())
        await load_rooms(files.rooms, system("test"), tx)


def form_of(page: str) -> dict[str, str]:
    """Return what a browser would send of the booking form as it stands, without its buttons."""
    body = page[page.index('action="/meetings/new"') :]
    found = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', body))
    found |= dict(re.findall(r'<input class="input" id="[^"]+" name="([^"]+)"[^>]*? value="([^"]*)"', body))
    for name, options in re.findall(r'<select class="input"[^>]*? name="([^"]+)"[^>]*>(.*?)</select>', body, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options) or re.search(
            r'<option value="([^"]*)"', options
        )
        if chosen:
            found[name] = chosen[1]
    return {name: html.unescape(value) for name, value in found.items()}


async def press(client: httpx.AsyncClient, page: httpx.Response, act: str, **typed: Any) -> httpx.Response:
    """Send the form of `page` by the button `act`, with what was `typed`."""
    return await client.post("/meetings/new", data={**form_of(page.text), **typed, "act": act})


async def first_step(client: httpx.AsyncClient, *acts: str, **typed: Any) -> httpx.Response:
    page = await client.get("/meetings/new")
    for act in acts:
        page = await press(client, page, act, **typed)
        assert page.status_code == 200, page.text
    return page


async def test_a_weekly_briefing_of_forty_communes_is_booked_in_three_steps(
    lan: httpx.AsyncClient, communes: None
) -> None:
    first = await first_step(lan, GROUP, title="Giao ban tuần")
    assert "40 điểm cầu bắt buộc" in words(first.text)
    times = await press(lan, first, "find", repeat="weekly", weekday="TU", until="2027-03-02")
    assert times.status_code == 200
    said = words(times.text)
    assert said.count("40/40 rảnh") >= 3
    assert "hằng tuần vào Thứ Ba, đến 02/03/2027" in said
    pick = re.search(r'value="(pick:[^"]+)"', times.text)
    assert pick
    last = await press(lan, times, pick[1])
    shown = words(last.text)
    assert "40 phòng × 13 = 520 lượt phòng" in shown.replace("lượt đặt phòng", "lượt phòng"), shown
    assert "bỏ do Mùng bốn Tết" in shown, "the holiday that one of them falls on"
    answer = await press(lan, last, "book")
    assert answer.status_code == 303, answer.text
    assert re.fullmatch(r"/meetings/series/[^/]+\?done=booked", answer.headers["location"])
    series = words((await lan.get(answer.headers["location"])).text)
    assert "Đã đặt 13 buổi họp, mỗi buổi 40 phòng." in series
    assert "hằng tuần vào Thứ Ba, đến 02/03/2027" in series
    again = await press(lan, last, "book")
    assert again.headers["location"] == answer.headers["location"], "sent twice it books once"


async def test_who_is_missing_is_named_with_whose_booking_blocks_and_can_wait_or_take_another_room(
    app: FastAPI, lan: httpx.AsyncClient, communes: None, make_account: MakeAccount
) -> None:
    await booked(lan, "mai-son-room", title="Tiếp công dân", begin="07:30", end="11:30")
    await make_account("mai", "official")
    async with browser(app) as mai:
        await sign_in(mai, "mai")
        first = await first_step(mai, GROUP, title="Sơ kết", first="2026-11-25", last="2026-11-25", part="morning")
        times = await press(mai, first, "find")
        said = words(times.text)
        assert "39/40 rảnh" in said
        assert "Vắng: UBND xã Mai Sơn." in said
        assert "Phòng họp xã Mai Sơn có “Tiếp công dân” từ 07:30 đến 11:30, do lan đặt, cấp xã" in said
        assert "Phòng rảnh gần đó: Phòng họp Sở Dân tộc và Tôn giáo Sơn La" in said
        pick = re.search(r'value="(pick:[^"]+)"', times.text)
        assert pick
        last = await press(mai, times, pick[1])
        assert "1 điểm cầu chưa có phòng giờ này" in words(last.text)
        waits = await press(mai, last, "book", title="Chờ")
        page = words((await mai.get(waits.headers["location"])).text)
        assert "Phòng họp xã Mai Sơn UBND xã Mai Sơn · 20 chỗ Chờ phòng trống" in page
        assert "Chờ" in words((await mai.get("/approvals")).text)
        later = await first_step(
            mai, GROUP, title="Khác", first="2026-11-25", last="2026-11-25", part="morning", minutes="90"
        )
        times = await press(mai, later, "find")
        pick = re.search(r'value="(pick:[^"]+)"', times.text)
        assert pick
        last = await press(mai, times, pick[1])
        uses = await press(mai, last, "book", **{"instead.mai-son": "use:son-la-room"})
        rooms = words((await mai.get(uses.headers["location"])).text)
        assert "Phòng họp Sở Dân tộc và Tôn giáo Sơn La" in rooms
        assert "Phòng họp xã Mai Sơn" not in rooms


async def test_who_comes_second_reads_who_has_the_room_and_gets_the_times_as_they_are_now(
    app: FastAPI, lan: httpx.AsyncClient, communes: None, make_account: MakeAccount
) -> None:
    await make_account("mai", "official")
    async with browser(app) as mai:
        await sign_in(mai, "mai")
        first = await first_step(
            mai, "search", title="Sơ kết", required="yen-son", first="2026-11-25", last="2026-11-25"
        )
        last = await press(mai, await press(mai, first, "find"), "pick:2026-11-25T09:00")
        await booked(lan, "yen-son-room", title="Nhanh hơn")
        late = await press(mai, last, "book")
        assert late.status_code == 409
        said = words(late.text)
        assert "Phòng họp xã Yên Sơn bận đến 10:30 25/11/2026: “Nhanh hơn” (lan)." in said
        assert "Chọn giờ này" in said, "other times are offered at once"
        assert 'name="title" value="Sơ kết"' in late.text, "what was typed stays"
        assert "Sơ kết" not in words((await mai.get("/meetings")).text)


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"title": "  "}, "title", "Ghi nội dung cuộc họp."),
        ({"minutes": "0"}, "minutes", "Chọn thời lượng"),
        ({"minutes": "٣٠"}, "minutes", "Chọn thời lượng"),
        ({"required": ""}, "who", "Chọn ít nhất một điểm cầu."),
        ({"required": "khong-co"}, "who", "khong-co"),
        ({"required": "nul\x00"}, "who", ""),
        ({"required": " ".join(f"van-phong-{n}" for n in range(5000))}, "who", "van-phong-0"),
        ({"first": "31/02/2027"}, "first", "Ghi ngày họp"),
        ({"last": "<b>"}, "last", "Ghi ngày họp"),
        ({"last": "2026-11-20"}, "last", "từ ngày đầu trở đi"),
        ({"last": "2036-11-20"}, "last", "ba tháng"),
        ({"repeat": "weekly", "until": ""}, "until", "Ghi ngày kết thúc"),
        ({"repeat": "first", "weekday": ""}, "weekday", "Chọn thứ"),
    ],
)
async def test_what_makes_no_sense_is_told_at_its_field_and_what_was_typed_stays(
    lan: httpx.AsyncClient, wrong: Mapping[str, str], field: str, sentence: str
) -> None:
    sent = {
        "csrf": await token(lan), "title": "Họp giao ban", "minutes": "60", "required": "ps", "first": "2026-11-25",
        "last": "2026-11-26", "act": "find", **wrong,
    }  # fmt: skip
    answer = await lan.post("/meetings/new", data=sent)
    assert answer.status_code == 400
    assert f'<a href="#{field}">' in answer.text, "the summary leads to the field"
    assert sentence in words(answer.text)
    if "title" not in wrong:
        assert 'value="Họp giao ban"' in answer.text
    assert "<b>&" not in answer.text


@pytest.mark.parametrize("begin", ["2026-11-20T09:00", "garbage", "2026-11-25T09:00+07:00", "9999-12-31T23:59", ""])
async def test_a_time_that_cannot_be_leads_back_to_those_that_can(lan: httpx.AsyncClient, begin: str) -> None:
    sent = {
        "csrf": await token(lan), "title": "Họp", "required": "ps", "first": "2026-11-25", "last": "2026-11-26",
        "begin": begin, "minutes": "60",
    }  # fmt: skip
    for act in (f"pick:{begin}", "book" if not begin else "pick:x"):
        answer = await lan.post("/meetings/new", data={**sent, "act": act})
        assert answer.status_code == 400
        assert "Không thể họp vào giờ này" in words(answer.text)
        assert "Chọn giờ này" in words(answer.text)


async def test_a_meeting_over_midnight_is_booked_and_says_on_which_day_it_ends(lan: httpx.AsyncClient) -> None:
    typed = {"title": "Trực bão", "first": "2026-11-25", "last": "2026-11-25", "minutes": "240"}
    page = await press(lan, await lan.get("/meetings/new?office=ps"), "find", **typed)
    last = await press(lan, page, "pick:2026-11-25T22:00")
    assert "22:00–02:00 26/11" in words(last.text)
    answer = await press(lan, last, "book")
    assert answer.status_code == 303
    assert "22:00–02:00 26/11" in words((await lan.get(answer.headers["location"])).text)


@pytest.mark.parametrize(
    "act",
    ["", "more:99999999", "list:-1", "list:²", "grid:999", "day:x", "kind:none", "group:", "group:a\x00/b", "?" * 900],
)
async def test_a_button_that_no_page_has_changes_nothing(lan: httpx.AsyncClient, act: str) -> None:
    sent = {"csrf": await token(lan), "title": "Họp", "required": "ps", "first": "2026-11-25", "last": "2026-11-26"}
    answer = await lan.post("/meetings/new", data={**sent, "act": act, "q": "a\x00b"})
    assert answer.status_code in {200, 400}
    assert "Họp" in answer.text


async def test_more_fields_than_any_form_of_ours_has_are_refused(lan: httpx.AsyncClient) -> None:
    sent = {"csrf": await token(lan), **{f"need.office-{number}": "out" for number in range(2000)}}
    answer = await lan.post("/meetings/new", data=sent)
    assert answer.status_code == 400
    assert "<main" in answer.text


async def test_offices_are_found_by_words_made_optional_and_taken_off_again(
    lan: httpx.AsyncClient, communes: None
) -> None:
    found = await press(lan, await lan.get("/meetings/new"), "search", q="mai son")
    assert "UBND xã Mai Sơn" in found.text
    assert "UBND xã Yên Châu" not in found.text
    added = await press(lan, found, "add", add=["mai-son"])
    assert "1 điểm cầu bắt buộc" in words(added.text)
    optional = await press(lan, added, "list:1", **{"need.mai-son": "optional"})
    assert "Điểm cầu tham dự 1 mời thêm" in words(optional.text)
    gone = await press(lan, optional, "list:1", **{"need.mai-son": "out"})
    assert 'name="optional" value=""' in gone.text
    whole = await first_step(lan, GROUP)
    assert len(re.findall(r'name="need\.', whole.text)) == 20, "a page of them"
    second = await press(lan, whole, "list:2")
    assert "Phần 2/2" in words(second.text)
    assert form_of(second.text)["required"].split() == form_of(whole.text)["required"].split()
    assert set(form_of(whole.text)["required"].split()) == set(codes())
    assert form_of((await press(lan, second, "clear")).text)["required"] == ""


async def test_of_a_group_some_are_enough_one_cannot_be_absent_and_the_chair_has_wishes(
    lan: httpx.AsyncClient, communes: None
) -> None:
    await booked(lan, "mai-son-room", title="Tiếp công dân", begin="07:00", end="18:00")
    await booked(lan, "yen-son-room", title="Tiếp công dân", begin="07:00", end="09:30")
    added = await press(lan, await lan.get("/meetings/new?office=ps"), GROUP, **{"as": "group1"})
    said = words(added.text)
    assert "1 điểm cầu bắt buộc, 21/40 của một nhóm" in said
    assert "Nhóm 1 UBND xã Bắc Yên, UBND xã Bó Sinh, UBND xã Chiềng Hặc và 37 mục khác cần ít nhất trên 40" in said
    asked = await press(lan, added, "list:1", **{"need.ps": "veto", "least.1": "38"})
    assert form_of(asked.text)["vetoes"] == "ps"
    day = {"title": "Sơ kết", "first": "2026-11-25", "last": "2026-11-25"}
    wrong = await press(lan, asked, "find", **day, **{"least.1": "41"})
    assert wrong.status_code == 400
    assert '<a href="#groups">Ghi số điểm cầu của nhóm cần có mặt' in wrong.text
    wishes = {"wish.WE": "yes", "wish_from": "14:00", "wish_to": "15:00"}
    times = await press(lan, asked, "find", **day, **wishes)
    assert times.status_code == 200, times.text
    said = words(times.text)
    assert "40/41 rảnh Đủ các điểm cầu bắt buộc. Vắng trong số còn lại: UBND xã Mai Sơn." in said
    first = re.search(r'value="(pick:[^"]+)"', times.text)
    assert first
    assert first[1] == "pick:2026-11-25T14:00", "the chair likes the afternoon better, as many are free"
    last = await press(lan, times, "pick:2026-11-25T08:00")
    assert "UBND xã Mai Sơn trong nhóm" in words(last.text)
    form = form_of(last.text)
    assert len(form["rooms"].split()) - len(form["rooms_optional"].split()) == 39, "38 of the group, and Phan Sơn"
    answer = await press(lan, last, "book")
    assert answer.status_code == 303, answer.text
    short = await press(lan, asked, "find", **day, **{"least.1": "40"})
    assert "Các nhóm còn thiếu 1 điểm cầu." in words(short.text)
    off = await press(lan, asked, "list:1", **{"drop.1": "yes"})
    assert form_of(off.text)["groups"] == ""


async def test_optional_rooms_stay_optional_however_many_they_are(lan: httpx.AsyncClient, communes: None) -> None:
    page = await press(lan, await lan.get("/meetings/new?office=ps"), GROUP, **{"as": "optional"})
    typed = {"title": "Sơ kết", "first": "2026-11-25", "last": "2026-11-25"}
    last = await press(lan, await press(lan, page, "find", **typed), "pick:2026-11-25T09:00")
    optional = form_of(last.text)["rooms_optional"]
    await booked(lan, "yen-son-room", title="Nhanh hơn")
    padded = " ".join([*(f"khong-co-{number}" for number in range(100)), optional])
    answer = await press(lan, last, "book", rooms_optional=padded)
    assert answer.status_code == 303, "who is optional and was taken meanwhile waits"


async def test_the_grid_has_the_office_that_is_missing_first_and_is_turned_page_by_page(
    lan: httpx.AsyncClient, communes: None
) -> None:
    await booked(lan, "mai-son-room", title="Tiếp công dân", begin="07:00", end="18:00")
    first = await first_step(lan, GROUP, title="Sơ kết", first="2026-11-25", last="2026-11-25")
    times = await press(lan, first, "find")
    rows = re.findall(r'<tr><th scope="row">(UBND[^<]+)', times.text)
    assert (rows[0], len(rows)) == ("UBND xã Mai Sơn", 25)
    row = times.text[times.text.index('<th scope="row">UBND xã Mai Sơn') :].partition("</tr>")[0]
    cells = re.findall(r'<td(?: colspan="(\d+)")? class="([a-z ]*)busy"><span>Bận</span>', row)
    assert sum(int(number or 1) for number, _ in cells) == 22
    assert {mark.strip() for _, mark in cells} == {"here", "rest", ""}, "the chosen time and the rest at noon stand out"
    more = await press(lan, times, "grid:2")
    assert len(re.findall(r'<tr><th scope="row">(UBND[^<]+)', more.text)) == len(NAMES) - 25
    assert "39/40 rảnh" in words(more.text)


async def test_a_kind_brings_its_defaults_and_a_hold_becomes_a_booking(lan: httpx.AsyncClient) -> None:
    page = await lan.get("/meetings/new?office=ps")
    kind = re.search(r'value="(kind:[^"]+)"', page.text)
    assert kind
    chosen = await press(lan, page, kind[1], title="Nhanh")
    assert f'value="{kind[1]}" aria-pressed="true"' in chosen.text
    times = await press(lan, chosen, "find")
    pick = re.search(r'value="(pick:[^"]+)"', times.text)
    assert pick
    last = await press(lan, times, pick[1])
    held = await press(lan, last, "hold")
    assert held.status_code == 303, held.text
    shown = (await lan.get(held.headers["location"])).text
    assert "Chỉ giữ chỗ đến" in words(shown)
    meeting = held.headers["location"].partition("?")[0]
    answer = await lan.post(f"{meeting}/confirm", data={"csrf": await token(lan)})
    assert answer.headers["location"] == f"{meeting}?done=confirmed"
    assert "Chỉ giữ chỗ đến" not in words((await lan.get(meeting)).text)
