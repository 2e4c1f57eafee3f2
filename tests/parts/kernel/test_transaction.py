"""What stays of a transaction that is rolled back: nothing but the record of what was refused in it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from kernel.actors import system
from kernel.audit import AuditEntryRow
from kernel.db.transaction import Database
from kernel.errors import BadInput, Conflict

WHO = system("test")


async def kept(database: Database) -> list[str]:
    """Return the actions on record, in their order."""
    async with database.transaction() as tx:
        return list(await tx.session.scalars(select(AuditEntryRow.action).order_by(AuditEntryRow.id)))


async def refuse(database: Database) -> None:
    """Do something, be refused, and roll back."""
    async with database.transaction() as tx:
        tx.audit(WHO, "lamp.lit", "lamp:1")
        await tx.session.flush()
        tx.audit_refusal(WHO, "lamp.refused", "lamp:1", after={"because": "it is broken"})
        raise Conflict(what="The lamp")


async def test_of_what_is_rolled_back_the_refusal_alone_stays(database: Database) -> None:
    with pytest.raises(Conflict):
        await refuse(database)
    assert await kept(database) == ["lamp.refused"]


async def test_a_refusal_stays_as_well_when_its_transaction_commits(database: Database) -> None:
    async with database.transaction() as tx:
        tx.audit_refusal(WHO, "lamp.refused", "lamp:1")
        tx.audit(WHO, "lamp.lit", "lamp:2")
    assert sorted(await kept(database)) == ["lamp.lit", "lamp.refused"]


async def test_keeping_a_refusal_takes_no_second_connection(database: Database) -> None:
    for _ in range(50):  # more than the pool has
        with pytest.raises(Conflict):
            await refuse(database)
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a queue's, as `connect` makes it
    assert await kept(database) == ["lamp.refused"] * 50


async def test_a_character_that_no_text_can_hold_is_the_sender_s_mistake(database: Database) -> None:
    with pytest.raises(BadInput, match="code 0"):
        async with database.transaction() as tx:
            await tx.session.execute(select(AuditEntryRow).where(AuditEntryRow.target == "lamp:\0"))
