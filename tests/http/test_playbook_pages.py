"""The pages of playbooks and runs, as a browser without scripts has them. No worker runs here."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from api.web.pages import runs as run_pages
from kernel.audit import AuditEntryRow
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from playbooks.automation.repository import add_lines
from playbooks.public import OfferedPlaybooks, bundled_catalog
from tests.builders.web import app_of
from tests.http.conftest import MakeAccount, MakeState, browser, sign_in, token
from tests.http.office import WITHOUT_SSH, load_office, meet

FORM = {"offices": "ps", "mode": "check", "sent": "1", "do": "launch"}


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> str:
    await load_office(database, tmp_path)
    return "ps"


async def send(client: httpx.AsyncClient, address: str, form: dict[str, str] | None = None) -> httpx.Response:
    """Send a form with the client's token."""
    return await client.post(address, data={**(form or {}), "csrf": await token(client)})


async def launched(client: httpx.AsyncClient, playbook: str = "site-check", **form: str) -> str:
    """Launch and return the address of the run."""
    answer = await send(client, f"/playbooks/{playbook}", FORM | form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def said(database: Database, run: str, lines: list[tuple[str, str]]) -> None:
    """Let the run have said these lines of a kind each."""
    async with database.transaction() as tx:
        await add_lines(
            tx,
            run.rpartition("/")[2],  # type: ignore[arg-type]  # the database reads the id as it stands in the address
            [
                {"line_no": number, "at": tx.now(), "host": "ps-rt1", "kind": kind, "text": text}
                for number, (kind, text) in enumerate(lines, 1)
            ],
        )


async def on_record(database: Database) -> list[tuple[str, str, Any]]:
    """Return who did what to playbooks, and why it was refused, oldest first."""
    async with database.transaction() as tx:
        entries = await tx.session.scalars(
            select(AuditEntryRow).where(AuditEntryRow.action.startswith("playbook.")).order_by(AuditEntryRow.id)
        )
        return [(entry.actor, entry.action, (entry.after or {}).get("refused")) for entry in entries]


def numbers(page: str) -> list[int]:
    """Return the numbers of the lines on a page."""
    return [int(number) for number in re.findall(r'data-n="(\d+)"', page)]


async def test_the_catalog_speaks_the_reader_s_language(hoa: httpx.AsyncClient, office: str) -> None:
    vietnamese = (await hoa.get("/playbooks")).text
    assert "Kiểm tra văn phòng" in vietnamese
    assert "Chỉ đọc" in vietnamese
    assert "Thay đổi thiết bị" in vietnamese
    await send(hoa, "/language", {"language": "en", "next": "/playbooks"})
    english = (await hoa.get("/playbooks")).text
    assert "Looks at disk space" in english
    assert "Changes devices" in english
    assert "Playbooks can run at 1 office." in english


async def test_without_a_device_over_ssh_the_pages_say_that_nothing_can_run_and_why(
    hoa: httpx.AsyncClient, database: Database, tmp_path: Path
) -> None:
    await load_office(database, tmp_path, WITHOUT_SSH)
    assert "Danh mục chưa có thiết bị nào vào được qua SSH." in (await hoa.get("/playbooks")).text
    there = (await hoa.get("/playbooks/site-check?office=ps")).text
    assert "Không chạy được ở đó." in there
    assert "ps-ups1" in there, "who is left out, and why"
    refused = await send(hoa, "/playbooks/site-check", FORM)
    assert refused.status_code == 409
    assert "Chưa chạy." in refused.text
    assert await on_record(database) == [("hoa", "playbook.refused", "playbook-no-targets-at-all")]


@pytest.mark.parametrize(
    ("role", "may"), [("technician", True), ("administrator", True), ("official", False), ("security", False)]
)
async def test_the_way_there_is_shown_to_those_who_may_go_it(
    app: FastAPI, make_account: MakeAccount, role: str, *, may: bool
) -> None:
    await make_account("lan", role)
    async with browser(app) as client:
        await sign_in(client, "lan")
        page = (await client.get("/")).text
        assert page.count('href="/playbooks"') == (2 if may else 0), "beside the page, and under the thumb"
        assert (await client.get("/playbooks")).status_code == (200 if may else 403)


async def test_an_administrator_looks_and_is_offered_nothing(
    app: FastAPI, make_account: MakeAccount, hoa: httpx.AsyncClient, office: str
) -> None:
    run = await launched(hoa)
    await make_account("lan", "administrator")
    async with browser(app) as client:
        await sign_in(client, "lan")
        assert "Vai trò của bạn được xem kịch bản" in (await client.get("/playbooks/site-check?office=ps")).text
        assert f"{run}/cancel" not in (await client.get(run)).text
        assert (await send(client, "/playbooks/site-check", FORM)).status_code == 403


async def test_the_form_begins_with_the_dry_run_and_says_where_it_goes(hoa: httpx.AsyncClient, office: str) -> None:
    page = (await hoa.get("/playbooks/time-and-dns?office=ps")).text
    assert 'value="check" checked' in page
    assert "1 thiết bị</b>" in page
    assert "Bỏ qua 1 thiết bị" in page
    assert 'value="0.vn.pool.ntp.org, 1.asia.pool.ntp.org"' in page


async def test_what_is_wrong_is_said_at_each_field_and_what_was_typed_stays(
    hoa: httpx.AsyncClient, office: str, database: Database
) -> None:
    wrong = FORM | {
        "arg.dns_servers": '"><script>x</script>',
        "arg.time_service": "cron",
        "arg.time_zone": "Asia/Tokyo",
    }
    answer = await send(hoa, "/playbooks/time-and-dns", wrong)
    assert answer.status_code == 400
    for name in ("dns_servers", "time_service"):
        assert f'id="arg.{name}-wrong"' in answer.text
        assert f'href="#arg.{name}"' in answer.text
    assert 'id="arg.time_zone-wrong"' not in answer.text
    assert "không đúng dạng yêu cầu" in answer.text
    assert 'value="Asia/Tokyo"' in answer.text
    assert "<script>x" not in answer.text
    assert await on_record(database) == [], "a typing mistake is no refusal"


@pytest.mark.parametrize("office_sent", ["nowhere", "x" * 5000, "\x00", "<b>", "../../etc"])
async def test_an_office_that_is_not_there_is_a_clear_answer(
    hoa: httpx.AsyncClient, office: str, office_sent: str
) -> None:
    answer = await send(hoa, "/playbooks/site-check", FORM | {"offices": office_sent})
    assert answer.status_code in {400, 409}
    assert '<b>"' not in answer.text
    assert (await hoa.get("/playbooks/site-check", params={"office": office_sent[:100]})).status_code in {400, 404}


async def test_a_form_without_a_place_asks_for_one(hoa: httpx.AsyncClient, office: str) -> None:
    answer = await send(hoa, "/playbooks/site-check", {"mode": "check", "do": "launch"})
    assert answer.status_code == 400
    assert "Hãy chọn nơi chạy, loại thiết bị hoặc từng thiết bị." in answer.text


async def test_places_are_found_by_name_and_stay_chosen_without_scripts(hoa: httpx.AsyncClient, office: str) -> None:
    found = await send(hoa, "/playbooks/site-check", {"q": "phan son", "do": "find", "offices": "ld", "sent": "1"})
    assert 'name="offices" value="ps"' in found.text
    assert 'name="units" value="phan-son"' in found.text
    assert 'name="offices" value="ld" checked' in found.text


async def test_the_form_tells_anew_what_it_would_meet_while_it_is_filled_in(
    hoa: httpx.AsyncClient, office: str, database: Database, clock: FrozenClock
) -> None:
    part = (await send(hoa, "/playbooks/time-and-dns/prospect", {"units": "phan-son", "mode": "real"})).text
    assert "<html" not in part
    assert "1 thiết bị</b>" in part
    assert "Bỏ qua 2 thiết bị" in part
    none = (await send(hoa, "/playbooks/time-and-dns/prospect", {"units": "phan-son", "roles": "camera"})).text
    assert "Không có thiết bị" in none
    await meet(database, clock.now() + timedelta(minutes=10))  # 08:36 to 09:36
    held = (await send(hoa, "/playbooks/time-and-dns/prospect", {"offices": "ps", "mode": "real"})).text
    assert "Phòng Phòng họp Phan Sơn đang họp: Giao ban tuần. Đến 09:36." in held
    free = (await send(hoa, "/playbooks/time-and-dns/prospect", {"offices": "ps", "mode": "check"})).text
    assert "đang họp" not in free, "a dry run cuts nobody off"
    hours = await send(hoa, "/playbooks/time-and-dns", {"offices": "ps", "do": "hours", "sent": "1"})
    assert "không ảnh hưởng cuộc họp nào" in hours.text


async def test_waves_of_one_s_own_that_make_no_sense_are_told(hoa: httpx.AsyncClient, office: str) -> None:
    for wrong in ({"canary": "0"}, {"steps": "many"}, {"soak_min": "-1"}, {"most_failed": "101"}, {"canary": "9" * 9}):
        answer = await send(hoa, "/playbooks/time-and-dns", FORM | {"mode": "real"} | wrong)
        assert answer.status_code == 400, wrong
        assert 'href="#canary"' in answer.text


async def test_a_launch_leads_to_the_run_which_says_what_it_waits_for(hoa: httpx.AsyncClient, office: str) -> None:
    page = (await hoa.get(await launched(hoa, note="Theo yêu cầu của tỉnh"))).text
    assert "Chờ đến lượt chạy" in page
    assert "Chạy thử: không thay đổi gì" in page
    assert "ps-rt1" in page
    assert "Bỏ qua 1 thiết bị" in page
    assert "Theo yêu cầu của tỉnh" in page
    assert bundled_catalog()["site-check"].content in page


async def test_what_was_typed_goes_on_to_a_schedule_and_to_a_webhook(hoa: httpx.AsyncClient, office: str) -> None:
    for way, verb in (("/schedules/new", "schedule"), ("/webhooks/new", "hook")):
        led = await send(hoa, "/playbooks/site-check", FORM | {"do": verb, "arg.services": "ssh, cron"})
        assert led.status_code == 303
        assert led.headers["location"].startswith(f"{way}?playbook=site-check&")
        assert "csrf" not in led.headers["location"]
        page = (await hoa.get(led.headers["location"])).text
        assert 'name="offices" value="ps" checked' in page
        assert 'value="ssh, cron"' in page


async def test_a_run_is_paused_resumed_and_the_list_is_cut_to_what_one_asks_for(
    app: FastAPI, hoa: httpx.AsyncClient, office: str, make_account: MakeAccount
) -> None:
    run = await launched(hoa)
    assert (await send(hoa, f"{run}/pause")).status_code == 303
    paused = (await hoa.get(run)).text
    assert "hoa đã tạm dừng" in paused
    assert f"{run}/resume" in paused
    assert run in (await hoa.get("/runs?view=waiting-for-me")).text
    await make_account("duc")
    async with browser(app) as duc:
        await sign_in(duc, "duc")
        assert run not in (await duc.get("/runs?view=mine")).text
        assert run in (await duc.get("/runs?view=going-on")).text
        assert run not in (await duc.get("/runs?view=failed")).text
    assert (await send(hoa, f"{run}/resume")).status_code == 303
    not_over = await send(hoa, f"{run}/retry")
    assert not_over.status_code == 409
    assert "chưa kết thúc" in not_over.text
    assert (await send(hoa, f"{run}/explode")).status_code == 404


async def test_a_device_of_a_run_has_a_page_and_the_others_a_list(hoa: httpx.AsyncClient, office: str) -> None:
    run = await launched(hoa)
    assert "ps-rt1" in (await hoa.get(f"{run}/hosts")).text
    assert "ps-rt1" not in (await hoa.get(f"{run}/hosts?state=failed")).text
    assert "Chưa bắt đầu" in (await hoa.get(f"{run}/hosts/ps-rt1")).text
    assert (await hoa.get(f"{run}/hosts/ld-rt1")).status_code == 404
    assert "Chưa việc nào xong" in (await hoa.get(f"{run}/times")).text


async def test_mistakes_in_one_s_own_folder_are_told_with_file_and_line_and_stop_nothing(
    make_state: MakeState, make_account: MakeAccount, office: str, tmp_path: Path
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    meta = """\
version: 1
title: {vi: Của chúng tôi, en: Ours}
help: {vi: Thử, en: Test}
risk: read-only
check_note: {vi: Thử, en: Test}
roles: [technician]
limit_s: 60
"""
    (folder / "ours.meta.yml").write_text(meta)
    (folder / "ours.yml").write_text("- hosts: all\n  tasks: []\n")
    (folder / "broken.meta.yml").write_text(meta.replace("read-only", "harmless"))
    (folder / "broken.yml").write_text("- hosts: all\n  tasks: []\n")
    (folder / "site-check.meta.yml").write_text(meta)
    (folder / "site-check.yml").write_text("- hosts: all\n  tasks: []\n")
    await make_account()
    state = replace(make_state(), playbooks=OfferedPlaybooks(folder))
    async with browser(app_of(state)) as client:
        await sign_in(client)
        page = (await client.get("/playbooks")).text
        assert "Của chúng tôi" in page
        assert "broken.meta.yml:4" in page
        assert "site-check.meta.yml" in page
        assert "Kiểm tra văn phòng" in page
        assert (await client.get("/playbooks/broken")).status_code == 404


async def test_a_run_is_cancelled_once(hoa: httpx.AsyncClient, office: str) -> None:
    run = await launched(hoa)
    assert (await send(hoa, f"{run}/cancel")).status_code == 303
    assert "hoa đã huỷ trước khi bắt đầu. Chưa làm gì cả." in (await hoa.get(run)).text
    again = await send(hoa, f"{run}/cancel")
    assert again.status_code == 409
    assert "Đã huỷ" in again.text


async def test_a_run_is_launched_again_with_what_it_was_given(hoa: httpx.AsyncClient, office: str) -> None:
    run = await launched(hoa, "time-and-dns", **{"arg.time_zone": "Asia/Tokyo", "arg.dns_servers": "10.0.0.1 10.0.0.2"})
    await send(hoa, f"{run}/cancel")
    again = (await hoa.get(f"/playbooks/time-and-dns?run={run.rpartition('/')[2]}")).text
    assert 'value="Asia/Tokyo"' in again
    assert 'value="10.0.0.1, 10.0.0.2"' in again
    assert "Văn phòng xã Phan Sơn" in again


async def test_the_log_is_read_page_by_page_searched_and_taken_home_without_scripts(
    hoa: httpx.AsyncClient, office: str, database: Database
) -> None:
    run = await launched(hoa)
    lines = [("ok", f"line {number} <i>") for number in range(1, 1200)]
    lines[499] = ("failed", "fatal: Đĩa đầy")
    await said(database, run, lines)
    end = (await hoa.get(run)).text
    assert numbers(end) == list(range(1000, 1200))
    assert "<i>" not in end
    assert f'href="{run}?before=1000#log"' in end
    assert numbers((await hoa.get(f"{run}?before=1000")).text) == list(range(800, 1000))
    assert numbers((await hoa.get(f"{run}?host=ps-rt1&after=1190")).text) == list(range(1191, 1200))
    assert numbers((await hoa.get(f"{run}?host=nobody")).text) == []
    assert "<noscript>" in end
    first = (await hoa.get(f"{run}?after=0")).text
    assert numbers(first) == list(range(1, 201))
    assert f'href="{run}?after=200' in first
    assert "data-live" not in first, "lines that come now do not follow line 200"
    assert numbers((await hoa.get(f"{run}?only=errors")).text) == [500]
    assert numbers((await hoa.get(run, params={"q": "đĩa ĐẦY"})).text) == [500]
    assert "Không có dòng nào khớp." in (await hoa.get(run, params={"q": "nowhere"})).text
    text = await hoa.get(f"{run}/log.txt")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert "attachment" in text.headers["content-disposition"]
    assert len(text.text.splitlines()) == 1199


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=99999999999999999999", "q=%00", "q=" + "x" * 5000])
async def test_a_wrong_address_of_a_log_is_a_clear_answer(hoa: httpx.AsyncClient, office: str, query: str) -> None:
    run = await launched(hoa)
    assert (await hoa.get(f"{run}?{query}")).status_code in {400, 422}


async def test_a_playbook_or_run_that_is_not_there_is_told_so(hoa: httpx.AsyncClient, office: str) -> None:
    assert (await hoa.get("/playbooks/nothing")).status_code == 404
    assert (await send(hoa, "/playbooks/nothing", FORM)).status_code == 404
    assert (await hoa.get("/runs/01a20729-7e5b-731d-852c-68c2e48fecb1")).status_code == 404
    assert (await hoa.get("/runs/7")).status_code == 422


async def test_runs_come_page_by_page(hoa: httpx.AsyncClient, office: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_pages, "RUNS", 2)
    made = []
    for _ in range(3):
        made.append(await launched(hoa))
        await send(hoa, f"{made[-1]}/cancel")
    first = (await hoa.get("/runs?playbook=site-check")).text
    shown = re.findall(r'<h3><a href="(/runs/[^"]+)"', first)
    assert shown == [made[2], made[1]]
    (older,) = re.findall(r'href="(/runs\?[^"]*after=[^"]+)"', first)
    assert re.findall(r'<h3><a href="(/runs/[^"]+)"', (await hoa.get(html.unescape(older))).text) == [made[0]]
