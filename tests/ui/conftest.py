"""A real browser in front of the real platform: the system's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.real.platform import Platform

NAMES = ("chromium", "chromium-browser", "google-chrome")
WAIT_MS = 60_000
"""Longest wait for anything on a page; a healthy machine needs a second or two."""

expect.set_options(timeout=WAIT_MS)


class CommandFault(Protocol):
    """Lets a fault of a device begin (`on`) or end; `more` is what the fault wants beside its name."""

    def __call__(self, device: str, fault: str, *, on: bool, **more: Any) -> None: ...


@pytest.fixture(scope="package")
def platform() -> Iterator[Platform]:
    """The platform with the example programme, in which everything is well until a test commands a fault."""
    with Platform() as running:
        yield running


@pytest.fixture
def platform_url(platform: Platform) -> str:
    """Where the pages are."""
    return platform.url


@pytest.fixture
def command_fault(platform: Platform) -> Iterator[CommandFault]:
    """Commands faults, and ends after the test those that it began."""
    begun: set[tuple[str, str]] = set()

    def command(device: str, fault: str, *, on: bool, **more: Any) -> None:
        platform.fault(device, fault, on=on, **more)
        (begun.add if on else begun.discard)((device, fault))

    yield command
    for device, fault in begun:
        platform.fault(device, fault, on=False)


def chromium() -> str:
    """Return the path of the system's Chromium; RuntimeError with the line that installs it."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise RuntimeError("Chromium is missing: apt-get install chromium")


def launch_arguments() -> list[str]:
    """Return what Chromium is started with: it asks nobody outside for anything, and root needs it without sandbox."""
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    return [*quiet, "--no-sandbox"] if os.geteuid() == 0 else quiet


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """The browser."""
    async with async_playwright() as driver:
        launched = await driver.chromium.launch(executable_path=chromium(), args=launch_arguments())
        yield launched
        await launched.close()


class Visitor:
    """Somebody with a browser window."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self.url = url

    async def window(
        self, *, phone: bool = False, dark: bool = False, scripts: bool = True, bypass_csp: bool = False
    ) -> BrowserContext:
        """Return a fresh window, in which nobody is signed in."""
        context = await self._browser.new_context(
            base_url=self.url,
            viewport={"width": 390, "height": 844} if phone else {"width": 1440, "height": 900},
            has_touch=phone,
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            bypass_csp=bypass_csp,
            locale="vi-VN",
        )
        context.set_default_timeout(WAIT_MS)
        return context

    async def sign_in(self, context: BrowserContext, name: str = "anninh", path: str = "/") -> Page:
        """Sign in as an example account and return the page at `path`."""
        page = await context.new_page()
        await page.goto(path)
        await page.fill("#name", name)
        await page.fill("#password", "vungcao-demo")
        await page.click("button.primary")
        await page.wait_for_selector("main h1")
        return page


@pytest.fixture
def visitor(browser: Browser, platform_url: str) -> Visitor:
    """Somebody who opens windows on the platform."""
    return Visitor(browser, platform_url)


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checker, as a script to run in a page."""
    file = Path(__file__).parents[2] / ".tools/axe.min.js"
    if not file.is_file():
        raise RuntimeError("the accessibility checker is missing: .ci/front-end test")
    return file.read_text(encoding="utf-8")
