"""Meetings in a browser: an official books with scripts off, a technician watches how ready the rooms are."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import zxingcpp
from playwright.async_api import Locator, Page, expect

from tests.builders.communes import write_communes
from tests.real.platform import Platform
from tests.real.waiting import until
from tests.ui.conftest import CommandFault, Visitor
from tests.ui.test_accessibility import objections
from tests.ui.test_budget import MOST_BYTES, MOST_REQUESTS, cost_of

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
LINE_BPS = 256_000
MOST_TAPS = 12


def in_days(days: int) -> date:
    """Return the day so many days ahead in the zone of the pages."""
    return datetime.now(UTC).astimezone(ZONE).date() + timedelta(days=days)


def in_hours(hours: int) -> tuple[date, str]:
    """Return the day and the full hour that so many hours ahead has begun, in the zone of the pages."""
    at = datetime.now(UTC).astimezone(ZONE) + timedelta(hours=hours)
    return at.date(), f"{at:%H}:00"


async def look(page: Page, day: date, begin: str, *offices: str, title: str = "Giao ban tuyến xã") -> None:
    """Fill the form for these offices (codes), choose the time, and stop at the last look; all of it plain forms."""
    await page.goto(f"/meetings/new?office={'+'.join(offices)}")
    await page.fill("#title", title)
    await page.fill("#first", f"{day}")
    await page.fill("#last", f"{day}")
    await page.get_by_role("button", name="Tìm giờ họp").click()
    if title:
        await page.select_option("#own_time", begin)
        await page.get_by_role("button", name="Xem giờ này").click()
        await expect(page.locator(".sum")).to_be_visible()


async def book(page: Page, day: date, begin: str, *offices: str, title: str = "Giao ban tuyến xã") -> None:
    """Book rooms of these offices (codes)."""
    await look(page, day, begin, *offices, title=title)
    await page.get_by_role("button", name="Đặt họp", exact=True).click()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_an_official_without_scripts_books_three_offices_and_cancels(visitor: Visitor, *, phone: bool) -> None:
    page = await visitor.sign_in(await visitor.window(phone=phone, scripts=False), name="canbo")
    await page.locator(".bottom > a" if phone else ".nav a", has_text="Lịch họp").click()
    await page.get_by_role("link", name="Đặt họp").first.click()
    await page.fill("#title", "Giao ban tuyến xã")
    for number, office in enumerate(("Phan Sơn", "Sông Lũy", "Hải Ninh"), 1):
        await page.fill("main input[name=q]", office)
        await page.get_by_role("button", name="Tìm", exact=True).last.click()
        await page.locator(".picks:not(.chosen) .choice", has_text=office).locator("input").first.check()
        await page.get_by_role("button", name="Thêm mục đã đánh dấu").click()
        await expect(page.locator("#chosen")).to_contain_text(f"{number} điểm cầu bắt buộc")
    await page.fill("#first", f"{in_days(3 + phone)}")
    await page.get_by_role("button", name="Tìm giờ họp").click()
    await page.get_by_role("button", name="Chọn giờ này").first.click()
    await expect(page.locator(".sum")).to_contain_text("3 phòng")
    await page.get_by_role("button", name="Đặt họp", exact=True).click()
    await expect(page.locator("h1")).to_have_text("Giao ban tuyến xã")
    await expect(page.get_by_role("status").filter(has_text="Đã đặt 3 phòng")).to_be_visible()
    await page.get_by_role("link", name="Lịch họp").first.click()
    row = page.locator("[data-row]", has_text="Giao ban tuyến xã").first
    await row.get_by_role("link").click()
    await page.locator("a[href$='/change']").click()
    await page.get_by_role("button", name="Xem trước việc huỷ").click()
    await expect(page.locator("main")).to_contain_text("1 cuộc họp sẽ không diễn ra")
    await page.get_by_role("button", name="Đồng ý huỷ 1 cuộc họp").click()
    await expect(page.locator("#meeting-state")).to_contain_text("Đã huỷ")


async def test_who_comes_second_reads_who_has_the_room_and_until_when_and_gets_another_time(visitor: Visitor) -> None:
    day = in_days(10)
    second = await visitor.sign_in(await visitor.window(scripts=False), name="canbo")
    await look(second, day, "09:00", "ht", "sk", title="Sơ kết")
    first = await visitor.sign_in(await visitor.window(scripts=False), name="thuky")
    await book(first, day, "09:00", "ht", title="Tập huấn")
    await second.get_by_role("button", name="Đặt họp", exact=True).click()
    said = f"Phòng họp xã Hàm Thạnh bận đến 10:00 {day:%d/%m/%Y}: “Tập huấn” (Thư ký mẫu)."
    await expect(second.get_by_role("alert")).to_contain_text(said)
    await expect(second.locator("h1")).to_have_text("Sơ kết")
    await second.select_option("#own_time", "10:00")
    await second.get_by_role("button", name="Xem giờ này").click()
    await second.get_by_role("button", name="Đặt họp", exact=True).click()
    await expect(second.locator("#rooms")).to_contain_text("Suối Kiết")
    await expect(second.locator("h1")).to_have_text("Sơ kết")


async def test_a_technician_sees_an_open_page_learn_why_a_room_is_not_ready(
    visitor: Visitor, platform: Platform, command_fault: CommandFault
) -> None:
    command_fault("tp-mt1", "silent", on=True)
    until(lambda: platform.device("tp-mt1")["state"] == "critical", "the alert of tp-mt1")
    official = await visitor.sign_in(await visitor.window(), name="thuky")
    await book(official, *in_hours(2), "tp", "ld")
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


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (True, True)], ids=["desktop-light", "phone-dark"])
async def test_the_checker_objects_to_nothing(
    visitor: Visitor, command_fault: CommandFault, platform: Platform, axe: str, *, phone: bool, dark: bool
) -> None:
    command_fault("br-mt1", "silent", on=True)
    until(lambda: platform.device("br-mt1")["state"] == "critical", "the alert of br-mt1")
    page = await visitor.sign_in(await visitor.window(phone=phone, dark=dark, bypass_csp=True), name="canbo")
    await book(page, *in_hours(2 + 2 * phone), "br")
    await expect(page.locator("#rooms")).to_contain_text("không kết nối được")
    await page.get_by_text("Huỷ cuộc họp", exact=True).click()
    found = await objections(page, axe)
    for path in ("/meetings", "/meetings/new", "/offices/br", "/devices/br-mt1", "/"):
        await page.goto(path)
        found += await objections(page, axe)
    await page.locator(".alert:has(.needed) h3 a").first.click()
    await expect(page.locator("#needing")).to_be_visible()
    found += await objections(page, axe)
    await look(page, in_days(1), "09:00", "br", title="")
    await expect(page.get_by_role("alert")).to_be_visible()
    found += await objections(page, axe)
    assert found == []


async def test_a_meetings_page_stays_within_the_budget(visitor: Visitor) -> None:
    page = await visitor.sign_in(await visitor.window(), name="canbo")
    await book(page, in_days(12), "09:00", "nd")
    size, requests = await cost_of(visitor, page.url.partition("?")[0], "canbo")
    assert size <= MOST_BYTES
    assert len(requests) <= MOST_REQUESTS, requests


@pytest.fixture
def communes(platform: Platform, tmp_path: Path) -> None:
    """Forty communes of a province beside the example."""
    files = write_communes(tmp_path)
    for words in (("inventory", "load", str(files.inventory)), ("meetings", "rooms", "load", str(files.rooms))):
        done = platform.command(*words)
        assert done.returncode == 0, done.stderr


class Phone:
    """A phone behind 256 kbit/s that counts what is tapped, typed and carried."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.taps = self.letters = self.bytes = self.requests = 0

    async def begin(self) -> None:
        devtools = await self.page.context.new_cdp_session(self.page)
        await devtools.send("Network.enable")
        line = {"downloadThroughput": LINE_BPS / 8, "uploadThroughput": LINE_BPS / 8, "latency": 100, "offline": False}
        await devtools.send("Network.emulateNetworkConditions", line)
        devtools.on("Network.loadingFinished", self._came)

    def _came(self, event: dict[str, Any]) -> None:
        self.bytes += event["encodedDataLength"]
        self.requests += 1

    async def tap(self, what: Locator) -> None:
        await what.tap()
        self.taps += 1

    async def write(self, selector: str, text: str) -> None:
        await self.tap(self.page.locator(selector))
        await self.page.fill(selector, text)
        self.letters += len(text)

    async def choose(self, selector: str, value: str) -> None:
        await self.page.select_option(selector, value)
        self.taps += 2  # the list opens, and one of it is tapped


