"""Files, coverage, kits and deliveries at the command line, as a technician meets them: words, exit codes, Ctrl+C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from inventory.exchange.apply import ONE_AFTER_THE_OTHER
from tests.real.command import ROOT, environment_with
from tests.real.postgres import DebianPostgres
from tests.real.waiting import until

pytestmark = pytest.mark.timeout(600)
TREE: Final = """\
version: 1
units:
  lam-dong: {name: Tỉnh Lâm Đồng, level: province, valid_from: 1976-02-01}
  phan-son: {name: Xã Phan Sơn, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  bon-thop: {name: Thôn Bon Thớp, level: village, parent: phan-son, valid_from: 2025-07-01}
offices:
  ps: {name: Văn phòng xã Phan Sơn, unit: phan-son}
devices:
  ps-rt1: {name: Bộ định tuyến, office: ps, role: router, profile: network-interfaces, address: 10.9.0.1, snmp: v2c,
    serial: HGD08, state: staged}
"""
FACTS: Final = """\
Mã đơn vị;Nội dung;Từ ngày;Giá trị;Đến trước ngày;Cách ghi nhận;Nguồn
phan-son;Kết nối;24/11/2025;4G, Cáp quang;;đo được;Sở KHCN
bon-thop;Điện;01/08/2025;Khung giờ;;;Báo cáo xã
"""


class Terminal:
    """Commands of one platform, whose database is there already."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.environment = environment_with(
            {
                "VUNGCAO_DATABASE_URL": database,
                "VUNGCAO_DATA_DIR": str(folder / "data"),
                "LANG": "C.UTF-8",
            }
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "api.cli", *words], cwd=ROOT, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str, code: int = 0) -> str:
        """Return what a command said, on both ways."""
        said, wrong = (process := self.start(*words)).communicate(timeout=120)
        assert process.returncode == code, (words, said, wrong)
        assert "Traceback" not in wrong
        return said + wrong

    def json(self, *words: str) -> Any:  # noqa: ANN401 - whatever JSON it is
        """Return what a command says for scripts."""
        return json.loads(self.run(*words, "--json"))

    def file(self, name: str, text: str) -> str:
        """Return the path of a file with this text."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return str(self.folder / name)


@pytest.fixture(scope="module")
def terminal(server: DebianPostgres, migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    made = Terminal(tmp_path_factory.mktemp("terminal"), server.new_database("exchange", migrated))
    made.run("inventory", "load", made.file("tree.yaml", TREE))
    return made


def test_a_sheet_of_facts_is_shown_first_then_taken_and_comes_out_the_same(terminal: Terminal) -> None:
    sheet = terminal.file("facts.csv", FACTS)
    shown = terminal.run("inventory", "import", sheet, "--dry-run")
    assert "facts.csv, read as UTF-8 coverage: 2 added" in shown
    assert "phan-son/connectivity/2025-11-24" in shown
    assert "Done" not in shown
    assert "Done: all of it." in terminal.run("inventory", "import", sheet)
    again = terminal.json("inventory", "import", sheet)
    assert (again["counts"]["same"], again["counts"]["added"], again["lines"]) == (2, 0, [])
    out = str(terminal.folder / "out.csv")
    terminal.run("inventory", "export", "coverage", out)
    assert "bon-thop;Điện" not in Path(out).read_text("utf-8-sig"), "codes, which every language reads"
    assert "2 same" in terminal.run("inventory", "import", out, "--dry-run")

    table = terminal.run("coverage", "show", "--level", "commune")
    assert "4g 1, fibre 1" in table
    assert "None" not in table
    (village,) = terminal.json("coverage", "units", "--kind", "electricity", "--value", "part")
    assert (village["code"], village["facts"][0]["source"]) == ("bon-thop", "Báo cáo xã")


def test_a_wrong_line_is_told_and_nothing_is_done(terminal: Terminal) -> None:
    sheet = terminal.file("wrong.csv", FACTS + "nowhere;Điện;01/08/2025;Khung giờ;;;x\n")
    refusals = terminal.folder / "refusals.csv"
    said = terminal.run("inventory", "import", sheet, "--refusals", str(refusals), code=1)
    assert "there is no nowhere" in said
    assert "taken whole or not at all" in said
    assert (
        refusals.read_text("utf-8-sig").splitlines()[1].startswith('4,coverage,nowhere/electricity/2025-08-01,"unit: ')
    )


def test_ctrl_c_in_the_middle_leaves_nothing_and_says_so(terminal: Terminal) -> None:
    database = terminal.environment["VUNGCAO_DATABASE_URL"]
    sheet = terminal.file("later.csv", "unit;kind;since;value;source\nphan-son;electricity;2026-01-01;whole;x\n")
    with psycopg.connect(database, autocommit=True) as other:
        # Somebody else's import is being written: this one has read its file, and waits with its own.
        other.execute("SELECT pg_advisory_lock(%s)", (ONE_AFTER_THE_OTHER,))
        process = terminal.start("inventory", "import", sheet)
        waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        until(lambda: other.execute(waits).fetchone(), "the import to be on its way")
        os.kill(process.pid, signal.SIGINT)
        said, wrong = process.communicate(timeout=60)
        left = other.execute("SELECT (SELECT count(*) FROM data_import WHERE file = 'later.csv'),"
                             " (SELECT count(*) FROM unit_fact WHERE source = 'x')").fetchone()  # fmt: skip
    assert process.returncode == 128 + signal.SIGINT
    assert wrong.strip() == "Stopped. Nothing was changed."
    assert "Done" not in said
    assert left == (0, 0)


def test_kits_and_deliveries_tell_what_an_office_lacks_and_what_came(terminal: Terminal) -> None:
    table = terminal.run(
        "kits", "set", "commune", "--name", "Bộ chuẩn xã", "--level", "commune", "--since", "2999-01-01",
        "--item", "router=1", "--item", "meeting-room/room=1",
    )  # fmt: skip
    assert "Bộ chuẩn xã" in table
    assert "every kind, commune" in table
    assert "meeting-room/room=1" in table
    lacking = terminal.json("kits", "needs", "--as-of", "2999-01-02")
    assert (lacking[0]["offices"], lacking[0]["gap"]["needed"]) == (1, 1)
    made = terminal.json("deliveries", "plan", "ps", "--piece", "router=2", "--due", "2026-12-01")["id"]
    told = terminal.run("deliveries", "accept", made, "1", "--serial", "HGD08", code=1)
    assert told.strip() == "This cannot be done any more, or not yet: it is planned."
    terminal.run("deliveries", "arrive", made)
    terminal.run("deliveries", "accept", made, "1", "--serial", "HGD08")
    said = terminal.run("deliveries", "refuse", made, "2", "--why", "vỏ bị nứt")
    assert "vỏ bị nứt" in said
    assert "ps-rt1" in said
    assert "None" not in said
    assert made in terminal.run("deliveries", "list"), "whole, to be typed into the next command"
