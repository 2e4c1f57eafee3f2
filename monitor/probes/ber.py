"""The little of BER (ITU-T X.690) that SNMP messages are made of, read with strict bounds; only for diagnosis.

The hot path leaves BER to gufo-snmp. What arrives here may be anything: reading never raises but `NotBer`, never loops
(each step consumes at least two octets) and never copies more than the datagram holds.
"""

from __future__ import annotations

from typing import NamedTuple

INTEGER = 0x02
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30

_LONG_FORM = 0x80
_MANY_TAG = 0x1F  # tag numbers above 30 take more octets; SNMP has none
_LONGEST_LENGTH = 4
_LONGEST_INTEGER = 9  # an unsigned 64-bit value with its leading zero octet


class NotBer(ValueError):
    """The octets are not the BER that was expected there."""


class Element(NamedTuple):
    """One element.

    Attributes:
        tag: Its identifier octet.
        content: Its contents octets.
        rest: What follows it.
    """

    tag: int
    content: bytes
    rest: bytes


def read(data: bytes, tag: int | None = None) -> Element:
    """Return the first element of `data`, which must have `tag` if one is given (X.690 8.1).

    Raises:
        NotBer: Truncated, indefinite, of a multi-octet tag, or of another tag.
    """
    if len(data) < 2:  # noqa: PLR2004 - identifier and length
        message = "truncated"
        raise NotBer(message)
    found, length, start = data[0], data[1], 2
    if found & _MANY_TAG == _MANY_TAG:
        message = "a tag that SNMP does not use"
        raise NotBer(message)
    if length & _LONG_FORM:
        octets = length & ~_LONG_FORM
        if not 0 < octets <= _LONGEST_LENGTH or len(data) < start + octets:
            message = "an indefinite, overlong or truncated length"
            raise NotBer(message)
        length = int.from_bytes(data[start : start + octets], "big")
        start += octets
    if len(data) < start + length:
        message = "truncated"
        raise NotBer(message)
    if tag is not None and found != tag:
        message = f"tag {found:#04x} where {tag:#04x} belongs"
        raise NotBer(message)
    return Element(found, data[start : start + length], data[start + length :])


def read_integer(data: bytes) -> tuple[int, bytes]:
    """Return the INTEGER at the start of `data`, and what follows; NotBer if there is none of at most 64 bits."""
    element = read(data, INTEGER)
    if not 0 < len(element.content) <= _LONGEST_INTEGER:
        message = "an INTEGER of no or too many octets"
        raise NotBer(message)
    return int.from_bytes(element.content, "big", signed=True), element.rest


def write(tag: int, *contents: bytes) -> bytes:
    """Return one element of `tag` around the joined `contents`, its length in the shortest form."""
    content = b"".join(contents)
    size = len(content)
    if size < _LONG_FORM:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(octets))) + octets + content


def write_integer(value: int, tag: int = INTEGER) -> bytes:
    """Return `value` in the fewest octets, two's complement (X.690 8.3)."""
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return write(tag, value.to_bytes(size, "big", signed=True))


def write_oid(oid: str) -> bytes:
    """Return the OBJECT IDENTIFIER of a dotted `oid` with at least two arcs (X.690 8.19)."""
    first, second, *others = map(int, oid.split("."))
    octets = bytearray()
    for arc in (first * 40 + second, *others):
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | arc & 0x7F)
        octets += bytes(reversed(septets))
    return write(OBJECT_IDENTIFIER, bytes(octets))
