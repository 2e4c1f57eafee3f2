"""How an event reaches whoever reacts to it: one piece of work an event, one step a handler.

A handler that is unavailable is tried again without holding up or repeating the others; one that fails for good fails
the run, after the others have had their turn, and is seen among the failed runs.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from kernel.db.transaction import Database
from kernel.errors import NotFound
from kernel.events.event import Event
from kernel.events.models import EventRow
from kernel.work.port import Steps, Work


@dataclass(frozen=True, slots=True)
class Handler:
    """A reaction to an event.

    Attributes:
        name: Its name for ever, such as `notify.webhook`: what is finished is known by it after a restart or a release.
        react: What it does, in transactions of its own; idempotent by `Event.id`, for delivery is at least once.
    """

    name: str
    react: Callable[[Event, Database], Awaitable[None]]


Subscriptions = Mapping[str, Sequence[Handler]]
"""Who reacts to what: an event's name, such as `alert.raised`, and its handlers."""


def delivery(database: Database, subscriptions: Subscriptions) -> Work:
    """Return the body of the work `DELIVER_EVENT`.

    Raises:
        ValueError: Two handlers of one event have the same name.
    """
    for event_name, handlers in subscriptions.items():
        names = [handler.name for handler in handlers]
        if len(set(names)) < len(names):
            message = f"{event_name} has two handlers of one name among {names}"
            raise ValueError(message)

    async def deliver_event(event_id: str, steps: Steps) -> None:
        event = await steps.read(lambda: _event(database, uuid.UUID(event_id)))
        failures: dict[str, Exception] = {}

        async def hand_to(handler: Handler) -> None:
            try:
                await steps.run(handler.name, lambda: handler.react(event, database))
            except Exception as error:  # noqa: BLE001 - the others shall have their turn; raised below
                failures[handler.name] = error

        async with asyncio.TaskGroup() as tasks:
            for handler in subscriptions.get(event.name, ()):
                tasks.create_task(hand_to(handler))
        if failures:
            message = "; ".join(f"{name}: {type(error).__name__}: {error}" for name, error in failures.items())
            raise ExceptionGroup(message, list(failures.values()))

    return deliver_event


async def _event(database: Database, event_id: uuid.UUID) -> Event:
    async with database.transaction() as tx:
        row = await tx.session.scalar(select(EventRow).where(EventRow.id == event_id))
    if row is None:
        raise NotFound(kind="event", code=event_id)
    return Event(id=row.id, name=row.name, at=row.at, actor=row.actor, data=row.data)
