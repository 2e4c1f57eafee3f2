"""Who books for whom: a leader names those who may book, change and cancel meetings in the leader's name."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from inventory.public import MEETINGS_BOOK, MEETINGS_MANAGE, MEETINGS_READ, persons
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound, NotSignedIn
from kernel.i18n import sort_key
from meetings.errors import NotTheirDelegate
from meetings.models import DelegateRow

MOST: Final = 50
"""Nobody needs more secretaries, and nobody reads a longer list."""


@dataclass(frozen=True, slots=True)
class Delegate:
    """One of the two: who may book for somebody, or for whom somebody may book; `name` is their sign-in name."""

    name: str
    display_name: str
    since: datetime


async def delegates(actor: Actor, tx: Transaction, *, leader: str = "") -> list[Delegate]:
    """Return who may book in the actor's name, by name; or in that of `leader`, for who manages meetings everywhere."""
    actor.require(MEETINGS_READ)
    theirs = await _whose(actor, leader, tx)
    return await _people(tx, DelegateRow.delegate_id, DelegateRow.leader_id == theirs.id)


async def leaders(actor: Actor, tx: Transaction) -> list[Delegate]:
    """Return in whose name the actor may book, by name."""
    actor.require(MEETINGS_READ)
    return await _people(tx, DelegateRow.leader_id, DelegateRow.delegate_id == actor.id)


async def add_delegate(actor: Actor, name: str, tx: Transaction, *, leader: str = "") -> Delegate:
    """Let who has the sign-in name `name` book in the actor's name, and return them. Twice is as once.

    Who manages meetings everywhere may say it for `leader` (a sign-in name).

    Raises:
        Refused: The role may not book, or not say it for somebody else.
        NotFound: Nobody has this name who can sign in.
        BadInput: It is the leader's own, or there are too many already.
    """
    actor.require(MEETINGS_BOOK)
    theirs = await _whose(actor, leader, tx)
    if theirs.id is None:
        raise NotSignedIn
    person = await persons.named(name, tx)
    if person is None:
        raise NotFound(kind="account", code=name[:100])
    if person.id == theirs.id:
        raise BadInput(what="The name", why="it is your own: you book for yourself anyway")
    had = await _people(tx, DelegateRow.delegate_id, DelegateRow.leader_id == theirs.id)
    for one in had:
        if one.name == person.name:
            return one
    if len(had) >= MOST:
        raise BadInput(what="The list", why=f"it has {MOST} people already, and takes no more")
    values = {"leader_id": theirs.id, "delegate_id": person.id, "since": tx.now()}
    await tx.session.execute(insert(DelegateRow).values(values).on_conflict_do_nothing())
    tx.audit(actor, "delegate.named", f"account:{theirs.name}", after={"delegate": person.name})
    return Delegate(person.name, person.display_name, tx.now())


async def remove_delegate(actor: Actor, name: str, tx: Transaction, *, leader: str = "") -> None:
    """Let who has the sign-in name `name` book in the actor's name no more; NotFound if they may not.

    Who manages meetings everywhere may say it for `leader`.
    """
    actor.require(MEETINGS_READ)
    theirs = await _whose(actor, leader, tx)
    ids = list(await tx.session.scalars(select(DelegateRow.delegate_id).where(DelegateRow.leader_id == theirs.id)))
    known = {person.name: person.id for person in (await persons.of(ids, tx)).values()}
    if name not in known:
        raise NotFound(kind="delegate", code=name[:100])
    await tx.session.execute(
        delete(DelegateRow).where(DelegateRow.leader_id == theirs.id, DelegateRow.delegate_id == known[name])
    )
    tx.audit(actor, "delegate.removed", f"account:{theirs.name}", before={"delegate": name})


async def leader_named(actor: Actor, name: str, tx: Transaction) -> Actor:
    """Return the leader with the sign-in name `name`, in whose name `actor` may book.

    Named by the leader, or as one who manages meetings everywhere.

    Raises:
        NotTheirDelegate: The actor may not, or there is nobody of that name: both look the same.
    """
    person = await persons.named(name, tx)
    if person is None or not (
        actor.may_everywhere(MEETINGS_MANAGE) or await is_delegate(actor, person.id, tx)
    ):  # fmt: skip
        raise NotTheirDelegate(leader=name[:100])
    return Actor(person.id, person.name)


async def is_delegate(actor: Actor, leader: uuid.UUID | None, tx: Transaction) -> bool:
    """Return whether the leader has named `actor`."""
    return (
        None not in {actor.id, leader}
        and await tx.session.get(DelegateRow, (leader, actor.id), populate_existing=True) is not None
    )


async def _whose(actor: Actor, leader: str, tx: Transaction) -> Actor:
    """Return the leader with the sign-in name `leader`; the actor where it is empty. Raises Refused, NotFound."""
    if not leader:
        return actor
    actor.require_everywhere(MEETINGS_MANAGE)
    if (person := await persons.named(leader, tx)) is None:
        raise NotFound(kind="account", code=leader[:100])
    return Actor(person.id, person.name)


async def _people(
    tx: Transaction, whom: InstrumentedAttribute[uuid.UUID], condition: ColumnElement[bool]
) -> list[Delegate]:
    rows = await tx.session.execute(select(whom, DelegateRow.since).where(condition))
    since = {account: at for account, at in rows}  # noqa: C416 - rows are no pairs to mypy
    people = (await persons.of(list(since), tx)).values()
    found = [Delegate(person.name, person.display_name, since[person.id]) for person in people]
    return sorted(found, key=lambda one: (sort_key(one.display_name), one.name))