async def test_a_weekly_briefing_of_forty_communes_is_booked_on_a_phone_behind_256_kbit_s(
    visitor: Visitor, communes: None, axe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = await visitor.sign_in(await visitor.window(phone=True, bypass_csp=True), name="canbo", path="/meetings")
    phone = Phone(page)
    await phone.begin()
    begun = perf_counter()
    await phone.tap(page.get_by_role("link", name="Đặt họp").first)
    await expect(page.locator("#title")).to_be_visible()
    found = await objections(page, axe)
    await phone.write("#title", "Giao ban tuần các xã")
    await phone.tap(page.locator(".group", has_text="Sơn La").filter(has_text="40 văn phòng"))
    await expect(page.locator("#chosen")).to_contain_text("40 điểm cầu bắt buộc")
    found += await objections(page, axe)
    await phone.choose("#repeat", "weekly")
    await phone.choose("#weekday", "TU")
    await phone.tap(page.get_by_role("button", name="Tìm giờ họp"))
    await expect(page.locator(".slot").first).to_contain_text("40/40 rảnh")
    found += await objections(page, axe)
    await phone.tap(page.get_by_role("button", name="Chọn giờ này").first)
    await expect(page.locator(".sum")).to_contain_text("lượt đặt phòng")
    found += await objections(page, axe)
    await phone.tap(page.get_by_role("button", name="Đặt họp", exact=True))
    await expect(page.get_by_role("status").filter(has_text="mỗi buổi 40 phòng")).to_be_visible()
    took = perf_counter() - begun
    found += await objections(page, axe)
    with capsys.disabled():
        print(  # noqa: T201 - figures that the project names
            f"\nweekly briefing, 40 communes, phone at {LINE_BPS // 1000} kbit/s: {phone.taps} taps, {phone.letters} "
            f"letters, {phone.bytes:,} bytes in {phone.requests} requests, {took:.0f} s with the checker's looks"
        )
    assert found == []
    assert phone.taps <= MOST_TAPS
    assert phone.bytes <= MOST_BYTES


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_the_checker_objects_to_none_of_the_other_pages_of_meetings(
    visitor: Visitor, axe: str, *, dark: bool
) -> None:
    day = in_days(14 + dark)
    page = await visitor.sign_in(await visitor.window(phone=dark, dark=dark, bypass_csp=True), name="quantri")
    await look(page, day, "09:00", "dg")
    found = await objections(page, axe)
    await page.get_by_role("button", name="Đặt họp", exact=True).click()
    meeting = page.url.partition("?")[0]
    await page.goto(f"{meeting}/change")
    found += await objections(page, axe)
    await page.select_option("#begin", "15:00")
    await page.get_by_role("button", name="Xem trước thay đổi").click()
    await expect(page.locator(".told-change")).to_contain_text("09:00")
    found += await objections(page, axe)
    await page.get_by_role("button", name="Đồng ý sửa").click()
    await expect(page.get_by_role("status").filter(has_text="Đã sửa")).to_be_visible()
    paths = (
        "/approvals", "/rooms", "/rooms/dg-room?view=day", "/rooms/dg-room?view=week", "/rooms/dg-room?view=month",
        f"{meeting}/check-in", "/room-use", "/working-days", "/delegates", "/calendar-address", "/rooms/dg-room/door",
    )  # fmt: skip
    for path in paths:
        await page.goto(f"{path}{'&' if '?' in path else '?'}day={day}" if path.startswith("/rooms/dg-room?") else path)
        found += await objections(page, axe)
    assert found == []


async def door_of(visitor: Visitor, room: str) -> tuple[Page, str]:
    """Return the page of the manager who made the address of a door's display, and the address."""
    manager = await visitor.sign_in(await visitor.window(), name="quantri", path=f"/rooms/{room}/door")
    await manager.get_by_role("button", name="Tạo địa chỉ").click()
    return manager, await manager.locator("output.token").inner_text()


def book_at(platform: Platform, room: str, title: str, begin: datetime) -> None:
    """Book a room for an hour."""
    start = f"{begin.astimezone(ZONE):%Y-%m-%dT%H:%M}"
    done = platform.command("meetings", "book", title, "--room", room, "--start", start)
    assert done.returncode == 0, done.stderr


async def test_the_display_at_a_door_goes_on_without_a_link_and_says_how_old_it_is(
    visitor: Visitor, platform: Platform, axe: str
) -> None:
    tomorrow = datetime.combine(in_days(1), time(9), ZONE)
    book_at(platform, "dk-room", "Giao ban ngày mai", tomorrow)
    manager, address = await door_of(visitor, "dk-room")
    window = await visitor.window(bypass_csp=True)
    tablet = await window.new_page()
    await tablet.goto(address)
    await expect(tablet.locator("h1")).to_have_text("Phòng họp xã Đồng Kho")
    await expect(tablet.locator("#state")).to_have_text("Rảnh")
    later = f"{tomorrow:%d/%m/%Y}09:00–10:00Giao ban ngày mai"
    await expect(tablet.locator("#next")).to_contain_text(later)
    assert await objections(tablet, axe) == []
    await tablet.evaluate("navigator.serviceWorker.ready")
    await tablet.reload()  # now the worker has kept it
    await expect(tablet.locator("#age")).to_contain_text("Số liệu lúc")
    await window.set_offline(offline=True)
    await tablet.reload()
    await expect(tablet.locator("h1")).to_have_text("Phòng họp xã Đồng Kho")
    await tablet.evaluate("Date.now = ((now) => () => now() + 600000)(Date.now.bind(Date))")
    await expect(tablet.locator("#age")).to_have_attribute("data-state", "old")
    await expect(tablet.locator("#age")).to_contain_text("Mất kết nối. Số liệu cũ 10 phút")
    await tablet.evaluate(f"Date.now = () => {int(tomorrow.timestamp() * 1000) + 60_000}")
    await expect(tablet.locator("#title")).to_have_text("Giao ban ngày mai")
    await expect(tablet.locator("#state")).to_have_text("Đang họp")
    await tablet.evaluate("Date.now = ((now) => () => now() + 8 * 86400000)(Date.now.bind(Date))")
    await expect(tablet.locator("#state")).to_have_text("Chưa rõ")
    await window.set_offline(offline=False)
    await manager.goto("/rooms/dk-room/door")
    await manager.get_by_role("button", name="Thu hồi địa chỉ").click()
    await expect(manager.locator("main")).to_contain_text("Chưa có địa chỉ")
    gone = await tablet.goto(address)
    assert gone is not None
    assert gone.status == 404


DRAWN = """async () => {
  const image = new Image();
  const text = new XMLSerializer().serializeToString(document.querySelector(".code svg"));
  image.src = `data:image/svg+xml,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: 400, height: 400 });
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0, 400, 400);
  return Array.from(pen.getImageData(0, 0, 400, 400).data).filter((_, place) => place % 4 === 0);
}"""
"""Returns how light each point of the page's QR code is."""


async def test_who_scans_the_code_at_a_door_checks_in_with_their_own_phone(
    visitor: Visitor, platform: Platform
) -> None:
    book_at(platform, "bt-room", "Họp thôn", datetime.now(UTC) + timedelta(minutes=15))
    _, address = await door_of(visitor, "bt-room")
    tablet = await (await visitor.window(bypass_csp=True)).new_page()
    await tablet.goto(address)
    seen = np.array(await tablet.evaluate(DRAWN), np.uint8).reshape(400, 400)
    (code,) = zxingcpp.read_barcodes(seen)
    phone = await visitor.sign_in(await visitor.window(phone=True, scripts=False), name="canbo", path=code.text)
    await expect(phone.locator("main")).to_contain_text("Họp thôn")
    await phone.get_by_role("button", name="Chúng tôi đã có mặt").tap()
    await expect(
        phone.get_by_role("status").filter(has_text="Đã báo có mặt: phòng được giữ cho cuộc họp.")
    ).to_be_visible()
    told = await (await tablet.request.get(f"{address}/day")).json()
    assert [use["in"] for use in told["uses"] if use["title"] == "Họp thôn"] == [True]
