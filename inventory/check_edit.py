"""Edits of checks of services, one at a time; the same forms and mistakes as in the inventory's file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from inventory.access import INVENTORY_CHANGE
from inventory.check_queries import check_for
from inventory.checks import CheckView
from inventory.edit import Unchanged, device_id, fill, free_code, note_change, plain, still
from inventory.entry_columns import check_columns
from inventory.models import CheckRow
from inventory.programme_file import OF_EVERY_CHECK, CheckEntry
from inventory.repository import announce
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from kernel.ids import new_id


async def create_check(actor: Actor, tx: Transaction, code: str, fields: Mapping[str, Any]) -> CheckView:
    """Add a check and return it.

    Raises:
        NotFound: There is no such device where `actor` may change things.
        CodeTaken: There is one of this code.
        BadInput: The first field that is wrong.
    """
    actor.require(INVENTORY_CHANGE)
    entry = fill(CheckEntry, fields)
    device = await device_id(actor, tx, entry.device)
    await free_code(tx, CheckRow, "check", code)
    tx.session.add(CheckRow(id=new_id(), code=code, device_id=device, **check_columns(entry)))
    await tx.session.flush()
    after = await check_for(actor, code, tx)
    tx.audit(actor, "check.created", f"check:{code}", after=plain(after))
    await announce(tx)
    return after


async def change_check(
    actor: Actor, tx: Transaction, code: str, fields: Mapping[str, Any], unchanged: Unchanged
) -> CheckView:
    """Change the given fields of a check and return it; with `every_s` 0 it is not made any more.

    What only its old kind has is dropped with it.

    Raises:
        NotFound: There is no such check, or device, where `actor` may change things.
        ChangedMeanwhile: It is not any more what the editor saw.
        BadInput: The first field that is wrong.
    """
    actor.require(INVENTORY_CHANGE)
    row = await tx.session.scalar(select(CheckRow).where(CheckRow.code == code).with_for_update())
    if row is None:
        raise NotFound(kind="check", code=code)
    before = await check_for(actor, code, tx)
    await device_id(actor, tx, before.device)
    still(unchanged, before, f"check {code}")
    now = {name: getattr(before, name) for name in OF_EVERY_CHECK}
    if fields.get("kind", before.kind) == before.kind:
        now |= row.options
    # An empty text is one that was not given: the form of the file knows no empty name.
    entry = fill(CheckEntry, {name: value for name, value in {**now, **fields}.items() if value != ""})
    row.device_id = await device_id(actor, tx, entry.device)
    for name, value in check_columns(entry).items():
        setattr(row, name, value)
    await tx.session.flush()
    after = await check_for(actor, code, tx)
    await note_change(actor, tx, "check", code, before, after)
    return after
