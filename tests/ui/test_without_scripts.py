"""Everything that can be done, done with scripts off: plain forms and whole pages."""

from __future__ import annotations

from playwright.async_api import expect

from tests.real.platform import Platform
from tests.real.waiting import until
from tests.ui.conftest import CommandFault, Visitor


async def test_somebody_without_scripts_takes_an_alert_and_gives_it_back(
    visitor: Visitor, platform: Platform, command_fault: CommandFault
) -> None:
    command_fault("ld-sw1", "silent", on=True)
    until(lambda: platform.device("ld-sw1")["state"] == "critical", "the alert of ld-sw1")
    page = await visitor.sign_in(await visitor.window(phone=True, scripts=False))
    row = page.locator("[data-row]", has_text="La Dạ")
    await row.get_by_role("button", name="Nhận xử lý").click()
    await expect(row).to_contain_text("đang xử lý")
    await row.get_by_role("button", name="Trả lại").click()
    await expect(row.get_by_role("button", name="Nhận xử lý")).to_be_visible()


async def test_without_scripts_the_page_claims_no_more_than_the_time_of_its_values(visitor: Visitor) -> None:
    page = await visitor.sign_in(await visitor.window(scripts=False))
    await expect(page.locator("#live")).to_contain_text("Số liệu lúc")
    await expect(page.locator("#live")).to_have_attribute("data-state", "still")


async def test_without_scripts_the_graph_is_drawn_by_the_server(visitor: Visitor) -> None:
    page = await visitor.sign_in(await visitor.window(scripts=False), path="/devices/ps-rt1")
    await expect(page.locator(".drawing .in")).to_be_visible()
    await page.locator("select[name=hours]").select_option("6")
    await page.get_by_role("button", name="Xem", exact=True).click()
    assert "hours=6" in page.url


async def test_without_scripts_lists_are_searched(visitor: Visitor) -> None:
    page = await visitor.sign_in(await visitor.window(phone=True, scripts=False), path="/devices")
    await page.fill("main input[type=search]", "suoi kiet")
    await page.get_by_role("button", name="Lọc").click()
    rows = page.locator("[data-row]")
    await expect(rows.first).to_contain_text("Suối Kiết")
    assert await rows.count() == await rows.filter(has_text="Suối Kiết").count()


async def test_the_language_is_changed_on_a_phone_without_scripts_and_stays(visitor: Visitor) -> None:
    window = await visitor.window(phone=True, scripts=False)
    page = await visitor.sign_in(window, name="thuky", path="/offices")
    await page.locator(".bottom summary").click()
    await page.locator(".sheet").get_by_role("button", name="English").click()
    await expect(page.locator("h1")).to_have_text("Offices")
    assert page.url.endswith("/offices")
    await page.locator(".bottom summary").click()
    await page.locator(".sheet").get_by_role("button", name="Sign out").click()
    await expect(page.locator("h1")).to_have_text("Sign in")
    await page.get_by_role("button", name="Tiếng Việt").click()
    await expect(page.locator("h1")).to_have_text("Đăng nhập")


async def test_a_wrong_password_is_said_at_the_top_and_the_name_stays(visitor: Visitor) -> None:
    page = await (await visitor.window(scripts=False)).new_page()
    await page.goto("/sign-in")
    await page.fill("#name", "anninh")
    await page.fill("#password", "not the password")
    await page.click("button.primary")
    await expect(page.get_by_role("alert")).to_contain_text("Tên đăng nhập hoặc mật khẩu không đúng.")
    await expect(page.locator("#name")).to_have_value("anninh")
