"""Times ranked by who would be missing: by example, and equal to an oracle that tries every beginning."""

from __future__ import annotations

import ast
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from meetings.find_time import EPOCH, MICROSECOND, MINUTE, Hours, Party, Room, candidates, rank
from tests.unit.meetings import find_time_oracle
from tests.unit.meetings.find_time_cases import product_answer
from tests.unit.meetings.find_time_oracle import answer, is_free, random_case

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NINE = datetime(2027, 1, 5, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
A_SAMPLE = 400
"""Of the 10,000 cases of the benchmark."""


def room(*booked: tuple[datetime, datetime], number: int = 1, before: int = 0, after: int = 0) -> Room:
    def instants(which: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array([(times[which] - EPOCH) // MICROSECOND for times in booked], np.int64)

    return Room(number, instants(0), instants(1), before * MINUTE, after * MINUTE)


def test_the_product_finds_what_the_oracle_finds() -> None:
    for seed in range(A_SAMPLE):
        case = random_case(seed)
        assert product_answer(case) == answer(case), f"case {seed}"


def test_the_oracle_knows_nothing_of_the_product() -> None:
    tree = ast.parse(Path(str(find_time_oracle.__file__)).read_text(encoding="utf-8"))
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert named == {"__future__", "random", "dataclasses", "typing"}


def test_the_oracle_itself_knows_half_open_edges() -> None:
    assert is_free(60, 60, 0, 0, [(0, 60), (120, 180)])
    assert not is_free(60, 61, 0, 0, [(120, 180)])
    assert not is_free(60, 60, 1, 0, [(0, 60)])


@pytest.mark.parametrize(
    ("edge", "free"),
    [(timedelta(), True), (timedelta(microseconds=1), False), (timedelta(microseconds=-1), True)],
)
def test_an_edge_is_exact_to_the_microsecond(edge: timedelta, *, free: bool) -> None:
    booked = (NINE - HOUR, NINE + edge)
    (slot,) = rank([[NINE]], HOUR, [Party("ps", (room(booked),))], zone=HANOI)
    assert (not slot.missing) == free


@pytest.mark.parametrize("seconds", [0, 1], ids=["whole minutes", "none of whole minutes"])
def test_beginnings_may_lie_between_two_minutes(seconds: int) -> None:
    begins = [NINE + timedelta(minutes=15 * n, seconds=seconds * n) for n in range(12)]
    booked = (NINE + timedelta(hours=1, seconds=2), NINE + timedelta(hours=1, minutes=30, seconds=6))
    slots = rank(
        [[at] for at in begins], HOUR, [Party("ps", (room(booked, before=5, after=10),))], zone=HANOI, limit=12
    )
    needed = timedelta(minutes=5), timedelta(minutes=70)
    clear = {at for at in begins if at + needed[1] <= booked[0] or booked[1] <= at - needed[0]}
    assert {slot.starts_at[0] for slot in slots if not slot.missing} == clear
    assert len(clear) == 5


def test_an_office_without_a_room_is_missing_everywhere_and_the_answer_still_comes() -> None:
    slots = rank([[NINE], [NINE + HOUR]], HOUR, [Party("ps", ()), Party("sl", (room(number=7),))], zone=HANOI)
    assert [(slot.starts_at, dict(slot.missing), dict(slot.rooms)) for slot in slots] == [
        ((NINE,), {"ps": 1}, {"sl": 7}), ((NINE + HOUR,), {"ps": 1}, {"sl": 7}),
    ]  # fmt: skip


def test_an_office_has_one_room_for_the_whole_meeting_and_not_two_in_turn() -> None:
    half = timedelta(minutes=30)
    one, other = room((NINE, NINE + half), number=1), room((NINE + half, NINE + HOUR), number=2)
    (slot,) = rank([[NINE]], HOUR, [Party("ps", (one, other))], zone=HANOI)
    assert slot.missing == {"ps": 1}


def test_a_series_has_one_room_for_all_its_meetings_the_one_that_is_free_most_often() -> None:
    weeks = [NINE + timedelta(weeks=n) for n in range(3)]
    one = room((weeks[0], weeks[0] + HOUR), (weeks[1], weeks[1] + HOUR), number=1)
    other = room((weeks[2], weeks[2] + HOUR), number=2)
    (slot,) = rank([weeks], HOUR, [Party("ps", (one, other))], zone=HANOI)
    assert (slot.missing, slot.rooms) == ({"ps": 1}, {"ps": 2})


def test_nothing_asked_is_nothing_found() -> None:
    assert rank([], HOUR, [Party("ps", ())], zone=HANOI) == []
    assert rank([[NINE]], HOUR, [], zone=HANOI) == []
    assert candidates([], [Hours(time(8), time(9))], HOUR, HOUR) == []


def test_a_meeting_lies_within_a_part_of_the_day() -> None:
    parts = [Hours(time(7, 30), time(11, 30)), Hours(time(22), time(0))]
    found = candidates([date(2027, 1, 5)], parts, timedelta(minutes=90), HOUR)
    assert [f"{at:%H:%M}" for at in found] == ["07:30", "08:30", "09:30", "22:00"]
    night = candidates([date(2027, 1, 5)], [Hours(time(22), time(2))], timedelta(hours=3), HOUR)
    assert [f"{at:%d %H:%M}" for at in night] == ["05 22:00", "05 23:00"]
