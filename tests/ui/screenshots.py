"""Takes the pictures of the documents from the running example programme: `make screenshots`.

Its faults come by themselves, so that the board has something to show; nothing on it is made up for the picture. One
device more is let in to over SSH, where a real sshd plays it, and a real dry run is taken there.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import NamedTuple

from playwright.async_api import async_playwright

from tests.real.platform import Platform
from tests.real.waiting import until
from tests.ui.conftest import Visitor, chromium, launch_arguments
from tests.ui.over_ssh import OFFICE, example_over_ssh, finished

PICTURES = Path(__file__).parents[2] / "docs/pictures"
OPEN_ALERTS = 3
LIVE_S = 5


def has_alerts(platform: Platform) -> bool:
    """Return whether the first faults of the example have been found."""
    states = [device["state"] for device in platform.ask_engine("/healths")]
    return sum(state in ("critical", "warning") for state in states) >= OPEN_ALERTS


class Picture(NamedTuple):
    """One picture: its name, the page, who looks at it; `follow` is a link of the page that leads to the one meant."""

    name: str
    path: str
    account: str = "anninh"
    follow: str = ""
    phone: bool = False
    dark: bool = False


MEETING = ".meeting h3 a"
HURTS_A_MEETING = ".alert:has(.needed) h3 a"
LATEST_RUN = ".run-row h3 a"
LAUNCH = f"/playbooks/time-and-dns?office={OFFICE}"

TAKEN = (
    Picture("board", "/"),
    Picture("board-dark", "/", dark=True),
    Picture("board-phone", "/", phone=True),
    Picture("device", "/devices/ps-rt1"),
    Picture("alert", "/", follow=HURTS_A_MEETING),
    Picture("alert-phone", "/", follow=HURTS_A_MEETING, phone=True),
    Picture("meetings", "/meetings", "canbo"),
    Picture("meetings-phone", "/meetings", "canbo", phone=True),
    Picture("meeting", "/meetings", "canbo", MEETING),
    Picture("meeting-phone", "/meetings", "canbo", MEETING, phone=True),
    Picture("playbook", LAUNCH, "kythuat"),
    Picture("playbook-phone", LAUNCH, "kythuat", phone=True),
    Picture("run", "/playbooks", "kythuat", LATEST_RUN),
    Picture("run-phone", "/playbooks", "kythuat", LATEST_RUN, phone=True),
)


async def take(url: str) -> None:
    """Take all pictures."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium(), args=launch_arguments())
        visitor = Visitor(browser, url)
        for picture in TAKEN:
            window = await visitor.window(phone=picture.phone, dark=picture.dark)
            page = await visitor.sign_in(window, picture.account, picture.path)
            await asyncio.sleep(LIVE_S)
            await page.goto(picture.path)
            if picture.follow:
                await page.locator(picture.follow).first.click()
            await asyncio.sleep(LIVE_S)
            await page.screenshot(path=PICTURES / f"{picture.name}.png")
            await window.close()
        await browser.close()


def main() -> None:
    """Start the example programme, wait for its first faults and a dry run, take the pictures."""
    PICTURES.mkdir(exist_ok=True)
    interval = {"VUNGCAO_POLL_INTERVAL_S": "2"}
    with (
        tempfile.TemporaryDirectory(prefix="vc-pictures-") as folder,
        example_over_ssh(Path(folder), interval, faults=True, meetings=True) as (platform, _sshd),
    ):
        finished(platform, "time-and-dns", check=True)
        until(lambda: has_alerts(platform), "the first faults")
        asyncio.run(take(platform.url))


if __name__ == "__main__":
    main()
