"""Every page, on a light desktop and a dark phone: nothing that the checker objects to, nothing wider than the screen.

What was looked at is left as pictures in `var/pictures`, for people to look at.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from tests.ui.conftest import CommandFault, Visitor

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PATHS = [
    "/", "/?q=nothing-has-this-name", "/devices", "/devices/ps-rt1", "/devices/sl-mt1", "/devices/ld-ups1", "/offices",
    "/offices/ps", "/top?unit=lam-dong&by=loss", "/uplinks/ps-fibre", "/devices/ps-rt1?sort=in",
    "/platform", "/audit", "/audit?action=alert.", "/changes/device/ps-rt1", "/account",
    "/contracts", "/imports",
    "/coverage", "/coverage?unit=lam-dong&level=commune", "/coverage/units", "/units/lam-dong/coverage", "/needs",
    "/offices/ps/needs", "/kits", "/deliveries",
    "/units", "/units/lam-dong", "/figures", "/search?q=phan+son", "/reorganisations", "/there-is-no-such-page",
]  # fmt: skip
OF_ADMINISTRATORS = [
    "/credentials", "/credentials/new?kind=snmp-v3", "/credentials/example-v2c", "/offices/ps/credentials",
    "/people", "/people/kythuat", "/people/kythuat/erase", "/second-factor", "/bulk-edit",
    "/offices/ps/edit", "/devices/ps-rt1/edit", "/uplinks/ps-fibre/edit",
    "/add/offices?unit=phan-son", "/add/devices?office=ps", "/add/checks?device=ps-rt1", "/add/checks?kind=http",
    "/reorganisations/new?unit=phan-son",
]  # fmt: skip
PICTURES = Path(__file__).parents[2] / "var/pictures"
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def take_picture(page: Page) -> None:
    """Leave a picture of the page that is open, such as `meetings-one-phone-dark.png`, in place of an older one."""
    address = urlsplit(page.url)
    path = re.sub(r"\W+", "-", ID.sub("one", f"{address.path}?{address.query}")).strip("-") or "board"
    phone, dark = await page.evaluate("[innerWidth < 760, matchMedia('(prefers-color-scheme: dark)').matches]")
    name = f"{path}-{'phone' if phone else 'desktop'}-{'dark' if dark else 'light'}.png"
    await page.screenshot(path=PICTURES / name, full_page=True)


async def objections(page: Page, axe: str) -> list[str]:
    """Return what is wrong with the page that is open, a line each, and leave a picture of it."""
    await take_picture(page)
    # As tall as the page: the bar at the bottom of a phone covers nothing that cannot be scrolled from under it.
    screen = page.viewport_size
    assert screen is not None
    await page.set_viewport_size({**screen, "height": await page.evaluate("document.documentElement.scrollHeight")})
    await page.evaluate(axe)
    found = await page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    lines = [f"{page.url}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]
    # The checker takes text in the colour of its background for hidden on purpose. Ours is not.
    lines += [
        f"{page.url}: text that nobody sees: {node['html'][:200]}"
        for one in found["incomplete"] if one["id"] == "color-contrast"
        for node in one["nodes"] if node["any"][0]["data"]["messageKey"] == "equalRatio"
    ]  # fmt: skip
    wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    await page.set_viewport_size(screen)
    return [*lines, *([f"{page.url}: {wider} px wider than the screen"] if wider > 0 else [])]


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (True, True)], ids=["desktop-light", "phone-dark"])
async def test_the_checker_objects_to_nothing(
    visitor: Visitor, command_fault: CommandFault, axe: str, *, phone: bool, dark: bool
) -> None:
    command_fault("sl-mt1", "garbage", on=True)
    # The checker is a script of ours, not of the page: the page's policy would rightly refuse it.
    context = await visitor.window(phone=phone, dark=dark, bypass_csp=True)
    page = await context.new_page()
    await page.goto("/sign-in")
    found = await objections(page, axe)
    await page.close()
    page = await visitor.sign_in(context)
    await page.wait_for_url("/")
    for path in PATHS:
        await page.goto(path)
        if path == "/":
            await expect(page.locator("#live")).to_have_attribute("data-state", "live")
        found += await objections(page, axe)
    await page.goto("/devices/sl-mt1")
    await expect(page.locator("#device-alerts b.critical")).to_be_visible()
    await page.locator("#device-alerts a").first.click()
    await expect(page.locator("main [data-take]")).to_be_visible()
    found += await objections(page, axe)
    assert found == []


@pytest.mark.parametrize(("phone", "dark"), [(False, True), (True, False)], ids=["desktop-dark", "phone-light"])
async def test_the_checker_objects_to_nothing_that_administrators_see(
    visitor: Visitor, axe: str, *, phone: bool, dark: bool
) -> None:
    page = await visitor.sign_in(await visitor.window(phone=phone, dark=dark, bypass_csp=True), "quantri")
    found = []
    for path in OF_ADMINISTRATORS:
        await page.goto(path)
        found += await objections(page, axe)
    await page.goto("/bulk-edit")
    for box in (await page.locator("input[name=codes]").all())[:3]:
        await box.check()
    await page.select_option("select[name=field]", "firmware")
    await page.fill("input[name=value]", "7.16")
    await page.locator("main button.primary").click()
    await expect(page.locator("main form button.primary")).to_be_visible()
    found += await objections(page, axe)
    await page.goto("/reorganisations/new?unit=phan-son")
    await page.fill("#title", "Đổi tên xã")
    await page.fill("#name-0", "Xã Phan Sơn Mới")
    await page.fill("#name_en-0", "Phan Son Moi Commune")
    await page.click("button[value=rehearse]")
    await page.wait_for_url(re.compile("/reorganisations/[0-9a-f]"))
    found += await objections(page, axe)
    assert found == []
