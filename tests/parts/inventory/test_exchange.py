"""Files in and out of a real database: a preview, all of it or nothing, the same again changes nothing."""

from __future__ import annotations

import csv
import io
import unicodedata

import pytest
from sqlalchemy import select

from api.demo.agents import PROGRAMME
from inventory.exchange.apply import HasRefusals, PreviewChanged, apply_import, begin_apply
from inventory.exchange.cells import is_formula
from inventory.exchange.export import yaml_of
from inventory.exchange.preview import ImportStopped
from inventory.exchange.receive import ImportRequest, begin_import, stop_import
from inventory.exchange.views import ImportState, import_for
from inventory.models import UnitRow
from inventory.public import change_device, device_for, load_file, office_details, uplinks
from kernel.actors import Place
from kernel.db.transaction import Database
from kernel.errors import NotFound, Refused
from kernel.ids import new_id
from tests.builders.actors import account_actor
from tests.builders.imports import ADMIN, PROFILES, applied, counts, exported, lines, preview, refusals

TONES = ("GRAVE ACCENT", "ACUTE ACCENT", "TILDE", "HOOK ABOVE", "DOT BELOW")


@pytest.fixture
async def loaded(database: Database) -> Database:
    async with database.transaction() as tx:
        await load_file(PROGRAMME, ADMIN, tx, PROFILES)
    return database


async def test_what_was_exported_changes_nothing(loaded: Database) -> None:
    for kind in ("units", "offices", "devices", "uplinks", "checks", "coverage"):
        for language in ("vi", "en"):
            seen = await preview(loaded, await exported(loaded, kind, language), kind=kind)
            assert seen.refused == 0, await refusals(loaded, seen)
            assert set(counts(seen)) <= {"same"}, kind
            assert not seen.may_be_applied


async def test_a_programme_file_that_was_exported_changes_nothing_and_fills_an_empty_database(
    loaded: Database,
) -> None:
    async with loaded.transaction() as tx:
        text = "".join([part async for part in yaml_of(ADMIN, tx)])
    seen = await preview(loaded, text, "all.yaml")
    assert seen.refused == 0, await refusals(loaded, seen)
    assert set(counts(seen)) == {"same"}


async def test_the_example_programme_comes_in_through_a_preview(database: Database) -> None:
    content = PROGRAMME.read_bytes()
    seen = await preview(database, content, "programme.yaml")
    assert seen.refused == 0, await refusals(database, seen)
    assert set(counts(seen)) == {"added"}
    done = await applied(database, seen)
    assert done.state is ImportState.APPLIED
    again = await preview(database, content, "programme.yaml")
    assert set(counts(again)) == {"same"}


HEAD = "Mã;Tên;Văn phòng;Vai trò;Mẫu thiết bị;Địa chỉ IP;Phiên bản SNMP;Thông tin xác thực;Số sê-ri\n"


def device(code: str, address: str, serial: str = "", office: str = "ps", credential: str = "example-v3") -> str:
    return f"{code};Bộ định tuyến;{office};Bộ định tuyến;network-interfaces;{address};v2c;{credential};{serial}\n"


def windows_1258(text: str) -> bytes:
    """Return what Windows' own code page makes of Vietnamese: some letters are two, the vowel and its tone."""
    tones = {unicodedata.lookup(f"COMBINING {name}") for name in TONES}

    def parted(letter: str) -> str:
        marks = unicodedata.normalize("NFD", letter)
        shape = unicodedata.normalize("NFC", "".join(one for one in marks if one not in tones))
        return shape + "".join(one for one in marks if one in tones)

    return "".join(parted(letter) for letter in text).encode("cp1258")


async def test_excel_saves_in_many_ways_and_all_are_read(loaded: Database) -> None:
    text = HEAD + device("moi-1", "10.99.0.1", "HGD08")
    ways = {
        "CSV UTF-8": text.encode("utf-8-sig"),
        "with the line for Excel": f"sep=;\r\n{text}".encode(),
        "Unicode text": text.replace(";", "\t").encode("utf-16"),
        "UTF-16 without a mark": text.encode("utf-16-le"),
        "commas": text.replace(";", ",").encode(),
        "Windows-1258": windows_1258(text),
        "old line ends": text.replace("\n", "\r").encode(),
    }
    for way, content in ways.items():
        seen = await preview(loaded, content)
        assert counts(seen) == {"added": 1}, (way, await refusals(loaded, seen))
        (line,) = await lines(loaded, seen)
        assert (line.line, line.fields["name"], line.fields["role"]) == (line.line, "Bộ định tuyến", "router"), way


