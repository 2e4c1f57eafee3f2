"""Takes the pictures of the README from the running example programme: `make screenshots`.

Its faults come by themselves, so that the board has something to show; nothing on it is made up for the picture.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from playwright.async_api import async_playwright

from tests.real.platform import Platform
from tests.real.waiting import until
from tests.ui.conftest import Visitor, chromium, launch_arguments

PICTURES = Path(__file__).parents[2] / "docs/pictures"
OPEN_ALERTS = 3
LIVE_S = 5


def has_alerts(platform: Platform) -> bool:
    """Return whether the first faults of the example have been found."""
    states = [device["state"] for device in platform.ask_engine("/board")["devices"]]
    return sum(state in ("critical", "warning") for state in states) >= OPEN_ALERTS


async def take(url: str) -> None:
    """Take all pictures."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium(), args=launch_arguments())
        visitor = Visitor(browser, url)
        for name, path, phone, dark in (
            ("board", "/", False, False),
            ("board-dark", "/", False, True),
            ("board-phone", "/", True, False),
            ("device", "/devices/ps-rt1", False, False),
        ):
            window = await visitor.window(phone=phone, dark=dark)
            page = await visitor.sign_in(window, path=path)
            await asyncio.sleep(LIVE_S)
            await page.goto(path)
            await asyncio.sleep(LIVE_S)
            await page.screenshot(path=PICTURES / f"{name}.png")
            await window.close()
        await browser.close()


def main() -> None:
    """Start the example programme, wait for its first faults, take the pictures."""
    PICTURES.mkdir(exist_ok=True)
    with Platform({"VUNGCAO_POLL_INTERVAL_S": "2"}, faults=True) as platform:
        until(lambda: has_alerts(platform), "the first faults")
        asyncio.run(take(platform.url))


if __name__ == "__main__":
    main()
