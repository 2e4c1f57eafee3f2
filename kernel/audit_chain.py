"""Seals audit entries into a chain, and verifies it.

The seal of an entry is HMAC-SHA256(key, seal before it, its number, its content as canonical JSON); the key lies
outside the database. So whoever can write to the database, but not read the key, cannot change, remove, reorder or
insert a sealed entry unnoticed. Writers know nothing of the chain: one sealer follows their commits.

Entries cut off at the end are found by heads of the chain that are kept outside of the database (`audit_heads.py`).
What is not found: entries removed before they were sealed, a second or so; that takes a database role that may not
delete. The beginning moves when the log has grown older than it is kept (`audit_retention.py`).
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum
from typing import Any, NamedTuple, cast

import structlog
from sqlalchemy import BigInteger, RowMapping, Table, bindparam, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.audit import AuditBeginningRow, AuditEntryRow
from kernel.db.transaction import Database
from kernel.errors import DatabaseUnavailable

LOCK = 7_223_001_962
"""Advisory lock of the one sealer."""

BATCH = 500
EVERY_S = 1.0
BEFORE_THE_FIRST = bytes(32)
MOST_DOUBTS = 100
"""Entries with a wrong seal that are compared with each other, to tell a moved one from a changed one."""

TABLE = cast("Table", AuditEntryRow.__table__)
ENTRIES = TABLE.c

log = structlog.get_logger(__name__)


def seal_of(key: bytes, previous: bytes, seal_no: int, content: bytes) -> bytes:
    """Return the 32 bytes that bind an entry to its number and to everything before it."""
    return hmac.digest(key, previous + seal_no.to_bytes(8, "big", signed=True) + content, "sha256")


def erased_seal_of(key: bytes, previous: bytes, seal: bytes, seal_no: int, content: bytes) -> bytes:
    """Return the 32 bytes that vouch for an entry whose names were replaced after it was sealed with `seal`.

    Its place in the chain stays what it was: what follows is bound to `seal`, which nobody changes.
    """
    return hmac.digest(key, b"erased" + previous + seal + seal_no.to_bytes(8, "big", signed=True) + content, "sha256")


def content_of(entry: RowMapping) -> bytes:
    """Return what is sealed of an entry as read from the database: all of it but number and seal, as canonical JSON."""
    parts = {
        "id": str(entry["id"]),
        "at": entry["at"].astimezone(UTC).isoformat(timespec="microseconds"),
        "actor_id": entry["actor_id"] and str(entry["actor_id"]),
        **{name: entry[name] for name in ("actor", "action", "target", "before", "after", "reason")},
    }
    if entry["request_id"]:  # entries from before there were any have the content that they were sealed with
        parts["request_id"] = entry["request_id"]
    return json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Sealer:
    """Puts committed entries into the chain. Any number may run; an advisory lock lets one of them work.

    Args:
        database: Where the entries are.
        key: The audit key (`kernel.secrets.load_or_make_key`).
        keep_head: Called after each batch, to keep the newest head outside of the database.
    """

    def __init__(self, database: Database, key: bytes, keep_head: Callable[[], Awaitable[None]] | None = None) -> None:
        self._database = database
        self._key = key
        self._keep_head = keep_head

    async def run(self, stop: asyncio.Event) -> None:
        """Seal what is new, about once a second, until `stop` is set; a database away is waited for."""
        away = False
        while not stop.is_set():
            sealed = 0
            try:
                sealed = await self.seal_new()
                if sealed and self._keep_head is not None:
                    await self._keep_head()
            except OSError as error:
                log.warning("audit_head_not_kept", why=str(error))
            except DatabaseUnavailable as error:
                if not away:
                    log.warning("sealing_waits", why=str(error))
                away = True
            else:
                if away:
                    log.info("sealing_goes_on")
                away = False
            if sealed < BATCH:
                try:
                    async with asyncio.timeout(EVERY_S):
                        await stop.wait()
                except TimeoutError:
                    continue

    async def seal_new(self) -> int:
        """Seal the oldest unsealed entries, at most `BATCH`, and return how many; 0 if another sealer is at it.

        Raises:
            DatabaseUnavailable: Nothing of it was sealed.
        """
        async with self._database.transaction() as tx:
            connection = await tx.session.connection()
            if not await connection.scalar(select(func.pg_try_advisory_xact_lock(literal(LOCK, BigInteger)))):
                return 0
            return await seal_oldest(connection, self._key)


async def seal_oldest(connection: AsyncConnection, key: bytes) -> int:
    """Seal the oldest unsealed entries, at most `BATCH`, and return how many; the caller holds the sealer's lock."""
    # Read back from the table, for a number may look different once it has been JSON in PostgreSQL.
    unsealed = select(TABLE).where(ENTRIES.seal_no.is_(None)).order_by(ENTRIES.id).limit(BATCH)
    entries = (await connection.execute(unsealed)).mappings().all()
    if entries:
        await connection.execute(
            update(TABLE)
            .where(ENTRIES.id == bindparam("entry"))
            .values(seal_no=bindparam("no"), seal=bindparam("with")),
            list(_chained(key, await head_of(connection), entries)),
        )
    return len(entries)


