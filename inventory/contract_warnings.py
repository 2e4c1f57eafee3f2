"""Says that a contract will end, so many days before: once for each end, by every way out of the platform."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Final

from sqlalchemy import select

from inventory.contract_models import ContractRow
from inventory.events import ContractEnding
from inventory.units import day_of
from kernel.actors import system
from kernel.channels.port import Channel, Message, MessageRefused
from kernel.db.transaction import Database
from kernel.errors import DatabaseUnavailable
from kernel.events.event import Event

LOOK_EVERY_S: Final = 900.0
AT_ONCE: Final = 50
ACTOR: Final = system("worker")


async def warn_of_ends(database: Database) -> int:
    """Put on record, and let out, which contracts end within the days before which they warn; return how many.

    One that had ended before anybody wrote it down is not told any more.
    """
    async with database.transaction() as tx:
        today = day_of(tx.now())
        due = (
            select(ContractRow)
            .where(
                ContractRow.ends.is_not(None),
                ContractRow.ends - ContractRow.warn_days <= today,
                ContractRow.ends >= today,
                ContractRow.starts <= today,
                ContractRow.warned_of.is_distinct_from(ContractRow.ends),
            )
            .order_by(ContractRow.ends, ContractRow.code)
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        rows = list(await tx.session.scalars(due))
        for row in rows:
            ends: date = row.ends or today
            row.warned_of = ends
            tx.emit(
                ContractEnding(
                    contract=row.code, number=row.number, party=row.party, ends=ends.isoformat(),
                    days=(ends - today).days,
                ),
                ACTOR,
            )  # fmt: skip
            tx.audit(ACTOR, "contract.ending", f"contract:{row.code}", after={"ends": ends.isoformat()})
        return len(rows)


async def run_contract_warnings(database: Database, stop: asyncio.Event) -> None:
    """Look each quarter of an hour until `stop` is set; a database away is waited for."""
    while not stop.is_set():
        with contextlib.suppress(DatabaseUnavailable):
            while await warn_of_ends(database) == AT_ONCE:
                pass
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S):
                await stop.wait()


def contract_teller(channels: Mapping[str, Channel]) -> Callable[[Event, Database], Awaitable[None]]:
    """Return the reaction to a contract that ends: tell it on each of `channels`."""

    async def tell(event: Event, _database: Database) -> None:
        said = event.data
        number = f" ({said['number']})" if said["number"] else ""
        text = f"The contract {said['contract']}{number} with {said['party']} ends on {said['ends']}."
        subject = f"Contract {said['contract']} ends in {said['days']} days"
        for channel in channels.values():
            # Who will not take it will not take it the next time either: the page and the audit log have it.
            with contextlib.suppress(MessageRefused):
                await channel.send(Message(str(event.id), subject, text, {"event": event.name, **said}))

    return tell
