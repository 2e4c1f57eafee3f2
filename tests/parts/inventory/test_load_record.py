"""A programme file that is loaded is on record thing by thing, as an import is: each has its own page of changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import text

from inventory.load import LoadReport, load_file
from kernel.db.transaction import Database
from tests.builders.imports import ADMIN, PROFILES

FIRST = """\
version: 1
units:
  lam-dong: {name: Tỉnh Lâm Đồng, level: province, valid_from: 1976-02-01}
  phan-son: {name: Xã Phan Sơn, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  la-da: {name: Xã La Dạ, level: commune, parent: lam-dong, valid_from: 2025-07-01}
offices:
  ps: {name: Văn phòng Phan Sơn, unit: phan-son, contacts: [{position: Chánh Văn phòng, name: Ka Thêm}]}
devices:
  ps-rt1: {name: Bộ định tuyến, office: ps, role: router, profile: network-interfaces, address: 10.9.0.1, snmp: v2c,
    ssh: {user: ops, credential: khoa}}
  ps-sw1: {name: Bộ chuyển mạch, office: ps, role: switch, profile: network-interfaces, address: 10.9.0.2, snmp: v2c}
uplinks:
  ps-fibre: {device: ps-rt1, interface: wan, carrier: VNPT, medium: fibre, down_bps: 1000000, up_bps: 1000000}
checks:
  ps-page: {device: ps-rt1, kind: http}
contracts:
  vnpt-1: {kind: line, party: VNPT, starts: 2026-01-01, uplinks: [ps-fibre]}
"""


async def load(database: Database, file: Path, content: str) -> LoadReport:
    file.write_text(content, encoding="utf-8")
    async with database.transaction() as tx:
        return await load_file(file, ADMIN, tx, PROFILES)


async def record(database: Database, after: int = 0) -> list[tuple[str, str, Any, Any]]:
    """Return action, target, before and after of each entry, the oldest first; without the first of them."""
    statement = text("SELECT action, target, before, after, reason, actor FROM audit_entry ORDER BY id")
    async with database.transaction() as tx:
        rows = [tuple(row) for row in await tx.session.execute(statement)]
    assert {row[5] for row in rows} == {ADMIN.name}
    assert all(row[4] == "load all.yaml" for row in rows if row[0] != "inventory.loaded")
    return [row[:4] for row in rows[after:]]


async def test_each_thing_has_its_own_entry_with_what_it_was_and_is(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    await load(database, file, FIRST)
    created = await record(database)
    assert [(action, target) for action, target, _, _ in created] == [
        *(("unit.created", f"unit:{code}") for code in ("la-da", "lam-dong", "phan-son")),
        ("office.created", "office:ps"),
        *(("device.created", f"device:{code}") for code in ("ps-rt1", "ps-sw1")),
        ("uplink.created", "uplink:ps-fibre"),
        ("check.created", "check:ps-page"),
        ("contract.created", "contract:vnpt-1"),
        ("inventory.loaded", "file:all.yaml"),
    ]
    assert all(before is None for _, _, before, _ in created)
    office, device = created[3][3], created[4][3]
    assert (office["unit"], office["contacts"]) == ("phan-son", 1), "of contacts the number only"
    assert (device["address"], device["ssh"]["credential"], device["state"]) == ("10.9.0.1", "khoa", "active")

    await load(database, file, FIRST)
    assert await record(database, len(created)) == [], "the same file again is no change"

    other = FIRST.replace("Bộ định tuyến", "Bộ định tuyến chính").replace("user: ops", "user: root")
    other = other.replace("carrier: VNPT", "carrier: Viettel").replace("kind: http}", "kind: http, every_s: 60}")
    other = other.replace("Xã La Dạ", "Xã La Dạ mới").replace("party: VNPT", "party: Viettel")
    report = await load(database, file, other)
    assert (report.units, report.offices, report.devices, report.uplinks) == (1, 0, 1, 1)
    assert (await record(database, len(created)))[:-1] == [
        ("unit.changed", "unit:la-da", {"name": "Xã La Dạ", "name_en": "Xã La Dạ"},
         {"name": "Xã La Dạ mới", "name_en": "Xã La Dạ mới"}),
        ("device.changed", "device:ps-rt1", {"name": "Bộ định tuyến", "ssh.user": "ops"},
         {"name": "Bộ định tuyến chính", "ssh.user": "root"}),
        ("uplink.changed", "uplink:ps-fibre", {"carrier": "VNPT"}, {"carrier": "Viettel"}),
        ("check.changed", "check:ps-page", {"every_s": 300}, {"every_s": 60}),
        ("contract.changed", "contract:vnpt-1", {"party": "VNPT"}, {"party": "Viettel"}),
    ]  # fmt: skip


async def test_an_office_that_moves_because_its_unit_ends_is_on_record_too(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    await load(database, file, FIRST)
    before = len(await record(database))
    line = "phan-son: {name: Xã Phan Sơn, level: commune, parent: lam-dong, valid_from: 2025-07-01"
    ended = "version: 1\nunits:\n  " + line + ", valid_to: 2026-06-01, successors: [la-da]}\n"
    await load(database, file, ended)
    assert [entry for entry in await record(database, before) if entry[1] == "office:ps"] == [
        ("office.changed", "office:ps", {"unit": "phan-son"}, {"unit": "la-da"})
    ]
