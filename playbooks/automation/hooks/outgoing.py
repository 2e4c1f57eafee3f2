"""Addresses of other programs that are told what becomes of runs, in signed messages, and what each was told.

A message names a run, its playbook, its state and where its page is: no arguments, no output, so that no secret leaves
by it. It may at worst come twice, with the same id, when a worker dies just then; its record says so.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlalchemy import Select, delete, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert

from inventory.public import CREDENTIALS_SET, PLAYBOOKS_READ
from kernel.actors import Actor
from kernel.channels.port import Channel, Message, MessageRefused
from kernel.channels.signing import SECRET_BYTES, new_secret
from kernel.db.transaction import Database, Transaction
from kernel.errors import BadInput, NotFound
from kernel.events.event import Event
from kernel.ids import new_id
from kernel.secrets import Vault
from playbooks.automation.hooks.errors import ReceiverForNothing, TooManyHooks
from playbooks.automation.hooks.incoming import KEPT, MOST_A_PAGE, clean_name
from playbooks.automation.hooks.models import DeliveryRow, ReceiverRow

TELLABLE: Final = (
    "playbook.ended",
    "playbook.stopped",
    "playbook.proposed",
    "playbook.launched",
    "playbook.wave-ended",
    "schedule.missed",
)
"""Names of events."""

USUALLY_TOLD: Final = TELLABLE[:3]
"""What most want."""

MOST_RECEIVERS: Final = 20
MOST_URL: Final = 2000

OpenChannel = Callable[[str, SecretStr], Channel]
"""Makes the way to an address, whose messages are signed with a secret. Supplied by `api/wiring.py`."""


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """What a receiver was told of one event: `state` is waiting, may-have-been-sent, sent or refused."""

    id: uuid.UUID
    event: str
    state: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReceiverView:
    """An address that is told, as others see it: only its host; path and secret are not shown again."""

    id: uuid.UUID
    name: str
    host: str
    events: tuple[str, ...]
    made_by: str
    made_at: datetime
    last: DeliveryView | None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """A page of what a receiver was told, the newest first; `next_cursor` is None on the last."""

    deliveries: list[DeliveryView]
    next_cursor: str | None


async def add_receiver(
    name: str, url: str, events: Sequence[str], actor: Actor, tx: Transaction, vault: Vault
) -> tuple[ReceiverView, SecretStr]:
    """Let the address be told of `events`, and return it with the secret that messages to it are signed with.

    Raises:
        Refused: Whoever sets what lets the platform into devices everywhere may have it call an address.
        BadInput: The name, the address or an event is none.
    """
    actor.require_everywhere(CREDENTIALS_SET)
    name, url = clean_name(name), url.strip()
    host = _host_of(url)
    chosen = [event for event in TELLABLE if event in events]
    if not chosen or set(events) - set(TELLABLE):
        raise ReceiverForNothing
    if len(await receivers(actor, tx)) >= MOST_RECEIVERS:
        raise TooManyHooks(most=MOST_RECEIVERS)
    receiver, secret = new_id(), new_secret(os.urandom(SECRET_BYTES))

    def sealed(value: SecretStr, field: str) -> bytes:
        return vault.seal(value, table="playbook_receiver", row=str(receiver), field=field)

    tx.session.add(
        ReceiverRow(
            id=receiver,
            name=name,
            host=host,
            url=sealed(SecretStr(url), "url"),
            secret=sealed(secret, "secret"),
            events=chosen,
            made_by=actor.name,
            made_at=tx.now(),
            ended_at=None,
        )
    )
    tx.audit(actor, "receiver.added", f"receiver:{receiver}", after={"name": name, "host": host, "events": chosen})
    await tx.session.flush()
    return ReceiverView(receiver, name, host, tuple(chosen), actor.name, tx.now(), None), secret


async def end_receiver(actor: Actor, receiver: uuid.UUID, tx: Transaction) -> None:
    """Tell it nothing any more. Raises NotFound, Refused."""
    actor.require_everywhere(CREDENTIALS_SET)
    found = await tx.session.scalar(
        update(ReceiverRow)
        .where(ReceiverRow.id == receiver, ReceiverRow.ended_at.is_(None))
        .values(ended_at=tx.now())
        .returning(ReceiverRow.id)
    )
    if found is None:
        raise NotFound(kind="webhook", code=receiver)
    tx.audit(actor, "receiver.ended", f"receiver:{receiver}")


async def receivers(actor: Actor, tx: Transaction) -> list[ReceiverView]:
    """Return who is told, the newest first. Raises Refused without a look at playbooks everywhere."""
    rows = (await tx.session.scalars(_visible(actor).order_by(ReceiverRow.id.desc()))).all()
    last = {
        row.receiver_id: _delivery(row)
        for row in await tx.session.scalars(
            select(DeliveryRow)
            .where(DeliveryRow.receiver_id.in_([row.id for row in rows]))
            .order_by(DeliveryRow.receiver_id, DeliveryRow.event_id.desc())
            .ext(distinct_on(DeliveryRow.receiver_id))
        )
    }
    return [
        ReceiverView(row.id, row.name, row.host, tuple(row.events), row.made_by, row.made_at, last.get(row.id))
        for row in rows
    ]


async def receiver_deliveries(
    actor: Actor, receiver: uuid.UUID, tx: Transaction, *, limit: int = 50, after: str | None = None
) -> DeliveryPage:
    """Return a page of what it was told in 90 days, the newest event first. Raises NotFound, Refused, BadInput."""
    if await tx.session.scalar(_visible(actor).where(ReceiverRow.id == receiver)) is None:
        raise NotFound(kind="webhook", code=receiver)
    limit = min(limit, MOST_A_PAGE)
    statement = select(DeliveryRow).where(DeliveryRow.receiver_id == receiver)
    if after is not None:
        try:
            statement = statement.where(DeliveryRow.event_id < uuid.UUID(after))
        except ValueError:
            raise BadInput(what="The cursor", why="it is not one that this list gave") from None
    rows = (await tx.session.scalars(statement.order_by(DeliveryRow.event_id.desc()).limit(limit + 1))).all()
    next_cursor = str(rows[limit - 1].event_id) if len(rows) > limit else None
    return DeliveryPage([_delivery(row) for row in rows[:limit]], next_cursor)


def _visible(actor: Actor) -> Select[ReceiverRow]:
    actor.require_everywhere(PLAYBOOKS_READ)
    return select(ReceiverRow).where(ReceiverRow.ended_at.is_(None))


def _delivery(row: DeliveryRow) -> DeliveryView:
    return DeliveryView(row.event_id, row.event, row.state, row.why, row.at)


def run_teller(
    vault: Vault, open_channel: OpenChannel, public_url: str
) -> Callable[[Event, Database], Awaitable[None]]:
    """Return the reaction to an event of `TELLABLE`: tell it to every receiver that wants it, beside each other.

    Args:
        vault: Opens addresses and secrets.
        open_channel: Makes the way to an address.
        public_url: Where people find the pages; empty: messages name no page.
    """

    async def tell(event: Event, database: Database) -> None:
        async with database.transaction() as tx:
            rows = (
                await tx.session.scalars(
                    select(ReceiverRow).where(ReceiverRow.ended_at.is_(None), ReceiverRow.events.contains([event.name]))
                )
            ).all()
        message = _message(event, public_url)
        told = await asyncio.gather(
            *(_tell_one(database, row, event, message, vault, open_channel) for row in rows), return_exceptions=True
        )
        for error in told:
            if isinstance(error, BaseException):
                raise error  # worth another try: those that were told have it on record

    return tell


async def _tell_one(
    database: Database, row: ReceiverRow, event: Event, message: Message, vault: Vault, open_channel: OpenChannel
) -> None:
    async with database.transaction() as tx:
        before = await _begin(tx, row.id, event)
    if before not in {None, "waiting", "may-have-been-sent"}:
        return
    state, why = "sent", "an earlier attempt was cut off and may have been sent too" if before else ""
    try:
        url, secret = (
            vault.open(sealed, table="playbook_receiver", row=str(row.id), field=field)
            for sealed, field in ((row.url, "url"), (row.secret, "secret"))
        )
        channel = open_channel(url.get_secret_value(), secret)
        try:
            await channel.send(message)
        finally:
            await channel.close()
    except MessageRefused as error:
        state, why = "refused", str(error)
    async with database.transaction() as tx:
        await tx.session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.receiver_id == row.id, DeliveryRow.event_id == event.id)
            .values(state=state, why=why, at=tx.now())
        )


async def _begin(tx: Transaction, receiver: uuid.UUID, event: Event) -> str | None:
    """Put the attempt on record before it is made; return the state of an earlier one, or None if this is the first."""
    added = await tx.session.scalar(
        insert(DeliveryRow)
        .values(receiver_id=receiver, event_id=event.id, event=event.name, state="waiting", why="", at=tx.now())
        .on_conflict_do_nothing()
        .returning(DeliveryRow.event_id)
    )
    if added is not None:
        long_ago = DeliveryRow.receiver_id == receiver, DeliveryRow.at < tx.now() - KEPT
        await tx.session.execute(delete(DeliveryRow).where(*long_ago))
        return None
    row = DeliveryRow.receiver_id == receiver, DeliveryRow.event_id == event.id
    earlier = (await tx.session.execute(select(DeliveryRow.state).where(*row))).scalar_one()
    if earlier == "waiting":
        await tx.session.execute(update(DeliveryRow).where(*row).values(state="may-have-been-sent"))
    return earlier


def _message(event: Event, public_url: str) -> Message:
    data: dict[str, Any] = {"event": event.name, "at": event.at.isoformat(), "by": event.actor, **event.data}
    about = f"runs/{data['run']}" if "run" in data else f"schedules/{data['schedule']}"
    if public_url:
        data["page"] = f"{public_url.rstrip('/')}/{about}"
    what = data.get("state") or data.get("why") or ""
    subject = f"{event.name}: {data.get('playbook', '')} {what}".strip()
    return Message(str(event.id), subject, f"{subject} ({about}) at {event.at.isoformat()}", data)


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound, parts = False, urlsplit("")
    if not sound or len(url) > MOST_URL or not url.isprintable():
        raise BadInput(what="The address", why="it must begin with http:// or https:// and a host")
    return parts.netloc.rpartition("@")[2]
