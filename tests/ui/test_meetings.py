"""Meetings in a browser: an official books with scripts off, a technician watches how ready the rooms are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, expect

from tests.real.platform import Platform
from tests.real.waiting import until
from tests.ui.conftest import CommandFault, Visitor
from tests.ui.test_accessibility import objections
from tests.ui.test_budget import MOST_BYTES, MOST_REQUESTS, cost_of

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def in_days(days: int) -> date:
    """Return the day so many days ahead in the zone of the pages."""
    return datetime.now(UTC).astimezone(ZONE).date() + timedelta(days=days)


async def book(page: Page, day: date, *rooms: str, title: str = "Giao ban tuyến xã", begin: str = "09:00") -> None:
    """Fill the form, searching for each of `rooms`, and press the button; every step is a plain form."""
    await page.goto("/meetings/new")
    await page.fill("#title", title)
    await page.fill("#day", f"{day}")
    await page.select_option("#begin", begin)
    await page.select_option("#end", f"{int(begin[:2]) + 1}:00".rjust(5, "0"))
    for room in rooms:
        await page.fill("input[name=q]", room)
        await page.get_by_role("button", name="Tìm phòng").click()
        await page.get_by_label(room).first.check()
        await page.get_by_role("button", name="Thêm phòng đã đánh dấu").click()
        await expect(page.locator("#rooms .choice")).to_have_count(rooms.index(room) + 1)
    await page.get_by_role("button", name="Đặt họp", exact=True).click()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_an_official_without_scripts_books_three_offices_and_cancels(visitor: Visitor, *, phone: bool) -> None:
    page = await visitor.sign_in(await visitor.window(phone=phone, scripts=False), name="canbo")
    await page.locator(".bottom > a" if phone else ".nav a", has_text="Lịch họp").click()
    await page.get_by_role("link", name="Đặt họp").first.click()
    await book(page, in_days(3 + phone), "Phan Sơn", "Sông Lũy", "Hội trường Đà Lạt")
    await expect(page.locator("h1")).to_have_text("Giao ban tuyến xã")
    await expect(page.get_by_role("status").filter(has_text="Đã đặt 3 phòng")).to_be_visible()
    await page.get_by_role("link", name="Lịch họp").first.click()
    row = page.locator("[data-row]", has_text="Giao ban tuyến xã").first
    await expect(row).to_contain_text("09:00–10:00")
    await row.get_by_role("link").click()
    await page.get_by_text("Huỷ cuộc họp", exact=True).click()
    await page.get_by_role("button", name="Đồng ý huỷ").click()
    await expect(page.locator("#meeting-state")).to_contain_text("Đã huỷ")


async def test_who_comes_second_reads_who_has_the_room_and_until_when_and_keeps_what_was_typed(
    visitor: Visitor,
) -> None:
    day = in_days(10)
    first = await visitor.sign_in(await visitor.window(scripts=False), name="thuky")
    await book(first, day, "Hàm Thạnh", title="Tập huấn")
    second = await visitor.sign_in(await visitor.window(scripts=False), name="canbo")
    await book(second, day, "Hàm Thạnh", "Suối Kiết", title="Sơ kết")
    said = f"Phòng họp xã Hàm Thạnh bận đến 10:00 {day:%d/%m/%Y}: “Tập huấn” (thuky)."
    await expect(second.get_by_role("alert")).to_contain_text(said)
    await expect(second.locator("#title")).to_have_value("Sơ kết")
    await expect(second.locator("#rooms .choice")).to_have_count(2)
    await expect(second.locator("#rooms .choice", has_text="Hàm Thạnh")).to_contain_text("Bận đến 10:00")
    await second.locator("#rooms").get_by_label("Hàm Thạnh").uncheck()
    await second.get_by_role("button", name="Đặt họp", exact=True).click()
    await expect(second.locator("#rooms")).to_contain_text("Suối Kiết")
    await expect(second.locator("h1")).to_have_text("Sơ kết")


async def test_a_technician_sees_an_open_page_learn_why_a_room_is_not_ready(
    visitor: Visitor, platform: Platform, command_fault: CommandFault
) -> None:
    command_fault("tp-mt1", "silent", on=True)
    until(lambda: platform.device("tp-mt1")["state"] == "critical", "the alert of tp-mt1")
    official = await visitor.sign_in(await visitor.window(), name="thuky")
    await book(official, in_days(1), "Tuy Phong", "La Dạ", begin="05:00")
    technician = await visitor.sign_in(await visitor.window(), name="kythuat", path=official.url)
    await expect(technician.locator("#live")).to_have_attribute("data-state", "live")
    room = technician.locator("#rooms [data-row]", has_text="Tuy Phong")
    await expect(room).to_contain_text("Chưa sẵn sàng")
    await expect(room).to_contain_text("Thiết bị phòng họp tp-mt1 không kết nối được.")
    await expect(technician.locator("#rooms [data-row]", has_text="La Dạ")).to_contain_text("Sẵn sàng")
    await expect(technician.locator("#meeting-state")).to_contain_text("Chưa sẵn sàng")
    await technician.goto("/offices/tp")
    await expect(technician.locator(".coming")).to_contain_text("tp-mt1 không kết nối được")
    await technician.goto("/")
    row = technician.locator("[data-row]", has_text="tp-mt1")
    await expect(row.locator(".needed")).to_contain_text("Giao ban tuyến xã")
    await row.locator("h3 a").click()
    await expect(technician.locator("#needing")).to_contain_text("2 văn phòng tham dự")

    await official.get_by_text("Huỷ cuộc họp", exact=True).click()
    meeting = official.url.partition("?")[0]
    watching = await visitor.sign_in(await visitor.window(), name="kythuat", path=meeting)
    await expect(watching.locator("#live")).to_have_attribute("data-state", "live")
    await official.get_by_role("button", name="Đồng ý huỷ").click()
    await expect(watching.locator("#meeting-state")).to_contain_text("Đã huỷ")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_the_checker_objects_to_nothing(
    visitor: Visitor, command_fault: CommandFault, platform: Platform, axe: str, *, phone: bool, dark: bool
) -> None:
    command_fault("br-mt1", "silent", on=True)
    until(lambda: platform.device("br-mt1")["state"] == "critical", "the alert of br-mt1")
    page = await visitor.sign_in(await visitor.window(phone=phone, dark=dark, bypass_csp=True), name="canbo")
    await book(page, in_days(1), "Bắc Ruộng", begin=f"0{1 + 2 * phone + dark}:00")
    await expect(page.locator("#rooms")).to_contain_text("không kết nối được")
    await page.get_by_text("Huỷ cuộc họp", exact=True).click()
    found = await objections(page, axe)
    for path in ("/meetings", "/meetings/new", "/offices/br", "/devices/br-mt1", "/"):
        await page.goto(path)
        found += await objections(page, axe)
    await page.locator(".alert:has(.needed) h3 a").first.click()
    await expect(page.locator("#needing")).to_be_visible()
    found += await objections(page, axe)
    await book(page, in_days(1), "Bắc Ruộng", begin=f"0{1 + 2 * phone + dark}:00", title="")
    await expect(page.get_by_role("alert")).to_be_visible()
    found += await objections(page, axe)
    assert found == []


async def test_a_meetings_page_stays_within_the_budget(visitor: Visitor) -> None:
    page = await visitor.sign_in(await visitor.window(), name="canbo")
    await book(page, in_days(12), "Nghị Đức")
    size, requests = await cost_of(visitor, page.url.partition("?")[0], "canbo")
    assert size <= MOST_BYTES
    assert len(requests) <= MOST_REQUESTS, requests
