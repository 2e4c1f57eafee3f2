"""SNMP messages of versions 1 and 2c, and the PDUs that version 3 carries too (RFC 1157, RFC 1901, RFC 3416)."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from api.demo.responder.ber import (
    OBJECT_IDENTIFIER,
    SEQUENCE,
    BadPacket,
    expect,
    header,
    integer,
    octets,
    read_integer,
    read_octets,
    tlv,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

V1 = 0
V2C = 1
V3 = 3

GET = 0xA0
GET_NEXT = 0xA1
RESPONSE = 0xA2
SET = 0xA3
GET_BULK = 0xA5
REPORT = 0xA8
REQUESTS = frozenset({GET, GET_NEXT, SET, GET_BULK})

MAX_MESSAGE = 1472
"""Bytes of one UDP datagram on an Ethernet without fragments, as many real devices answer."""
MIN_MAX_MESSAGE = 484
"""The least that anybody must accept (RFC 3412, section 6.3)."""
MESSAGE_OVERHEAD = 4 + 3 + 2
"""Outer sequence, version, and tag and length of the community."""
PDU_OVERHEAD = 4 + 6 + 3 + 6 + 4
"""Header of the PDU, request id, error status, error index, header of the bindings."""


class ErrorStatus(IntEnum):
    """What was wrong with a request; 0 is nothing (RFC 3416, section 3)."""

    TOO_BIG = 1
    NO_SUCH_NAME = 2
    NO_ACCESS = 6
    NOT_WRITABLE = 17


class Pdu(NamedTuple):
    """A request.

    Attributes:
        kind: Tag of the PDU.
        request_id: Its request id.
        non_repeaters: GETBULK's first number; error status in others.
        max_repetitions: GETBULK's second number; error index in others.
        names: Content of the object identifier of each binding, as it came.
        bindings: The bindings as they came, header included.
    """

    kind: int
    request_id: int
    non_repeaters: int
    max_repetitions: int
    names: list[bytes]
    bindings: bytes


def read_version(data: bytes) -> tuple[int, int, int]:
    """Return the version of a message, the index after it and the end of the message."""
    start, end = expect(data, 0, len(data), SEQUENCE)
    version, at = read_integer(data, start, end)
    return version, at, end


def read_community(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """Return the community of a version 1 or 2c message and the index of its PDU."""
    return read_octets(data, at, end)


def read_pdu(data: bytes, at: int, end: int) -> Pdu:
    """Return the request at `at`; BadPacket if it is malformed or no request."""
    kind, at, end = header(data, at, end)
    if kind not in REQUESTS:
        raise BadPacket(f"PDU {kind:#x} is no request")
    request_id, at = read_integer(data, at, end)
    non_repeaters, at = read_integer(data, at, end)
    max_repetitions, at = read_integer(data, at, end)
    first = at
    at, end = expect(data, at, end, SEQUENCE)
    bindings = data[first:end]
    names = []
    while at < end:
        start, at = expect(data, at, end, SEQUENCE)
        name, value = expect(data, start, at, OBJECT_IDENTIFIER)
        if value == name or header(data, value, at)[2] != at:
            raise BadPacket("a binding without a name or with more than a value")
        names.append(data[name:value])
    return Pdu(kind, request_id, non_repeaters, max_repetitions, names, bindings)


def response(request_id: int, status: int, index: int, bindings: bytes, kind: int = RESPONSE) -> bytes:
    """Return a response; `bindings` carries its header."""
    return tlv(kind, integer(request_id) + integer(status) + integer(index) + bindings)


def bindings_of(variables: Sequence[bytes]) -> bytes:
    """Return a list of encoded bindings with the header before it."""
    return tlv(SEQUENCE, b"".join(variables))


def message(version: int, community: bytes, pdu: bytes) -> bytes:
    """Return a message of version 1 or 2c."""
    return tlv(SEQUENCE, integer(version) + octets(community) + pdu)


NOTHING = bindings_of(())
