"""Seals every secret anew under another master key, while polls and runs go on.

The new key is there, and seen by every process, before the first row is sealed with it; the old one stays until no row
needs it. Who seals meanwhile holds a shared lock from before they look at the key until their row is committed: the
last look takes that lock for itself alone, so that no row under the old key can follow it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import BigInteger, func, literal, select

from kernel.actors import Actor
from kernel.db.transaction import Database, Transaction
from kernel.errors import Conflict
from kernel.secrets import Vault

SEALING: Final = 7_223_001_963
"""Advisory lock: shared by who seals a secret, for itself alone at the last look."""

RUNNING: Final = 7_223_001_964
"""Advisory lock of the one who seals everything anew."""

BATCH: Final = 200

Reseal = Callable[[Transaction, Vault, int], Awaitable[int]]
"""Seals at most so many rows anew that are not under the current key, and returns how many; 0: none is left."""


class RekeyRuns(Conflict):
    """Two at once would each make a key."""

    code = "rekey-runs"
    message = "The secrets are being sealed anew already. Wait until that is done."


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What was done: rows of each kind that were sealed anew, and whether an earlier attempt was gone on with."""

    rows: Mapping[str, int]
    resumed: bool


async def hold_sealing(tx: Transaction) -> None:
    """Call it before a secret is sealed in `tx`: until `tx` ends, nobody says that nothing needs the old key."""
    await tx.session.execute(select(func.pg_advisory_xact_lock_shared(literal(SEALING, BigInteger))))


async def rekey(
    actor: Actor,
    database: Database,
    vault: Vault,
    kinds: Mapping[str, Reseal],
    *,
    begin: Callable[[], bool],
    finish: Callable[[], None],
) -> Rekeyed:
    """Seal everything anew and return what was done. Killed in the middle, the next call goes on.

    Args:
        actor: Who wants it.
        database: Where the secrets are.
        vault: Sees the new key once `begin` has returned.
        kinds: By name, who seals the rows of one kind.
        begin: Makes the new key beside the old one; returns whether that was done before.
        finish: Forgets the old key.

    Raises:
        RekeyRuns: Somebody is at it.
        SecretUnreadable: A row opens with no key that is known; what was done stays, and nothing is forgotten.
    """
    async with database.transaction() as guard:
        if not await guard.session.scalar(select(func.pg_try_advisory_xact_lock(literal(RUNNING, BigInteger)))):
            raise RekeyRuns
        resumed = begin()
        rows = dict.fromkeys(kinds, 0)
        for name, reseal in kinds.items():
            while True:
                async with database.transaction() as tx:
                    done = await reseal(tx, vault, BATCH)
                rows[name] += done
                if not done:
                    break
        async with database.transaction() as tx:
            await tx.session.execute(select(func.pg_advisory_xact_lock(literal(SEALING, BigInteger))))
            for name, reseal in kinds.items():
                while done := await reseal(tx, vault, BATCH):
                    rows[name] += done
            tx.audit(actor, "vault.rekeyed", "vault:master-key", after={**rows, "resumed": resumed})
        finish()
    return Rekeyed(rows, resumed)
