"""A device's page: its graph, and what it says when the device does not answer as it should."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.ui.conftest import WAIT_MS, CommandFault, Visitor


async def test_the_graph_of_an_uplink_grows_by_itself(visitor: Visitor) -> None:
    page = await visitor.sign_in(await visitor.window(), path="/devices/ps-rt1")
    await expect(page.locator("#graph canvas")).to_be_visible()
    legend = page.locator(".u-legend")
    shown = await legend.inner_text()
    await expect(legend).not_to_have_text(shown)
    await page.get_by_text("Xem dạng bảng").click()
    assert await page.locator(".graph tbody tr").count() > 0


async def test_the_graph_s_data_can_be_had_by_itself(visitor: Visitor) -> None:
    page = await visitor.sign_in(await visitor.window(), path="/devices/ps-rt1")
    interface = await page.locator("select[name=interface]").input_value()
    answer = await page.request.get("/devices/ps-rt1/graph", params={"interface": interface, "hours": 1})
    graph = await answer.json()
    assert len(graph["times"]) == len(graph["in"]) == len(graph["out"]) > 0
    assert graph["times"] == sorted(graph["times"])


@pytest.mark.parametrize(
    ("fault", "more", "happened"),
    [
        ("silent", {}, "Thiết bị không trả lời từ"),
        ("garbage", {}, "không phải SNMP"),
        ("wrong-request-id", {}, "số hiệu của câu hỏi khác"),
        ("wrong-address", {}, "địa chỉ khác với địa chỉ được hỏi"),
        ("half-table", {"subtree": "1.3.6.1.2.1.2.2.1.8"}, "Thiết bị chỉ trả lời"),  # rows of ifOperStatus
    ],
)
async def test_a_device_that_misbehaves_says_so_and_what_to_do(
    visitor: Visitor, command_fault: CommandFault, fault: str, more: dict[str, str], happened: str
) -> None:
    page = await visitor.sign_in(await visitor.window(), path="/devices/ht-sw1")
    await expect(page.locator("#trouble .message")).to_have_count(0)
    command_fault("ht-sw1", fault, on=True, **more)
    await expect(page.locator("#trouble")).to_contain_text(happened)
    command_fault("ht-sw1", fault, on=False, **more)
    # What a lesson in the middle of the fault did not find is looked for again at the next one, sixty polls later.
    await expect(page.locator("#trouble .message")).to_have_count(0, timeout=2 * WAIT_MS)


async def test_a_device_that_is_not_there_is_a_page_that_says_so(visitor: Visitor) -> None:
    page = await visitor.sign_in(await visitor.window())
    answer = await page.goto("/devices/nowhere-rt1")
    assert answer is not None
    assert answer.status == 404
    await expect(page.locator("main")).to_contain_text("Không có thiết bị nowhere-rt1 nào mà bạn được xem.")
