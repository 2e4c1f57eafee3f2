"""Does a port take connections? A handshake, and at once its end."""

from __future__ import annotations

import asyncio
import os

from monitor.probes.check import CheckResult, CheckTarget, Fault


async def check_tcp(target: CheckTarget) -> CheckResult:
    """Return whether a connection is opened."""
    try:
        _, writer = await asyncio.open_connection(target.address, target.check.port)
    except OSError as error:
        return CheckResult(ok=False, why=f"port {target.check.port}: {reason(error)}", fault=fault_of(error))
    writer.transport.abort()
    return CheckResult(ok=True)


def fault_of(error: OSError) -> Fault:
    """Return whether somebody said no, or nobody said anything."""
    return Fault.REFUSED if isinstance(error, ConnectionRefusedError | ConnectionResetError) else Fault.NO_ANSWER


def reason(error: OSError) -> str:
    """Return what an error of the network means; asyncio's own text only repeats the address."""
    return os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
