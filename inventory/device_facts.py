"""What a device said of itself to a playbook goes into the inventory: maker, model, serial number, firmware."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select

from inventory.models import DeviceRow
from inventory.repository import announce
from kernel.actors import Actor
from kernel.db.transaction import Transaction

FIELDS: Final = ("vendor", "model", "serial", "firmware")
LONGEST: Final = 200


async def note_device_facts(actor: Actor, tx: Transaction, device: str, facts: Mapping[str, Any]) -> list[str]:
    """Write what `facts` says of the device `device`, and return the fields that changed; the change is audited.

    What is no text, cannot be seen or is empty is passed over: a device is not believed to have forgotten its number.
    """
    row = await tx.session.scalar(select(DeviceRow).where(DeviceRow.code == device).with_for_update())
    if row is None:  # it was removed while the playbook ran
        return []
    told = {name: facts[name].strip()[:LONGEST] for name in FIELDS if _can_be_told(facts.get(name))}
    changed = [name for name, value in told.items() if getattr(row, name) != value]
    if not changed:
        return []
    before = {name: getattr(row, name) for name in changed}
    for name in changed:
        setattr(row, name, told[name])
    tx.audit(actor, "device.changed", f"device:{device}", before=before, after={name: told[name] for name in changed})
    await announce(tx)
    return changed


def _can_be_told(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.strip().isprintable()
