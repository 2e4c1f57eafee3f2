"""Playbooks in the browser, on devices that real sshds play: dry run, approval, waves, stop, resume; no scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.real.platform import Platform
from tests.real.sshd import Sshd
from tests.ui.conftest import Visitor
from tests.ui.over_ssh import DEVICE, OFFICE, OTHERS, example_over_ssh, finished, signed_in
from tests.ui.test_accessibility import objections
from tests.ui.test_budget import MOST_BYTES, MOST_REQUESTS, cost_of

pytestmark = pytest.mark.timeout(900)

RUN_MS = 240_000
"""Longest wait for a run: Ansible takes seconds of CPU for a task, and a busy machine makes minutes of that."""

FORM = f"/playbooks/time-and-dns?office={OFFICE}"
OWN = "/playbooks/banner?office=ps"

META = """\
version: 1
title: {vi: Đặt lời chào, en: Set the banner}
help: {vi: Ghi lời chào khi đăng nhập., en: Writes what is shown at sign-in.}
risk: changing
check_note: {vi: Cho biết tệp sẽ đổi., en: Says which file would change.}
roles: [technician]
limit_s: 300
approval_h: 24
waves: {canary: 1, steps: [1], soak_s: 0, most_failed_percent: 0, stop_on_health: false}
arguments:
  words:
    title: {vi: Lời chào, en: Words}
    type: text
"""
PLAYBOOK = """\
- name: Set the banner
  hosts: all
  gather_facts: false
  tasks:
    - name: Whether the disk is well
      ansible.builtin.stat:
        path: "{{ target_root }}/etc/full"
      register: full
      check_mode: false
    - name: The disk is full
      ansible.builtin.fail:
        msg: No space is left on the device
      when: full.stat.exists and not ansible_check_mode
    - name: Write it
      ansible.builtin.copy:
        content: "{{ words }} {{ inventory_hostname }}\\n"
        dest: "{{ target_root }}/etc/issue.{{ inventory_hostname }}"
        mode: "0644"
"""
"""A playbook of the technicians' own, which a second person approves, and which fails where a file stands."""


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, Sshd]]:
    """The example programme with three devices that are let in to over SSH, and a playbook of one's own."""
    folder = tmp_path_factory.mktemp("site")
    own = folder / "own"
    own.mkdir()
    (own / "banner.meta.yml").write_text(META, "utf-8")
    (own / "banner.yml").write_text(PLAYBOOK, "utf-8")
    readable(own)
    with example_over_ssh(folder, {"VUNGCAO_PLAYBOOKS_DIR": str(own)}, others=OTHERS) as running:
        yield running


def readable(folder: Path) -> None:
    """Let every account of this machine read `folder`, as technicians' folders are."""
    for place in (folder, *folder.parents[:3], *folder.iterdir()):
        place.chmod(place.stat().st_mode | (0o755 if place.is_dir() else 0o644))


@pytest.fixture
def platform_url(example: tuple[Platform, Sshd]) -> str:
    """Where its pages are."""
    return example[0].url


@pytest.fixture(scope="module")
def dry_run(example: tuple[Platform, Sshd]) -> str:
    """Address of a dry run that is over."""
    return f"/runs/{finished(example[0], 'time-and-dns', check=True)}"


@pytest.fixture(scope="module")
def furnished(example: tuple[Platform, Sshd]) -> list[str]:
    """Addresses of pages that show what was set: a schedule, a webhook, a window."""
    order = {"playbook": "site-check", "targets": {"offices": [OFFICE]}, "check": True}
    schedule = {**order, "name": "Kiểm tra mỗi đêm", "rule": "FREQ=DAILY", "first": "2026-11-24T22:00:00"}
    place = {"kind": "unit", "code": "lam-dong"}
    window = {"title": "Bảo trì đêm thứ Bảy", "first": "2026-11-21T22:00:00", "rule": "FREQ=WEEKLY;BYDAY=SA"}
    receiver = {"name": "Trực ban tỉnh", "url": "https://truc-ban.lamdong.test/", "events": ["playbook.ended"]}
    with signed_in(example[0], "kythuat") as technician, signed_in(example[0], "quantri") as administrator:
        made = technician.post("/api/v1/playbook-schedules", json=schedule).raise_for_status().json()["id"]
        technician.post("/api/v1/webhooks", json={**order, "name": "Hệ thống giám sát"}).raise_for_status()
        for kind in ("maintenance", "blackout"):
            wanted = {**window, "kind": kind, "place": place, "minutes": 120}
            administrator.post("/api/v1/windows", json=wanted).raise_for_status()
        administrator.post("/api/v1/webhook-receivers", json=receiver).raise_for_status()
    return [f"/schedules/{made}", "/schedules", "/webhooks", "/windows"]


