"""Tells the outside of alerts, and keeps on record what was told to whom, or why nothing was.

What goes outside may at worst be doubled for the one message in flight at a crash: it carries the same id then, and its
record says that it may have been sent before. Whom an alert hurts is told by others, who are strangers here. Of what
happens within a maintenance window nobody is told until the window has closed (`maintenance`).
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from kernel.channels.port import Channel, Message, MessageRefused
from kernel.db.transaction import Database, Transaction
from kernel.events.event import Event
from kernel.ids import new_id
from monitor.events import AlertCleared, AlertOutlasted, AlertRaised
from monitor.models import NotificationRow

NOBODY = "none"
WHAT = {AlertRaised.name: "raised", AlertOutlasted.name: "still open after maintenance", AlertCleared.name: "cleared"}


@dataclass(frozen=True, slots=True)
class Hurt:
    """A meeting that needs a device; `offices`: how many take part."""

    title: str
    starts_at: datetime
    offices: int


WhoIsHurt = Callable[[Transaction, str], Awaitable[Sequence[Hurt]]]
"""Tells which meetings need a device (code) soon, the first to begin first."""


async def nobody_hurt(_tx: Transaction, _device: str) -> Sequence[Hurt]:
    """Return that nobody needs it: where there are no meetings."""
    return ()


def teller(
    channels: Mapping[str, Channel], who_is_hurt: WhoIsHurt = nobody_hurt
) -> Callable[[Event, Database], Awaitable[None]]:
    """Return the reaction to an alert's events: tell it on each of `channels`, by name, and what a new one hurts."""

    async def tell(event: Event, database: Database) -> None:
        maintenance = event.data.get("maintenance", "")
        if maintenance or not channels:
            state = "in-maintenance" if maintenance else "nobody-to-tell"
            async with database.transaction() as tx:
                await _begin(tx, event, NOBODY, state, maintenance)
            return
        for name, channel in channels.items():
            await _tell_on(name, channel, event, database, who_is_hurt)

    return tell


async def _tell_on(name: str, channel: Channel, event: Event, database: Database, who_is_hurt: WhoIsHurt) -> None:
    async with database.transaction() as tx:
        before = await _begin(tx, event, name, "waiting", "")
        hurt = await who_is_hurt(tx, event.data["device"]) if event.name != AlertCleared.name else ()
    if before not in (None, "waiting", "may-have-been-sent"):
        return  # an earlier attempt finished; only its mark as a finished step was lost
    try:
        await channel.send(_message(event, hurt))
    except MessageRefused as error:
        async with database.transaction() as tx:
            await _end(tx, event, name, "refused", str(error))
        return
    async with database.transaction() as tx:
        twice = "an earlier attempt was cut off and may have been sent too" if before else ""
        await _end(tx, event, name, "sent", twice)


async def _begin(tx: Transaction, event: Event, channel: str, state: str, why: str) -> str | None:
    """Put the attempt on record before it is made; return the state of an earlier one, or None if this is the first."""
    added = await tx.session.execute(
        insert(NotificationRow)
        .values(
            id=new_id(),
            event_id=event.id,
            alert_id=uuid.UUID(event.data["alert_id"]),
            channel=channel,
            state=state,
            why=why,
            at=tx.now(),
        )
        .on_conflict_do_nothing(index_elements=["event_id", "channel"])
        .returning(NotificationRow.id)
    )
    if added.first() is not None:
        return None
    row = NotificationRow.event_id == event.id, NotificationRow.channel == channel
    earlier = (await tx.session.execute(select(NotificationRow.state).where(*row))).scalar_one()
    if earlier == "waiting":
        await tx.session.execute(update(NotificationRow).where(*row).values(state="may-have-been-sent"))
    return earlier


async def _end(tx: Transaction, event: Event, channel: str, state: str, why: str) -> None:
    await tx.session.execute(
        update(NotificationRow)
        .where(NotificationRow.event_id == event.id, NotificationRow.channel == channel)
        .values(state=state, why=why, at=tx.now())
    )


def _message(event: Event, hurt: Sequence[Hurt]) -> Message:
    data = event.data
    what = WHAT[event.name]
    place = f"{data['device']} {data['instance']}".strip()
    text = f"Alert {data['rule']} of {place} was {what} at {event.at.isoformat()}."
    if event.name == AlertOutlasted.name:
        text = f"Alert {data['rule']} of {place} is open since {data['raised_at']}. The maintenance there is over."
    if hurt:
        meetings = "; ".join(f"{one.title} ({one.starts_at.isoformat()}, offices: {one.offices})" for one in hurt)
        text += f" Meetings that need it: {meetings}."
    return Message(
        id=str(event.id),
        subject=f"[{data['severity']}] {data['rule']} {what}: {place}",
        text=text,
        data={
            "event": event.name,
            "at": event.at.isoformat(),
            **data,
            "meetings": [{**asdict(one), "starts_at": one.starts_at.isoformat()} for one in hurt],
        },
    )
