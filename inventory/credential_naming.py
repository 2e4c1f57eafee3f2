"""Which credentials somebody may let a device name: those that are theirs to use there. See docs/decisions/0009.

Who may change a device, and no more, could else name any credential of the vault there, and have it sent to an address
of theirs. They may name what holds at the device's place anyway, and what already goes to devices that they may change.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import date

from sqlalchemy import ColumnElement, Text, Uuid, and_, cast, exists, false, literal, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute

from inventory.access import CREDENTIALS_SET, INVENTORY_CHANGE, within
from inventory.credential_models import CredentialPlaceRow, CredentialRow
from inventory.models import DeviceRow, OfficeRow, UnitAncestryRow
from inventory.units import day_of
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction
from kernel.errors import BadInput
from kernel.i18n import Sentence

Id = InstrumentedAttribute[uuid.UUID] | ColumnElement[uuid.UUID]


async def require_naming(
    actor: Actor, tx: Transaction, office: OfficeRow, device: uuid.UUID | None, names: Collection[str]
) -> None:
    """Return if `actor` may let a device of `office` name each of `names`; BadInput tells the first that they may not.

    It says the same of a credential that there is not: who may not use one does not learn that there is one.
    """
    for name in sorted(name for name in names if name):
        own = cast(literal(device), Uuid)
        where = nameable(actor, day_of(tx.now()), literal(name, Text), literal(office.unit_id), literal(office.id), own)
        if where is not None and not await tx.session.scalar(select(where)):
            raise BadInput(
                what=Sentence("The credential {name}", name=name),
                why="it does not hold there: leave it empty, or ask somebody who sets credentials there",
            )


def nameable(
    actor: Actor,
    day: date,
    name: ColumnElement[str],
    unit: Id,
    office: Id,
    device: Id,
) -> ColumnElement[bool] | None:
    """Return the condition that `actor` may let a device at that place name the credential `name`; None: any.

    Raises:
        Refused: `actor` may change nothing.
    """
    if actor.may_everywhere(CREDENTIALS_SET):
        return None
    above = (
        select(UnitAncestryRow.ancestor_id)
        .where(UnitAncestryRow.unit_id == unit, UnitAncestryRow.since <= day, UnitAncestryRow.until > day)
        .correlate_except(UnitAncestryRow)
    )
    holds = or_(
        CredentialPlaceRow.device_id == device,
        CredentialPlaceRow.office_id == office,
        CredentialPlaceRow.unit_id.in_(above),
    )
    attached = (
        exists()
        .where(CredentialRow.name == name, CredentialRow.id == CredentialPlaceRow.credential_id, holds)
        .correlate_except(CredentialRow, CredentialPlaceRow)
    )
    return or_(attached, _used(actor, day, name, INVENTORY_CHANGE), _set_there(actor, day, name, unit))


def _set_there(actor: Actor, day: date, name: ColumnElement[str], unit: Id) -> ColumnElement[bool]:
    """Return the condition that `actor` may set credentials at `unit`, and sees this one."""
    if not actor.may(CREDENTIALS_SET):
        return false()
    here = within(unit, actor, day, CREDENTIALS_SET)
    used = _used(actor, day, name, CREDENTIALS_SET)
    return used if here is None else and_(here, used)


def _used(actor: Actor, day: date, name: ColumnElement[str], permission: Permission) -> ColumnElement[bool]:
    """Return the condition that a device or place for which `actor` holds `permission` has the credential already."""
    theirs = within(OfficeRow.unit_id, actor, day, permission)
    units = within(CredentialPlaceRow.unit_id, actor, day, permission)
    devices = select(DeviceRow.credential).join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
    logins = select(DeviceRow.ssh_credential).join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
    placed = select(CredentialRow.name).join(CredentialPlaceRow, CredentialPlaceRow.credential_id == CredentialRow.id)
    at_office = placed.join(OfficeRow, OfficeRow.id == CredentialPlaceRow.office_id)
    at_device = placed.join(DeviceRow, DeviceRow.id == CredentialPlaceRow.device_id).join(
        OfficeRow, OfficeRow.id == DeviceRow.office_id
    )
    at_unit = placed.where(CredentialPlaceRow.unit_id.is_not(None) if units is None else units)
    found = [devices, logins.where(DeviceRow.ssh_credential.is_not(None)), at_office, at_device]
    within_reach = [one if theirs is None else one.where(theirs) for one in found]
    return name.in_(union_all(*(one.correlate(None) for one in (*within_reach, at_unit))))