async def test_a_changed_cell_is_shown_and_changes_that_field_only(loaded: Database) -> None:
    text = await exported(loaded, "devices")
    edited = text.replace("ps-rt1;Bộ định tuyến;", "ps-rt1;Bộ định tuyến chính;")
    seen = await preview(loaded, edited)
    assert (counts(seen)["changed"], seen.changes) == (1, 1)
    (line,) = await lines(loaded, seen, "changed")
    assert (line.code, dict(line.diff)) == ("ps-rt1", {"name": ["Bộ định tuyến", "Bộ định tuyến chính"]})
    await applied(loaded, seen)
    async with loaded.transaction() as tx:
        assert (await device_for(ADMIN, "ps-rt1", tx)).name == "Bộ định tuyến chính"
    assert set(counts(await preview(loaded, edited))) == {"same"}


async def test_what_was_changed_meanwhile_stops_the_whole(loaded: Database) -> None:
    seen = await preview(loaded, "code;serial\nps-rt1;A1\nps-sw1;A2\n", kind="devices")
    assert counts(seen) == {"changed": 2}, await refusals(loaded, seen)
    async with loaded.transaction() as tx:
        await change_device(ADMIN, tx, "ps-sw1", {"serial": "B"}, lambda _: True, PROFILES)
    with pytest.raises(PreviewChanged, match="ps-sw1"):
        await applied(loaded, seen)
    async with loaded.transaction() as tx:
        assert (await device_for(ADMIN, "ps-rt1", tx)).serial == ""
        assert (await import_for(ADMIN, tx, seen.id)).state is ImportState.FAILED


async def test_another_token_than_the_previews_applies_nothing(loaded: Database) -> None:
    seen = await preview(loaded, "code;serial\nps-rt1;A1\n", kind="devices")
    async with loaded.transaction() as tx:
        with pytest.raises(PreviewChanged):
            await begin_apply(ADMIN, tx, seen.id, "0" * 32)


async def test_a_file_with_a_wrong_line_is_not_taken_at_all(loaded: Database) -> None:
    text = HEAD + device("moi-1", "10.99.0.1") + device("moi-2", "10.99.0.300") + device("Mới 3", "10.99.0.3", "=1+1")
    seen = await preview(loaded, text)
    assert counts(seen) == {"added": 1, "refused": 2}
    assert await refusals(loaded, seen) == {
        3: ["address: “10.99.0.300” is no IP address."],
        4: [
            "serial: This is a formula: =1+1. Put the value itself there.",
            "code: “Mới 3” is no code: small letters a to z, digits and hyphens, at most 63.",
        ],
    }
    async with loaded.transaction() as tx:
        with pytest.raises(HasRefusals):
            await begin_apply(ADMIN, tx, seen.id, seen.token)


GARBAGE = [
    (b"", 1, "nothing in the file"),
    (b"PK\x03\x04 a workbook", 1, "Excel workbook"),
    ("code;name\nps;Văn phòng\n".encode() + b"ld;V\xc3\n", 3, "not UTF-8"),
    ("Mã;Tên\nps;V¨n phßng ch­¬ng tr×nh x· Phan S¬n\n".encode("cp1252"), 1, "TCVN3"),
    ("code;name\nps;V¨n phßng ch­¬ng tr×nh x· Phan S¬n\n".encode(), 1, "TCVN3"),
    ("code;name\nps;Vaên phoøng chöông trình xaõ Phan Sôn\n".encode("cp1252"), 1, "VNI"),
    ("code;name;colour\nps;Văn phòng;đỏ\n".encode(), 1, "Nobody knows the column “colour”"),
    ("name;address\nVăn phòng;Thôn 1\n".encode(), 1, "no column “code”"),
    (b"code;name;name\nps;a;b\n", 1, "stands there twice"),
    ('code;name\nps;"Văn phòng\nld;Khác\n'.encode(), 2, "never closed"),
    ('code;name\nps;"Văn" phòng\n'.encode(), 2, "quotation marks are wrong"),
    ("code;name;address\nps;Văn phòng;Thôn 1\nld;Tr".encode(), 3, "ends in the middle of a line"),
    (b"code;name\nps;a\0b\n", 2, "code 0"),
    (b'code;name\nps;"' + b"a" * 200_000 + b'"\n', 2, "more than 131072 letters"),
]


async def test_garbage_is_told_with_its_line(loaded: Database) -> None:
    for content, line, told in GARBAGE:
        seen = await preview(loaded, content, kind="offices")
        assert told in " ".join((await refusals(loaded, seen))[line]), told
        assert not seen.may_be_applied


