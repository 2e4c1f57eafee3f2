"""Slows down who guesses passwords: failed tries are counted at gates, in the database, for all web processes together.

A try is counted before the password is looked at and taken back when it was right, so that many tries at once do not
slip through. Nobody is locked out for ever: a gate opens again after a while, however many tries hit it, and a stranger
who guesses at an account does not slow down its owner at an address from which the owner has signed in before.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from inventory.people_models import SignInTryRow
from kernel.db.transaction import Transaction
from kernel.errors import TooManyTries

FORGOTTEN_AFTER: Final = timedelta(hours=1)
KNOWN_FOR: Final = timedelta(days=30)
KEPT_FOR: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Gate:
    """Something whose failed tries count together.

    Attributes:
        key: Hash of what it stands for.
        free: Failures without a delay.
        most: Longest delay.
        waived_if_known: Open to an address that the first gate of the same try knows.
    """

    key: bytes
    free: int
    most: timedelta
    waived_if_known: bool = False


def gates(name: str, address: str) -> tuple[Gate, Gate, Gate]:
    """Return the gates of a try to sign in as `name` from `address`: the two together, the address, the name."""
    place = neighbourhood(address)
    return (
        Gate(_key("both", name, place), free=5, most=timedelta(minutes=15)),
        Gate(_key("address", place), free=30, most=timedelta(minutes=15)),
        Gate(_key("name", name), free=50, most=timedelta(minutes=1), waived_if_known=True),
    )


def neighbourhood(address: str) -> str:
    """Return `address`, or its /64 network where it is IPv6: one machine has all of that."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))
    return str(ip)


def delay(failures: int, gate: Gate) -> timedelta:
    """Return how long to wait after the last of `failures`: none, then 2, 4, 8… seconds up to the gate's longest."""
    over = failures - gate.free + 1
    if over <= 0:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(over, 20)), gate.most)


async def count_try(tx: Transaction, tried: Sequence[Gate]) -> None:
    """Count one try at each gate, as if it had failed. Commit before the password is looked at.

    Raises:
        TooManyTries: If a gate is closed, with the seconds until it opens; nothing is counted then.
    """
    now = tx.now()
    await tx.session.execute(delete(SignInTryRow).where(_outdated(now)))
    await tx.session.execute(
        insert(SignInTryRow)
        .values([{"key": key, "failures": 0, "last_at": now} for key in sorted(gate.key for gate in tried)])
        .on_conflict_do_nothing()
    )
    rows = await tx.session.scalars(
        select(SignInTryRow)
        .where(SignInTryRow.key.in_([gate.key for gate in tried]))
        .order_by(SignInTryRow.key)  # one order for all, so that two tries never wait for each other
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    counted = {row.key: row for row in rows}
    known = _is_known(counted[tried[0].key].succeeded_at, now)
    wait = timedelta(0)
    for gate in tried:
        row = counted[gate.key]
        if now - row.last_at > FORGOTTEN_AFTER:
            row.failures = 0
        if not (gate.waived_if_known and known):
            wait = max(wait, row.last_at + delay(row.failures, gate) - now)
    if wait > timedelta(0):
        raise TooManyTries(wait_s=math.ceil(wait.total_seconds()))
    for row in counted.values():
        row.failures += 1
        row.last_at = now


async def forgive_try(tx: Transaction, tried: Sequence[Gate]) -> None:
    """Take the counted try back, for the password was right; the first gate starts anew and knows the address now."""
    first, *others = (gate.key for gate in tried)
    await tx.session.execute(
        update(SignInTryRow)
        .where(SignInTryRow.key.in_([first, *others]))
        .values(
            failures=case((SignInTryRow.key == first, 0), else_=func.greatest(SignInTryRow.failures - 1, 0)),
            succeeded_at=case((SignInTryRow.key == first, tx.now()), else_=SignInTryRow.succeeded_at),
        )
        .execution_options(synchronize_session=False)
    )


def _outdated(now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(SignInTryRow.succeeded_at.is_(None), SignInTryRow.last_at < now - KEPT_FOR),
        SignInTryRow.last_at < now - KNOWN_FOR,
    )


def _is_known(succeeded_at: datetime | None, now: datetime) -> bool:
    return succeeded_at is not None and now - succeeded_at < KNOWN_FOR


def _key(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()
