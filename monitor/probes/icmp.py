"""Pings by the best way that the machine allows: an ICMP socket of our own, `fping`, or TCP for mere presence.

Which way it is depends on the machine alone, is found out once, and is told with every result:

- An ICMP socket opens for groups within `net.ipv4.ping_group_range` (systemd lets all in), or for whoever may open raw
  ones. One socket asks everybody: with a socket for each address every raw one is handed every answer, and at 200
  addresses half of them were lost on the way through our own machine.
- `fping` may do it by its file's capability where it is installed, one process for many addresses.
- Else a TCP handshake: open or refused, somebody is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import shutil
import socket
import struct
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import structlog

from kernel.clock import Clock, epoch_ms
from monitor.probes.ping import Burst, Pinger, PingMethod, PingResult, PingTarget, is_version_6, result_of

log = structlog.get_logger()

SOL_RAW, ICMP_FILTER = 255, 1
"""linux/icmp.h; Python does not name them."""
SOL_ICMPV6, ICMPV6_FILTER = 58, 1
RECEIVE_BUFFER = 1 << 20
"""Room for the answers of thousands: what does not fit would be told as loss of the line."""
PAYLOAD_BYTES = 56
"""As `ping` has it: 64 bytes of ICMP."""
SENT_IN_A_ROW = 50
"""Packets after which other work has its turn."""
MARK_BYTES = 8
NUMBER = struct.Struct("!Q")
HEADER = struct.Struct("!BBHHH")
TCP_PORTS = (22, 443, 80, 23)
"""Where routers listen, or refuse: either tells that they are there."""
TCP_AT_ONCE = 100
FPING_SLACK_S = 5.0


@dataclass(frozen=True, slots=True)
class Family:
    """How echoes look in one version of IP (RFC 792, RFC 4443)."""

    family: int
    protocol: int
    request: int
    reply: int


IPV4 = Family(socket.AF_INET, socket.IPPROTO_ICMP, 8, 0)
IPV6 = Family(socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, 129)


@dataclass(slots=True)
class _Line:
    """One address in one burst: when each packet left, and how long its answer took."""

    target: PingTarget
    sent: int = 0
    left_s: dict[int, float] = field(default_factory=dict)
    took_s: dict[int, float] = field(default_factory=dict)


class _EchoSocket:
    """One socket of one family, and who waits for answers on it."""

    def __init__(self, family: Family, clock: Clock) -> None:
        """Raises OSError if no such socket may be opened."""
        self._family = family
        self._clock = clock
        self._socket, self._raw = _open(family)
        self._mark = secrets.token_bytes(MARK_BYTES)
        self._asked: dict[int, tuple[_Line, Callable[[], None]]] = {}
        self._number = secrets.randbits(32)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        """Close it; who waits is told nothing more."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def send(self, line: _Line, answered: Callable[[], None]) -> bool:
        """Send one packet and return whether an answer may come; `answered` is called when it does."""
        self._number += 1
        number = self._number
        try:
            left_s = self._clock.monotonic_s()
            self._socket.sendto(self._packet(number), (line.target.address, 0))
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.EBADF):
                return False  # our own machine is busy or stops: that is not a loss of the line
            line.sent += 1  # no route, or a firewall of ours: nobody is reached, and that is what is measured
            return False
        line.sent += 1
        line.left_s[number] = left_s
        self._asked[number] = line, answered
        return True

    def forget(self, line: _Line) -> None:
        """Wait no more for what `line` has not had."""
        for number in line.left_s:
            self._asked.pop(number, None)

    def _packet(self, number: int) -> bytes:
        payload = (self._mark + NUMBER.pack(number)).ljust(PAYLOAD_BYTES, b"\0")
        fields = (os.getpid() & 0xFFFF, number & 0xFFFF)
        header = HEADER.pack(self._family.request, 0, 0, *fields)
        # The kernel writes the checksum itself, except on raw sockets of IPv4; there it leaves ours alone.
        return HEADER.pack(self._family.request, 0, _checksum(header + payload), *fields) + payload

    def _read(self) -> None:
        while True:
            try:
                packet, source = self._socket.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of somebody's, told to whoever reads next
                continue
            self._take(packet, str(source[0]), self._clock.monotonic_s())

    def _take(self, packet: bytes, source: str, now_s: float) -> None:
        if self._raw and self._family is IPV4 and packet:
            packet = packet[(packet[0] & 0x0F) * 4 :]  # the IP header, whose length is in words (RFC 791)
        start, end = HEADER.size + MARK_BYTES, HEADER.size + MARK_BYTES + NUMBER.size
        if len(packet) < end or packet[0] != self._family.reply or packet[HEADER.size : start] != self._mark:
            return
        (number,) = NUMBER.unpack(packet[start:end])
        line, answered = self._asked.get(number, (None, None))
        # From another address it is no answer of that device: address translation, or somebody who pretends.
        if line is None or answered is None or source.partition("%")[0] != line.target.address:
            return
        del self._asked[number]
        line.took_s[number] = now_s - line.left_s[number]
        answered()


