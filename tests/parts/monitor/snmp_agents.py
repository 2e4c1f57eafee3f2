"""SNMP v2c agents that do as a test tells them, on a UDP port of loopback; for what no sane agent does.

Requests are read and answers written with the platform's own small BER: what real agents and net-snmp's tools make of
it is tested with those.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import NamedTuple, Self

from pydantic import SecretStr

from inventory.public import SnmpV2c
from monitor.probes import ber
from monitor.probes.port import Target

UPTIME = "1.3.6.1.2.1.1.3.0"
IF_ENTRY = "1.3.6.1.2.1.2.2.1"
IFX_ENTRY = "1.3.6.1.2.1.31.1.1.1"
GET, GET_NEXT, RESPONSE, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA5
NO_SUCH_OBJECT, END_OF_MIB = ber.write(0x80), ber.write(0x82)
TOO_BIG = 1
COMMUNITY = "public"

Variables = Mapping[str, bytes]
"""Encoded values by object identifier."""


class Request(NamedTuple):
    """What was asked."""

    kind: int
    request_id: int
    repetitions: int
    oids: tuple[str, ...]


Behaviour = Callable[[Request], Iterable[bytes]]
"""Returns the datagrams that answer a request."""


class HostileAgent:
    """An agent with a behaviour that may be changed at any time.

    Attributes:
        requests: Everything it was asked.
        peers: Who asked.
        asked: Set once it was asked anything.
        answer: What it does.
    """

    def __init__(self, answer: Behaviour, address: str = "127.0.0.1") -> None:
        self.requests: list[Request] = []
        self.peers: list[tuple[str, int]] = []
        self.asked = asyncio.Event()
        self.answer = answer
        self.address = address
        self.port = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Protocol(self), local_addr=(self.address, 0))
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close()

    def send(self, datagram: bytes) -> None:
        """Send what nobody asked for, to who asked last."""
        self._transport.sendto(datagram, self.peers[-1])

    def target(
        self, device: str = "d", *, timeout_s: float = 0.5, retries: int = 1, deadline_s: float = 20.0
    ) -> Target:
        """Return it as a device to ask."""
        credential = SnmpV2c(SecretStr(COMMUNITY))
        return Target(device, self.address, self.port, credential, timeout_s, retries, deadline_s)


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, agent: HostileAgent) -> None:
        self._agent = agent

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = read_request(data)
        self._agent.requests.append(asked)
        self._agent.peers.append(addr)
        self._agent.asked.set()
        for datagram in self._agent.answer(asked):
            self._agent.send(datagram)


def sane(variables: Variables) -> Behaviour:
    """Return what a good agent with these variables does."""
    order = sorted(variables, key=_arcs)

    def after(oid: str) -> tuple[str, bytes]:
        return next(((one, variables[one]) for one in order if _arcs(one) > _arcs(oid)), (oid, END_OF_MIB))

    def answer(asked: Request) -> list[bytes]:
        if asked.kind == GET:
            return [response(asked, [(oid, variables.get(oid, NO_SUCH_OBJECT)) for oid in asked.oids])]
        found, oid = [], asked.oids[0]
        for _ in range(asked.repetitions if asked.kind == GET_BULK else 1):
            oid, value = after(oid)
            found.append((oid, value))
            if value == END_OF_MIB:
                break
        return [response(asked, found)]

    return answer


def interfaces(names: Mapping[int, str], *, uptime: int = 10_000_000, octets: int = 1000) -> dict[str, bytes]:
    """Return the variables of a switch: by ifIndex the name of each port; its octets are `octets` times the ifIndex."""
    variables = {UPTIME: ticks(uptime)}
    for row, name in names.items():
        variables |= {f"{IF_ENTRY}.{column}.{row}": ber.write_integer(value) for column, value in ((1, row), (3, 6))}
        variables |= {f"{IF_ENTRY}.{column}.{row}": ber.write_integer(1) for column in (7, 8)}
        variables |= {f"{IF_ENTRY}.{column}.{row}": ber.write_integer(0, 0x41) for column in (13, 14, 19, 20)}
        variables[f"{IFX_ENTRY}.1.{row}"] = ber.write(ber.OCTET_STRING, name.encode())
        variables[f"{IFX_ENTRY}.15.{row}"] = ber.write_integer(1000, 0x42)
        variables |= {f"{IFX_ENTRY}.{column}.{row}": ber.write_integer(octets * row, 0x46) for column in (6, 10)}
    return variables


def ticks(value: int) -> bytes:
    """Return a TimeTicks."""
    return ber.write_integer(value, 0x43)


def response(asked: Request, bindings: Iterable[tuple[str, bytes]], *, error: int = 0, request_id: int = 0) -> bytes:
    """Return the answer to `asked`; with another request id if one is given."""
    pdu = ber.write(
        RESPONSE,
        ber.write_integer(request_id or asked.request_id),
        ber.write_integer(error),
        ber.write_integer(0),
        ber.write(ber.SEQUENCE, *(ber.write(ber.SEQUENCE, ber.write_oid(oid), value) for oid, value in bindings)),
    )
    return ber.write(ber.SEQUENCE, ber.write_integer(1), ber.write(ber.OCTET_STRING, COMMUNITY.encode()), pdu)


def read_request(datagram: bytes) -> Request:
    """Return what a datagram asks."""
    message = ber.read(datagram, ber.SEQUENCE)
    _, rest = ber.read_integer(message.content)
    pdu = ber.read(ber.read(rest, ber.OCTET_STRING).rest)
    request_id, rest = ber.read_integer(pdu.content)
    _, rest = ber.read_integer(rest)
    repetitions, rest = ber.read_integer(rest)
    bindings, oids = ber.read(rest, ber.SEQUENCE).content, []
    while bindings:
        binding = ber.read(bindings, ber.SEQUENCE)
        oids.append(_dotted(ber.read(binding.content, ber.OBJECT_IDENTIFIER).content))
        bindings = binding.rest
    return Request(pdu.tag, request_id, repetitions, tuple(oids))


def _dotted(octets: bytes) -> str:
    arcs, arc = [], 0
    for octet in octets:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    return ".".join(map(str, (*divmod(arcs[0], 40), *arcs[1:])))


def _arcs(oid: str) -> tuple[int, ...]:
    return tuple(map(int, oid.split(".")))
