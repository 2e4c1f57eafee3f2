"""One use case, one transaction, committed at the edge; what happened in it leaves with it or not at all."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select, text
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from kernel.actors import Actor
from kernel.audit import AuditEntryRow
from kernel.clock import Clock
from kernel.errors import BadInput, DatabaseUnavailable, VungCaoError
from kernel.events.event import Fact
from kernel.events.models import EventRow
from kernel.ids import new_id
from kernel.origin import reason_now, request_now
from kernel.work.port import WorkQueue

DELIVER_EVENT = "deliver-event"
"""Name of the work that hands one event to its subscribers; its argument is the event's id."""


MANY_ENTRIES: Final = """
INSERT INTO audit_entry (id, at, actor_id, actor, action, target, before, after, reason, request_id)
SELECT id, at, actor_id, actor, action, target, before, after, reason, request_id
FROM jsonb_populate_recordset(CAST(NULL AS audit_entry), CAST(:rows AS jsonb))
"""


class Transaction:
    """A session with what a use case needs beside it: the time, the audit log, events.

    Attributes:
        session: SQLAlchemy's session; the use case never commits it.
    """

    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        self.session = session
        self._now = clock.now()
        self._facts: list[tuple[Fact, Actor]] = []
        self._works: list[tuple[str, str]] = []
        self._refusals: list[dict[str, Any]] = []

    def now(self) -> datetime:
        """Return the instant of this transaction (aware UTC); the same each time it is asked."""
        return self._now

    def emit(self, fact: Fact, by: Actor) -> None:
        """Let `fact` leave with this transaction, if it commits."""
        self._facts.append((fact, by))

    def enqueue(self, work: str, argument: str) -> None:
        """Let durable `work` on `argument` (an id) be queued with this transaction, if it commits."""
        self._works.append((work, argument))

    def audit(
        self,
        actor: Actor,
        action: str,
        target: str,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        reason: str = "",
    ) -> None:
        """Put a change of state on record.

        Args:
            actor: Who did it.
            action: `noun.verb`, past tense, such as `alert.taken`.
            target: What it was done to, as `kind:code`; readable after the object is gone.
            before: State before, without secrets.
            after: State after, without secrets.
            reason: What the actor gave as reason.
        """
        self.session.add(AuditEntryRow(**self._entry(actor, action, target, before, after, reason)))

    async def audit_all(
        self,
        actor: Actor,
        changes: Iterable[tuple[str, str, dict[str, Any] | None, dict[str, Any] | None]],
        *,
        reason: str = "",
    ) -> None:
        """Put many changes of state on record: of each its action, target, before and after, as `audit` has it."""
        rows = [self._entry(actor, *change, reason) for change in changes]
        if rows:
            # As one value: a statement with a place for each field takes longer to write down than to carry out.
            await self.session.execute(text(MANY_ENTRIES), {"rows": json.dumps(rows, default=str)})

    def audit_refusal(
        self, actor: Actor, action: str, target: str, *, after: dict[str, Any] | None = None, reason: str = ""
    ) -> None:
        """Put on record that something was refused: kept whether this transaction commits or is rolled back.

        Args:
            actor: Who wanted it.
            action: As `audit` has it, such as `playbook.refused`.
            target: As `audit` has it.
            after: What was wanted, and why not.
            reason: What the actor gave as reason.
        """
        self._refusals.append(self._entry(actor, action, target, None, after, reason))

    def _entry(
        self,
        actor: Actor,
        action: str,
        target: str,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
        reason: str,
    ) -> dict[str, Any]:
        return {
            "id": new_id(),
            "at": self._now,
            "actor_id": actor.id,
            "actor": actor.name,
            "action": action,
            "target": target,
            "before": before,
            "after": after,
            "reason": reason or reason_now(),
            "request_id": request_now(),
        }

    async def keep_refusals(self, session: AsyncSession) -> None:
        """Store the refusals by `session`: this transaction's own, or another one when this one is rolled back."""
        if self._refusals:
            await session.execute(insert(AuditEntryRow), self._refusals)
            self._refusals.clear()

    async def hand_over(self, queue: WorkQueue) -> None:
        """Store the emitted facts and enqueue their delivery and other work, in this same transaction."""
        if not self._facts and not self._works:
            return
        connection = await self.session.connection()
        for fact, by in self._facts:
            event_id = new_id()
            await connection.execute(
                insert(EventRow).values(
                    id=event_id,
                    name=fact.name,
                    at=self._now,
                    actor=by.name,
                    data=dataclasses.asdict(fact),
                )
            )
            await queue.enqueue(connection, DELIVER_EVENT, str(event_id))
        self._facts.clear()
        for work, argument in self._works:
            await queue.enqueue(connection, work, argument)
        self._works.clear()


class Database:
    """Opens transactions. One a process."""

    def __init__(self, engine: AsyncEngine, clock: Clock, queue: WorkQueue) -> None:
        self.engine = engine
        self.clock = clock
        self.queue = queue

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Yield a transaction; commit it with its events when the block ends well, else roll back.

        What was refused in it is on record either way.

        Raises:
            DatabaseUnavailable: If PostgreSQL cannot be reached or goes away in the middle.
            BadInput: If a text has a zero byte, which PostgreSQL takes nowhere, wherever it was sent.
        """
        try:
            async with AsyncSession(self.engine, expire_on_commit=False) as session:
                tx = Transaction(session, self.clock)
                try:
                    async with session.begin():
                        yield tx
                        await session.flush()
                        await tx.keep_refusals(session)
                        await tx.hand_over(self.queue)
                except VungCaoError:
                    async with session.begin():  # the session of what was rolled back: no second connection is taken
                        await tx.keep_refusals(session)
                    raise
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise DatabaseUnavailable(why=_first_line(error)) from error
        except DBAPIError as error:
            if isinstance(error, DataError) and "NUL" in str(error.orig):
                # Whoever sends it sends it on purpose, in any field: it is refused here, for all of them.
                raise BadInput(what="What was sent", why="it has a character that no text has (code 0)") from error
            if error.connection_invalidated:
                raise DatabaseUnavailable(why=_first_line(error)) from error
            raise

    async def ask(self) -> None:
        """Return if the database answers; raise DatabaseUnavailable if not."""
        async with self.transaction() as tx:
            await tx.session.execute(select(1))

    async def close(self) -> None:
        """Give all connections back."""
        await self.engine.dispose()


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