class SocketPinger:
    """Pings through an ICMP socket for each family of addresses. Open it within the loop that it serves."""

    method: ClassVar[PingMethod] = PingMethod.ICMP

    def __init__(self, clock: Clock) -> None:
        """Raises OSError if this machine lets us open no ICMP socket."""
        self._clock = clock
        self._sockets = {False: _EchoSocket(IPV4, clock)}
        with contextlib.suppress(OSError):  # a machine without IPv6 pings nobody there
            self._sockets[True] = _EchoSocket(IPV6, clock)

    async def ping(self, targets: Sequence[PingTarget], burst: Burst) -> list[PingResult]:
        at_ms = epoch_ms(self._clock.now())
        lines = [_Line(target) for target in targets]
        through = [self._sockets.get(is_version_6(target.address)) for target in targets]
        open_, all_sent, all_answered = 0, False, asyncio.Event()

        def answered() -> None:
            nonlocal open_
            open_ -= 1
            if all_sent and not open_:
                all_answered.set()

        try:
            for turn in range(burst.count):
                if turn:
                    await asyncio.sleep(burst.gap_s)
                for place, (line, way) in enumerate(zip(lines, through, strict=True), 1):
                    open_ += way is not None and way.send(line, answered)
                    if not place % SENT_IN_A_ROW:
                        await asyncio.sleep(0)
            all_sent = True
            if open_:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(burst.timeout_s):
                        await all_answered.wait()
        finally:
            for line, way in zip(lines, through, strict=True):
                if way is not None:
                    way.forget(line)
        return [self._result(line, at_ms, burst.timeout_s) for line in lines]

    def close(self) -> None:
        for each in self._sockets.values():
            each.close()

    def _result(self, line: _Line, at_ms: int, timeout_s: float) -> PingResult:
        in_time = [line.took_s[number] for number in sorted(line.took_s) if line.took_s[number] <= timeout_s]
        return result_of(line.target.device, at_ms, self.method, line.sent, in_time)


class FpingPinger:
    """Pings by the program `fping`: one process for each call, with all its addresses."""

    method: ClassVar[PingMethod] = PingMethod.FPING

    def __init__(self, program: str, clock: Clock) -> None:
        self._program = program
        self._clock = clock

    async def ping(self, targets: Sequence[PingTarget], burst: Burst) -> list[PingResult]:
        at_ms = epoch_ms(self._clock.now())
        told = await self._ask([target.address for target in targets], burst) if targets else {}
        return [result_of(target.device, at_ms, self.method, *told.get(target.address, (0, ()))) for target in targets]

    def close(self) -> None:
        """Nothing is held between calls."""

    async def _ask(self, addresses: Sequence[str], burst: Burst) -> dict[str, tuple[int, list[float]]]:
        try:
            process = await asyncio.create_subprocess_exec(
                self._program, "-q", "-i1", f"-C{burst.count}", f"-p{max(10, round(burst.gap_s * 1000))}",
                f"-t{max(50, round(burst.timeout_s * 1000))}",  # not given, the time between two packets would be it
                stdin=PIPE, stdout=DEVNULL, stderr=PIPE, env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            )  # fmt: skip
        except OSError as error:  # gone, or a service whose bounding set lacks the program's capability
            log.warning("fping_not_started", why=error.strerror)
            return {}
        try:
            # It sends at most a packet a millisecond.
            async with asyncio.timeout(burst.longest_s + burst.count * len(addresses) / 1000 + FPING_SLACK_S):
                _, said = await process.communicate("".join(f"{each}\n" for each in addresses).encode())
        except TimeoutError:
            log.error("fping_stuck", addresses=len(addresses))
            return {}
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return _fping_answers(said.decode("utf-8", "replace"))


