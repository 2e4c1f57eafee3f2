"""Names in line protocol and InfluxQL, for any text that a device may call itself."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import BadInput
from monitor.samples import Sample, Series
from monitor.store.influxql import in_one_address, steps
from monitor.store.line_protocol import LineFormat, decoded, encoded

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(NAMES)
def test_any_name_survives_and_holds_nothing_that_a_version_reads_differently(name: str) -> None:
    assert decoded(encoded(name)) == name
    assert not re.search(r"[\\\x00-\x1f\x7f]", encoded(name))


@given(NAMES, NAMES)
def test_two_names_never_become_one(one: str, other: str) -> None:
    assert (encoded(one) == encoded(other)) == (one == other)


@given(NAMES, NAMES, st.floats(allow_nan=False, allow_infinity=False))
def test_a_sample_is_one_line_of_three_parts(device: str, instance: str, value: float) -> None:
    line = LineFormat().lines([Sample(Series("if_in_octets", device, instance), 1000, value)])
    assert "\n" not in line
    _, field, at_ms = re.split(r"(?<!\\) ", line)
    assert float(field.removeprefix("value=")) == value
    assert at_ms == "1000"


def test_a_line_reads_as_the_protocol_says() -> None:
    sample = Sample(Series("if_in_octets", "bac-binh-rt1", "cổng 1,a=b"), 1_767_225_600_000, 2.5)
    expected = r"if_in_octets,device=bac-binh-rt1,instance=cổng\ 1\,a\=b value=2.5 1767225600000"
    assert LineFormat().lines([sample]) == expected


def test_a_truth_value_is_written_as_a_number() -> None:
    truth = Sample(Series("reachable", "rt1"), 1, value=True)
    assert LineFormat().lines([truth]) == "reachable,device=rt1 value=1.0 1"


def test_of_repeats_only_the_first_is_written() -> None:
    series = Series("reachable", "rt1")
    lines = LineFormat().lines([Sample(series, 1, 1.0), Sample(series, 2, 1.0), Sample(series, 1, 0.0)])
    assert sorted(lines.split("\n")) == ["reachable,device=rt1 value=1.0 1", "reachable,device=rt1 value=1.0 2"]


def test_a_batch_with_one_bad_sample_gives_no_lines() -> None:
    with pytest.raises(BadInput, match="of rt1"):
        LineFormat().lines([Sample(Series("reachable", "rt1"), 1, float("nan"))])


@given(NAMES, NAMES)
def test_a_quote_in_a_name_cannot_end_its_text(device: str, instance: str) -> None:
    (question,) = in_one_address(steps([Series("reachable", device, instance)], 0, 10, 1))
    texts = re.findall(r"'(?:[^'\\]|\\.)*'", question)
    assert len(texts) == 2
    assert re.sub(r"'(?:[^'\\]|\\.)*'", "", question).count("'") == 0
