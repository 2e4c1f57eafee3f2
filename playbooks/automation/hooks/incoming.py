"""Webhooks that launch: each is one fixed order, called by a program that has its secret. Nothing in a call changes it.

What a call says is only who it is: the body is signed, and otherwise not looked at. A secret is shown once, when the
webhook is made.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from pydantic import SecretStr
from sqlalchemy import Select, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on, insert

from inventory.public import PLAYBOOKS_READ, PLAYBOOKS_RUN, persons
from kernel.actors import Actor, system
from kernel.channels.signing import BELIEVED, SECRET_BYTES, NotSigned, new_secret, verify
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, DatabaseUnavailable, NotFound, VungCaoError
from kernel.ids import new_id
from kernel.secrets import Vault
from playbooks.automation.catalog import Catalog
from playbooks.automation.hooks.errors import (
    CallNotSigned,
    CallRepeated,
    HookNameMissing,
    HookNotByAPerson,
    TooManyHooks,
)
from playbooks.automation.hooks.models import HookCallRow, HookRow
from playbooks.automation.orders import Order, judged, launch_order, wish_of
from playbooks.automation.outside import Outside

MOST_NAME: Final = 100
MOST_HOOKS: Final = 200
MOST_A_PAGE: Final = 200
KEPT: Final = timedelta(days=90)
"""How long calls are remembered, for people. For refusing what is repeated twice `BELIEVED` would do."""

ACTOR: Final = system("webhooks")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CallView:
    """A call that was signed well: the run that it launched, or why there is none."""

    message_id: str
    at: datetime
    run: uuid.UUID | None
    code: str
    why: str


@dataclass(frozen=True, slots=True)
class HookView:
    """A webhook that launches, as others see it. Its secret is not there."""

    id: uuid.UUID
    name: str
    order: Order
    owner: str
    owner_name: str
    made_at: datetime
    last: CallView | None
    may_end: bool


async def make_hook(
    name: str,
    order: Order,
    actor: Actor,
    tx: Transaction,
    outside: Outside,
    vault: Vault,
    *,
    catalog: Catalog | None = None,
) -> tuple[HookView, SecretStr]:
    """Keep the webhook, and return it with its secret, which nobody is shown again.

    Raises:
        HookNotByAPerson: A part of the platform has no rights that could be taken from it.
        HookNameMissing, TooManyHooks: As they say.
        Refused, NotFound, BadArgument, BadInput: As a launch.
    """
    actor.require(PLAYBOOKS_RUN)
    if actor.id is None:
        raise HookNotByAPerson
    name = clean_name(name)
    await judged(order, actor, tx, outside, catalog)
    if (await tx.session.scalar(select(func.count()).where(HookRow.ended_at.is_(None))) or 0) >= MOST_HOOKS:
        raise TooManyHooks(most=MOST_HOOKS)
    hook, secret = new_id(), new_secret(os.urandom(SECRET_BYTES))
    sealed = vault.seal(secret, table="playbook_hook", row=str(hook), field="secret")
    values = {"name": name, **order.columns()}
    tx.session.add(
        HookRow(id=hook, **values, secret=sealed, owner_id=actor.id, owner=actor.name, made_at=tx.now(), ended_at=None)
    )
    tx.audit(actor, "hook.made", f"hook:{hook}", after=values)
    await tx.session.flush()
    return await hook_for(actor, hook, tx), secret


def clean_name(name: str) -> str:
    """Return a name for people without needless spaces. Raises HookNameMissing."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= MOST_NAME or not name.isprintable():
        raise HookNameMissing(most=MOST_NAME)
    return name


async def end_hook(actor: Actor, hook: uuid.UUID, tx: Transaction) -> None:
    """Let nothing be launched by it any more. Raises NotFound, Refused."""
    actor.require(PLAYBOOKS_RUN)
    if not (await hook_for(actor, hook, tx)).may_end:
        actor.require_everywhere(PLAYBOOKS_RUN)
    await tx.session.execute(update(HookRow).where(HookRow.id == hook).values(ended_at=tx.now()))
    tx.audit(actor, "hook.ended", f"hook:{hook}")


async def hooks(actor: Actor, tx: Transaction) -> list[HookView]:
    """Return the webhooks that `actor` may see: their own, or all with a look at playbooks everywhere; newest first."""
    rows = (await tx.session.scalars(_visible(actor).order_by(HookRow.id.desc()))).all()
    return await _views(actor, tx, rows)


async def hook_for(actor: Actor, hook: uuid.UUID, tx: Transaction) -> HookView:
    """Return one webhook; NotFound if there is none that `actor` may see."""
    row = await tx.session.scalar(_visible(actor).where(HookRow.id == hook))
    if row is None:
        raise NotFound(kind="webhook", code=hook)
    return (await _views(actor, tx, [row]))[0]


@dataclass(frozen=True, slots=True)
class CallPage:
    """A page of calls, the newest first; `next_cursor` is None on the last."""

    calls: list[CallView]
    next_cursor: str | None


