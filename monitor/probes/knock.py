"""Asks silent devices by one datagram each, through one socket for all of them: is anybody there again?

v1 and v2c: a GET of sysUpTime. v3: a discovery of the engine, which needs no key (RFC 3414 section 4). Only an answer
with the number that was asked, from the address and port that was asked, counts.
"""

from __future__ import annotations

import asyncio
import secrets
import socket

from monitor.probes import ber
from monitor.probes.diagnose import answered_id, judge, request_for
from monitor.probes.port import Knock, Outcome, Target


class Knocker:
    """Any number of knocks at once. A socket for each family of addresses is open only while somebody waits."""

    def __init__(self) -> None:
        self._doors: dict[socket.AddressFamily, _Door] = {}

    async def knock(self, target: Target) -> Knock:
        """Return whether `target` answers within its `timeout_s`, and what asking cost."""
        family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
        door = self._doors.get(family)
        if door is None:
            door = self._doors[family] = _Door()
        door.waiting += 1
        try:
            return await door.knock(target, await door.open(family))
        except OSError:  # no way there, or no socket left: nobody has answered
            return Knock(answered=False, octets=0)
        finally:
            door.waiting -= 1
            if not door.waiting:
                door.close()
                self._doors.pop(family, None)


class _Door(asyncio.DatagramProtocol):
    """One socket, and who waits on it by the number that it asked with."""

    def __init__(self) -> None:
        self.waiting = 0
        self._opening = asyncio.Lock()
        self._transport: asyncio.DatagramTransport | None = None
        self._asked: dict[int, tuple[Target, asyncio.Future[int]]] = {}

    async def open(self, family: socket.AddressFamily) -> asyncio.DatagramTransport:
        async with self._opening:
            if self._transport is None:
                loop = asyncio.get_running_loop()
                self._transport, _ = await loop.create_datagram_endpoint(lambda: self, family=family)
            return self._transport

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def knock(self, target: Target, transport: asyncio.DatagramTransport) -> Knock:
        headers = 48 if ":" in target.address else 28
        number = secrets.randbelow(2**31 - 1) + 1
        heard: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked[number] = target, heard
        request = request_for(target, number)
        try:
            transport.sendto(request, (target.address, target.port))
            async with asyncio.timeout(target.timeout_s):
                return Knock(answered=True, octets=len(request) + await heard + 2 * headers)
        except TimeoutError:
            return Knock(answered=False, octets=len(request) + headers)
        finally:
            del self._asked[number]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            number = answered_id(data)
        except ber.NotBer:
            return
        target, heard = self._asked.get(number, (None, None))
        if target is None or heard is None or heard.done():
            return
        if judge(target, data, addr[0], addr[1], number).outcome is Outcome.ANSWERED:
            heard.set_result(len(data))

    def error_received(self, exc: Exception) -> None:
        """Whose error it is cannot be told: a refusal is found by the next whole poll."""
