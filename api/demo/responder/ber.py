"""The part of BER (ITU-T X.690) that SNMP uses: definite lengths, one-byte tags. What does not fit is a BadPacket."""

from __future__ import annotations

INTEGER = 0x02
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30
IP_ADDRESS = 0x40
COUNTER32 = 0x41
GAUGE32 = 0x42
TIME_TICKS = 0x43
OPAQUE = 0x44
COUNTER64 = 0x46
NO_SUCH_OBJECT = b"\x80\x00"
NO_SUCH_INSTANCE = b"\x81\x00"
END_OF_MIB_VIEW = b"\x82\x00"

SHORT_LENGTH = 0x80
"""Lengths below this are one byte; from here on that byte says how many bytes of length follow."""
MAX_LENGTH_BYTES = 4
MAX_ARCS = 128
MAX_ARC = (1 << 32) - 1
MAX_INTEGER_BYTES = 4
ARCS_OF_FIRST_ROOTS = 40

Oid = tuple[int, ...]


class BadPacket(ValueError):
    """What arrived is no SNMP message; it is dropped and counted."""


def tlv(tag: int, content: bytes) -> bytes:
    """Return `content` with its tag and length before it."""
    length = len(content)
    if length < SHORT_LENGTH:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, SHORT_LENGTH | size)) + length.to_bytes(size, "big") + content


def header(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Return tag, first and one-past-last index of the content that begins at `at`; BadPacket if it passes `end`."""
    if at + 2 > end:
        raise BadPacket("cut off")
    tag, length = data[at], data[at + 1]
    at += 2
    if length >= SHORT_LENGTH:
        size = length & 0x7F
        if not 0 < size <= MAX_LENGTH_BYTES or at + size > end:
            raise BadPacket("length is indefinite, too long or cut off")
        length = int.from_bytes(data[at : at + size], "big")
        at += size
    if at + length > end:
        raise BadPacket("content is cut off")
    return tag, at, at + length


def expect(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """Return first and one-past-last index of the content at `at`; BadPacket unless its tag is `tag`."""
    found, start, stop = header(data, at, end)
    if found != tag:
        raise BadPacket(f"tag {found:#x} where {tag:#x} belongs")
    return start, stop


def read_integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return an Integer32 and the index after it."""
    start, stop = expect(data, at, end, INTEGER)
    if not 0 < stop - start <= MAX_INTEGER_BYTES:
        raise BadPacket("an integer of no or too many bytes")
    return int.from_bytes(data[start:stop], "big", signed=True), stop


def read_octets(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """Return an OCTET STRING and the index after it."""
    start, stop = expect(data, at, end, OCTET_STRING)
    return data[start:stop], stop


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Return a signed integer, or with another tag a counter, gauge or ticks, in its shortest form (X.690, 8.3.2)."""
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return tlv(tag, value.to_bytes(size, "big", signed=True))


def octets(value: bytes) -> bytes:
    """Return an OCTET STRING."""
    return tlv(OCTET_STRING, value)


def encode_oid(oid: Oid) -> bytes:
    """Return the content of an object identifier, without tag and length; ValueError if it has fewer than two arcs."""
    first, second, *rest = oid
    content = bytearray()
    for arc in (first * ARCS_OF_FIRST_ROOTS + second, *rest):
        parts = [arc & 0x7F]
        while arc := arc >> 7:
            parts.append(SHORT_LENGTH | (arc & 0x7F))
        content.extend(reversed(parts))
    return bytes(content)


def decode_oid(content: bytes) -> Oid:
    """Return the arcs of an object identifier; BadPacket if it is empty, endless or oversized (RFC 3416, 4.1)."""
    if not content or content[-1] >= SHORT_LENGTH:
        raise BadPacket("an object identifier that does not end")
    arcs: list[int] = []
    arc = 0
    for byte in content:
        arc = arc << 7 | byte & 0x7F
        if arc > MAX_ARC:
            raise BadPacket("an arc above 2^32-1")
        if byte < SHORT_LENGTH:
            arcs.append(arc)
            arc = 0
    if len(arcs) >= MAX_ARCS:
        raise BadPacket("more than 128 arcs")
    root = min(arcs[0] // ARCS_OF_FIRST_ROOTS, 2)
    return (root, arcs[0] - root * ARCS_OF_FIRST_ROOTS, *arcs[1:])


def parse_oid(text: str) -> Oid:
    """Return the arcs of dotted text such as `1.3.6.1.2.1.1.3.0`; ValueError if it is none."""
    arcs = tuple(int(part) for part in text.lstrip(".").split("."))
    if len(arcs) < 2 or min(arcs) < 0 or max(arcs) > MAX_ARC:  # noqa: PLR2004 - X.690 packs the first two into one
        raise ValueError(f"{text!r} is no object identifier")
    return arcs
