"""A relay between a poller and an agent that counts what passes, and may lose it: a second opinion on our sums."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

HEADERS = 28
"""IPv4 and UDP."""


class Relay:
    """Passes datagrams to an agent and back; many askers at once.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        octets: Bytes that passed in both directions, headers included.
        datagrams: How many passed.
        lose: How many of the next requests are lost, after they were counted.
    """

    def __init__(self, agent: tuple[str, int]) -> None:
        self.agent = agent
        self.port = self.octets = self.datagrams = self.lose = 0
        self._back: dict[tuple[str, int], asyncio.DatagramTransport] = {}

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._front, _ = await loop.create_datagram_endpoint(lambda: _Front(self), local_addr=("127.0.0.1", 0))
        self.port = self._front.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for transport in (self._front, *self._back.values()):
            transport.close()

    async def ask(self, data: bytes, asker: tuple[str, int]) -> None:
        self.count(data)
        if self.lose:
            self.lose -= 1
            return
        if asker not in self._back:
            loop = asyncio.get_running_loop()
            self._back[asker], _ = await loop.create_datagram_endpoint(
                lambda: _Back(self, asker), remote_addr=self.agent
            )
        self._back[asker].sendto(data)

    def answer(self, data: bytes, asker: tuple[str, int]) -> None:
        self.count(data)
        self._front.sendto(data, asker)

    def count(self, data: bytes) -> None:
        self.octets += len(data) + HEADERS
        self.datagrams += 1


class _Front(asyncio.DatagramProtocol):
    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._asking: set[asyncio.Task[None]] = set()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.get_running_loop().create_task(self._relay.ask(data, addr))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)


class _Back(asyncio.DatagramProtocol):
    def __init__(self, relay: Relay, asker: tuple[str, int]) -> None:
        self._relay, self._asker = relay, asker

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._relay.answer(data, self._asker)
