"""What a first visit costs: bytes on the wire and requests, for people behind 256 kbit/s."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ui.conftest import Visitor

MOST_BYTES = 60_000
MOST_BYTES_WITH_GRAPH = 150_000
MOST_REQUESTS = 8


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "anninh"), ("/devices", "anninh"), ("/devices/ps-rt1", "anninh"), ("/offices", "anninh"),
        ("/offices/ps", "anninh"), ("/top", "anninh"), ("/uplinks/ps-fibre", "anninh"),
        ("/rooms", "canbo"), ("/rooms/ps-room", "canbo"), ("/room-use", "thuky"), ("/approvals", "thuky"),
        ("/platform", "anninh"), ("/audit", "anninh"), ("/account", "anninh"), ("/changes/device/ps-rt1", "anninh"),
        ("/credentials", "quantri"), ("/offices/ps/credentials", "quantri"),
        ("/coverage", "anninh"), ("/coverage/units", "anninh"), ("/needs", "anninh"), ("/kits", "anninh"),
        ("/deliveries", "anninh"), ("/offices/ps/needs", "anninh"),
        ("/units", "anninh"), ("/contracts", "anninh"), ("/imports", "anninh"),
        ("/search?q=phan+son", "anninh"), ("/meetings", "canbo"), ("/meetings/new", "canbo"),
    ],
)  # fmt: skip
async def test_a_first_visit_stays_within_the_budget(visitor: Visitor, path: str, name: str) -> None:
    size, requests = await cost_of(visitor, path, name)
    assert size <= (MOST_BYTES_WITH_GRAPH if path.startswith("/devices/") else MOST_BYTES)
    assert len(requests) <= MOST_REQUESTS, requests


async def cost_of(visitor: Visitor, path: str, name: str) -> tuple[int, list[str]]:
    """Return the bytes on the wire, and the addresses that were asked for, when `name` first opens `path`."""
    signed_in = await visitor.window()
    await visitor.sign_in(signed_in, name)
    fresh = await visitor.window(phone=True)
    await fresh.add_cookies([{**cookie} for cookie in await signed_in.cookies()])  # type: ignore[typeddict-item]  # read and written alike
    page = await fresh.new_page()
    devtools = await fresh.new_cdp_session(page)
    await devtools.send("Network.enable")
    requests: list[str] = []
    sizes: list[int] = []

    def asked(event: dict[str, Any]) -> None:
        requests.append(event["request"]["url"])

    def came(event: dict[str, Any]) -> None:
        sizes.append(event["encodedDataLength"])

    devtools.on("Network.requestWillBeSent", asked)
    devtools.on("Network.loadingFinished", came)
    await page.goto(path)
    if await page.locator("[hx-sse\\:connect]").count():
        await page.wait_for_selector("#live[data-state=live]")  # the stream is a request too
    return sum(sizes), requests
