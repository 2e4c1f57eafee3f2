"""The lab's lines: relays Ethernet frames between two interfaces a line, with delay, loss and a rate, or not at all.

Run by the lab in a network namespace of its own; needs nothing beyond the standard library. It stands in for `tc
netem`, which many kernels are built without. Orders come as lines of JSON and are answered by a line each:
`{"link": "c1-0", "ends": ["a", "b"]}` opens one, and `{"link": "c1-0", "up": …, "delay_ms": …, "loss": …, "kbit": …}`
sets it, with what it names.
"""

from __future__ import annotations

import heapq
import json
import random
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import dataclass

ETH_P_ALL = 3
OUTGOING = 4
"""linux/if_packet.h: our own frame, seen again on its way out."""
LONGEST_QUEUE = 200
"""Frames that wait in one direction; more are lost, as before a slow modem."""
BUFFER = 4 << 20


@dataclass(eq=False)
class End:
    """One end of a line.

    Attributes:
        free_s: When the line is free for the next frame from this end.
        waiting: Frames from this end that are on the line.
    """

    name: str
    socket: socket.socket
    free_s: float = 0.0
    last_s: float = 0.0
    waiting: int = 0


@dataclass(eq=False)
class Line:
    """One line and what ails it; delay and loss hold for each direction."""

    ends: tuple[End, End]
    up: bool = True
    delay_ms: float = 0.0
    loss: float = 0.0
    kbit: float = 0.0


class Relay:
    """All lines of a lab."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        self._on_the_way: list[tuple[float, int, End, End, bytes]] = []
        self._number = 0

    def run(self) -> None:
        """Relay until standard input ends."""
        while True:
            wait_s = self._on_the_way[0][0] - time.monotonic() if self._on_the_way else None
            for key, _ in self._selector.select(wait_s if wait_s is None else max(0.0, wait_s)):
                if key.data is None:
                    order = sys.stdin.readline()
                    if not order:
                        return
                    self._obey(json.loads(order))
                else:
                    self._take(*key.data)
            self._deliver()

    def _obey(self, order: dict[str, object]) -> None:
        name = str(order.pop("link"))
        if "ends" in order:
            one, other = (self._open(str(end)) for end in order["ends"])  # type: ignore[attr-defined]
            line = self._lines[name] = Line((one, other))
            self._selector.register(one.socket, selectors.EVENT_READ, (line, one, other))
            self._selector.register(other.socket, selectors.EVENT_READ, (line, other, one))
        else:
            line = self._lines[name]
            was_up = line.up
            for what, value in order.items():
                setattr(line, what, value)
            if line.up != was_up:
                for end in line.ends:  # the other side of each sees its cable pulled
                    _ip("link", "set", end.name, "up" if line.up else "down")
        print("done", flush=True)  # noqa: T201 - the answer

    def _open(self, name: str) -> End:
        _ip("link", "set", name, "up")
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        opened.bind((name, 0))
        opened.setblocking(False)  # noqa: FBT003 - Python's own argument
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        return End(name, opened)

    def _take(self, line: Line, end: End, other: End) -> None:
        while True:
            try:
                frame, address = end.socket.recvfrom(65535)
            except OSError:  # nothing more, or the interface is down
                return
            if address[2] == OUTGOING or not line.up or random.random() < line.loss:  # noqa: S311 - bad luck, no secret
                continue
            if end.waiting >= LONGEST_QUEUE:
                continue
            now_s = time.monotonic()
            end.free_s = max(end.free_s, now_s) + (len(frame) * 8 / (line.kbit * 1000) if line.kbit else 0.0)
            end.last_s = max(end.free_s + line.delay_ms / 1000, end.last_s)  # frames keep their order
            end.waiting += 1
            self._number += 1
            heapq.heappush(self._on_the_way, (end.last_s, self._number, end, other, frame))

    def _deliver(self) -> None:
        while self._on_the_way and self._on_the_way[0][0] <= time.monotonic():
            _, _, end, other, frame = heapq.heappop(self._on_the_way)
            end.waiting -= 1
            try:
                other.socket.send(frame)
            except OSError:  # the interface is down
                continue


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


if __name__ == "__main__":
    Relay().run()
