"""Says what a silent device does: asks once from a socket that hears everyone, and names what comes back.

gufo-snmp's socket is connected: an answer from another address never reaches it, and it passes over answers to another
request and notes of ICMP. All three look like silence there and need different hands here.
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
from typing import NamedTuple

from inventory.public import SnmpV2c
from monitor.probes import ber
from monitor.probes.port import Outcome, Target
from monitor.probes.snmp_plan import UPTIME

_GET_REQUEST = 0xA0
_RESPONSE = 0xA2
_REPORT = 0xA8
_V1 = 0
_V2C = 1
_V3 = 3
_USM = 3  # security model, RFC 3411
_REPORTABLE = b"\x04"  # message flags: noAuthNoPriv, reportable (RFC 3412 section 6.4)
_LARGEST_MESSAGE = 65507

# linux/in.h and linux/in6.h: errors of ICMP are told to an unconnected socket too. Python does not name them.
_IP_RECVERR = 11
_IPV6_RECVERR = 25

_MOST_DATAGRAMS = 64
"""Heard in one diagnosis: what else comes from a babbling device or network is not looked at."""

_SLOW = "it answers one small request: it is slow, or large answers are lost"
_SLOW_OR_WRONG = "its engine answers, but not to this user: the privacy key is wrong, or it is slow"


class Diagnosis(NamedTuple):
    """What came back.

    Attributes:
        outcome: ANSWERED if the device answered as it should: then it is slow, or the credential is wrong.
        why: In a few English words.
        address: Who answered, for WRONG_ADDRESS; else empty.
    """

    outcome: Outcome
    why: str
    address: str = ""


async def diagnose(target: Target) -> Diagnosis:
    """Return what `target` answers to one minimal request, within `target.timeout_s`.

    v1, v2c: a GET of sysUpTime with its community. v3: an engine discovery (RFC 3414 section 4), which needs no key.
    """
    request_id = secrets.randbelow(2**31 - 1) + 1
    request = request_for(target, request_id)
    family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
    heard: asyncio.Queue[tuple[bytes, str, int] | OSError] = asyncio.Queue(_MOST_DATAGRAMS)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0)
        _hear_errors(sock, family)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Ear(heard), sock=sock)
        try:
            transport.sendto(request, (target.address, target.port))
            return await _first_word(target, heard, request_id)
        finally:
            transport.close()


async def _first_word(
    target: Target, heard: asyncio.Queue[tuple[bytes, str, int] | OSError], request_id: int
) -> Diagnosis:
    """Return the best that is heard: a right answer or a refusal at once, else in the end the first wrong one."""
    first: Diagnosis | None = None
    try:
        async with asyncio.timeout(target.timeout_s):
            for _ in range(_MOST_DATAGRAMS):
                word = await heard.get()
                if isinstance(word, OSError):
                    return _refusal(word)  # at once: an unread error queue would wake the loop again and again
                diagnosis = judge(target, *word, request_id)
                if diagnosis.outcome is Outcome.ANSWERED:
                    return diagnosis
                first = first or diagnosis
    except TimeoutError:
        pass
    return first or Diagnosis(Outcome.SILENT, "nothing came back at all")


def judge(target: Target, datagram: bytes, address: str, port: int, request_id: int) -> Diagnosis:
    """Return what one datagram says, that came from `address` and `port` after `request_id` was asked of `target`."""
    here = _same(address, target.address) and port == target.port
    try:
        answered = answered_id(datagram)
    except ber.NotBer as error:
        diagnosis = Diagnosis(Outcome.GARBAGE, f"what it answers is not SNMP: {error}")
    else:
        if answered != request_id:
            diagnosis = Diagnosis(Outcome.WRONG_REQUEST_ID, f"it answers request {answered}, which was not asked")
        elif not here:
            diagnosis = Diagnosis(Outcome.WRONG_ADDRESS, f"the answer comes from {address} port {port}", address)
        else:
            diagnosis = Diagnosis(Outcome.ANSWERED, _SLOW if isinstance(target.credential, SnmpV2c) else _SLOW_OR_WRONG)
    if here or diagnosis.outcome is Outcome.WRONG_ADDRESS:
        return diagnosis
    # Somebody else's noise says nothing about this device.
    return Diagnosis(Outcome.SILENT, f"nothing came back but something else from {address} port {port}")


def answered_id(datagram: bytes) -> int:
    """Return the request (v1, v2c) or message (v3) id that `datagram` answers.

    Raises:
        ber.NotBer: It is no SNMP answer (RFC 3416 section 3, RFC 3412 section 6).
    """
    message = ber.read(datagram, ber.SEQUENCE)
    version, rest = ber.read_integer(message.content)
    if version == _V3:
        header = ber.read(rest, ber.SEQUENCE)
        message_id, _ = ber.read_integer(header.content)
        ber.read(header.rest, ber.OCTET_STRING)
        return message_id
    if version not in {_V1, _V2C}:
        text = f"SNMP version {version}"
        raise ber.NotBer(text)
    pdu = ber.read(ber.read(rest, ber.OCTET_STRING).rest)
    if pdu.tag not in {_RESPONSE, _REPORT}:
        text = f"no answer, but a PDU of type {pdu.tag:#04x}"
        raise ber.NotBer(text)
    request_id, rest = ber.read_integer(pdu.content)
    for _ in ("error-status", "error-index"):
        _, rest = ber.read_integer(rest)
    bindings = ber.read(rest, ber.SEQUENCE).content
    while bindings:
        binding = ber.read(bindings, ber.SEQUENCE)
        ber.read(ber.read(binding.content, ber.OBJECT_IDENTIFIER).rest)
        bindings = binding.rest
    return request_id


def request_for(target: Target, request_id: int) -> bytes:
    """Return the smallest request that `target` answers if anybody does, with this number."""
    credential = target.credential
    if not isinstance(credential, SnmpV2c):
        return _discovery(request_id)
    community = credential.community.get_secret_value().encode()
    pdu = _pdu(request_id, ber.write(ber.SEQUENCE, ber.write_oid(UPTIME), ber.write(ber.NULL)))
    version = ber.write_integer(_V1 if target.v1 else _V2C)
    return ber.write(ber.SEQUENCE, version, ber.write(ber.OCTET_STRING, community), pdu)


def _discovery(message_id: int) -> bytes:
    empty = ber.write(ber.OCTET_STRING)
    nobody = ber.write(ber.SEQUENCE, empty, ber.write_integer(0), ber.write_integer(0), empty, empty, empty)
    header = ber.write(
        ber.SEQUENCE,
        ber.write_integer(message_id),
        ber.write_integer(_LARGEST_MESSAGE),
        ber.write(ber.OCTET_STRING, _REPORTABLE),
        ber.write_integer(_USM),
    )
    scoped = ber.write(ber.SEQUENCE, empty, empty, _pdu(message_id))
    return ber.write(ber.SEQUENCE, ber.write_integer(_V3), header, ber.write(ber.OCTET_STRING, nobody), scoped)


def _pdu(request_id: int, *bindings: bytes) -> bytes:
    no_error = ber.write_integer(0)
    return ber.write(
        _GET_REQUEST, ber.write_integer(request_id), no_error, no_error, ber.write(ber.SEQUENCE, *bindings)
    )


def _refusal(error: OSError) -> Diagnosis:
    if isinstance(error, ConnectionRefusedError):
        return Diagnosis(Outcome.REFUSED, "nothing listens on its port (ICMP port unreachable)")
    return Diagnosis(Outcome.SILENT, f"no way there: {error.strerror or error}")


def _same(one: str, other: str) -> bool:
    """Return whether two texts are one address; a link-local one may carry its interface."""
    without_interface = (ipaddress.ip_address(text.partition("%")[0]) for text in (one, other))
    return next(without_interface) == next(without_interface)


def _hear_errors(sock: socket.socket, family: socket.AddressFamily) -> None:
    if family is socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, heard: asyncio.Queue[tuple[bytes, str, int] | OSError]) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._tell((data, addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, OSError):
            self._tell(exc)

    def _tell(self, word: tuple[bytes, str, int] | OSError) -> None:
        if not self._heard.full():
            self._heard.put_nowait(word)