async def launch(page: Page, *, real: bool = False) -> None:
    """Send the form that is open."""
    await page.locator(f"input[name=mode][value={'real' if real else 'check'}]").check()
    await page.locator("button[name=do][value=launch]").click()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_launch_dry_run_approval_waves_stop_and_resume(
    visitor: Visitor, example: tuple[Platform, Sshd], axe: str, *, phone: bool
) -> None:
    etc = example[1].root / "etc"
    for left in etc.glob("issue.*"):
        left.unlink()
    page = await visitor.sign_in(
        await visitor.window(phone=phone, dark=phone, bypass_csp=True), name="kythuat", path="/playbooks"
    )
    await page.get_by_role("link", name="Đặt lời chào", exact=True).click()
    await page.fill("#q", "phan son")
    await page.locator("button[value=find]").first.click()
    await page.locator(f"input[name=offices][value={OFFICE}]").check()
    await expect(page.locator("#prospect")).to_contain_text("3 thiết bị")  # while it is filled in
    await launch(page)
    await expect(page.locator(".errors")).to_contain_text("Lời chào")
    await page.fill("[name='arg.words']", "Xin chào")
    await page.fill("#note", "Theo yêu cầu của tỉnh")
    await launch(page)
    await expect(page.locator("#run-state")).to_contain_text("Chạy thử: không thay đổi gì")
    await page.evaluate("window.sameDocument = true")
    await expect(page.locator("#lines .task").first).to_be_visible(timeout=RUN_MS)
    await expect(page.locator("#run-told")).to_contain_text("Không có gì bị thay đổi.", timeout=RUN_MS)
    await expect(page.locator("#run-hosts")).to_contain_text("Sẽ đổi")
    await expect(page.locator("#run-changes .added", has_text="Xin chào").first).to_be_visible()
    shown = await page.locator("#lines p[data-n]").evaluate_all("lines => lines.map(line => Number(line.dataset.n))")
    assert shown == list(range(1, len(shown) + 1)), "every line once, and in order"
    assert await page.evaluate("window.sameDocument"), "nobody loaded the page again"
    assert not list(etc.glob("issue.*"))

    (etc / "full").touch()  # the first wave will fail
    await page.get_by_role("button", name="Chạy thật").click()
    await expect(page.locator("#run-state")).to_contain_text("Chờ duyệt")
    await expect(page.get_by_role("button", name="Duyệt", exact=True)).to_have_count(0)
    second = await visitor.sign_in(
        await visitor.window(phone=not phone), name="kythuat2", path="/runs?view=waiting-for-me"
    )
    await second.get_by_role("link", name="Đặt lời chào: 3 thiết bị").first.click()
    await second.fill("#reason", "Đã xem kết quả chạy thử.")
    await second.get_by_role("button", name="Duyệt", exact=True).click()
    # The one who asked sees the waves on the page that is open.
    await expect(page.locator("#run-waves")).to_contain_text("Thăm dò: 1 thiết bị")
    await expect(page.locator("#run-state")).to_contain_text("Tự dừng", timeout=RUN_MS)
    await expect(page.locator("#run-told")).to_contain_text("Đợt sau sẽ không tự chạy")
    await expect(page.locator("#run-waves")).to_contain_text("1 lỗi")
    assert not list(etc.glob("issue.*")), "at most the trial was hit"
    assert await objections(page, axe) == [], "of a run with waves"
    await page.get_by_role("link", name="Xem lỗi").click()
    await expect(page.locator("#lines")).to_contain_text("No space is left on the device")

    (etc / "full").unlink()
    await page.goto(page.url.partition("?")[0])
    await page.get_by_role("button", name="Chạy tiếp").click()
    await expect(page.locator("#run-state")).to_contain_text("Xong một phần", timeout=RUN_MS)
    assert (
        sorted(file.name for file in etc.glob("issue.*")) == sorted(f"issue.{code}" for code in (DEVICE, *OTHERS))[1:]
    )
    await page.get_by_role("button", name="Thử lại 1 thiết bị").click()
    await expect(page.locator("main")).to_contain_text("Thử lại của")


async def test_without_scripts_a_run_is_launched_and_its_log_is_loaded_again_and_searched(visitor: Visitor) -> None:
    page = await visitor.sign_in(
        await visitor.window(phone=True, scripts=False), name="kythuat", path=f"/playbooks/site-check?office={OFFICE}"
    )
    await page.fill("[name='arg.services']", "")
    for limit in ("disk_limit_percent", "load_limit_per_cpu"):  # the machine of the tests is busy, and may be full
        await page.fill(f"[name='arg.{limit}']", "100")
    await page.get_by_role("button", name="Xem lại").click()
    await expect(page.locator("#prospect")).to_contain_text("3 thiết bị")
    await launch(page)
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
    assert await page.locator("#lines p[data-n]").count() < 40


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (True, True)], ids=["desktop-light", "phone-dark"])
async def test_the_checker_objects_to_nothing(
    visitor: Visitor, dry_run: str, furnished: list[str], axe: str, *, phone: bool, dark: bool
) -> None:
    context = await visitor.window(phone=phone, dark=dark, bypass_csp=True)
    page = await visitor.sign_in(context, name="kythuat", path="/playbooks")
    found = await objections(page, axe)
    for path in (
        *PAGES,
        *furnished,
        dry_run,
        f"{dry_run}?q=task",
        f"{dry_run}/hosts",
        f"{dry_run}/hosts/{DEVICE}",
        f"{dry_run}/times",
    ):
        await page.goto(path)
        await page.evaluate("document.querySelectorAll('main details').forEach(each => { each.open = true; })")
        found += await objections(page, axe)
    await page.goto(FORM)
    await page.fill("[name='arg.dns_servers']", "ns1")
    await launch(page)
    await expect(page.locator(".mistake")).to_be_visible()
    found += await objections(page, axe)
    assert found == []


PAGES = (
    "/playbooks/site-check", FORM, OWN, f"{FORM}&hours=1", "/runs", "/runs?view=waiting-for-me",
    f"/schedules/new?playbook=site-check&offices={OFFICE}&sent=1",
    f"/webhooks/new?playbook=site-check&offices={OFFICE}&sent=1",
)  # fmt: skip


async def test_first_visits_stay_within_the_budget(visitor: Visitor, dry_run: str, furnished: list[str]) -> None:
    of_run = (f"{dry_run}{part}" for part in ("", "/hosts", f"/hosts/{DEVICE}", "/times"))
    for path in ("/playbooks", *PAGES, *furnished, *of_run):
        size, requests = await cost_of(visitor, path, "kythuat")
        assert size <= MOST_BYTES, path
        assert len(requests) <= MOST_REQUESTS, requests
