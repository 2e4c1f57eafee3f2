"""A serial number is read from a phone's camera: a real browser, whose camera shows a film of a sticker."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
import segno
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.real.platform import Platform
from tests.ui.conftest import Visitor, chromium, launch_arguments

SERIAL: Final = "HGD08-4711X"
WIDTH, HEIGHT = 640, 480
PAPER, INK = 205, 45

CODE_128: Final = (
    "212222222122222221121223121322131222122213122312132212221213221312231212112232122132122231113222"
    "123122123221223211221132221231213212223112312131311222321122321221312212322112322211212123212321"
    "232121111323131123131321112313132113132311211313231113231311112133112331132131113123113321133121"
    "313121211331231131213113213311213131311123311321331121312113312311332111314111221411431111111224"
    "111422121124121421141122141221112214112412122114122411142112142211241211221114413111241112134111"
    "111242121142121241114212124112124211411212421112421211212141214121412121111143111341131141114113"
    "1143114111134113111131411141313111414111312114122112142112322331112"
)
"""Widths of bars and gaps, six of each value (ISO/IEC 15417, table 1); 104 begins code set B, 106 ends, with seven."""


def bars(text: str) -> list[bool]:
    """Return the modules of `text` in Code 128, dark or not."""
    values = [104, *(ord(letter) - 32 for letter in text)]
    check = (values[0] + sum(place * value for place, value in enumerate(values))) % 103
    widths = [int(width) for value in (*values, check) for width in CODE_128[value * 6 : value * 6 + 6]]
    widths += [int(width) for width in CODE_128[106 * 6 :]]
    return [place % 2 == 0 for place, width in enumerate(widths) for _ in range(width)]


def sticker(kind: str) -> Iterator[bytes]:
    """Yield the rows of a picture of a sticker with the serial number."""
    if kind == "code-128":
        modules, size, top, bottom = [bars(SERIAL)], 3, 150, 330
    else:
        modules = [[bool(dark) for dark in row] for row in segno.make(SERIAL, micro=False).matrix]
        size, top, bottom = 10, 60, 60 + 10 * len(modules)
    left = (WIDTH - size * len(modules[0])) // 2
    for y in range(HEIGHT):
        row = bytearray([PAPER] * WIDTH)
        if top <= y < bottom:
            line = modules[0 if kind == "code-128" else (y - top) // size]
            for place, dark in enumerate(line):
                if dark:
                    row[left + place * size : left + (place + 1) * size] = bytes([INK] * size)
        yield bytes(row)


def film(file: Path, kind: str) -> Path:
    """Write a film of that sticker as YUV4MPEG2, which Chromium takes for its camera, and return it."""
    frame = b"FRAME\n" + b"".join(sticker(kind)) + bytes([128]) * (WIDTH * HEIGHT // 2)
    file.write_bytes(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode() + frame * 2)
    return file


@asynccontextmanager
async def with_camera(*arguments: str) -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium(), args=[*launch_arguments(), *arguments])
        yield browser
        await browser.close()


@pytest.fixture(scope="module")
def delivery(platform: Platform) -> str:
    """The address of a delivery with a router that waits to be accepted."""
    done = platform.command("deliveries", "plan", "ps", "--piece", "router=1", "--json")
    assert done.returncode == 0, done.stderr
    which = json.loads(done.stdout)["id"]
    assert platform.command("deliveries", "arrive", which).returncode == 0
    return f"/deliveries/{which}"


async def opened(browser: Browser, url: str, path: str) -> Page:
    visitor = Visitor(browser, url)
    return await visitor.sign_in(await visitor.window(phone=True), "quantri", path)


@pytest.mark.parametrize("kind", ["code-128", "qr"])
async def test_a_sticker_before_the_camera_fills_the_field(
    platform: Platform, delivery: str, tmp_path: Path, kind: str
) -> None:
    camera = f"--use-file-for-fake-video-capture={film(tmp_path / 'camera.y4m', kind)}"
    async with with_camera("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", camera) as browser:
        page = await opened(browser, platform.url, delivery)
        fetched: list[str] = []
        page.on("request", lambda request: fetched.append(request.url))
        assert not await page.evaluate("performance.getEntriesByType('resource').some((one) => /zxing/.test(one.name))")
        await page.get_by_role("button", name="Quét mã").first.click()
        await expect(page.locator("#serial-1")).to_have_value(SERIAL)
        await expect(page.locator("dialog[open]")).to_have_count(0)
        await expect(page.locator("#serial-1")).to_be_focused()
        has_own = await page.evaluate("'BarcodeDetector' in window")
        assert any("zxing" in address for address in fetched) != has_own, "fetched where it is needed, and only then"


async def test_without_a_camera_the_page_says_so_and_the_number_is_typed(
    browser: Browser, platform: Platform, delivery: str
) -> None:
    page = await opened(browser, platform.url, delivery)
    await page.get_by_role("button", name="Quét mã").first.click()
    await expect(page.get_by_role("button", name="Không dùng được máy ảnh")).to_be_visible()
    await page.fill("#serial-1", SERIAL)
    await expect(page.locator("#serial-1")).to_have_value(SERIAL)
