"""What is known of communes and villages comes in from a spreadsheet, and goes out so that it comes back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from inventory.access import INVENTORY_CHANGE, INVENTORY_READ
from inventory.coverage import record_fact
from inventory.coverage_queries import coverage_of, facts_over_time
from inventory.errors import BadInventoryFile
from inventory.exchange.export import yaml_of
from inventory.facts import FactWish
from inventory.load import load_file
from kernel.actors import Actor, Hold, Place
from kernel.db.transaction import Database
from kernel.ids import new_id
from tests.builders.imports import ADMIN, PROFILES, applied, counts, exported, lines, preview, refusals

TREE = """\
version: 1
units:
  lam-dong: {name: Tỉnh Lâm Đồng, level: province, valid_from: 1976-02-01}
  phan-son: {name: Xã Phan Sơn, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  la-da: {name: Xã La Dạ, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  bon-thop: {name: Thôn Bon Thớp, level: village, parent: phan-son, valid_from: 2025-07-01}
"""
SHEET = """\
STT;Mã đơn vị;Nội dung;Từ ngày;Giá trị;Đến trước ngày;Cách ghi nhận;Nguồn
1;phan-son;Kết nối;24/11/2026;4G, Cáp quang;;đo được;Sở KHCN đo tại chỗ
2;bon-thop;Kết nối;1/8/2026;Không có sóng;;theo báo cáo;Báo cáo xã
3;bon-thop;Điện;01/08/2026;Khung giờ;;;Báo cáo xã
4;la-da;Diện khó khăn;2026-01-01;Khu vực III;01/01/2031;;Quyết định 861/QĐ-TTg
"""


@pytest.fixture
async def country(database: Database, tmp_path: Path) -> Database:
    (tmp_path / "tree.yaml").write_text(TREE, encoding="utf-8")
    async with database.transaction() as tx:
        await load_file(tmp_path / "tree.yaml", ADMIN, tx, PROFILES)
    return database


async def recorded(database: Database, target: str) -> list[Sequence[Any]]:
    """Return what the page of changes of one thing tells, the oldest first."""
    statement = text("SELECT action, before, after, reason FROM audit_entry WHERE target = :target ORDER BY id")
    async with database.transaction() as tx:
        return [tuple(row) for row in await tx.session.execute(statement, {"target": target})]


@pytest.mark.parametrize("way", ["utf-8-sig", "utf-16"])
async def test_a_technicians_sheet_is_shown_and_taken_and_the_same_again_changes_nothing(
    country: Database, way: str
) -> None:
    seen = await preview(country, SHEET.encode(way))
    assert counts(seen) == {"added": 4}, await refusals(country, seen)
    assert seen.read_as["kind"] == "coverage"
    await applied(country, seen)
    async with country.transaction() as tx:
        village = await coverage_of(ADMIN, tx, "bon-thop", as_of=date(2026, 11, 24))
        commune = await coverage_of(ADMIN, tx, "phan-son", as_of=date(2026, 11, 24))
    assert [(one.kind, one.value, one.measured) for one in village.facts] == [
        ("connectivity", ("none",), False), ("electricity", ("part",), False),
    ]  # fmt: skip
    assert [(one.value, one.measured, one.source) for one in commune.facts] == [
        (("4g", "fibre"), True, "Sở KHCN đo tại chỗ")
    ]
    assert counts(await preview(country, SHEET.encode(way))) == {"same": 4}
    for language in ("vi", "en"):
        again = await preview(country, await exported(country, "coverage", language))
        assert counts(again) == {"same": 4}, await refusals(country, again)


async def test_a_corrected_cell_changes_that_fact_and_is_on_the_record_of_its_unit(country: Database) -> None:
    await applied(country, await preview(country, SHEET))
    seen = await preview(country, SHEET.replace("Khung giờ", "Cả ngày"))
    assert counts(seen) == {"same": 3, "changed": 1}
    (line,) = await lines(country, seen, "changed")
    assert (line.line, line.code, dict(line.diff)) == (
        4, "bon-thop/electricity/2026-08-01", {"value": [["part"], ["whole"]]}
    )  # fmt: skip
    await applied(country, seen)
    *_, (action, before, after, reason) = await recorded(country, "unit:bon-thop")
    key = {"kind": "electricity", "since": "2026-08-01"}
    assert (action, before, after) == (
        "coverage.recorded", {**key, "value": ["part"]}, {**key, "value": ["whole"]}
    )  # fmt: skip
    assert reason == "import file.csv"


async def test_each_wrong_line_is_told_with_its_reason(country: Database) -> None:
    head = "unit;kind;since;value;until;measured;source\n"
    rows = [
        "nowhere;connectivity;2026-01-01;4g;;;x",
        "la-da;colour;2026-01-01;4g;;;x",
        "la-da;connectivity;2026-01-01;6g 4g;;;x",
        "la-da;connectivity;2026-01-02;none 4g;;;x",
        "la-da;electricity;2026-01-01;part whole;;;x",
        "la-da;electricity;24/11/2027;part;;;x",
        "la-da;electricity;24/11/2024;part;;;x",
        "la-da;electricity;2026-01-09;part;2027-01-01;;x",
        "la-da;electricity;2026-01-02;;;;x",
        "la-da;electricity;2026-01-03;part;;guessed;",
        "la-da;;2026-01-03;part;;;x",
        "phan-son;electricity;2026-01-03;part;;;=1+1",
        "phan-son;electricity;2026-02-03;part;;;x",
        "phan-son;electricity;03/02/2026;whole;;;y",
    ]
    told = await refusals(country, await preview(country, head + "\n".join(rows) + "\n"))
    assert told == {
        2: ["unit: Among the units that you may change there is no nowhere, and none in this file."],
        3: ["kind: “colour” is none of: connectivity, electricity or disadvantaged."],
        4: ["value: “6g” is none of: none, 2g, 3g, 4g, 5g, fibre, satellite."],
        5: ["value: no signal stands alone"],
        6: ["value: only connectivity has several at once; choose one"],
        7: ["since: nobody knows yet what will be then"],
        8: ["since: There is no unit la-da on that day."],
        9: ["until: only a disadvantaged status ends by itself; write down what holds then"],
        10: ["value: This has to be filled in."],
        11: [
            "measured: “guessed” is none of: measured (đo được), reported (theo báo cáo).",
            "source: This has to be filled in.",
        ],
        12: ["kind: This has to be filled in."],
        13: ["source: This is a formula: =1+1. Put the value itself there."],
        15: ["phan-son/electricity/2026-02-03 stands here a second time; first in line 14."],
    }
    assert (
        "no column “since”" in (await refusals(country, await preview(country, "unit;kind;value\nla-da;;4g\n")))[1][0]
    )


async def test_only_a_complete_file_takes_back_what_was_known_and_that_is_on_record(country: Database) -> None:
    await applied(country, await preview(country, SHEET))
    less = SHEET.replace("3;bon-thop;Điện;01/08/2026;Khung giờ;;;Báo cáo xã\n", "")
    assert counts(await preview(country, less)) == {"same": 3}
    elsewhere = await preview(country, less, complete=True, within="la-da")
    assert counts(elsewhere) == {"same": 3}
    seen = await preview(country, less, complete=True, within="phan-son")
    assert counts(seen) == {"same": 3, "removed": 1}
    await applied(country, seen)
    async with country.transaction() as tx:
        assert [one.kind for one in await facts_over_time(ADMIN, tx, "bon-thop")] == ["connectivity"]
    *_, (action, before, after, _) = await recorded(country, "unit:bon-thop")
    assert (action, before["value"], after) == ("coverage.removed", ["part"], None)


async def test_who_holds_one_commune_writes_down_its_facts_and_no_others(country: Database) -> None:
    async with country.transaction() as tx:
        node = (await tx.session.execute(text("SELECT id FROM unit WHERE code = 'phan-son'"))).scalar_one()
    held = frozenset({INVENTORY_READ, INVENTORY_CHANGE})
    an = Actor(new_id(), "an", (Hold("technician", held, (Place(node, below=True),)),))
    seen = await preview(country, SHEET, actor=an)
    assert counts(seen) == {"added": 3, "refused": 1}
    assert "there is no la-da" in (await refusals(country, seen))[5][0]
    async with country.transaction() as tx:
        wish = FactWish("disadvantaged", ("area-1",), date(2026, 1, 1), "x")
        await record_fact(ADMIN, tx, "la-da", wish, lambda _: True)
    told = await refusals(country, await preview(country, SHEET, actor=an))
    assert "taken by something that you may not change" in told[5][0]


async def test_an_export_holds_one_place_in_the_order_of_codes(country: Database) -> None:
    await applied(country, await preview(country, SHEET))
    sheet = await exported(country, "coverage", "en", within="phan-son")
    assert "la-da" not in sheet
    assert sheet.splitlines()[1:] == [
        "bon-thop,connectivity,2026-08-01,none,,reported,Báo cáo xã",
        "bon-thop,electricity,2026-08-01,part,,reported,Báo cáo xã",
        "phan-son,connectivity,2026-11-24,4g fibre,,measured,Sở KHCN đo tại chỗ",
    ]


async def test_a_programme_file_holds_them_too(country: Database, tmp_path: Path) -> None:
    await applied(country, await preview(country, SHEET))
    async with country.transaction() as tx:
        programme = "".join([part async for part in yaml_of(ADMIN, tx)])
    assert "bon-thop/connectivity/2026-08-01:" in programme
    again = await preview(country, programme, "all.yaml")
    assert set(counts(again)) == {"same"}, await refusals(country, again)
    file = tmp_path / "all.yaml"
    file.write_text(programme, encoding="utf-8")
    async with country.transaction() as tx:
        assert (await load_file(file, ADMIN, tx, PROFILES)).coverage == 0
    file.write_text(programme.replace("- whole", "- none").replace("- part", "- none"), encoding="utf-8")
    async with country.transaction() as tx:
        assert (await load_file(file, ADMIN, tx, PROFILES)).coverage == 1
    *_, (action, before, after, reason) = await recorded(country, "unit:bon-thop")
    assert (action, before["value"], after["value"], reason) == (
        "coverage.recorded", ["part"], ["none"], "load all.yaml"
    )  # fmt: skip


async def test_a_programme_file_tells_what_cannot_be_known(country: Database, tmp_path: Path) -> None:
    file = tmp_path / "facts.yaml"
    said = "{value: 4g, source: x}"
    file.write_text(
        f"version: 1\ncoverage:\n  la-da/connectivity/2027-01-01: {said}\n  nowhere/connectivity/2026-01-01: {said}\n"
        f"  la-da/electricity/2026-01-01: {said}\n"
        "  la-da/connectivity/2026-01-02: {since: 2026-01-03, value: 4g, source: x}\n",
        encoding="utf-8",
    )
    with pytest.raises(BadInventoryFile) as refused:
        async with country.transaction() as tx:
            await load_file(file, ADMIN, tx, PROFILES)
    told = {one.line: one.why for one in refused.value.mistakes}
    assert set(told) == {3, 4, 5, 6}
    parts = ("nobody knows yet", "no unit nowhere", "none, part, whole", "la-da/connectivity/2026-01-03")
    assert [part in told[line] for line, part in zip(range(3, 7), parts, strict=True)] == [True] * 4, told
    file.write_text(f"version: 1\ncoverage:\n  la-da/connectivity/2024-01-01: {said}\n", encoding="utf-8")
    with pytest.raises(BadInventoryFile, match="no unit la-da on that day"):
        async with country.transaction() as tx:
            await load_file(file, ADMIN, tx, PROFILES)
