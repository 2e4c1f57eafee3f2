"""Checks of services: the page of one, the cards on its device's and office's pages, its form, and its API."""

from __future__ import annotations

import httpx
import pytest

from api.demo.agents import PROGRAMME
from inventory.load import load_file
from inventory.profiles import bundled_profiles
from kernel.actors import system
from kernel.db.transaction import Database
from monitor.live import CertificateLive, CheckLive, GraphPoint, GraphSeries
from tests.http.conftest import MakeAccount, sign_in
from tests.http.fake_engine import AT_MS, FakeEngine
from tests.http.test_board import words
from tests.http.test_edit_pages import edit

CHECKS = """
version: 1
checks:
  ps-portal: {device: ps-rt1, kind: http, path: /status, contains: ready, status: 200}
  ps-cert: {device: ps-rt1, kind: tls, name: room.ps.example.vn}
  ps-names: {device: ps-rt1, kind: dns, name: meet.example.vn, expect: [203.0.113.7]}
  ps-off: {device: ps-rt1, kind: tcp, port: 22, every_s: 0}
"""


@pytest.fixture(autouse=True)
async def loaded(database: Database, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("checks") / "checks.yaml"
    file.write_text(CHECKS, "utf-8")
    async with database.transaction() as tx:
        for each in (PROGRAMME, file):
            await load_file(each, system("test"), tx, bundled_profiles())


@pytest.fixture
async def hoa(visitor: httpx.AsyncClient, make_account: MakeAccount) -> httpx.AsyncClient:
    """An administrator, signed in."""
    await make_account(role="administrator")
    assert (await sign_in(visitor)).status_code == 303
    return visitor


def found(code: str, fault: str = "", why: str = "", **more: object) -> CheckLive:
    told = {"check": code, "ok": not fault, "fault": fault, "why": why, "at_ms": AT_MS, "duration_s": 0.012}
    return CheckLive.model_validate({**told, "values": {}, **more})


async def test_a_check_that_fails_says_why_and_what_to_do(hoa: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    fake_engine.checked["ps-portal"] = found(
        "ps-portal", "wrong-answer", "the status is 503", values={"http_status": 503.0}
    )
    told = await words(hoa, "/checks/ps-portal")
    for each in (
        "Dịch vụ có trả lời nhưng nội dung không đúng.",
        "the status is 503",
        "503",
        "/status",
        "ready",
        "12 ms",
    ):
        assert each in told.replace("\N{NO-BREAK SPACE}", " "), each
    assert "Dịch vụ có trả lời nhưng nội dung không đúng." in await words(hoa, "/devices/ps-rt1")
    assert "Dịch vụ có trả lời nhưng nội dung không đúng." in await words(hoa, "/offices/ps")


async def test_every_certificate_of_a_chain_is_told_with_its_end_and_its_fault(
    hoa: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    chain = [
        CertificateLive(
            subject="<b>room</b>", issuer="Nhà cấp", names=("room.ps.example.vn",), begins_ms=0, ends_ms=AT_MS, wrong=""
        ),
        CertificateLive(subject="Nhà cấp", issuer="Gốc", names=(), begins_ms=0, ends_ms=AT_MS, wrong="issuer-missing"),
    ]
    fake_engine.checked["ps-cert"] = found("ps-cert", "incomplete", "unable to get local issuer", certificates=chain)
    page = (await hoa.get("/checks/ps-cert")).text
    assert "&lt;b&gt;room&lt;/b&gt;" in page
    told = await words(hoa, "/checks/ps-cert")
    for each in ("Chuỗi chứng thư không đầy đủ", "hợp lệ", "thiếu chứng thư của bên ký", "Gốc", "24/11/2026"):
        assert each in told, each


async def test_the_history_of_a_check_is_its_stretches(
    hoa: httpx.AsyncClient, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def history(_device: str, series: list[tuple[str, str]], start_ms: int, *_: int) -> list[GraphSeries]:
        assert series == [("check_ok", "ps-portal"), ("check_duration_s", "ps-portal")]
        oks = [1.0, 1.0, 0.0, 1.0]
        points = [
            GraphPoint(at_ms=start_ms + number * 360_000, mean=ok, low=ok, high=ok) for number, ok in enumerate(oks)
        ]
        return [GraphSeries(metric="check_ok", instance="ps-portal", points=tuple(points))]

    monkeypatch.setattr(fake_engine, "history", history)
    page = (await hoa.get("/checks/ps-portal")).text
    assert page.count('<tr><th scope="row">') == 3
    assert "Đạt trong 75% thời gian hiển thị." in await words(hoa, "/checks/ps-portal")


async def test_a_check_is_there_while_the_engine_is_not_and_when_it_is_switched_off(
    hoa: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    assert "Chưa thực hiện" in await words(hoa, "/checks/ps-portal")
    fake_engine.up = False
    assert "Hiện chưa đọc được số liệu cũ" in await words(hoa, "/checks/ps-portal")
    assert "đã tắt" in await words(hoa, "/checks/ps-off")
    assert (await hoa.get("/checks/nowhere")).status_code == 404


async def test_the_form_has_the_fields_of_the_kind_and_changes_them(hoa: httpx.AsyncClient) -> None:
    form = (await hoa.get("/checks/ps-names/edit")).text
    assert 'name="expect"' in form
    assert 'name="path"' not in form
    answer = await edit(hoa, "/checks/ps-names/edit", expect="203.0.113.7 203.0.113.8", every_s="60")
    assert answer.status_code == 303, answer.text
    assert "203.0.113.8" in (await hoa.get("/checks/ps-names")).text
    refused = await edit(hoa, "/checks/ps-names/edit", every_s="3")
    assert refused.status_code == 400
    assert (await edit(hoa, "/checks/ps-portal/edit", secure="no", status="")).status_code == 303
    assert "http://ps-rt1:443/status" in (await hoa.get("/checks/ps-portal")).text


async def test_a_check_of_another_kind_keeps_nothing_that_the_new_kind_has_not(hoa: httpx.AsyncClient) -> None:
    assert (await edit(hoa, "/checks/ps-portal/edit", kind="tcp", port="8443")).status_code == 303
    assert "ps-rt1:8443" in (await hoa.get("/checks/ps-portal")).text
    assert 'name="path"' not in (await hoa.get("/checks/ps-portal/edit")).text
