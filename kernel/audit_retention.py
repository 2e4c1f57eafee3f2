"""Lets the audit log begin later: what is older than the years that it is kept goes, from the beginning and whole.

The chain goes on behind what went. That it begins there is put on record with a proof by the audit key, so that nobody
else can shorten it; what goes is verified first, for nothing that was tampered with may vanish this way.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import delete, func, insert, literal, select
from sqlalchemy.types import BigInteger

from kernel.actors import system
from kernel.audit import AuditBeginningRow
from kernel.audit_chain import ENTRIES, LOCK, TABLE, beginning_proof, verify
from kernel.audit_erasure import AuditBroken
from kernel.clock import Clock
from kernel.db.transaction import Database
from kernel.errors import DatabaseUnavailable

A_YEAR: Final = timedelta(days=365.2425)
EVERY_S: Final = 24 * 3600.0

log = structlog.get_logger(__name__)


async def forget_older(database: Database, key: bytes, before: datetime) -> int:
    """Remove the sealed entries older than `before` and return how many; the newest one always stays.

    Raises:
        AuditBroken: The chain is not sound; nothing was removed.
    """
    async with database.transaction() as tx:
        connection = await tx.session.connection()
        await connection.execute(select(func.pg_advisory_xact_lock(literal(LOCK, BigInteger))))
        sealed = ENTRIES.seal_no.is_not(None)
        kept = await connection.scalar(select(func.min(ENTRIES.seal_no)).where(sealed, ENTRIES.at >= before))
        kept = kept or await connection.scalar(select(func.max(ENTRIES.seal_no)))
        old = select(ENTRIES.seal_no, ENTRIES.seal).where(ENTRIES.seal_no < (kept or 0))
        last = (await connection.execute(old.order_by(ENTRIES.seal_no.desc()).limit(1))).one_or_none()
        if last is None:
            return 0
        report = await verify(connection, key)
        if report.first is not None:
            raise AuditBroken(seal_no=report.first.seal_no)
        await connection.execute(
            insert(AuditBeginningRow).values(
                seal_no=last.seal_no, seal=last.seal, proof=beginning_proof(key, last.seal_no, last.seal), at=tx.now()
            )
        )
        gone = await connection.execute(delete(TABLE).where(ENTRIES.seal_no <= last.seal_no))
        after = {"entries": gone.rowcount, "until": last.seal_no, "before": before.isoformat()}
        tx.audit(system("worker"), "audit.forgotten", "audit", after=after)
        return int(gone.rowcount)


async def run_retention(database: Database, key: bytes, years: int, clock: Clock, stop: asyncio.Event) -> None:
    """Forget what is older than `years`, once a day, until `stop` is set."""
    while not stop.is_set():
        try:
            if gone := await forget_older(database, key, clock.now() - years * A_YEAR):
                log.info("audit_forgotten", entries=gone)
        except AuditBroken as error:
            log.error("audit_not_forgotten", why=str(error))
        except DatabaseUnavailable as error:
            log.warning("audit_not_forgotten", why=str(error))
        try:
            async with asyncio.timeout(EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue
