"""Playbooks in the browser, on a device that a real sshd plays: dry run, live log, refusal, a second technician."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from tests.real.platform import Platform
from tests.real.sshd import Sshd
from tests.ui.conftest import Visitor
from tests.ui.over_ssh import DEVICE, OFFICE, call_off, example_over_ssh, finished, meet_now
from tests.ui.test_accessibility import objections
from tests.ui.test_budget import MOST_BYTES, MOST_REQUESTS, cost_of

pytestmark = pytest.mark.timeout(900)

RUN_MS = 240_000
"""Longest wait for a run: Ansible takes seconds of CPU for a task, and a busy machine makes minutes of that."""

FORM = f"/playbooks/time-and-dns?office={OFFICE}"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, Sshd]]:
    """The example programme with a device that is let in to over SSH."""
    with example_over_ssh(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture
def platform_url(example: tuple[Platform, Sshd]) -> str:
    """Where its pages are."""
    return example[0].url


@pytest.fixture(scope="module")
def dry_run(example: tuple[Platform, Sshd]) -> str:
    """Address of a dry run that is over."""
    return f"/runs/{finished(example[0], 'time-and-dns', check=True)}"


@pytest.fixture
def meeting(example: tuple[Platform, Sshd]) -> Iterator[str]:
    """Title of a meeting for which people join just now."""
    booked = meet_now(example[0], "Giao ban tuần")
    yield "Giao ban tuần"
    call_off(example[0], booked)


async def launch(page: Page, *, real: bool = False) -> None:
    """Send the form that is open."""
    await page.locator(f"input[name=mode][value={'real' if real else 'check'}]").check()
    await page.locator("form.launch button").click()


async def test_a_dry_run_is_followed_line_by_line_and_then_run_for_real(
    visitor: Visitor, example: tuple[Platform, Sshd]
) -> None:
    timezone = example[1].root / "etc/timezone"
    timezone.unlink(missing_ok=True)
    page = await visitor.sign_in(await visitor.window(), name="kythuat", path="/playbooks")
    await page.get_by_role("link", name="Cài đặt giờ và DNS").click()
    await page.fill("main input[type=search]", "phan son")
    await page.get_by_role("button", name="Tìm kiếm").click()
    await page.get_by_role("link", name="Văn phòng Chương trình xã Phan Sơn").click()
    await expect(page.locator("input[value=check]")).to_be_checked()
    await expect(page.locator("main")).to_contain_text("Sẽ chạy trên 1 thiết bị")
    await page.locator("form.launch button").click()
    await expect(page.locator("#run-state")).to_contain_text("Chạy thử: không thay đổi gì")
    await page.evaluate("window.sameDocument = true")
    # Lines are there while it runs: what comes at the end only would not be live.
    await expect(page.locator("#run-state")).to_contain_text("Đang chạy", timeout=RUN_MS)
    await expect(page.locator("#live")).to_have_attribute("data-state", "live")
    await expect(page.locator("#lines .task").first).to_be_visible(timeout=RUN_MS)
    assert "Đã xong" not in await page.locator("#run-state").inner_text()
    await expect(page.locator("#run-told")).to_contain_text("Không có gì bị thay đổi.", timeout=RUN_MS)
    await expect(page.locator("#run-hosts")).to_contain_text(DEVICE)
    await expect(page.locator("#run-hosts")).to_contain_text("Sẽ đổi")
    await expect(page.locator("#run-changes .added", has_text="Asia/Ho_Chi_Minh")).to_be_visible()
    await expect(page.locator("#live")).to_contain_text("Đã kết thúc")
    shown = await page.locator("#lines p[data-n]").evaluate_all("lines => lines.map(line => Number(line.dataset.n))")
    assert shown == list(range(1, len(shown) + 1)), "every line once, and in order"
    assert await page.evaluate("window.sameDocument"), "nobody loaded the page again"
    assert not timezone.exists()
    await page.get_by_role("button", name="Chạy thật").click()
    await expect(page.locator("#run-told")).to_contain_text("Đã làm xong mọi việc", timeout=RUN_MS)
    assert timezone.read_text().strip() == "Asia/Ho_Chi_Minh"


async def test_a_change_is_refused_in_words_and_a_second_technician_lets_it_run_on_a_phone(
    visitor: Visitor, meeting: str
) -> None:
    page = await visitor.sign_in(await visitor.window(), name="kythuat", path=FORM)
    await launch(page, real=True)
    await expect(page.locator("#refusal")).to_contain_text(f"đang họp: {meeting}. Kịch bản được chạy từ")
    await page.get_by_role("button", name="Đề nghị kỹ thuật viên thứ hai").click()
    await expect(page.locator("#run-state")).to_contain_text("Chờ kỹ thuật viên thứ hai")
    await expect(page.locator("#reason")).to_have_count(0)
    second = await visitor.sign_in(await visitor.window(phone=True), name="kythuat2")
    await second.locator(".bottom").get_by_role("link", name="Kịch bản").click()
    await (
        second.locator("main")
        .get_by_role("link", name="Cài đặt giờ và DNS: Văn phòng Chương trình xã Phan Sơn")
        .first.click()
    )
    await second.fill("#reason", "Cuộc họp đang nghỉ giải lao.")
    await second.get_by_role("button", name="Cho chạy ngay").click()
    # The one who asked sees it on the page that is open.
    await expect(page.locator("#run-state")).to_contain_text("kythuat2 cho chạy: Cuộc họp đang nghỉ giải lao.")
    await expect(page.locator("#run-told")).to_contain_text("Đã làm xong mọi việc", timeout=RUN_MS)


async def test_without_scripts_a_run_is_launched_and_its_log_is_loaded_again_and_searched(visitor: Visitor) -> None:
    page = await visitor.sign_in(
        await visitor.window(phone=True, scripts=False), name="kythuat", path=f"/playbooks/site-check?office={OFFICE}"
    )
    await page.fill("[name='arg.services']", "")
    await page.fill("[name='arg.load_limit_per_cpu']", "100")  # the machine of the tests is busy
    await page.locator("form.launch button").click()
    state = page.locator("#run-state")
    for _ in range(RUN_MS // 1000):
        if "Chờ đến lượt" not in (shown := await state.inner_text()) and "Đang chạy" not in shown:
            break
        await page.get_by_role("link", name="Tải các dòng mới nhất").click()
        await page.wait_for_timeout(1000)
    await expect(state).to_contain_text("Đã xong")
    await page.fill("#log input[type=search]", "disk")
    await page.locator("#log").get_by_role("button", name="Tìm kiếm").click()
    await expect(page.locator("#lines p[data-n]").first).to_contain_text("isk")
    assert await page.locator("#lines p[data-n]").count() < 20


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_the_checker_objects_to_nothing(
    visitor: Visitor, dry_run: str, meeting: str, axe: str, *, phone: bool, dark: bool
) -> None:
    context = await visitor.window(phone=phone, dark=dark, bypass_csp=True)
    page = await visitor.sign_in(context, name="kythuat", path="/playbooks")
    found = await objections(page, axe)
    for path in ("/playbooks/site-check", "/playbooks/site-check?office=dl", FORM, dry_run, f"{dry_run}?q=task"):
        await page.goto(path)
        found += await objections(page, axe)
    await page.goto(FORM)
    await page.fill("[name='arg.dns_servers']", "ns1")
    await launch(page)
    await expect(page.locator(".mistake")).to_be_visible()
    found += await objections(page, axe)
    await page.fill("[name='arg.dns_servers']", "")
    await launch(page, real=True)
    found += await objections(page, axe)
    await page.get_by_role("button", name="Đề nghị kỹ thuật viên thứ hai").click()
    await expect(page.locator("#live")).to_have_attribute("data-state", "live")
    found += await objections(page, axe)
    second = await visitor.sign_in(
        await visitor.window(phone=phone, dark=dark, bypass_csp=True), name="kythuat2", path=page.url
    )
    found += await objections(second, axe)
    await page.get_by_role("button", name="Rút yêu cầu").click()
    await expect(page.locator("#run-told")).to_contain_text("đã huỷ trước khi bắt đầu")
    found += await objections(page, axe)
    assert found == []


async def test_first_visits_stay_within_the_budget(visitor: Visitor, dry_run: str) -> None:
    for path in ("/playbooks", "/playbooks/site-check", FORM, dry_run):
        size, requests = await cost_of(visitor, path, "kythuat")
        assert size <= MOST_BYTES, path
        assert len(requests) <= MOST_REQUESTS, requests
