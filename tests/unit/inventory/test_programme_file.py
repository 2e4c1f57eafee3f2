"""Every mistake in an inventory file is told with its line, and a file with one mistake is not loaded at all."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.errors import BadInventoryFile, Mistake
from inventory.programme_file import Known, ProgrammeFile, read

GOOD = """\
version: 1
units:
  lam-dong: {name: Lâm Đồng, name_en: Lam Dong, level: province, valid_from: 1976-02-01}
  phan-son: {name: Xã Phan Sơn, level: commune, parent: lam-dong, valid_from: 2025-07-01}
offices:
  ps:
    name: Văn phòng Chương trình xã Phan Sơn
    unit: phan-son
devices:
  ps-rt1:
    name: Bộ định tuyến
    office: ps
    role: router
    profile: network-interfaces
    address: 127.20.1.1
    port: 16100
    snmp: v2c
    credential: example-v2c
uplinks:
  ps-fibre: {device: ps-rt1, interface: Gi0/1, carrier: VNPT, medium: fibre, down_bps: 20000000, up_bps: 20000000}
"""
LEVELS = frozenset({"central", "province", "district", "commune", "village"})
KNOWN = Known(profiles=frozenset({"network-interfaces"}), levels=LEVELS)


def load(text: str) -> ProgrammeFile:
    return read(text, "programme.yaml", KNOWN)


def told(text: str) -> list[Mistake]:
    """Return the mistakes in `text`, none if it is a whole file; any other way out is a crash."""
    try:
        load(text)
    except BadInventoryFile as error:
        return error.mistakes
    return []


def mistakes(text: str) -> list[tuple[int, str]]:
    """Return line and words of every mistake in `text`."""
    with pytest.raises(BadInventoryFile) as caught:
        load(text)
    return [(mistake.line, mistake.why) for mistake in caught.value.mistakes]


def test_a_good_file_is_read_whole() -> None:
    content = load(GOOD)
    assert content.units["phan-son"].valid_from == date(2025, 7, 1)
    assert content.devices["ps-rt1"].port == 16100
    assert content.uplinks["ps-fibre"].carrier == "VNPT"


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ("level: commune", "level: county", 4, "level"),
        ("parent: lam-dong", "parent: lam-dang", 4, "lam-dang"),
        ("valid_from: 2025-07-01", "valid_from: 2025-13-01", 4, "valid_from"),
        ("unit: phan-son", "unit: phan-lam", 8, "phan-lam"),
        ("office: ps", "office: pz", 12, "pz"),
        ("role: router", "role: toaster", 13, "role"),
        ("profile: network-interfaces", "profile: abacus", 14, "abacus"),
        ("address: 127.20.1.1", "address: 127.20.1.300", 15, "address"),
        ("port: 16100", "port: 0", 16, "port"),
        ("snmp: v2c", "snmp: v4", 17, "snmp"),
        ("credential: example-v2c", "community: public", 18, "community"),
        ("down_bps: 20000000", "down_bps: -1", 20, "down_bps"),
        ("device: ps-rt1", "device: ps-rt9", 20, "ps-rt9"),
        ("version: 1", "version: 2", 1, "version"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, line: int, word: str) -> None:
    assert old in GOOD
    found = mistakes(GOOD.replace(old, new))
    assert any(at == line and word in why for at, why in found), found


def test_all_mistakes_are_told_at_once() -> None:
    broken = GOOD.replace("role: router", "role: toaster").replace("port: 16100", "port: many")
    assert [line for line, _ in mistakes(broken)] == [13, 16]


def test_a_doubled_code_is_a_mistake_and_not_a_replacement() -> None:
    doubled = GOOD.replace("uplinks:", "  ps-rt1: {}\nuplinks:")
    assert any("second time" in why for _, why in mistakes(doubled))


def test_two_devices_at_one_address_are_a_mistake() -> None:
    twin = (
        "  ps-rt2: {name: A, office: ps, role: router, profile: network-interfaces, address: 127.20.1.1, port: 16100, "
        "snmp: v2c, credential: example-v2c}\nuplinks:"
    )
    assert any("already ps-rt1" in why for _, why in mistakes(GOOD.replace("uplinks:", twin)))


def test_a_unit_that_is_its_own_ancestor_is_a_mistake() -> None:
    circle = GOOD.replace("level: province,", "level: province, parent: phan-son,")
    assert any("its own ancestor" in why for _, why in mistakes(circle))


def test_a_unit_that_ends_before_it_begins_is_a_mistake() -> None:
    wrong = GOOD.replace("valid_from: 1976-02-01", "valid_from: 1976-02-01, valid_to: 1975-02-01")
    assert any("ends before it begins" in why for _, why in mistakes(wrong))


def test_half_a_file_is_a_mistake_or_a_smaller_file_but_never_a_crash() -> None:
    for end in range(len(GOOD)):
        assert all(mistake.why for mistake in told(GOOD[:end]))


def test_a_code_that_looks_like_a_number_or_a_no_is_still_a_code() -> None:
    content = load(GOOD.replace("phan-son", "no").replace("lam-dong", "08"))
    assert set(content.units) == {"no", "08"}


def test_aliases_that_multiply_are_refused_before_they_fill_the_memory() -> None:
    bomb = "version: 1\na: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(12)
    )
    assert any("too large" in why for _, why in mistakes(bomb))


@given(st.text(max_size=300))
def test_any_text_is_a_file_or_a_told_mistake(text: str) -> None:
    assert all(mistake.why for mistake in told(text))


@given(st.binary(max_size=200))
def test_a_good_file_with_rubbish_inside_is_a_file_or_a_told_mistake(rubbish: bytes) -> None:
    middle = len(GOOD) // 2
    assert all(mistake.why for mistake in told(GOOD[:middle] + rubbish.decode("utf-8", "replace") + GOOD[middle:]))


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("{device: gone, kind: tcp, port: 22}", "there is no device gone"),
        ("{device: rt1, kind: tcp}", "needs a port"),
        ("{device: rt1, kind: dns}", "needs the name"),
        ("{device: rt1, kind: ntp, path: /x}", "has no path"),
        ("{device: rt1, kind: http, every_s: 3}", "at least 10"),
        ("{device: rt1, kind: http, path: no-slash}", "path"),
        ("{device: rt1, kind: gopher}", "kind"),
    ],
)
def test_a_check_that_cannot_be_made_is_told_with_its_line(check: str, words: str) -> None:
    known = Known(devices=frozenset({"rt1"}))
    with pytest.raises(BadInventoryFile) as caught:
        read(f"version: 1\nchecks:\n  c: {check}\n", "f", known)
    (mistake,) = caught.value.mistakes
    assert mistake.line == 3
    assert words in mistake.why


def test_a_check_listens_where_its_kind_usually_does() -> None:
    text = """version: 1
checks:
  page: {device: rt1, kind: http, secure: false, contains: ready}
  certificate: {device: rt1, kind: tls, name: room.example.vn}
  names: {device: rt1, kind: dns, name: meet.example.vn, expect: [203.0.113.7]}
  time: {device: rt1, kind: ntp, port: 1123}
"""
    checks = read(text, "f", Known(devices=frozenset({"rt1"}))).checks
    assert {code: check.port_asked for code, check in checks.items()} == {
        "page": 80, "certificate": 443, "names": 53, "time": 1123,
    }  # fmt: skip
    assert checks["page"].options() == {"name": "", "secure": False, "path": "/", "contains": "ready"}
    assert checks["names"].options()["expect"] == ["203.0.113.7"]
