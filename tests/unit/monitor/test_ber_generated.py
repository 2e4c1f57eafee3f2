"""Our own reader of BER meets anything: it reads, or raises its own error, and always ends."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from inventory.public import SnmpV2c
from monitor.probes import ber
from monitor.probes.diagnose import answered_id, judge
from monitor.probes.port import Outcome, Target

TARGET = Target("d", "192.0.2.1", 161, SnmpV2c(SecretStr("public")))
NULL = ber.write(ber.NULL)


def answer(request_id: int, *, version: int = 1, tag: int = 0xA2) -> bytes:
    """Return a whole answer with one value."""
    binding = ber.write(ber.SEQUENCE, ber.write_oid("1.3.6.1.2.1.1.3.0"), ber.write_integer(42, 0x43))
    zero = ber.write_integer(0)
    pdu = ber.write(tag, ber.write_integer(request_id), zero, zero, ber.write(ber.SEQUENCE, binding))
    community = ber.write(ber.OCTET_STRING, b"public")
    return ber.write(ber.SEQUENCE, ber.write_integer(version), community, pdu)


def discovered(message_id: int) -> bytes:
    """Return the frame of a v3 report."""
    header = ber.write(ber.SEQUENCE, ber.write_integer(message_id), ber.write_integer(65507))
    parameters = ber.write(ber.OCTET_STRING, b"")
    return ber.write(ber.SEQUENCE, ber.write_integer(3), header, parameters, ber.write(ber.SEQUENCE))


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    with suppress(ber.NotBer):
        element = ber.read(octets)
        assert len(element.content) + len(element.rest) <= len(octets) - 2
    with suppress(ber.NotBer):
        answered_id(octets)
    judge(TARGET, octets, "192.0.2.1", 161, 1)


@given(st.integers(1, 2**31 - 1), st.sampled_from([answer, discovered]), st.data())
def test_a_mutilated_answer_is_read_or_refused(request_id: int, whole: object, data: st.DataObject) -> None:
    octets = bytearray(answer(request_id) if whole is answer else discovered(request_id))
    for place in data.draw(st.lists(st.integers(0, len(octets) - 1), max_size=4)):
        octets[place] = data.draw(st.integers(0, 255))
    cut = bytes(octets[: data.draw(st.integers(0, len(octets)))])
    with suppress(ber.NotBer):
        answered_id(cut)


@given(st.integers(-(2**31), 2**31 - 1))
def test_a_whole_answer_tells_what_it_answers(request_id: int) -> None:
    assert answered_id(answer(request_id)) == request_id
    assert answered_id(answer(request_id, tag=0xA8)) == request_id
    assert answered_id(discovered(request_id)) == request_id


@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_come_back_as_they_were_written(value: int) -> None:
    assert ber.read_integer(ber.write_integer(value) + b"more") == (value, b"more")


@given(st.binary(max_size=70_000), st.binary(max_size=10))
def test_contents_of_every_length_come_back(content: bytes, more: bytes) -> None:
    assert ber.read(ber.write(ber.OCTET_STRING, content) + more) == (ber.OCTET_STRING, content, more)


@pytest.mark.parametrize(
    ("oid", "octets"),
    [
        ("1.3.6.1.2.1.1.3.0", "06082b06010201010300"),
        ("1.3.6.1.4.1.32473", "06082b0601040181fd59"),
        ("1.2.840.10036", "06052a8648ce34"),
    ],
)
def test_object_identifiers_are_written_as_x_690_says(oid: str, octets: str) -> None:
    assert ber.write_oid(oid).hex() == octets


@pytest.mark.parametrize(
    "octets",
    [
        answer(1, version=2),  # a version of SNMP that never was
        answer(1, tag=0xA0),  # a request is no answer
        answer(1)[:-1],
        b"\x30\x80\x00\x00",  # indefinite length
        b"\x3f\x81\x01\x00",  # a tag of several octets
        b"\x02\x00",
        b"\x02\x0a" + b"\x01" * 10,
    ],
)
def test_what_is_no_answer_is_refused(octets: bytes) -> None:
    with pytest.raises(ber.NotBer):
        answered_id(octets)
    assert judge(TARGET, octets, "192.0.2.1", 161, 1).outcome is Outcome.GARBAGE
