"""Grants and the tree: who could act for a unit that ends can act for those that take over what belonged to it."""

from __future__ import annotations

import uuid

from sqlalchemy import ARRAY, ColumnElement, Uuid, and_, any_, func, insert, literal, or_, select, update

from inventory.following import Line, LinePage, Moved
from inventory.grant_models import GrantRow
from inventory.models import UnitPeriodRow
from inventory.people_models import AccountRow
from inventory.units import start_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput
from kernel.ids import new_id


class Grants:
    """Grants on units that end. Each goes on as one on every unit that takes the place, and ends where none does.

    Where a unit is abolished, its grants end: what takes over its offices may be far larger than what was granted.
    """

    kind = "grants"

    async def count(self, moved: Moved, tx: Transaction) -> int:
        return await tx.session.scalar(select(func.count(GrantRow.id)).where(_theirs(moved))) or 0

    async def page(self, moved: Moved, tx: Transaction, *, limit: int, after: str | None) -> LinePage:
        statement = (
            select(GrantRow.id, AccountRow.name, GrantRow.role, GrantRow.unit_id)
            .join(AccountRow, AccountRow.id == GrantRow.account_id)
            .where(_theirs(moved))
            .order_by(GrantRow.id)
            .limit(limit + 1)
        )
        if after is not None:
            statement = statement.where(GrantRow.id > _cursor(after))
        rows = list(await tx.session.execute(statement))
        named = (
            select(UnitPeriodRow.unit_id, UnitPeriodRow.name)
            .where(UnitPeriodRow.unit_id == any_(literal([row.unit_id for row in rows], ARRAY(Uuid))))
            .order_by(func.lower(UnitPeriodRow.valid))
        )
        names = {row.unit_id: row.name for row in await tx.session.execute(named)}
        lines = [
            Line(
                code=str(row.id),
                name=f"{row.name}: {row.role}",
                before=names[row.unit_id],
                after=", ".join(moved.heir_names[row.unit_id]),
            )
            for row in rows[:limit]
        ]
        return LinePage(lines, str(rows[limit - 1].id) if len(rows) > limit else None)

    async def follow(self, moved: Moved, actor: Actor, tx: Transaction) -> None:
        begin = max(start_of(moved.day), tx.now())  # nobody could do in the past what they can do now
        rows = list(await tx.session.scalars(select(GrantRow).where(_theirs(moved)).with_for_update()))
        there = {
            (row.account_id, row.role, row.unit_id, row.below)
            for row in await tx.session.scalars(select(GrantRow).where(_lasts(begin)))
        }
        added: list[dict[str, object]] = []
        for row in rows:
            for heir in moved.heirs[row.unit_id] if row.unit_id else ():
                place = (row.account_id, row.role, heir, row.below)
                if place in there:
                    continue
                there.add(place)
                added.append(
                    {
                        "id": new_id(),
                        "account_id": row.account_id,
                        "role": row.role,
                        "unit_id": heir,
                        "below": row.below,
                        "valid_from": max(begin, row.valid_from),
                        "valid_to": row.valid_to,
                        "given_at": tx.now(),
                        "given_by": actor.name,
                    }
                )
        if added:
            await tx.session.execute(insert(GrantRow), added)
        await tx.session.execute(
            update(GrantRow)
            .where(GrantRow.id == any_(literal([row.id for row in rows], ARRAY(Uuid))))
            .values(valid_to=func.greatest(GrantRow.valid_from, begin), ended_by=actor.name)
            .execution_options(synchronize_session=False)
        )
        if rows:
            tx.audit(actor, "grants.moved", "grants", before={"grants": len(rows)}, after={"grants": len(added)})


def _theirs(moved: Moved) -> ColumnElement[bool]:
    return and_(GrantRow.unit_id == any_(literal(list(moved.heirs), ARRAY(Uuid))), _lasts(start_of(moved.day)))


def _lasts(at: object) -> ColumnElement[bool]:
    return or_(GrantRow.valid_to.is_(None), GrantRow.valid_to > at)


def _cursor(after: str) -> uuid.UUID:
    try:
        return uuid.UUID(after)
    except ValueError:
        raise BadInput(what="The cursor", why="it is not `next` of a page of this list") from None
