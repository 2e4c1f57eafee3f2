"""Keeps heads of the audit log's chain outside of the database, so that its tail cannot be cut off unnoticed.

Two files: one grows by a head an hour and is never rewritten, the other has the newest head, put there with each batch
that is sealed. Each head carries a proof by the audit key: whoever writes to the files can take lines away, not make
any. Heads may go to syslog or a webhook too; what stands in those logs is read back by `vungcao audit verify --heads`.
"""

from __future__ import annotations

import asyncio
import fcntl
import hmac
import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from kernel.audit_chain import Head, head_of
from kernel.channels.port import Channel, ChannelUnavailable, Message, MessageRefused
from kernel.db.transaction import Database
from kernel.errors import DatabaseUnavailable
from kernel.ids import new_id

LOOK_EVERY_S: Final = 20.0
NEWEST: Final = ".newest"
"""What the name of the file with the newest head has at its end."""

SYSLOG_PRIORITY: Final = 13 * 8 + 5  # RFC 5424, section 6.2.1: log audit, notice
LONGEST_LINE: Final = 100_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeptHead:
    """A head with when it was kept (aware UTC)."""

    at: datetime
    head: Head


@dataclass(frozen=True, slots=True)
class KeptHeads:
    """What files say: the heads whose proof holds, and how many lines looked like one and are not."""

    heads: Sequence[KeptHead]
    forged: int


def line_of(key: bytes, head: Head, at: datetime) -> str:
    """Return `head` as the line that is kept of it."""
    when = at.astimezone(UTC).isoformat(timespec="seconds")
    parts = {"at": when, "seal_no": head.seal_no, "seal": head.seal.hex(), "proof": _proof(key, when, head)}
    return json.dumps({"audit_head": parts}, separators=(",", ":"))


def read_heads(key: bytes, lines: Iterable[str]) -> KeptHeads:
    """Return the heads in `lines`, which may have anything before and after, as lines of syslog do."""
    heads: list[KeptHead] = []
    forged = 0
    for line in lines:
        begin = line.find('{"audit_head":')
        if begin < 0 or len(line) > LONGEST_LINE:
            continue
        try:
            found, _ = json.JSONDecoder().raw_decode(line, begin)
            said = found["audit_head"]
            head = Head(int(said["seal_no"]), bytes.fromhex(said["seal"]))
            at = datetime.fromisoformat(said["at"])
            sound = hmac.compare_digest(said["proof"], _proof(key, said["at"], head)) and at.tzinfo is not None
        except (ValueError, TypeError, KeyError):
            sound = False
        if sound:
            heads.append(KeptHead(at, head))
        else:
            forged += 1
    return KeptHeads(heads, forged)


def read_files(key: bytes, paths: Iterable[Path]) -> KeptHeads:
    """Return the heads in those of the files that are there; OSError if one cannot be read."""

    def lines() -> Iterator[str]:
        for path in paths:
            if path.exists():
                with path.open(encoding="utf-8", errors="replace") as file:
                    yield from file

    return read_heads(key, lines())


def newest_of(path: Path) -> Path:
    """Return where the newest head is, beside the file `path` of all."""
    return path.with_name(path.name + NEWEST)


@dataclass(frozen=True, slots=True)
class Ways:
    """Where heads go beside the file.

    Attributes:
        syslog: A socket such as /dev/log, or host:port by UDP; empty: nowhere.
        channel: Such as a webhook; None: nowhere.
    """

    syslog: str = ""
    channel: Channel | None = None


class HeadKeeper:
    """Keeps the heads of one data folder.

    Args:
        database: Where the log is.
        key: The audit key.
        path: The file that only grows.
        every: How often it gets a head.
        ways: Where the same line goes too.
    """

    def __init__(
        self, database: Database, key: bytes, path: Path, every: timedelta = timedelta(hours=1), ways: Ways = Ways()
    ) -> None:
        self._database = database
        self._key = key
        self._path = path
        self._every = every
        self._ways = ways

    async def run(self, stop: asyncio.Event) -> None:
        """Keep a head whenever one is due, until `stop` is set; what cannot be kept is said once, and tried again."""
        trouble = ""
        while not stop.is_set():
            try:
                await self.keep_due()
            except (OSError, DatabaseUnavailable) as error:
                if str(error) != trouble:
                    log.warning("audit_head_not_kept", why=str(error))
                trouble = str(error)
            else:
                trouble = ""
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await stop.wait()
            except TimeoutError:
                continue

    async def keep_newest(self) -> None:
        """Put the newest head beside the others, in place of the one before; called after each batch of seals."""
        head = await self._head()
        if head is not None:
            await asyncio.to_thread(_replace, newest_of(self._path), self._line(head))

    async def keep_due(self) -> bool:
        """Append a head if the last one is too old, and send it on; return whether one was due."""
        head = await self._head()
        if head is None:
            return False
        line = self._line(head)
        due = await asyncio.to_thread(_append_due, self._path, line, self._key, self._database.clock.now(), self._every)
        if due:
            await self._send(line, head)
        return due

    async def _head(self) -> Head | None:
        async with self._database.transaction() as tx:
            return await head_of(await tx.session.connection())

    def _line(self, head: Head) -> str:
        return line_of(self._key, head, self._database.clock.now())

    async def _send(self, line: str, head: Head) -> None:
        if self._ways.syslog:
            try:
                await asyncio.to_thread(_to_syslog, self._ways.syslog, line, self._database.clock.now())
            except (OSError, ValueError) as error:
                log.warning("audit_head_not_sent", way="syslog", why=str(error))
        if self._ways.channel is not None:
            data: Mapping[str, Any] = json.loads(line)
            subject = f"Vùng Cao: audit log at number {head.seal_no}"
            try:
                await self._ways.channel.send(Message(str(new_id()), subject, line, data))
            except (ChannelUnavailable, MessageRefused) as error:
                log.warning("audit_head_not_sent", way="webhook", why=str(error))


def _proof(key: bytes, at: str, head: Head) -> str:
    told = f"head:{at}:{head.seal_no}:{head.seal.hex()}"
    return hmac.digest(key, told.encode(), "sha256").hex()


def _append_due(path: Path, line: str, key: bytes, now: datetime, every: timedelta) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # another worker of this folder keeps the same heads
        file.seek(max(0, file.seek(0, os.SEEK_END) - LONGEST_LINE))
        tail = file.read()
        last = read_heads(key, tail.decode(errors="replace").splitlines()).heads
        if last and now - last[-1].at < every:
            return False
        # What a power cut left half written does not swallow the next one.
        file.write((b"" if not tail or tail.endswith(b"\n") else b"\n") + line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return True


def _replace(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(line + "\n")
    fresh.rename(path)


def _to_syslog(where: str, line: str, now: datetime) -> None:
    when = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    packet = f"<{SYSLOG_PRIORITY}>1 {when} {socket.gethostname()} vungcao - audit-head - {line}".encode()
    if where.startswith("/"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(packet, where)
        return
    host, _, port = where.rpartition(":")
    family, kind, proto, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, proto) as sender:
        sender.sendto(packet, address)