class TcpPinger:
    """Finds out by TCP whether somebody is there; knows nothing of loss and round trips."""

    method: ClassVar[PingMethod] = PingMethod.TCP

    def __init__(self, clock: Clock, ports: Sequence[int] = TCP_PORTS) -> None:
        self._clock = clock
        self._ports = ports
        self._slots = asyncio.Semaphore(TCP_AT_ONCE)

    async def ping(self, targets: Sequence[PingTarget], burst: Burst) -> list[PingResult]:
        at_ms = epoch_ms(self._clock.now())
        there = await asyncio.gather(*(self._is_there(target.address, burst.timeout_s) for target in targets))
        return [
            PingResult(target.device, at_ms, self.method, sent=1, received=int(found))
            for target, found in zip(targets, there, strict=True)
        ]

    def close(self) -> None:
        """Nothing is held between calls."""

    async def _is_there(self, address: str, timeout_s: float) -> bool:
        async with self._slots:
            for port in self._ports:
                try:
                    async with asyncio.timeout(timeout_s / len(self._ports)):
                        _, writer = await asyncio.open_connection(address, port)
                except ConnectionRefusedError:
                    return True
                except OSError:  # silence (TimeoutError), no route, a firewall's word: nobody knows
                    continue
                writer.transport.abort()
                return True
        return False


async def open_pinger(clock: Clock) -> Pinger:
    """Return the best way to ping that this machine allows; call it within the loop that will ping."""
    try:
        return SocketPinger(clock)
    except OSError as error:
        why = error.strerror
    program = shutil.which("fping", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if program is not None:
        pinger = FpingPinger(program, clock)
        (result,) = await pinger.ping([PingTarget("", "127.0.0.1")], Burst(count=1, timeout_s=0.5))
        if result.received:
            return pinger
    log.warning("no_icmp", why=why, fping=program or "", help="install fping, or widen net.ipv4.ping_group_range")
    return TcpPinger(clock)


def _open(family: Family) -> tuple[socket.socket, bool]:
    """Return a socket, and whether it is a raw one; OSError if neither kind may be opened."""
    try:
        opened, raw = socket.socket(family.family, socket.SOCK_DGRAM, family.protocol), False
    except PermissionError:
        opened, raw = socket.socket(family.family, socket.SOCK_RAW, family.protocol), True
        _only_replies(opened, family)
    opened.settimeout(0)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return opened, raw


def _only_replies(opened: socket.socket, family: Family) -> None:
    """Let the kernel keep from us what is no echo reply: a raw socket is handed everything."""
    if family is IPV4:
        opened.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("@I", 0xFFFFFFFF ^ (1 << family.reply)))
        return
    blocked = [0xFFFFFFFF] * 8
    blocked[family.reply // 32] ^= 1 << (family.reply % 32)
    opened.setsockopt(SOL_ICMPV6, ICMPV6_FILTER, struct.pack("@8I", *blocked))


def _checksum(packet: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _fping_answers(said: str) -> dict[str, tuple[int, list[float]]]:
    """Return packets sent and round trips in seconds by address, from lines like `10.0.0.1 : 0.31 - 0.29`."""
    answers: dict[str, tuple[int, list[float]]] = {}
    for line in said.splitlines():
        address, between, words = line.partition(" : ")
        if not between:
            continue  # what it grumbles about
        try:
            took_s = [float(word) / 1000 for word in words.split() if word != "-"]
        except ValueError:
            continue
        answers[address.strip()] = len(words.split()), took_s
    return answers
