"""Takes a person out of the audit log without breaking its chain: a pseudonym stands in the place of the name.

The entries stay what they tell, in their order and under their seals; each that changes gets a second seal, by the same
key, over what is left of it. Nobody without the key can do the same, and who verifies the chain finds nothing broken.
"""

from __future__ import annotations

import hmac
from typing import Any

from sqlalchemy import Text, cast, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import BigInteger

from kernel.audit_chain import (
    BATCH,
    BEFORE_THE_FIRST,
    ENTRIES,
    LOCK,
    TABLE,
    beginning,
    content_of,
    erased_seal_of,
    seal_of,
    seal_oldest,
)
from kernel.errors import Conflict
from kernel.personal import Person

ADDRESSES = frozenset({"address"})
"""Keys of what an entry tells that are the person's too, in entries about their own account."""


class AuditBroken(Conflict):
    """Sealing again what was tampered with would hide it."""

    code = "audit-broken"
    message = "The audit log was changed at number {seal_no}. Look into that first: vungcao audit verify"


async def pseudonymise(person: Person, key: bytes, connection: AsyncConnection) -> int:
    """Replace the person's name in every entry and return how many changed.

    Raises:
        AuditBroken: An entry is not what was sealed; nothing is changed if the caller rolls back.
    """
    # No other sealer meanwhile. What waits is sealed as it was: only then is there something to vouch for.
    await connection.execute(select(func.pg_advisory_xact_lock(literal(LOCK, BigInteger))))
    while await seal_oldest(connection, key):
        pass
    quoted = '%"' + _like(person.name) + '"%'
    theirs = or_(
        ENTRIES.actor_id == person.account,
        ENTRIES.actor == person.name,
        ENTRIES.target == f"account:{person.name}",
        cast(ENTRIES.before, Text).like(quoted),
        cast(ENTRIES.after, Text).like(quoted),
    )
    found = await connection.execute(select(ENTRIES.id).where(theirs).order_by(ENTRIES.id))
    ids = list(found.scalars())
    for start in range(0, len(ids), BATCH):
        entries = await connection.execute(select(TABLE).where(ENTRIES.id.in_(ids[start : start + BATCH])))
        for entry in entries.mappings().all():
            changed = replaced(dict(entry), person)
            changed["erased_seal"] = await _sealed_again(dict(entry), changed, key, connection)
            await connection.execute(update(TABLE).where(ENTRIES.id == entry["id"]).values(changed))
    return len(ids)


def replaced(entry: dict[str, Any], person: Person) -> dict[str, Any]:
    """Return the columns of an entry with the pseudonym in the place of the name."""
    own = entry["target"] == f"account:{person.name}"

    def clean(value: Any, key: str = "") -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, dict):
            return {name: clean(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [clean(part) for part in value]
        if own and key in ADDRESSES:
            return ""
        return person.pseudonym if value == person.name or (own and key == "display_name") else value

    return {
        "actor": person.pseudonym if entry["actor_id"] == person.account else clean(entry["actor"]),
        "target": f"account:{person.pseudonym}" if own else entry["target"],
        "before": clean(entry["before"]),
        "after": clean(entry["after"]),
    }


async def _sealed_again(
    entry: dict[str, Any], changed: dict[str, Any], key: bytes, connection: AsyncConnection
) -> bytes:
    seal_no, seal = entry["seal_no"], entry["seal"]
    begin = await beginning(connection, key)
    previous = begin.seal
    if seal_no - 1 != begin.seal_no:
        found = await connection.scalar(select(ENTRIES.seal).where(ENTRIES.seal_no == seal_no - 1))
        previous = found or BEFORE_THE_FIRST
    now = content_of(entry)  # type: ignore[arg-type]
    sound = (
        hmac.compare_digest(seal, seal_of(key, previous, seal_no, now))
        if entry["erased_seal"] is None
        else hmac.compare_digest(entry["erased_seal"], erased_seal_of(key, previous, seal, seal_no, now))
    )
    if not sound:
        raise AuditBroken(seal_no=seal_no)
    return erased_seal_of(key, previous, seal, seal_no, content_of({**entry, **changed}))  # type: ignore[arg-type]


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
