"""The socket: every address of 127.0.0.0/8 on one UDP port is a device of its own, and answers from that address."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from api.demo.responder.ber import BadPacket
from kernel.clock import Clock, SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api.demo.responder.agent import Agent
    from api.demo.responder.faults import Fault, FaultName

IP_PKTINFO = 8
"""Linux, ip(7); Python's socket module has no name for it."""
PKTINFO = struct.Struct("=I4s4s")
"""struct in_pktinfo: interface, local address, the packet's destination address."""
ANCILLARY = socket.CMSG_SPACE(PKTINFO.size)
LOOPBACK = 127
LARGEST_DATAGRAM = 65_535
BATCH = 64
"""Packets taken in one go, so that commands and delayed answers get their turn under load."""
RECEIVE_BUFFER = 4 << 20
MAX_DELAYED = 10_000


class UnknownDevice(LookupError):
    """No agent has this code."""


@dataclass(slots=True)
class Counts:
    """What became of the packets.

    Attributes:
        received: All.
        answered: Those that were answered, reports among them.
        bad: No SNMP request; dropped.
        unanswered: A wrong community, or a device that is silent by a fault.
        elsewhere: To an address that is no device here, or not on loopback; dropped.
        lost: Answers that did not fit into the kernel's buffer or our list of delayed ones.
    """

    received: int = 0
    answered: int = 0
    bad: int = 0
    unanswered: int = 0
    elsewhere: int = 0
    lost: int = 0


class Responder:
    """Serves agents on one UDP port of loopback. An asynchronous context manager."""

    def __init__(self, agents: Iterable[Agent], port: int = 0, *, clock: Clock | None = None) -> None:
        """Take `agents`, all with different codes and addresses, to serve on `port`; 0: one that is free.

        Raises:
            ValueError: An address or a code comes twice, or an address lies outside 127.0.0.0/8.
        """
        taken = list(agents)
        self.agents = {agent.code: agent for agent in taken}
        self._by_address: dict[bytes, Agent] = {}
        for agent in taken:
            if agent.address.packed[0] != LOOPBACK:
                raise ValueError(f"{agent.code}: {agent.address} is not on loopback")
            self._by_address[agent.address.packed] = agent
        if not len(self.agents) == len(self._by_address) == len(taken):
            raise ValueError("a code or an address comes twice")
        self.port = port
        self.counts = Counts()
        self._clock = clock or SystemClock()
        self._socket: socket.socket | None = None
        self._started_s = 0.0
        self._delayed: set[asyncio.TimerHandle] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Begin to serve; OSError if the port is taken."""
        self._socket = _open(self.port)
        self.port = self._socket.getsockname()[1]
        self._started_s = self._clock.monotonic_s()
        epoch_s = self._clock.now().timestamp()
        for agent in self.agents.values():
            agent.start(epoch_s)
        asyncio.get_running_loop().add_reader(self._socket, self._take)

    async def stop(self) -> None:
        """Stop serving and drop what was delayed. Twice is harmless."""
        if self._socket is None:
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        for handle in self._delayed:
            handle.cancel()
        self._delayed.clear()
        self._socket.close()
        self._socket = None

    @property
    def t(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic_s() - self._started_s

    def begin(self, device: str, fault: Fault) -> None:
        """Let `fault` begin at a device now.

        Raises:
            UnknownDevice: No agent has this code.
            ValueError: The fault names what the device lacks.
        """
        agent = self._agent(device)
        t = self.t
        agent.advance(t)
        agent.begin(fault, t)

    def end(self, device: str, name: FaultName) -> None:
        """Let the device's faults of that name end now; UnknownDevice if no agent has this code."""
        agent = self._agent(device)
        t = self.t
        agent.advance(t)
        agent.end(name, t)

    def _agent(self, device: str) -> Agent:
        try:
            return self.agents[device]
        except KeyError:
            raise UnknownDevice(f"there is no device {device!r}") from None

    def _take(self) -> None:
        """Answer what has arrived."""
        # The hot path: about 50 microseconds a GET. No logging, no allocation that can be avoided.
        receiver, counts = self._socket, self.counts
        if receiver is None:
            return
        for _ in range(BATCH):
            try:
                data, ancillary, _, peer = receiver.recvmsg(LARGEST_DATAGRAM, ANCILLARY)
            except (BlockingIOError, InterruptedError):
                return
            counts.received += 1
            agent = self._by_address.get(_destination(ancillary))
            if agent is None or not peer[0].startswith("127."):
                counts.elsewhere += 1
                continue
            try:
                reply = agent.answer(data, self.t)
            except BadPacket:
                counts.bad += 1
                continue
            if reply is None:
                counts.unanswered += 1
            elif agent.delay_s:
                self._delay(agent, reply, peer)
            else:
                self._send(agent, reply, peer)

    def _delay(self, agent: Agent, reply: bytes, peer: tuple[str, int]) -> None:
        if len(self._delayed) >= MAX_DELAYED:
            self.counts.lost += 1
            return

        def send() -> None:
            self._delayed.discard(handle)
            self._send(agent, reply, peer)

        handle = asyncio.get_running_loop().call_later(agent.delay_s, send)
        self._delayed.add(handle)

    def _send(self, agent: Agent, reply: bytes, peer: tuple[str, int]) -> None:
        source = agent.address.packed
        if agent.wrong_address:
            source = source[:3] + bytes((source[3] ^ 0x80,))
        information = PKTINFO.pack(0, source, bytes(4))
        try:
            if self._socket is not None:
                self._socket.sendmsg([reply], [(socket.IPPROTO_IP, IP_PKTINFO, information)], 0, peer)
                self.counts.answered += 1
        except OSError:
            # The kernel's buffer is full, or whoever asked has gone: UDP may lose, the poller asks again.
            self.counts.lost += 1


def _open(port: int) -> socket.socket:
    """Return a UDP socket that hears every address of loopback on `port`, and nothing from outside."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        opened.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        # Only the wildcard address hears the whole of 127.0.0.0/8, and bound to the loopback interface no packet from
        # outside reaches it. Addresses are checked at each packet all the same.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        opened.bind(("", port))
    except BaseException:
        opened.close()
        raise
    return opened


def _destination(ancillary: list[tuple[int, int, bytes]]) -> bytes:
    """Return the packed address that a packet was sent to; empty if the kernel does not say."""
    for level, kind, content in ancillary:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
            destination: bytes = PKTINFO.unpack(content)[2]
            return destination
    return b""
