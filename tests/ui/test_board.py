"""The board: seeing a device fail and recover, taking an alert, all without loading the page again."""

from __future__ import annotations

import asyncio

from playwright.async_api import Page, Route, expect

from tests.ui.conftest import CommandFault, Visitor


async def see_fail(page: Page, command_fault: CommandFault, device: str, office: str) -> str:
    """Let `device` fall silent, show its alert, and return the selector of its row."""
    before = await page.locator("[data-row]").count()
    command_fault(device, "silent", on=True)
    await expect(page.locator("#new-alerts")).to_be_visible()
    await expect(page.locator(f"#tile-{office}")).to_have_class("tile critical")
    assert await page.locator("[data-row]").count() == before, "rows moved under the pointer"
    await page.click("#new-alerts")
    row = page.locator("[data-row]", has_text=device)
    await expect(row).to_be_visible()
    return f"#{await row.get_attribute('id')}"


async def test_somebody_signs_in_and_sees_live_values(visitor: Visitor) -> None:
    page = await visitor.sign_in(await visitor.window())
    await expect(page.locator("h1")).to_have_text("Cảnh báo")
    await expect(page.locator("#live")).to_have_attribute("data-state", "live")
    await expect(page.locator("#live")).to_contain_text("Trực tiếp, cập nhật")
    rates = page.locator(".uplink .rates").first
    await expect(rates).to_contain_text("bit/s")  # not before the second poll
    shown = await rates.inner_text()
    await expect(rates).not_to_have_text(shown)


async def test_a_line_that_brings_one_script_late_does_not_cost_the_live_values(visitor: Visitor) -> None:
    window = await visitor.window()

    async def late(route: Route) -> None:
        await asyncio.sleep(1)
        await route.continue_()

    await window.route("**/hx-sse.min.js*", late)
    page = await visitor.sign_in(window)
    await expect(page.locator("#live")).to_have_attribute("data-state", "live")


async def test_a_device_fails_and_recovers_before_one_s_eyes(visitor: Visitor, command_fault: CommandFault) -> None:
    page = await visitor.sign_in(await visitor.window())
    row = await see_fail(page, command_fault, "sk-rt1", "sk")
    await expect(page.locator(row)).to_contain_text("Bộ định tuyến không kết nối được")
    await expect(page.locator("#answer")).to_contain_text("khẩn cấp")
    await expect(page.locator("#feed")).to_contain_text("Suối Kiết")
    command_fault("sk-rt1", "silent", on=False)
    await expect(page.locator(f"{row}.over")).to_contain_text("Đã hết")
    await expect(page.locator("#tile-sk")).to_have_class("tile ok")


async def test_on_a_phone_a_device_fails_and_recovers_too(visitor: Visitor, command_fault: CommandFault) -> None:
    page = await visitor.sign_in(await visitor.window(phone=True))
    row = await see_fail(page, command_fault, "hn-rt1", "hn")
    command_fault("hn-rt1", "silent", on=False)
    await expect(page.locator(f"{row}.over")).to_be_visible()


async def test_an_alert_is_taken_and_given_back_in_its_row(visitor: Visitor, command_fault: CommandFault) -> None:
    page = await visitor.sign_in(await visitor.window())
    colleague = await visitor.sign_in(await visitor.window(), name="kythuat")
    row = await see_fail(page, command_fault, "dk-rt1", "dk")
    await colleague.reload()
    await page.locator(f"{row} [data-take]").click()
    await expect(page.locator(f"{row} .owner")).to_contain_text("Bạn")
    assert await page.evaluate("document.activeElement.id.startsWith('act-')"), "the keyboard lost its place"
    await expect(colleague.locator(f"{row} .owner")).to_contain_text("Cán bộ an ninh mẫu")
    await page.get_by_role("button", name="Trả lại").click()
    await expect(page.locator(f"{row} [data-take]")).to_be_visible()
    await expect(colleague.locator(f"{row} [data-take]")).to_be_visible()


async def test_the_keyboard_does_what_the_help_says(visitor: Visitor, command_fault: CommandFault) -> None:
    page = await visitor.sign_in(await visitor.window())
    row = await see_fail(page, command_fault, "nd-rt1", "nd")
    await page.keyboard.press("/")
    await expect(page.locator("#search")).to_be_focused()
    await page.keyboard.type("a?")
    await expect(page.locator("#help")).to_be_hidden()
    await page.locator("h1").click()
    await page.keyboard.press("?")
    await expect(page.locator("#help")).to_be_visible()
    await page.keyboard.press("Escape")
    while not await page.locator(f"{row}.here").count():
        await page.keyboard.press("j")
    await page.keyboard.press("a")
    await expect(page.locator(f"{row} .owner")).to_contain_text("Bạn")


async def test_an_official_sees_alerts_and_is_offered_nothing_to_take(
    visitor: Visitor, command_fault: CommandFault
) -> None:
    page = await visitor.sign_in(await visitor.window(), name="canbo")
    row = await see_fail(page, command_fault, "br-rt1", "br")
    await expect(page.locator(row)).to_contain_text("Chưa ai nhận")
    await expect(page.locator("[data-take]")).to_have_count(0)
