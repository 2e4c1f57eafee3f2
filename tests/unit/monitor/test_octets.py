"""Sums of octets are the lengths of what is really encoded; and what a program prints, whatever it is, is read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from inventory.public import SnmpV2c
from monitor.probes import ber, octets
from monitor.probes.diagnose import request_for
from monitor.probes.icmp import _fping_answers
from monitor.probes.port import Target
from monitor.probes.snmp_plan import UPTIME

oids = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=40).map(
    lambda arcs: "1.3." + ".".join(str(arc) for arc in arcs)
)


@given(oids)
def test_an_identifier_takes_what_it_is_encoded_in(oid: str) -> None:
    assert octets.oid_octets(oid) == len(ber.write_oid(oid))


@given(st.one_of(st.integers(0, 2**64 - 1), st.binary(max_size=2000)))
def test_a_value_takes_what_it_is_encoded_in(value: int | bytes) -> None:
    encoded = ber.write_integer(value) if isinstance(value, int) else ber.write(ber.OCTET_STRING, value)
    assert octets.value_octets(value) == len(encoded)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=100), st.integers(2**24, 2**31 - 1))
def test_a_whole_request_takes_what_it_is_encoded_in(community: str, number: int) -> None:
    target = Target("d", "192.0.2.1", 161, SnmpV2c(SecretStr(community)))
    envelope = octets.Envelope(version_6=False, community=community)
    assert envelope.message(octets.asked([UPTIME])) == len(request_for(target, number)) + octets.HEADERS_4


@given(st.text(max_size=300))
def test_whatever_fping_prints_is_read(said: str) -> None:
    for sent, took_s in _fping_answers(said + "\n10.0.0.1 : 0.31 - nan\n10.0.0.2 : - -").values():
        assert sent >= len(took_s)