async def test_dates_and_numbers_are_read_as_a_technician_writes_them(loaded: Database) -> None:
    text = (
        "Mã;Loại;Bên cung cấp;Ngày bắt đầu;Ngày kết thúc;Cam kết (%);Khắc phục trong (giờ);Chi phí (đồng/tháng);"
        "Đường truyền\nvnpt-17;kênh truyền;VNPT;01/12/2025;2026-11-30;99,5;4;1.500.000;ps-fibre\n"
    )
    seen = await preview(loaded, text)
    assert counts(seen) == {"added": 1}, await refusals(loaded, seen)
    fields = (await lines(loaded, seen))[0].fields
    assert (fields["starts"], fields["ends"], fields["sla_percent"], fields["cost"]) == (
        "2025-12-01", "2026-11-30", 99.5, 1_500_000
    )  # fmt: skip
    await applied(loaded, seen)
    assert set(counts(await preview(loaded, await exported(loaded, "contracts")))) == {"same"}
    wrong = "code;starts;cost\nvnpt-17;1/12/25;1,5E+06\n"
    told = await refusals(loaded, await preview(loaded, wrong, kind="contracts"))
    assert ["four digits" in told[2][0], "rounded" in told[2][1]] == [True, True]


async def test_contracts_of_one_line_do_not_overlap(loaded: Database) -> None:
    head = "code;kind;party;starts;ends;uplinks\n"
    seen = await preview(
        loaded, head + "a;line;VNPT;2026-01-01;2026-12-31;ps-fibre\nb;line;Viettel;2026-12-31;;ps-fibre\n"
        "c;line;Viettel;2027-01-01;;ps-fibre\nd;support;FPT;2026-01-01;;ps-fibre\ne;line;FPT;2026-05-01;2026-04-01;\n",
    )  # fmt: skip
    assert await refusals(loaded, seen) == {
        3: ["starts: ps-fibre has a contract of this kind at that time already: a."],
        4: ["starts: ps-fibre has a contract of this kind at that time already: b."],
        6: ["ends: It ends before it begins."],
    }
    await applied(loaded, await preview(loaded, head + "a;line;VNPT;2026-01-01;2026-12-31;ps-fibre\n"))
    told = await refusals(loaded, await preview(loaded, head + "b;line;Viettel;2026-12-31;;ps-fibre\n"))
    assert "already: a" in told[2][0]


async def test_a_tree_that_goes_in_a_circle_is_refused(loaded: Database) -> None:
    head = "code;name;level;parent;valid_from;valid_to\n"
    seen = await preview(
        loaded, head + "a;A;commune;b;2025-07-01;\nb;B;commune;a;2025-07-01;\nc;C;province;phan-son;2025-07-01;\n"
        "d;D;commune;nowhere;2025-07-01;\ne;E;kingdom;;2025-07-01;\nf;F;commune;binh-thuan;2025-07-01;\n"
        "g;G;commune;lam-dong;2025-07-01;2025-07-01\ng;G;commune;lam-dong;2025-07-01;\n",
    )  # fmt: skip
    told = await refusals(loaded, seen)
    assert told[2] == [
        "parent: It would lie below itself: a > b > a.",
        "parent: b is a commune: a commune cannot lie below it.",
    ]
    assert "below itself: b > a > b" in told[3][0]
    assert told[4] == ["parent: phan-son is a commune: a province cannot lie below it."]
    assert told[5] == ["parent: Among the units that you may change there is no nowhere, and none in this file."]
    assert told[6] == ["level: There is no level kingdom."]
    assert told[7] == ["parent: binh-thuan does not exist at the time of this unit."]
    assert told[8] == ["valid_to: It ends before it begins."]
    assert told[9] == ["g stands here a second time; first in line 8."]


async def test_what_a_file_shares_with_itself_or_with_others_is_told(loaded: Database) -> None:
    async with loaded.transaction() as tx:
        taken = (await device_for(ADMIN, "ps-rt1", tx)).address
    text = HEAD + device("moi-1", "10.99.0.1") + device("moi-2", "10.99.0.1")
    text += device("moi-4", "10.99.0.4", office="nowhere")
    told = await refusals(loaded, await preview(loaded, text))
    assert told[3] == ["address: 10.99.0.1 port 161 is asked at moi-1 already."]
    assert "there is no nowhere" in told[4][0]
    assert set(told) == {3, 4}
    moved = await refusals(loaded, await preview(loaded, f"code;address\nps-sw1;{taken}\n", kind="devices"))
    assert "is asked at ps-rt1 already" in moved[2][0]


async def test_only_a_file_that_says_it_is_complete_removes(loaded: Database) -> None:
    text = await exported(loaded, "devices", within="phan-son")
    kept = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("ps-sw1;"))
    assert set(counts(await preview(loaded, kept))) == {"same"}
    seen = await preview(loaded, kept, complete=True, within="phan-son")
    assert (counts(seen)["removed"], seen.changes) == (1, 1)
    await applied(loaded, seen)
    async with loaded.transaction() as tx:
        assert (await device_for(ADMIN, "ps-sw1", tx)).state == "retired"
    assert set(counts(await preview(loaded, kept, complete=True, within="phan-son"))) == {"same"}
    offices = await preview(loaded, "code;name\nnone;x\n", kind="offices", complete=True)
    told = [one.code for line in await lines(loaded, offices, "refused") for one in line.faults]
    assert "still-needed" in told, "an office with devices is not removed"


