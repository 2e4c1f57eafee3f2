"""Is a server's time right? One packet of SNTP (RFC 4330, RFC 5905).

48 octets with a fixed place for everything: the libraries for it are unkept or want a whole daemon, so this reads them
itself. An answer must repeat our own time, which nobody can who did not see the question.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Final

from kernel.clock import Clock
from monitor.probes.check import CheckResult, CheckTarget, Fault
from monitor.probes.tcp import fault_of, reason

PACKET: Final = struct.Struct("!BBbb11I")
SINCE_1900_S: Final = 2_208_988_800
ASK: Final = 0b00_100_011  # version 4, client
SERVER: Final = 4
NOT_SYNCHRONISED: Final = 3
WORST_STRATUM: Final = 15
WORST_OFFSET_S: Final = 1.0
"""More than that, and what two devices log cannot be put in order."""


async def check_ntp(target: CheckTarget, clock: Clock) -> CheckResult:
    """Return whether the server is synchronised and agrees with our own clock; its offset, delay and stratum."""
    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[bytes | OSError] = asyncio.Queue(8)
    sent_s = clock.now().timestamp()
    ours = _stamp(sent_s)
    try:
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Ear(heard), remote_addr=(target.address, target.check.port)
        )
    except OSError as error:
        return CheckResult(ok=False, why=f"no way there: {reason(error)}")
    try:
        transport.sendto(PACKET.pack(ASK, *[0] * 12, *ours))
        while True:
            answer = await heard.get()
            if isinstance(answer, OSError):
                return CheckResult(ok=False, why=f"port {target.check.port}: {reason(answer)}", fault=fault_of(answer))
            result = read(answer, ours, sent_s, clock.now().timestamp())
            if result is not None:
                return result
    finally:
        transport.close()


def read(answer: bytes, ours: tuple[int, int], sent_s: float, received_s: float) -> CheckResult | None:
    """Return what `answer` says (RFC 5905 section 8); None if it is not one to our question.

    Args:
        answer: A datagram, whatever it holds.
        ours: What we sent as our time.
        sent_s: When, Unix seconds.
        received_s: When it came.
    """
    if len(answer) < PACKET.size:
        return None
    fields = PACKET.unpack_from(answer)
    leap, mode, stratum = fields[0] >> 6, fields[0] & 7, fields[1]
    if mode != SERVER or (fields[9], fields[10]) != ours:
        return None
    if stratum == 0:
        code = answer[12:16].decode("ascii", "replace").strip("\0")
        why = f"it refuses: {''.join(each for each in code if each.isprintable())}"
        return CheckResult(ok=False, why=why, fault=Fault.REFUSED)
    there_in_s, there_out_s = _seconds(fields[11], fields[12]), _seconds(fields[13], fields[14])
    offset_s = ((there_in_s - sent_s) + (there_out_s - received_s)) / 2
    delay_s = max(0.0, (received_s - sent_s) - (there_out_s - there_in_s))
    values = {"ntp_offset_s": offset_s, "ntp_delay_s": delay_s, "ntp_stratum": float(stratum)}
    if leap == NOT_SYNCHRONISED or stratum > WORST_STRATUM:
        return CheckResult(ok=False, why="it has no time itself", values=values, fault=Fault.WRONG_TIME)
    if abs(offset_s) > WORST_OFFSET_S + delay_s / 2:
        why = f"its time and ours are {abs(offset_s):.1f} s apart"
        return CheckResult(ok=False, why=why, values=values, fault=Fault.WRONG_TIME)
    return CheckResult(ok=True, values=values)


def _stamp(unix_s: float) -> tuple[int, int]:
    whole = int(unix_s)
    return (whole + SINCE_1900_S) % 2**32, int((unix_s - whole) * 2**32)


def _seconds(whole: int, part: int) -> float:
    # Below 2^31 it counts from 2036 (RFC 4330 section 3).
    return whole + (0 if whole & 1 << 31 else 1 << 32) - SINCE_1900_S + part / 2**32


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, heard: asyncio.Queue[bytes | OSError]) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 - connected: it is theirs
        self._tell(data)

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, OSError):
            self._tell(exc)

    def _tell(self, word: bytes | OSError) -> None:
        if not self._heard.full():
            self._heard.put_nowait(word)
