"""Whatever arrives: an answer that is well-formed and fits, silence, or a packet dropped and counted. Never a crash."""

from __future__ import annotations

import dataclasses
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.demo.responder import ber, recordings, synthetic, usm
from api.demo.responder.agent import Agent
from api.demo.responder.messages import MAX_MESSAGE
from api.demo.responder.server import Responder
from tests.parts.demo.conftest import COMMUNITY, ROUTER, SHA256
from tests.parts.demo.packets import GET, GET_BULK, GET_NEXT, SET, Asker, question, read

V2C = Agent("v2c", IPv4Address("127.20.201.1"), recordings.load(ROUTER), community=COMMUNITY)
LARGE = Agent("large", IPv4Address("127.20.201.2"), synthetic.tree(48), community=COMMUNITY)
V3 = Agent("v3", IPv4Address("127.20.201.3"), synthetic.tree(7), user=SHA256)

arcs = st.lists(st.one_of(st.integers(0, 40), st.integers(0, ber.MAX_ARC)), max_size=20)
oids = st.one_of(
    st.sampled_from([".".join(map(str, oid)) for oid in LARGE.tree.oids]),
    st.builds(lambda tail: ".".join(map(str, (1, 3, *tail))), arcs),
)
tags = st.sampled_from([0x02, 0x04, 0x05, 0x06, 0x30, 0x40, 0x41, 0x46, 0x80, 0xA0, 0xA1, 0xA2, 0xA3, 0xA5, 0xA8, 0x1F])
elements = st.recursive(
    st.builds(ber.tlv, tags, st.binary(max_size=12)),
    lambda inner: st.builds(lambda tag, parts: ber.tlv(tag, b"".join(parts)), tags, st.lists(inner, max_size=6)),
    max_leaves=12,
)


def sealed(agent: Agent, pdu: bytes, *, boots: int | None = None) -> bytes:
    """Return a request of version 3 to `agent`, signed and encrypted by its user, wanting reports."""
    engine = usm.Engine(agent.engine_id, SHA256)
    reply = engine.seal(pdu, 9, b"", agent.boots if boots is None else boots, 0)
    return resigned(engine, reply)


def resigned(engine: usm.Engine, packet: bytes) -> bytes:
    """Return `packet` with the reportable flag set and the digest made anew."""
    at, end = ber.expect(packet, 0, len(packet), ber.SEQUENCE)
    _, at = ber.read_integer(packet, at, end)
    envelope = usm.read_envelope(packet, at, end)
    changed = packet.replace(b"\x04\x01\x03\x02\x01\x03", b"\x04\x01\x07\x02\x01\x03", 1)
    blank = envelope.blanked(changed)
    digest = engine._sign(blank)  # noqa: SLF001 - the client's side of the digest, which the product does not need
    return blank[: envelope.mac_at] + digest + blank[envelope.mac_at + len(digest) :]


def survives(agent: Agent, packet: bytes) -> bytes | None:
    """Return the answer; a BadPacket is as good as silence, anything else fails the test."""
    try:
        answer = agent.answer(packet, 0.0)
    except ber.BadPacket:
        return None
    assert answer is None or len(answer) <= MAX_MESSAGE
    return answer


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(packet: bytes) -> None:
    survives(V2C, packet)
    survives(V3, packet)


@given(elements)
def test_any_well_formed_nonsense_is_survived(packet: bytes) -> None:
    survives(V2C, packet)
    survives(V3, packet)


@given(elements, st.sampled_from([0, 1, 2, 3]))
def test_any_nonsense_behind_a_right_beginning_is_survived(rest: bytes, version: int) -> None:
    packet = ber.tlv(ber.SEQUENCE, ber.integer(version) + ber.octets(COMMUNITY.encode()) + rest)
    survives(V2C, packet)
    survives(V3, packet)


@given(st.sampled_from([GET, GET_NEXT, GET_BULK, SET]), st.lists(oids, max_size=5), st.data())
def test_any_changed_byte_is_survived(kind: int, names: list[str], data: st.DataObject) -> None:
    packets = [
        (V2C, question(kind, *names, b=5)),
        (V3, sealed(V3, ber.tlv(kind, ber.integer(1) + ber.integer(0) + ber.integer(5) + ber.tlv(0x30, b"")))),
    ]
    for agent, packet in packets:
        assert agent.answer(packet, 0.0) is not None
        at = data.draw(st.integers(0, len(packet) - 1))
        byte = data.draw(st.integers(0, 255))
        survives(agent, packet[:at] + bytes((byte,)) + packet[at + 1 :])
        survives(agent, packet[:at])


@given(elements)
def test_any_nonsense_with_a_right_digest_is_survived(inside: bytes) -> None:
    survives(V3, sealed(V3, inside))


