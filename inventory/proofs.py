"""Watches for the first answer of each device that was accepted: it is the proof that the delivery works.

Who asks devices is another's affair: a port tells when each has answered last.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select

from inventory.deliveries import PieceState
from inventory.delivery_models import DeliveryItemRow
from inventory.models import DeviceRow
from kernel.actors import system
from kernel.db.transaction import Database
from kernel.errors import DatabaseUnavailable, EngineUnavailable

LOOK_EVERY_S: Final = 15.0
"""More often than devices are asked, so that it is the first answer that is seen."""
AT_ONCE: Final = 1_000
ACTOR: Final = system("worker")

Answers = Callable[[Sequence[str]], Awaitable[Mapping[str, datetime]]]
"""Of these devices, when each was asked last and answered; EngineUnavailable if nobody knows."""


async def prove_accepted(database: Database, answers: Answers) -> int:
    """Put on record which accepted pieces have answered since; return how many. Nothing is asked while none waits."""
    async with database.transaction() as tx:
        waiting = (
            select(DeviceRow.code)
            .join(DeliveryItemRow, DeliveryItemRow.device_id == DeviceRow.id)
            .where(DeliveryItemRow.state == PieceState.ACCEPTED, DeliveryItemRow.proved_at.is_(None))
            .order_by(DeliveryItemRow.decided_at)
            .limit(AT_ONCE)
        )
        codes = list(await tx.session.scalars(waiting))
    if not codes:
        return 0
    seen = await answers(codes)
    async with database.transaction() as tx:
        statement = (
            select(DeliveryItemRow, DeviceRow.code)
            .join(DeviceRow, DeviceRow.id == DeliveryItemRow.device_id)
            .where(
                DeviceRow.code.in_(list(seen)), DeliveryItemRow.state == PieceState.ACCEPTED,
                DeliveryItemRow.proved_at.is_(None),
            )
            .with_for_update(of=DeliveryItemRow, skip_locked=True)
        )  # fmt: skip
        proved = 0
        for item, code in (await tx.session.execute(statement)).all():
            # An answer from before the acceptance proves nothing of what was accepted.
            if item.decided_at is None or seen[code] < item.decided_at:
                continue
            item.proved_at = seen[code]
            proved += 1
            after = {"piece": item.no, "device": code, "at": seen[code].isoformat()}
            tx.audit(ACTOR, "delivery.proved", f"delivery:{item.delivery_id}", after=after)
        return proved


async def run_proofs(database: Database, answers: Answers, stop: asyncio.Event) -> None:
    """Look until `stop` is set; a database or an engine that is away is waited for."""
    while not stop.is_set():
        with contextlib.suppress(DatabaseUnavailable, EngineUnavailable):
            await prove_accepted(database, answers)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S):
                await stop.wait()
