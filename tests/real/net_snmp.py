"""net-snmp's own tools, called as a test's second opinion: what they read over SNMP was not read by code of ours."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field

from tests.real.server import SYSTEM_PATH, find_program

TIMEOUT_S = 60.0

Value = int | bytes | str | None
"""A number, the bytes of a string, anything else as net-snmp writes it; None where it says that there is nothing."""

NOTHING = ("No Such Object", "No Such Instance", "No more variables")


class SnmpToolFailed(RuntimeError):
    """A tool ended with an error; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask, and as whom.

    Attributes:
        address: IP address.
        port: UDP port.
        community: For version 2c, or 1; None: version 3 is used.
        user: Name of the version 3 user, authPriv.
        auth: `SHA` or `SHA-256`, as net-snmp calls them.
        auth_key: Authentication passphrase.
        priv_key: Passphrase of AES-128.
        version: `2c` or `1`, where there is a community.
    """

    address: str
    port: int
    community: str | None = None
    user: str = ""
    auth: str = "SHA-256"
    auth_key: str = field(default="", repr=False)
    priv_key: str = field(default="", repr=False)
    version: str = "2c"

    def arguments(self) -> list[str]:
        """Return the options that all tools share."""
        if self.community is not None:
            return [f"-v{self.version}", "-c", self.community]
        return ["-v3", "-l", "authPriv", "-u", self.user, "-a", self.auth, "-A", self.auth_key, "-x", "AES",
                "-X", self.priv_key]  # fmt: skip


async def snmpget(target: Target, *oids: str, timeout_s: float = 5, retries: int = 1) -> dict[str, Value]:
    """Return the values of `oids`, by object identifier without a leading dot; SnmpToolFailed on error or silence."""
    return await _run("snmpget", target, oids, timeout_s, retries)


async def snmpbulkwalk(target: Target, oid: str, *, timeout_s: float = 5, retries: int = 1) -> dict[str, Value]:
    """Return everything under `oid`, in order, by GETBULK; SnmpToolFailed on error or silence."""
    return await _run("snmpbulkwalk", target, (oid,), timeout_s, retries)


async def snmpwalk(target: Target, oid: str, *, timeout_s: float = 5, retries: int = 1) -> dict[str, Value]:
    """Return everything under `oid`, in order, by GETNEXT; SnmpToolFailed on error or silence."""
    return await _run("snmpwalk", target, (oid,), timeout_s, retries)


async def snmpset(target: Target, oid: str, value: str) -> dict[str, Value]:
    """Set a string and return what the agent says it is now; SnmpToolFailed if it refuses."""
    return await _run("snmpset", target, (oid, "s", value), 5, 1)


async def _run(tool: str, target: Target, words: tuple[str, ...], timeout_s: float, retries: int) -> dict[str, Value]:
    # -On -Oe -Ot: numbers instead of names; -Ox: strings as hexadecimal, whatever bytes they hold.
    with tempfile.TemporaryDirectory(prefix="vc-net-snmp-") as folder:
        process = await asyncio.create_subprocess_exec(
            find_program(tool, "snmp"), *target.arguments(), "-On", "-Oe", "-Ot", "-Ox",
            "-t", str(timeout_s), "-r", str(retries), f"{target.address}:{target.port}", *words,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={"MIBS": "", "PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8", "SNMP_PERSISTENT_DIR": folder,
                 "SNMPCONFPATH": folder},
        )  # fmt: skip
        try:
            async with asyncio.timeout(TIMEOUT_S):
                output, errors = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
    if process.returncode != 0:
        raise SnmpToolFailed(errors.decode("utf-8", "replace").strip() or output.decode("utf-8", "replace").strip())
    return _read(output.decode("utf-8", "replace"))


def _read(output: str) -> dict[str, Value]:
    joined: list[str] = []
    for line in output.splitlines():
        if line.startswith(".") and " = " in line:
            joined.append(line)
        elif joined and line != "End of MIB":  # a long string goes on
            joined[-1] += line
    values: dict[str, Value] = {}
    for line in joined:
        oid, text = line.split(" = ", 1)
        values[oid.removeprefix(".")] = _value(text)
    return values


def _value(text: str) -> Value:
    if text == '""':
        return b""
    if text.startswith(NOTHING):
        return None
    kind, _, rest = text.partition(": ")
    if kind in {"Hex-STRING", "OPAQUE"}:
        return bytes.fromhex(rest)
    if kind in {"INTEGER", "Counter32", "Counter64", "Gauge32", "Timeticks", "UInteger32"}:
        return int(rest)
    if text.isdecimal():  # -Ot leaves the type of ticks away
        return int(text)
    return rest.removeprefix(".") if kind == "OID" else (rest or text)
