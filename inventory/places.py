"""Keeps where things are over time: which unit an office belongs to, and which office a device stands in."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date

from sqlalchemy import ARRAY, Uuid, any_, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import Range, distinct_on
from sqlalchemy.orm import InstrumentedAttribute

from inventory.models import DevicePeriodRow, OfficePeriodRow
from kernel.db.transaction import Transaction
from kernel.ids import new_id

Column = InstrumentedAttribute[uuid.UUID]


async def settle(
    tx: Transaction,
    row: type[OfficePeriodRow | DevicePeriodRow],
    places: Mapping[uuid.UUID, uuid.UUID],
    *,
    since: Mapping[uuid.UUID, date],
    on: date,
) -> set[uuid.UUID]:
    """Put each owner (office or device) into its place, and return those for which that was news.

    Args:
        tx: The transaction.
        row: Whose places they are.
        places: Owner to place. One that is there already stays.
        since: Owner to the day since which a new one is known to be there.
        on: The day on which one that was elsewhere moves.
    """
    owner_id, place_id = _columns(row)
    wanted = any_(literal(list(places), ARRAY(Uuid)))
    last = (
        select(owner_id, place_id, row.id, func.lower(row.valid))
        .where(owner_id == wanted)
        .ext(distinct_on(owner_id))
        .order_by(owner_id, func.lower(row.valid).desc())
    )
    known = {owner: (place, period, begun) for owner, place, period, begun in await tx.session.execute(last)}
    moved = {owner for owner, (place, _, _) in known.items() if place != places[owner]}
    replaced = {owner for owner in moved if known[owner][2] >= on}  # it came today: it was never there
    left = [known[owner][1] for owner in moved - replaced]
    await tx.session.execute(
        update(row)
        .where(row.id == any_(literal(left, ARRAY(Uuid))))
        .values(valid=func.daterange(func.lower(row.valid), on))
        .execution_options(synchronize_session=False)
    )
    for owner in replaced:
        await tx.session.execute(
            update(row)
            .where(row.id == known[owner][1])
            .values({place_id: places[owner]})
            .execution_options(synchronize_session=False)
        )
    new = places.keys() - known.keys()
    rows = [
        {
            "id": new_id(),
            owner_id.key: owner,
            place_id.key: places[owner],
            "valid": Range(since[owner] if owner in new else on, None),
        }
        for owner in sorted(new | (moved - replaced))
    ]
    if rows:
        await tx.session.execute(insert(row), rows)
    return new | moved


def _columns(row: type[OfficePeriodRow | DevicePeriodRow]) -> tuple[Column, Column]:
    if issubclass(row, OfficePeriodRow):
        return row.office_id, row.unit_id
    return row.device_id, row.office_id