async def test_who_holds_one_place_imports_there_and_nowhere_else(loaded: Database) -> None:
    async with loaded.transaction() as tx:
        unit = await tx.session.scalar(select(UnitRow.id).where(UnitRow.code == "phan-son"))
        other = next(one.office for one in await uplinks(ADMIN, tx) if not one.office.startswith("ps"))
    assert unit is not None
    son = account_actor(new_id(), "son", "engineer", Place(unit))
    text = HEAD + device("moi-1", "10.99.0.1") + device("moi-2", "10.99.0.2", office=other)
    seen = await preview(loaded, text, actor=son)
    assert (counts(seen), set(await refusals(loaded, seen))) == ({"added": 1, "refused": 1}, {3})
    units = await preview(loaded, "code;name\nphan-son;Khác\n", kind="units", actor=son)
    assert "whole tree" in (await refusals(loaded, units))[2][0]
    async with loaded.transaction() as tx:
        stranger = account_actor(new_id(), "lan", "engineer", Place(new_id()))
        with pytest.raises(NotFound):
            await import_for(stranger, tx, seen.id)
        with pytest.raises(Refused):
            await begin_import(account_actor(new_id(), "canbo", "official"), tx, ImportRequest("a.csv", 1))


async def test_a_stop_leaves_nothing(loaded: Database) -> None:
    text = HEAD + "".join(device(f"moi-{number}", f"10.9{number // 250}.0.{number % 250}") for number in range(500))
    seen = await preview(loaded, text)
    async with loaded.transaction() as tx:
        await begin_apply(ADMIN, tx, seen.id, seen.token)
        await stop_import(ADMIN, tx, seen.id)
    with pytest.raises(ImportStopped):
        await apply_import(loaded, seen.id, actor=ADMIN)
    async with loaded.transaction() as tx:
        assert (await import_for(ADMIN, tx, seen.id)).state is ImportState.STOPPED
        with pytest.raises(NotFound):
            await device_for(ADMIN, "moi-1", tx)


async def test_no_formula_leaves_with_an_export_and_none_is_lost(loaded: Database) -> None:
    hostile = '=HYPERLINK("http://evil","x")'
    async with loaded.transaction() as tx:
        for code, vendor in (("ps-rt1", hostile), ("ps-sw1", "'=1"), ("ps-ap1", "-5"), ("ps-ups1", "@x")):
            await change_device(ADMIN, tx, code, {"vendor": vendor}, lambda _: True, PROFILES)
    text = await exported(loaded, "devices", "en")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert "'" + hostile in cells
    assert not [cell for cell in cells if is_formula(cell)]
    seen = await preview(loaded, text)
    assert set(counts(seen)) == {"same"}, [dict(one.diff) for one in await lines(loaded, seen, "changed")]


async def test_a_device_without_a_credential_of_its_own_comes_back_as_it_is(loaded: Database) -> None:
    head = HEAD.replace("Số sê-ri", "Tài khoản SSH")
    await applied(loaded, await preview(loaded, head + device("moi-1", "10.99.0.1", "ops", credential="")))
    for language in ("vi", "en"):
        seen = await preview(loaded, await exported(loaded, "devices", language))
        assert set(counts(seen)) == {"same"}, await refusals(loaded, seen)
    told = await refusals(loaded, await preview(loaded, head + device("moi-2", "10.99.0.2", credential="Khóa")))
    assert told == {2: ["credential: “Khóa” is no code: small letters a to z, digits and hyphens, at most 63."]}


async def test_an_office_comes_back_with_its_contacts(loaded: Database) -> None:
    text = "Mã;Vĩ độ;Người liên hệ\nps;11,41;Chánh Văn phòng; Hoa\n"
    assert "too-many" in str(await lines(loaded, await preview(loaded, text, kind="offices"), "refused"))
    text = 'Mã;Vĩ độ;Người liên hệ\nps;11,41;"Chánh Văn phòng; Nguyễn Thị Hoa; 0263 3822 822|Kế toán; Ka Thêm"\n'
    await applied(loaded, await preview(loaded, text, kind="offices"))
    async with loaded.transaction() as tx:
        details = await office_details(ADMIN, "ps", tx)
    assert (details.office.latitude, [one.name for one in details.contacts]) == (11.41, ["Nguyễn Thị Hoa", "Ka Thêm"])
    assert set(counts(await preview(loaded, await exported(loaded, "offices")))) == {"same"}
