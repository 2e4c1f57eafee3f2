"""What a reorganisation does is decided without a database, and every mistake in it is told at once."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from inventory.reorganise import (
    OPERATIONS,
    Abolish,
    Create,
    Merge,
    Move,
    OfficeMove,
    OfficeNow,
    Operation,
    Rename,
    Split,
    Tree,
    UnitNow,
    plan,
    way_up,
)
from inventory.units import Level

LONG_AGO, DAY = date(1976, 2, 1), date(2025, 7, 1)
LEVELS = {
    code: Level(code, position, code, code, None, DAY if code == "district" else None)
    for position, code in enumerate(("central", "province", "district", "commune", "village"))
}


def unit(level: str, parent: str | None = None, *, changed: date = LONG_AGO, ended: date | None = None) -> UnitNow:
    return UnitNow(level, "Tên", "Name", parent, LONG_AGO, changed, ended)


TREE = Tree(
    LEVELS,
    {
        "lam-dong": unit("province"),
        "binh-thuan": unit("province"),
        "bac-binh": unit("district", "binh-thuan"),
        "phan-son": unit("commune", "bac-binh"),
        "phan-lam": unit("commune", "bac-binh"),
        "da-lat": unit("commune", "lam-dong"),
        "gone": unit("commune", "bac-binh", ended=date(2020, 1, 1)),
    },
    {
        "ps": OfficeNow("phan-son", LONG_AGO),
        "pl": OfficeNow("phan-lam", LONG_AGO),
        "bb": OfficeNow("bac-binh", LONG_AGO),
    },
)


def whys(*operations: Operation, day: date = DAY, tree: Tree = TREE) -> list[str]:
    return [f"{wrong.line}: {wrong.why}" for wrong in plan(operations, day, tree).mistakes]


def test_what_belonged_to_a_merged_unit_belongs_to_its_successor() -> None:
    done = plan([Merge(units=("phan-son", "phan-lam"), into="phan-son")], DAY, TREE)
    assert done.mistakes == ()
    assert done.ended == ("phan-lam",)
    assert done.successions == (("phan-lam", "phan-son"),)
    assert done.heirs == {"phan-lam": ("phan-son",)}
    up = ("bac-binh", "binh-thuan")
    assert done.moves == (OfficeMove("pl", ("phan-lam", *up), ("phan-son", *up)),)
    assert done.after.units["phan-lam"].ended == DAY


def test_a_new_unit_may_take_over_in_the_same_reorganisation() -> None:
    done = plan(
        [
            Create(unit="xa-moi", name="Xã Mới", level="commune", parent="lam-dong"),
            Merge(units=("phan-son", "phan-lam"), into="xa-moi"),
            Merge(units=("binh-thuan",), into="lam-dong"),
            Abolish(unit="bac-binh", to="lam-dong"),
        ],
        DAY,
        TREE,
    )
    assert done.mistakes == ()
    assert done.created == ("xa-moi",)
    assert {move.office: move.after for move in done.moves} == {
        "ps": ("xa-moi", "lam-dong"), "pl": ("xa-moi", "lam-dong"), "bb": ("lam-dong",),
    }  # fmt: skip
    assert ("bac-binh", "lam-dong") not in done.successions
    assert done.heirs["bac-binh"] == ()


def test_offices_below_what_moves_move_with_it() -> None:
    done = plan([Move(unit="bac-binh", parent="lam-dong")], date(2020, 1, 1), TREE)
    assert [move.office for move in done.moves] == ["bb", "pl", "ps"]
    assert done.moves[2] == OfficeMove(
        "ps", ("phan-son", "bac-binh", "binh-thuan"), ("phan-son", "bac-binh", "lam-dong")
    )


def test_a_name_moves_nothing() -> None:
    done = plan([Rename(unit="da-lat", name="Phường Đà Lạt")], DAY, TREE)
    assert (done.changed, done.moves) == (("da-lat",), ())


def test_a_split_says_of_each_office_and_unit_where_it_goes() -> None:
    make = [Create(unit=code, name=code, level="district", parent="binh-thuan") for code in ("north", "south")]
    day = date(2020, 1, 1)
    assert whys(*make, Split(unit="bac-binh", into=("north", "south")), day=day) == [
        "3: bac-binh is split: say where its office bb goes",
        "3: bac-binh is split: say where its unit phan-lam goes",
        "3: bac-binh is split: say where its unit phan-son goes",
    ]
    done = plan(
        [
            *make,
            Split(
                unit="bac-binh",
                into=("north", "south"),
                units={"phan-son": "north"},
                offices={"bb": "south"},
                rest="south",
            ),
        ],
        day,
        TREE,
    )
    assert done.mistakes == ()
    assert {move.office: move.after[0:2] for move in done.moves} == {
        "bb": ("south", "binh-thuan"), "ps": ("phan-son", "north"), "pl": ("phan-lam", "south"),
    }  # fmt: skip


def test_a_unit_that_gives_a_part_away_lasts() -> None:
    done = plan([Split(unit="phan-son", into=("phan-son", "phan-lam"), offices={"ps": "phan-lam"})], DAY, TREE)
    assert (done.mistakes, done.ended) == ((), ())
    assert done.successions == (("phan-son", "phan-lam"),)
    assert [(move.office, move.after[0]) for move in done.moves] == [("ps", "phan-lam")]


def test_a_part_of_what_ends_comes_up_in_its_place_and_one_of_what_lasts_stays_below_it() -> None:
    day = date(2020, 1, 1)
    ends = plan([Merge(units=("bac-binh",), into="phan-son")], day, TREE)
    assert [wrong.why for wrong in ends.mistakes] == ["phan-lam is a commune and cannot lie below phan-son, a commune"]
    assert ends.after.units["phan-son"].parent == "binh-thuan"
    lasts = plan([Split(unit="bac-binh", into=("bac-binh", "phan-son"), offices={"bb": "phan-son"})], day, TREE)
    assert lasts.mistakes == ()
    assert lasts.after.units["phan-son"].parent == "bac-binh"
    assert [(move.office, move.after[0]) for move in lasts.moves] == [("bb", "phan-son")]


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (Rename(unit="nowhere", name="X"), "there is no unit nowhere"),
        (Rename(unit="gone", name="X"), "gone has ended on 2020-01-01"),
        (Move(unit="binh-thuan", parent="phan-son"), "binh-thuan would lie below itself: binh-thuan < phan-son"),
        (Move(unit="lam-dong", parent="binh-thuan"), "lam-dong is a province and cannot lie below binh-thuan"),
        (Create(unit="da-lat", name="X", level="commune"), "there is a unit da-lat already"),
        (
            Create(unit="new", name="X", level="district"),
            "on 2025-07-01 there is no level district: there are central, pro",
        ),
        (Create(unit="new", name="X", level="county"), "on 2025-07-01 there is no level county"),
        (Merge(units=("gone", "da-lat"), into="da-lat"), "gone has ended on 2020-01-01"),
        (Merge(units=("da-lat",), into="da-lat"), "da-lat alone would merge with itself"),
        (Merge(units=("phan-son", "phan-son"), into="da-lat"), "a unit is named twice"),
        (Abolish(unit="phan-son"), "phan-son ends, and its office ps would belong to no unit"),
        (Abolish(unit="phan-son", to="phan-son"), "what is in it cannot go to itself"),
        (
            Split(unit="phan-son", into=("phan-son", "da-lat"), offices={"pl": "da-lat"}),
            "office pl is not one of phan-son",
        ),
        (Split(unit="phan-son", into=("phan-lam", "da-lat"), rest="bac-binh"), "office ps cannot go to bac-binh"),
    ],
)
def test_a_mistake_is_told_in_words(operation: Operation, why: str) -> None:
    assert any(why in told for told in whys(operation)), whys(operation)


def test_every_mistake_is_told_with_the_number_of_its_operation() -> None:
    told = whys(
        Rename(unit="nowhere", name="X"),
        Merge(units=("phan-son",), into="phan-lam"),
        Move(unit="phan-son", parent=None),
    )
    assert told == ["1: there is no unit nowhere", "3: phan-son ends in this reorganisation already, by operation 2"]


def test_what_has_changed_later_is_not_changed_earlier() -> None:
    tree = Tree(LEVELS, {**TREE.units, "phan-son": unit("commune", "bac-binh", changed=date(2026, 1, 1))}, TREE.offices)
    assert whys(Rename(unit="phan-son", name="X"), tree=tree) == [
        "1: phan-son has changed on 2026-01-01 already, later than this reorganisation"
    ]
    assert whys(Merge(units=("bac-binh",), into="lam-dong"), tree=tree) == [
        "1: phan-son has changed on 2026-01-01 already, later than this reorganisation"
    ]


def test_what_begins_cannot_end_on_the_same_day() -> None:
    make = Create(unit="new", name="X", level="commune", parent="lam-dong")
    assert whys(make, Merge(units=("new",), into="da-lat")) == [
        "2: new begins on 2025-07-01 and cannot end on the same day"
    ]


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [{"do": "explode", "unit": "a"}],
        [{"do": "rename", "unit": "A B", "name": "x"}],
        [{"do": "rename", "unit": "a", "name": ""}],
        [{"do": "merge", "units": [], "into": "a"}],
        [{"do": "split", "unit": "a", "into": ["b"]}],
        [{"do": "move", "unit": "a"}],
        [{"do": "move", "unit": "a", "parent": "b", "why": "no reason"}],
        "rename",
    ],
)
def test_operations_of_another_form_are_refused(operations: object) -> None:
    with pytest.raises(ValidationError):
        OPERATIONS.validate_python(operations)


CODES = st.sampled_from([*TREE.units, "new-1", "new-2", "nowhere"])
OPERATION = st.one_of(
    st.builds(Rename, unit=CODES, name=st.sampled_from(["A", "B"])),
    st.builds(Move, unit=CODES, parent=st.none() | CODES),
    st.builds(
        Create,
        unit=st.sampled_from(["new-1", "new-2"]),
        name=st.just("N"),
        level=st.sampled_from(list(LEVELS)),
        parent=st.none() | CODES,
    ),
    st.builds(Merge, units=st.lists(CODES, min_size=1, max_size=3).map(tuple), into=CODES),
    st.builds(
        Split,
        unit=CODES,
        into=st.lists(CODES, min_size=2, max_size=3).map(tuple),
        units=st.dictionaries(CODES, CODES, max_size=2),
        offices=st.dictionaries(st.sampled_from(list(TREE.offices)), CODES, max_size=2),
        rest=st.none() | CODES,
    ),
    st.builds(Abolish, unit=CODES, to=st.none() | CODES),
)


@given(st.lists(OPERATION, min_size=1, max_size=6), st.dates(date(2019, 1, 1), date(2026, 1, 1)))
def test_whatever_is_asked_the_tree_stays_a_tree(operations: list[Operation], day: date) -> None:
    done = plan(operations, day, TREE)
    if done.mistakes:
        assert done.moves == ()
        assert all(1 <= wrong.line <= len(operations) for wrong in done.mistakes)
        return
    units = done.after.units
    alive = {code for code, unit in units.items() if unit.ended is None}
    for code in alive:
        way = way_up(code, units)
        assert set(way) <= alive
        assert units[way[-1]].parent is None
        positions = [LEVELS[units[step].level].position for step in way]
        assert positions == sorted(positions, reverse=True)
        assert len(set(positions)) == len(positions)
    assert done.after.offices.keys() == TREE.offices.keys()
    assert {office.unit for office in done.after.offices.values()} <= alive
    assert set(done.ended) == {code for code in TREE.units if TREE.units[code].ended is None} - alive
    moved = {move.office for move in done.moves}
    for code, office in TREE.offices.items():
        same = way_up(office.unit, TREE.units) == way_up(done.after.offices[code].unit, units)
        assert same == (code not in moved)