@given(
    st.sampled_from([GET, GET_NEXT, GET_BULK, SET]),
    st.lists(oids, max_size=60),
    st.integers(-2, 80),
    st.integers(-2, 1 << 20),
    st.integers(0, 1),
)
@settings(max_examples=300)
def test_every_answer_is_well_formed_fits_and_goes_forward(
    kind: int, names: list[str], non_repeaters: int, repetitions: int, version: int
) -> None:
    packet = question(kind, *names, version=version, a=non_repeaters, b=repetitions)
    if kind == GET_BULK and version == 0:
        with pytest.raises(ber.BadPacket):
            LARGE.answer(packet, 0.0)
        return
    data = LARGE.answer(packet, 0.0)
    if data is None:
        assert version == 0, "only version 1 has an error that may not fit"
        return
    answer = read(data)

    assert answer.request_id == 7
    assert answer.status in {0, 1, 2, 6, 17}
    asked = [ber.parse_oid(name) for name in names]
    if answer.status or kind == SET:
        return
    got = [oid for oid, _, _ in answer.values]
    if kind == GET:
        assert got == asked
    elif kind == GET_NEXT:
        assert all(new > old or tag == 0x82 for (new, tag, _), old in zip(answer.values, asked, strict=True))
    else:
        once = min(max(non_repeaters, 0), len(asked))
        width = len(asked) - once
        assert len(got) <= once + width * max(repetitions, 0)
        before = list(asked)
        for at, (oid, tag, _) in enumerate(answer.values):
            column = at if at < once else once + (at - once) % width
            assert oid > before[column] or tag == 0x82
            before[column] = oid


def test_a_getbulk_that_asks_for_the_world_fills_one_packet() -> None:
    data = LARGE.answer(question(GET_BULK, "1.3", b=1_000_000), 0.0)

    assert data is not None
    assert MAX_MESSAGE - 60 < len(data) <= MAX_MESSAGE


def test_a_getbulk_without_names_ends() -> None:
    assert read(LARGE.answer(question(GET_BULK, b=2_000_000_000), 0.0)).values == []


def test_a_get_that_does_not_fit_is_too_big() -> None:
    names = ["1.3.6.1.2.1.2.2.1.2.1"] * 60

    answer = read(LARGE.answer(question(GET, *names), 0.0))

    assert (answer.status, answer.values) == (1, [])


@given(st.lists(st.integers(0, ber.MAX_ARC), max_size=40), st.integers(0, 2), st.integers(0, 39))
def test_object_identifiers_come_back_as_they_went(tail: list[int], first: int, second: int) -> None:
    oid = (first, second, *tail)

    assert ber.decode_oid(ber.encode_oid(oid)) == oid


@pytest.mark.parametrize("content", [b"", b"\x2b\x86", b"\x2b\x90\x80\x80\x80\x00", b"\x2b" * 200])
def test_malformed_object_identifiers_are_refused(content: bytes) -> None:
    with pytest.raises(ber.BadPacket):
        ber.decode_oid(content)


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_integers_come_back_as_they_went(value: int) -> None:
    encoded = ber.integer(value)

    assert ber.read_integer(encoded, 0, len(encoded)) == (value, len(encoded))
    assert len(encoded) == 3 or (encoded[2], encoded[3] >> 7) not in {(0x00, 0), (0xFF, 1)}, "not the shortest form"


def test_a_key_is_made_as_the_rfc_shows() -> None:
    """RFC 3414, appendix A.3.2: password `maplesyrup`, engine 00 00 00 00 00 00 00 00 00 00 00 02, SHA."""
    engine_id = bytes(11) + b"\x02"

    assert usm.master_key("sha1", "maplesyrup").hex() == "9fb5cc0381497b3793528939ff788d5d79145211"
    assert usm.localized_key("sha1", "maplesyrup", engine_id).hex() == "6695febc9288e36282235fc7151f128497b38f3f"


def test_a_message_of_another_time_is_told_our_time() -> None:
    answer = V3.answer(sealed(V3, ber.tlv(GET, b""), boots=V3.boots + 1), 0.0)

    assert answer is not None
    assert usm.NOT_IN_TIME_WINDOW in answer


@pytest.mark.parametrize("change", [{"auth_key": "short"}, {"priv_key": "short"}, {"auth": "MD5"}])
def test_a_user_who_would_not_be_safe_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"passphrase|authentication"):
        dataclasses.replace(SHA256, **change)  # type: ignore[arg-type]


def test_keys_are_not_shown() -> None:
    assert SHA256.auth_key not in repr(SHA256)
    assert SHA256.priv_key not in repr(SHA256)


async def test_bad_packets_are_counted_and_the_next_good_one_is_answered(responder: Responder, asker: Asker) -> None:
    for size in range(100):
        asker.send(bytes(range(size)), "127.20.200.1", responder.port)
    asker.send(question(GET, "1.3.6.1.2.1.1.3.0"), "127.20.200.77", responder.port)

    data, sender = await asker.ask(question(GET, "1.3.6.1.2.1.1.3.0"), "127.20.200.1", responder.port)

    assert sender == "127.20.200.1"
    assert read(data).request_id == 7
    counts = responder.counts
    assert (counts.received, counts.bad, counts.elsewhere, counts.answered) == (102, 100, 1, 1)


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.1", "8.8.8.8"])
def test_a_device_outside_loopback_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="not on loopback"):
        Responder([Agent("x", IPv4Address(address), synthetic.tree(2))])


def test_two_devices_at_one_address_are_refused() -> None:
    first = Agent("a", IPv4Address("127.20.201.9"), synthetic.tree(2))
    with pytest.raises(ValueError, match="twice"):
        Responder([first, Agent("b", first.address, synthetic.tree(2))])
