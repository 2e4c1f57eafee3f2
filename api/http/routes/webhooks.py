"""The JSON API on webhooks: programs that launch a playbook by a signed call, and addresses that are told of runs.

A secret is in the answer to what made it and nowhere else; therefore an `Idempotency-Key`, which keeps answers, is not
taken there.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field

from api.glue import outside
from api.http.deps import CurrentActor, Person, State_, Tx
from api.http.paging import After, Limit, Page, Shape, cut
from api.http.routes.playbooks import Runner
from api.http.routes.rollouts import Targets
from api.http.routes.router import api_router, problems
from inventory.public import CREDENTIALS_SET
from kernel.actors import Actor
from playbooks.public import (
    PLAYBOOKS_READ,
    HookView,
    Order,
    add_receiver,
    end_hook,
    end_receiver,
    hook_calls,
    hook_for,
    hooks,
    make_hook,
    receiver_deliveries,
    receivers,
)

router = api_router("webhooks")


async def _reader(actor: CurrentActor) -> Actor:
    actor.require_everywhere(PLAYBOOKS_READ)
    return actor


async def _adder(actor: CurrentActor) -> Actor:
    actor.require_everywhere(CREDENTIALS_SET)
    return actor


Reader = Annotated[Actor, Depends(_reader)]
Adder = Annotated[Actor, Depends(_adder)]
"""Who may have the platform call an address; asked before what they sent is looked at."""


class NewWebhook(BaseModel):
    """What a signed call is to launch, with the rights that the webhook's maker has at the time."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100)
    playbook: str
    targets: Targets
    check: bool = Field(default=False, description="Only say what would change.")
    arguments: dict[str, Any] = Field(default_factory=dict)
    only_in_windows: bool = False


class Call(Shape):
    """A call that was signed well: the run that it launched, or why there is none."""

    message_id: str
    at: datetime
    run: uuid.UUID | None
    code: str
    why: str


class Webhook(Shape):
    """A webhook that launches. Its secret is not there."""

    id: uuid.UUID
    address: str = Field(description="Where it is called, below the platform's own address.")
    name: str
    playbook: str
    targets: Targets
    check: bool
    arguments: dict[str, Any]
    only_in_windows: bool
    owner: str
    made_at: datetime
    last: Call | None


class MadeWebhook(Shape):
    """A webhook that was just made, with its secret, which nobody is shown again."""

    webhook: Webhook
    secret: str


class NewReceiver(BaseModel):
    """An address that is to be told of runs."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100)
    url: str = Field(
        max_length=2000, description="Begins with https://, or http:// inside the administration's network."
    )
    events: list[str] = Field(max_length=20, description="`playbook.ended`, `.stopped`, `.proposed`, …")


class Delivery(Shape):
    """What a receiver was told of one event: waiting, may-have-been-sent, sent, or refused with why."""

    id: uuid.UUID = Field(description="The event's; messages carry it as `webhook-id`.")
    event: str
    state: str
    why: str
    at: datetime


class Receiver(Shape):
    """An address that is told: only its host; path and secret are not shown again."""

    id: uuid.UUID
    name: str
    host: str
    events: tuple[str, ...]
    made_by: str
    made_at: datetime
    last: Delivery | None


class MadeReceiver(Shape):
    """A receiver that was just made, with the secret that messages to it are signed with."""

    receiver: Receiver
    secret: str


@router.get("/webhooks", summary="Webhooks that launch")
async def list_webhooks(actor: CurrentActor, tx: Tx, limit: Limit = 50, after: After = None) -> Page[Webhook]:
    """One's own; all, with a look at playbooks everywhere. The newest first."""
    return cut([_shape(one) for one in await hooks(actor, tx)], lambda one: str(one.id), limit, after)


@router.post("/webhooks", status_code=201, summary="Make a webhook", responses=problems(400, 404, 409))
async def add_webhook(state: State_, actor: Runner, _person: Person, tx: Tx, wanted: NewWebhook) -> MadeWebhook:
    """By a person who is signed in. What could not be launched now is refused now."""
    order = Order(wanted.playbook, wanted.targets.wish(), wanted.check, wanted.arguments, wanted.only_in_windows)
    made, secret = await make_hook(wanted.name, order, actor, tx, outside(), state.vault, catalog=state.playbooks)
    return MadeWebhook(webhook=_shape(made), secret=secret.get_secret_value())


@router.get("/webhooks/{hook_id}", summary="One webhook", responses=problems(404))
async def read_webhook(actor: CurrentActor, tx: Tx, hook_id: uuid.UUID) -> Webhook:
    """With the last call."""
    return _shape(await hook_for(actor, hook_id, tx))


@router.get("/webhooks/{hook_id}/calls", summary="Calls of a webhook", responses=problems(404))
async def list_calls(
    actor: CurrentActor, tx: Tx, hook_id: uuid.UUID, limit: Limit = 50, after: After = None
) -> Page[Call]:
    """Those of 90 days that were signed well, the newest first."""
    page = await hook_calls(actor, hook_id, tx, limit=limit, after=after)
    return Page(items=[Call.model_validate(one) for one in page.calls], next=page.next_cursor)


@router.post("/webhooks/{hook_id}/end", status_code=204, summary="End a webhook", responses=problems(404))
async def finish_webhook(actor: Runner, tx: Tx, hook_id: uuid.UUID) -> None:
    """Nothing is launched by it any more."""
    await end_hook(actor, hook_id, tx)


@router.get("/webhook-receivers", summary="Addresses that are told of runs")
async def list_receivers(actor: Reader, tx: Tx, limit: Limit = 50, after: After = None) -> Page[Receiver]:
    """The newest first, each with what it was told last."""
    found = [Receiver.model_validate(one) for one in await receivers(actor, tx)]
    return cut(found, lambda one: str(one.id), limit, after)


@router.post("/webhook-receivers", status_code=201, summary="Let an address be told", responses=problems(400))
async def add_address(state: State_, actor: Adder, _person: Person, tx: Tx, wanted: NewReceiver) -> MadeReceiver:
    """By a person who is signed in."""
    made, secret = await add_receiver(wanted.name, wanted.url, wanted.events, actor, tx, state.vault)
    return MadeReceiver(receiver=Receiver.model_validate(made), secret=secret.get_secret_value())


@router.get("/webhook-receivers/{receiver_id}/deliveries", summary="What it was told", responses=problems(404))
async def list_deliveries(
    actor: Reader, tx: Tx, receiver_id: uuid.UUID, limit: Limit = 50, after: After = None
) -> Page[Delivery]:
    """In 90 days, the newest event first."""
    page = await receiver_deliveries(actor, receiver_id, tx, limit=limit, after=after)
    return Page(items=[Delivery.model_validate(one) for one in page.deliveries], next=page.next_cursor)


@router.post(
    "/webhook-receivers/{receiver_id}/end", status_code=204, summary="Tell it no more", responses=problems(404)
)
async def finish_receiver(actor: Adder, tx: Tx, receiver_id: uuid.UUID) -> None:
    """At once and for good."""
    await end_receiver(actor, receiver_id, tx)


def _shape(found: HookView) -> Webhook:
    order = found.order
    return Webhook(
        id=found.id,
        address=f"/hooks/{found.id}",
        name=found.name,
        playbook=order.playbook,
        targets=Targets.model_validate(order.wish, from_attributes=True),
        check=order.check,
        arguments=dict(order.arguments),
        only_in_windows=order.only_in_windows,
        owner=found.owner,
        made_at=found.made_at,
        last=Call.model_validate(found.last) if found.last else None,
    )
