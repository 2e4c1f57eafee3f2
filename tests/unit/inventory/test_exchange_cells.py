"""Cells as technicians write them, and text of the time before Unicode."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.exchange.cells import COLUMNS, Column, is_formula, read_cell, show_cell
from inventory.exchange.legacy import legacy
from inventory.programme_file import KEYS

NUMBER = Column("down_bps", "", "", "integer")
DECIMAL = Column("latitude", "", "", "decimal")
DAY = Column("starts", "", "", "date")
TEXT = Column("name", "", "")


@pytest.mark.parametrize(
    ("column", "written", "meant"),
    [
        (NUMBER, "20.000.000", 20_000_000), (NUMBER, "20,000,000", 20_000_000), (NUMBER, "20 000 000", 20_000_000),
        (NUMBER, "161", 161), (NUMBER, "161,0", 161), (NUMBER, "", None),
        (DECIMAL, "11,41", "11.41"), (DECIMAL, "11.41", "11.41"), (DECIMAL, "1.234,5", "1234.5"),
        (DECIMAL, "-12,5", "-12.5"), (DECIMAL, "99,5%", "99.5"),
        (DAY, "24/11/2026", "2026-11-24"), (DAY, "4-1-2026", "2026-01-04"), (DAY, "2026-11-24", "2026-11-24"),
        (DAY, "2026-11-24 00:00:00", "2026-11-24"),
        (TEXT, "+84 263 3822 822", "+84 263 3822 822"), (TEXT, "'=1+1", "=1+1"), (TEXT, "'quoted'", "'quoted'"),
    ],
)  # fmt: skip
def test_a_cell_says_what_was_meant(column: Column, written: str, meant: object) -> None:
    assert read_cell("offices", column, written) == (meant, None)


@pytest.mark.parametrize(
    ("column", "written", "code"),
    [
        (TEXT, '=HYPERLINK("http://evil")', "formula"), (TEXT, "@SUM(A1)", "formula"),
        (TEXT, "+cmd|' /C calc'!A0", "formula"),
        (TEXT, "\t=1", "formula"), (TEXT, "#REF!", "excel-error"), (NUMBER, "2E+07", "rounded-number"),
        (NUMBER, "many", "not-a-number"), (NUMBER, "1,5", "not-a-number"), (DECIMAL, "north", "not-a-number"),
        (DAY, "24/11/26", "short-year"), (DAY, "11/24/2026", "not-a-date"), (DAY, "46350", "not-a-date"),
    ],
)  # fmt: skip
def test_a_cell_that_says_nothing_sure_is_refused(column: Column, written: str, code: str) -> None:
    value, wrong = read_cell("offices", column, written)
    assert value is None
    assert wrong is not None
    assert wrong.code == code


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20))
def test_every_text_leaves_harmless_and_comes_back_as_it_was(text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    shown = show_cell(text, TEXT, vietnamese=True)
    assert not is_formula(shown)
    value, wrong = read_cell("offices", TEXT, shown)
    assert (value, wrong) == (text, None) or (wrong is not None and wrong.code == "excel-error")


def test_old_fonts_are_known_and_what_is_written_today_is_not_taken_for_them() -> None:
    assert legacy("V¨n phßng ch­¬ng tr×nh x· Phan S¬n") == "TCVN3"
    assert legacy("Vaên phoøng chöông trình xaõ Phan Sôn") == "VNI"
    for sound in ("Văn phòng chương trình xã Phan Sơn, huyện Bắc Bình", "Trụ sở Đồng Kho", "Café Zürich", "plain"):
        assert legacy(sound) is None, sound


def test_every_kind_begins_with_its_code_and_no_heading_means_two_columns() -> None:
    for kind, columns in COLUMNS.items():
        key = KEYS.get(kind, ("code",))
        assert tuple(column.name for column in columns[: len(key)]) == key
        for said in ("vi", "en", "name"):
            assert len({getattr(column, said) for column in columns}) == len(columns)
