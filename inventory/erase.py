"""Erases a person: what told of them goes, and what they did stays, under a pseudonym that leads to nobody."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import MetaData, select, update

from inventory.access import ACCOUNTS_MANAGE
from inventory.errors import AccountNotErasable
from inventory.people_models import AccountRow
from kernel.actors import Actor
from kernel.audit_erasure import pseudonymise
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from kernel.personal import Person, erase


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done: the pseudonym, how many rows changed, and how many entries of the audit log."""

    pseudonym: str
    rows: int
    audit_entries: int


async def erase_person(actor: Actor, tx: Transaction, name: str, *, tables: MetaData, audit_key: bytes) -> Erased:
    """Erase the person behind the account `name`, which must be disabled, and return what was done.

    Args:
        actor: Who does it.
        tx: The transaction: all of it or nothing.
        name: Sign-in name.
        tables: All tables of the platform.
        audit_key: The key that entries of the audit log are sealed with.

    Raises:
        Refused: `actor` may not manage accounts of the whole tree.
        NotFound: There is no such account.
        AccountNotErasable: It is enabled.
        AuditBroken: The audit log was tampered with: that is looked into first.
    """
    actor.require_everywhere(ACCOUNTS_MANAGE)
    row = await tx.session.scalar(
        select(AccountRow).where(AccountRow.name == name, AccountRow.erased_at.is_(None)).with_for_update()
    )
    if row is None:
        raise NotFound(kind="account", code=name[:100])
    if not row.disabled:
        raise AccountNotErasable(name=name)
    person = Person(row.id, row.name, f"erased-{row.id.hex[-12:]}")
    connection = await tx.session.connection()
    entries = await pseudonymise(person, audit_key, connection)
    rows = await erase(person, tables, connection, but=["audit_entry"])
    await connection.execute(
        update(AccountRow).where(AccountRow.id == person.account).values(language=None, erased_at=tx.now())
    )
    tx.audit(actor, "account.erased", f"account:{person.pseudonym}")
    return Erased(person.pseudonym, rows, entries)