async def hook_calls(
    actor: Actor, hook: uuid.UUID, tx: Transaction, *, limit: int = 50, after: str | None = None
) -> CallPage:
    """Return a page of the calls of 90 days, the newest first. Raises NotFound as `hook_for`, BadInput of a cursor."""
    await hook_for(actor, hook, tx)
    limit = min(limit, MOST_A_PAGE)
    order = HookCallRow.at, HookCallRow.message_id
    statement = select(HookCallRow).where(HookCallRow.hook_id == hook)
    if after is not None:
        before = (await tx.session.execute(select(*order).where(
            HookCallRow.hook_id == hook, HookCallRow.message_id == after))).one_or_none()  # fmt: skip
        if before is None:
            raise BadInput(what="The cursor", why="it is not one that this list gave")
        statement = statement.where(tuple_(*order) < tuple_(*before))
    statement = statement.order_by(*(column.desc() for column in order)).limit(limit + 1)
    rows = (await tx.session.scalars(statement)).all()
    return CallPage([_call(row) for row in rows[:limit]], rows[limit - 1].message_id if len(rows) > limit else None)


async def take_call(
    hook: uuid.UUID,
    headers: Mapping[str, str],
    body: bytes,
    tx: Transaction,
    outside: Outside,
    vault: Vault,
    *,
    examples: bool = False,
    catalog: Catalog | None = None,
) -> CallView:
    """Launch what the webhook is for, once for each message, and return what became of the call.

    A launch that is refused is an answer, and remembered as one: the same message is not tried again.

    Raises:
        CallNotSigned: There is no such webhook, or it is not signed with its secret, or not within five minutes.
        CallRepeated: The message was taken before.
    """
    row = await tx.session.scalar(select(HookRow).where(HookRow.id == hook, HookRow.ended_at.is_(None)))
    secret = (
        vault.open(row.secret, table="playbook_hook", row=str(hook), field="secret")
        if row is not None
        else new_secret(os.urandom(SECRET_BYTES))  # it takes as long to refuse
    )
    try:
        message = verify(secret, {name.lower(): value for name, value in headers.items()}, body, tx.now())
    except NotSigned as error:
        log.warning("hook_not_signed", hook=str(hook), known=row is not None, why=str(error))
        raise CallNotSigned(why=str(error)) from None
    if row is None:
        raise CallNotSigned(why="its webhook-signature is not right")
    await tx.session.execute(delete(HookCallRow).where(HookCallRow.hook_id == hook, HookCallRow.at < tx.now() - KEPT))
    taken = await tx.session.scalar(
        insert(HookCallRow)
        .values(hook_id=hook, message_id=message, at=tx.now(), run_id=None, code="", why="")
        .on_conflict_do_nothing()
        .returning(HookCallRow.message_id)
    )
    if taken is None:
        raise CallRepeated(message_id=message)
    run: uuid.UUID | None = None
    code = why = ""
    order = Order(row.playbook, wish_of(row.target), row.check_mode, row.arguments, row.only_in_windows)
    try:
        async with tx.session.begin_nested():
            run = (
                await launch_order(
                    order, row.owner_id, row.owner, tx, outside, note=row.name, examples=examples, catalog=catalog
                )
            ).id
    except DatabaseUnavailable:
        raise
    except VungCaoError as error:
        code, why = error.code, str(error)
    tx.audit(
        ACTOR, "hook.called", f"hook:{hook}", after={"message": message, "run": str(run) if run else None, "why": why}
    )
    await tx.session.execute(
        update(HookCallRow)
        .where(HookCallRow.hook_id == hook, HookCallRow.message_id == message)
        .values(run_id=run, code=code, why=why)
    )
    return CallView(message, tx.now(), run, code, why)


assert KEPT > 2 * BELIEVED, "a message that is still believed is still remembered"  # noqa: S101 - of two constants


def _visible(actor: Actor) -> Select[HookRow]:
    actor.require(PLAYBOOKS_READ)
    statement = select(HookRow).where(HookRow.ended_at.is_(None))
    return statement if actor.may_everywhere(PLAYBOOKS_READ) else statement.where(HookRow.owner_id == actor.id)


async def _views(actor: Actor, tx: Transaction, rows: Sequence[HookRow]) -> list[HookView]:
    last = {
        row.hook_id: _call(row)
        for row in await tx.session.scalars(
            select(HookCallRow)
            .where(HookCallRow.hook_id.in_([row.id for row in rows]))
            .order_by(HookCallRow.hook_id, HookCallRow.at.desc())
            .ext(distinct_on(HookCallRow.hook_id))
        )
    }
    people = await persons.of([row.owner_id for row in rows], tx)
    return [
        HookView(
            id=row.id,
            name=row.name,
            order=Order(row.playbook, wish_of(row.target), row.check_mode, row.arguments, row.only_in_windows),
            owner=row.owner,
            owner_name=people[row.owner_id].display_name if row.owner_id in people else row.owner,
            made_at=row.made_at,
            last=last.get(row.id),
            may_end=actor.may_everywhere(PLAYBOOKS_RUN) or (row.owner_id == actor.id and actor.may(PLAYBOOKS_RUN)),
        )
        for row in rows
    ]


def _call(row: HookCallRow) -> CallView:
    return CallView(row.message_id, row.at, row.run_id, row.code, row.why)