def _chained(key: bytes, head: Head | None, entries: Sequence[RowMapping]) -> Iterator[dict[str, Any]]:
    seal_no, seal = head or (0, BEFORE_THE_FIRST)
    for entry in entries:
        seal_no += 1
        seal = seal_of(key, seal, seal_no, content_of(entry))
        yield {"entry": entry["id"], "no": seal_no, "with": seal}


class Head(NamedTuple):
    """The last link: kept elsewhere, it shows later whether the chain was cut behind it."""

    seal_no: int
    seal: bytes


class FaultKind(StrEnum):
    """What is wrong with the chain at one number."""

    CHANGED = "changed"  # what stands there is not what was sealed: altered, or put in by hand
    REMOVED = "removed"
    REORDERED = "reordered"
    CUT = "cut"  # a head was kept that the log does not lead to: cut off, or grown again from an older copy


class Fault(NamedTuple):
    """One fault: from which number on, and what."""

    seal_no: int
    kind: FaultKind


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What verifying found.

    Attributes:
        sealed: Entries in the chain.
        unsealed: Entries that wait for the sealer; not verified.
        first: The fault with the lowest number, or None.
        faults: How many of each kind. Behind an entry replaced together with its seal, the next one is counted too.
        head: The last link, or None if nothing is sealed.
    """

    sealed: int
    unsealed: int
    first: Fault | None
    faults: Mapping[FaultKind, int]
    head: Head | None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.first is None


@dataclass(frozen=True, slots=True)
class _Doubt:
    """An entry whose seal does not follow from the seal stored before it."""

    seal_no: int
    seal: bytes
    previous: bytes
    content: bytes


async def verify(connection: AsyncConnection, key: bytes, kept: Sequence[Head] = ()) -> VerifyReport:
    """Return what is wrong with the chain; reads it once from its beginning, in a fixed amount of memory.

    Args:
        connection: To the database.
        key: The audit key.
        kept: Heads that were kept outside of the database.
    """
    faults: list[Fault] = []  # at most one gap is kept, and the doubts
    counts: Counter[FaultKind] = Counter()
    doubts: list[_Doubt] = []
    sealed = 0
    head = await beginning(connection, key)
    outside = _Outside(kept, head)
    rows = await connection.stream(
        select(TABLE).where(ENTRIES.seal_no.is_not(None)).order_by(ENTRIES.seal_no),
        execution_options={"yield_per": BATCH},
    )
    async for row in rows.mappings():
        sealed += 1
        seal_no, seal, content = row["seal_no"], row["seal"] or b"", content_of(row)
        if seal_no != head.seal_no + 1:
            # The seal before it is gone, so this entry itself cannot be checked; those after it can.
            if not counts[FaultKind.REMOVED]:
                faults.append(Fault(head.seal_no + 1, FaultKind.REMOVED))
            counts[FaultKind.REMOVED] += seal_no - head.seal_no - 1
        elif not _vouched(key, head.seal, row, content):
            if len(doubts) < MOST_DOUBTS:
                doubts.append(_Doubt(seal_no, seal, head.seal, content))
            else:
                counts[FaultKind.CHANGED] += 1
        head = Head(seal_no, seal)
        outside.meet(head)
    if (cut := outside.cut_at(head)) is not None:
        faults.append(Fault(cut, FaultKind.CUT))
        counts[FaultKind.CUT] = outside.last - cut + 1
    for fault in _told_apart(key, doubts):
        faults.append(fault)
        counts[fault.kind] += 1
    unsealed = await connection.scalar(select(func.count()).where(ENTRIES.seal_no.is_(None)))
    return VerifyReport(sealed, unsealed or 0, min(faults, default=None), dict(counts), head if sealed else None)


class _Outside:
    """The heads that were kept outside of the database, against the chain as it is read."""

    def __init__(self, kept: Sequence[Head], begin: Head) -> None:
        self._waiting: dict[int, set[bytes]] = {}
        for one in kept:
            if one.seal_no > begin.seal_no:
                self._waiting.setdefault(one.seal_no, set()).add(one.seal)
        self.last = max(self._waiting, default=0)
        self._other: int | None = None

    def meet(self, link: Head) -> None:
        """Compare a link of the chain with what was kept of its number."""
        seals = self._waiting.pop(link.seal_no, {link.seal})
        if seals != {link.seal} and self._other is None:
            self._other = link.seal_no  # it was cut before here, and has grown again

    def cut_at(self, end: Head) -> int | None:
        """Return from which number on the chain is not the one that was kept; None if it is, after its `end`."""
        gone = end.seal_no + 1 if self._waiting and max(self._waiting) > end.seal_no else None
        return min((number for number in (self._other, gone) if number is not None), default=None)


def _vouched(key: bytes, previous: bytes, row: RowMapping, content: bytes) -> bool:
    """Return whether the seal of an entry says that its content is what was sealed, or what erasing left of it."""
    seal, seal_no = row["seal"] or b"", row["seal_no"]
    if row["erased_seal"] is None:
        return hmac.compare_digest(seal, seal_of(key, previous, seal_no, content))
    return hmac.compare_digest(row["erased_seal"], erased_seal_of(key, previous, seal, seal_no, content))


def _told_apart(key: bytes, doubts: Sequence[_Doubt]) -> Iterator[Fault]:
    """Yield the faults among `doubts`: at each number, is there an entry whose seal says that it belongs there?"""
    seals = {doubt.seal for doubt in doubts}
    proper: dict[int, bytes] = {}  # the seal that was once made for a number
    for here in doubts:
        previous = proper.get(here.seal_no - 1, here.previous)
        for candidate in [here, *doubts]:
            seal = seal_of(key, previous, here.seal_no, candidate.content)
            if seal in seals:
                proper[here.seal_no] = seal
                if candidate.content != here.content or seal != here.seal:
                    yield Fault(here.seal_no, FaultKind.REORDERED)
                break  # else it only follows one that was moved
        else:
            yield Fault(here.seal_no, FaultKind.CHANGED)


def beginning_proof(key: bytes, seal_no: int, seal: bytes) -> bytes:
    """Return the 32 bytes that let the log begin behind `seal_no`."""
    return hmac.digest(key, b"beginning" + seal_no.to_bytes(8, "big", signed=True) + seal, "sha256")


async def beginning(connection: AsyncConnection, key: bytes) -> Head:
    """Return the link behind which the log begins; one without a proof does not count, and what is missing shows."""
    row = AuditBeginningRow
    found = await connection.execute(select(row.seal_no, row.seal, row.proof).order_by(row.seal_no.desc()))
    for seal_no, seal, proof in found:
        if hmac.compare_digest(proof, beginning_proof(key, seal_no, seal)):
            return Head(seal_no, seal)
    return Head(0, BEFORE_THE_FIRST)


async def head_of(connection: AsyncConnection) -> Head | None:
    """Return the last link of the chain; None if nothing is sealed."""
    last = (
        await connection.execute(
            select(ENTRIES.seal_no, ENTRIES.seal)
            .where(ENTRIES.seal_no.is_not(None))
            .order_by(ENTRIES.seal_no.desc())
            .limit(1)
        )
    ).first()
    return None if last is None else Head(last.seal_no, last.seal or b"")
