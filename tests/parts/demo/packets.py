"""Raw SNMP packets for tests: questions that no tool would send, and answers read strictly."""

from __future__ import annotations

import asyncio
import socket
from typing import NamedTuple

from api.demo.responder import ber
from api.demo.responder.messages import MAX_MESSAGE, message

GET, GET_NEXT, RESPONSE, SET, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA3, 0xA5


class Answer(NamedTuple):
    """A response of version 1 or 2c."""

    version: int
    request_id: int
    status: int
    error_index: int
    values: list[tuple[tuple[int, ...], int, bytes]]
    """Object identifier, tag and content of each binding."""


def question(
    kind: int, *oids: str, version: int = 1, community: bytes = b"public", request_id: int = 7, a: int = 0, b: int = 0
) -> bytes:
    """Return a request; `a` and `b` are GETBULK's non-repeaters and max-repetitions."""
    bindings = b"".join(
        ber.tlv(ber.SEQUENCE, ber.tlv(ber.OBJECT_IDENTIFIER, ber.encode_oid(ber.parse_oid(oid))) + b"\x05\x00")
        for oid in oids
    )
    pdu = ber.integer(request_id) + ber.integer(a) + ber.integer(b) + ber.tlv(ber.SEQUENCE, bindings)
    return message(version, community, ber.tlv(kind, pdu))


def read(data: bytes | None) -> Answer:
    """Return an answer, read to the last byte; AssertionError if it is none or too long."""
    assert data is not None, "there was no answer"
    assert len(data) <= MAX_MESSAGE
    at, end = ber.expect(data, 0, len(data), ber.SEQUENCE)
    assert end == len(data)
    version, at = ber.read_integer(data, at, end)
    _, at = ber.read_octets(data, at, end)
    at, stop = ber.expect(data, at, end, RESPONSE)
    assert stop == end
    request_id, at = ber.read_integer(data, at, end)
    status, at = ber.read_integer(data, at, end)
    index, at = ber.read_integer(data, at, end)
    at, stop = ber.expect(data, at, end, ber.SEQUENCE)
    assert stop == end
    values = []
    while at < end:
        start, at = ber.expect(data, at, end, ber.SEQUENCE)
        name, value = ber.expect(data, start, at, ber.OBJECT_IDENTIFIER)
        tag, start, stop = ber.header(data, value, at)
        assert stop == at
        values.append((ber.decode_oid(data[name:value]), tag, data[start:stop]))
    return Answer(version, request_id, status, index, values)


class Asker:
    """A socket of loopback that takes whatever comes back, from whomever."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._socket.bind(("127.0.0.1", 0))

    def send(self, packet: bytes, address: str, port: int) -> None:
        """Send without waiting."""
        self._socket.sendto(packet, (address, port))

    async def receive(self) -> tuple[bytes, str]:
        """Return the next packet and where it came from; TimeoutError after half a minute."""
        async with asyncio.timeout(30):
            data, peer = await asyncio.get_running_loop().sock_recvfrom(self._socket, 65_535)
        return data, peer[0]

    async def ask(self, packet: bytes, address: str, port: int) -> tuple[bytes, str]:
        """Send and return the next packet that comes back, and where from."""
        self.send(packet, address, port)
        return await self.receive()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
