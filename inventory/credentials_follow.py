"""Credentials and the tree: equipment keeps the community and the key that it has, whatever its unit is called now.

An office that comes to lie under other units would be let in to by their credentials, of which its equipment knows
nothing. So it keeps the ones that held for it: each that would change is attached to the office, where an engineer
finds it and takes it away when the equipment has the new one.
"""

from __future__ import annotations

import uuid
from datetime import date, timedelta

from sqlalchemy import ARRAY, Uuid, and_, any_, exists, literal, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from inventory.credential_models import CredentialPlaceRow, CredentialRow
from inventory.following import Moved
from inventory.models import OfficePeriodRow, OfficeRow, UnitAncestryRow
from inventory.repository import announce
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.ids import new_id

Held = dict[tuple[uuid.UUID, str], uuid.UUID]
"""(office, use) to the credential that it has from its units."""


async def keep_credentials(moved: Moved, actor: Actor, tx: Transaction) -> int:
    """Attach to the offices that moved what held for them by their units, where that changes; return how many."""
    before = await _from_units(tx, moved.offices, moved.day - timedelta(days=1))
    after = await _from_units(tx, moved.offices, moved.day)
    kept = {place: credential for place, credential in before.items() if after.get(place) != credential}
    if not kept:
        return 0
    await tx.session.execute(
        insert(CredentialPlaceRow).on_conflict_do_nothing(),
        [
            {"id": new_id(), "office_id": office, "use": use, "credential_id": credential}
            for (office, use), credential in kept.items()
        ],
    )
    names = {
        row.id: row.name
        for row in await tx.session.execute(
            select(CredentialRow.id, CredentialRow.name).where(CredentialRow.id.in_(set(kept.values())))
        )
    }
    codes = await tx.session.execute(
        select(OfficeRow.id, OfficeRow.code).where(
            OfficeRow.id == any_(literal([office for office, _ in kept], ARRAY(Uuid)))
        )
    )
    code_of = {row.id: row.code for row in codes}
    for (office, use), credential in kept.items():
        tx.audit(actor, "credential.attached", f"office:{code_of[office]}", after={use: names[credential]})
    await announce(tx)
    return len(kept)


async def _from_units(tx: Transaction, offices: tuple[uuid.UUID, ...], day: date) -> Held:
    """Return the nearest credential of each use that the units give to each office, where it has none of its own."""
    place, own = CredentialPlaceRow, select(CredentialPlaceRow).subquery()
    statement = (
        select(OfficePeriodRow.office_id, place.use, place.credential_id)
        .join(
            UnitAncestryRow,
            and_(
                UnitAncestryRow.unit_id == OfficePeriodRow.unit_id,
                UnitAncestryRow.since <= day,
                UnitAncestryRow.until > day,
            ),
        )
        .join(place, place.unit_id == UnitAncestryRow.ancestor_id)
        .where(
            OfficePeriodRow.office_id == any_(literal(list(offices), ARRAY(Uuid))),
            OfficePeriodRow.valid.contains(day),
            ~exists().where(own.c.office_id == OfficePeriodRow.office_id, own.c.use == place.use),
        )
        .ext(distinct_on(OfficePeriodRow.office_id, place.use))
        .order_by(OfficePeriodRow.office_id, place.use, UnitAncestryRow.depth)
    )
    return {(office, use): credential for office, use, credential in await tx.session.execute(statement)}
