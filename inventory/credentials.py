"""Credentials for devices: people set and list them, and never see their secrets again; who polls has them opened.

Who holds `credentials.set` where a credential holds may change it; one that holds nowhere yet, or elsewhere too, is for
those who hold it on the whole tree. Where one holds, `credential_places.py` keeps.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, CompoundSelect, Select, delete, func, or_, select, union_all

from inventory.access import CREDENTIALS_SET, within
from inventory.credential_kinds import KIND_OF, SECRETS_OF, Credential, CredentialKind, credential_of, parts_of
from inventory.credential_models import CredentialPlaceRow, CredentialRow
from inventory.errors import CodeTaken, CredentialInUse
from inventory.models import DeviceRow, OfficeRow
from inventory.repository import announce
from inventory.units import day_of
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound, Refused
from kernel.ids import new_id
from kernel.rekey import hold_sealing
from kernel.secrets import Vault

CREDENTIALS_USE: Final = Permission("credentials.use")
"""To have a credential opened. No role has it: parts of the platform only."""

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
TABLE: Final = "credential"

NEXT: Final = ".next"
LAST: Final = ".last"
"""Under which names that which is being changed on devices lies beside the credential in use (`rotation.py`)."""

OF_PEOPLE: Final = CredentialRow.name.not_like("%.%")
"""No name that people give has a dot."""

MOST_A_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class CredentialView:
    """What people see of a credential: never a secret."""

    name: str
    kind: CredentialKind
    changed_at: datetime
    public: Mapping[str, Any] = field(default_factory=dict)


async def set_credential(
    actor: Actor,
    tx: Transaction,
    vault: Vault,
    name: str,
    credential: Credential,
    *,
    new_at_place: bool = False,
    only_new: bool = False,
) -> None:
    """Store `credential` under `name`, in place of what was there.

    Args:
        actor: Who does it.
        tx: The transaction.
        vault: Seals it.
        name: Small letters, digits and hyphens.
        credential: What it is; a secret that is `KEEP` stays what it was.
        new_at_place: The caller attaches it in the same transaction to a place, and has asked whether they may there.
        only_new: One of that name must not be there yet.

    Raises:
        Refused: The actor may not.
        CodeTaken: There is one of that name which they may not see, or none was wanted.
        BadInput: A name, community, user or passphrase that no device takes.
    """
    actor.require(CREDENTIALS_SET)
    if not NAME.fullmatch(name):
        raise BadInput(what="The name of the credential", why="small letters a to z, digits and hyphens, at most 63")
    await hold_sealing(tx)
    row = await tx.session.scalar(select(CredentialRow).where(CredentialRow.name == name).with_for_update())
    if row is None:
        if not new_at_place:
            actor.require_everywhere(CREDENTIALS_SET)
    elif only_new or not await is_seen(actor, tx, name):
        raise CodeTaken(kind="credential", code=name)
    else:
        await require_changer(actor, tx, name)
    if row is not None and row.kind != KIND_OF[type(credential)] and await _held_at(tx, name):
        raise CredentialInUse(credential=name)
    before, after = await keep(tx, vault, name, credential)
    tx.audit(actor, "credential.set", f"credential:{name}", before=before, after=after)
    await announce(tx)  # devices that are asked with it are to be asked anew


async def keep(
    tx: Transaction, vault: Vault, name: str, credential: Credential, *, more: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Store `credential`, with `more` that is no secret; return what people see of it before and after. BadInput."""
    await hold_sealing(tx)
    row = await tx.session.scalar(select(CredentialRow).where(CredentialRow.name == name).with_for_update())
    same_kind = row is not None and row.kind == KIND_OF[type(credential)]
    parts = parts_of(credential, row.public if row is not None and same_kind else None)
    before = None if row is None else {"kind": row.kind, **row.public}
    old = {} if row is None else row.sealed
    if row is None:
        row = CredentialRow(id=new_id(), name=name)
        tx.session.add(row)
    row.kind, row.public, row.changed_at = parts.kind, {**parts.public, **(more or {})}, tx.now()
    row.sealed = {
        part: old[part]
        if secret is None
        else base64.b64encode(vault.seal(secret, table=TABLE, row=str(row.id), field=part)).decode()
        for part, secret in parts.secrets.items()
    }
    await tx.session.flush()
    return before, {"kind": parts.kind, **parts.public}


async def remove_credential(actor: Actor, tx: Transaction, name: str) -> None:
    """Forget the credential.

    Raises:
        Refused: The actor may not.
        NotFound: There is none of that name that they may see.
        CredentialInUse: It holds at a place, or a device names it.
    """
    await require_changer(actor, tx, name)
    if await tx.session.scalar(select(func.count()).select_from(spots(name).subquery())):
        raise CredentialInUse(credential=name)
    kind = await tx.session.scalar(select(CredentialRow.kind).where(CredentialRow.name == name))
    beside = (name, name + NEXT, name + LAST)
    await tx.session.execute(delete(CredentialRow).where(CredentialRow.name.in_(beside)))
    tx.audit(actor, "credential.removed", f"credential:{name}", before={"kind": kind})


async def list_credentials(
    actor: Actor, tx: Transaction, *, limit: int = MOST_A_PAGE, after: str | None = None
) -> Sequence[CredentialView]:
    """Return names and kinds by name, of those that hold where `actor` may set some; never a secret. Raises Refused."""
    actor.require(CREDENTIALS_SET)
    statement = select(CredentialRow).where(OF_PEOPLE).order_by(CredentialRow.name).limit(limit)
    if after is not None:
        statement = statement.where(CredentialRow.name > after)
    if (seen := _seen(actor, tx)) is not None:
        statement = statement.where(seen)
    return [_view(row) for row in await tx.session.scalars(statement)]


async def credential_named(actor: Actor, tx: Transaction, name: str) -> CredentialView:
    """Return what people see of one; NotFound if there is none that `actor` may see, Refused if they may see none."""
    actor.require(CREDENTIALS_SET)
    statement = select(CredentialRow).where(CredentialRow.name == name, OF_PEOPLE)
    if (seen := _seen(actor, tx)) is not None:
        statement = statement.where(seen)
    row = await tx.session.scalar(statement)
    if row is None:
        raise NotFound(kind="credential", code=name[:63])
    return _view(row)


async def credential_for_use(actor: Actor, tx: Transaction, vault: Vault, name: str) -> Credential:
    """Return the opened credential called `name`. Whoever calls it puts on record what for.

    Raises:
        Refused: The actor is not a part of the platform that may.
        NotFound: There is none of that name.
        SecretUnreadable: The master key is not the one it was sealed with.
    """
    actor.require(CREDENTIALS_USE)
    row = await tx.session.scalar(select(CredentialRow).where(CredentialRow.name == name))
    if row is None:
        raise NotFound(kind="credential", code=name)
    kind = CredentialKind(row.kind)
    secrets = {
        part: vault.open(base64.b64decode(row.sealed[part]), table=TABLE, row=str(row.id), field=part)
        for part in SECRETS_OF[kind]
    }
    return credential_of(kind, row.public, secrets)


def used(actor: Actor, tx: Transaction, name: str, purpose: str, devices: Sequence[str], *, by: str = "") -> None:
    """Put on record that a credential was opened, by whom, what for, and for which devices (at most some of them)."""
    told: dict[str, Any] = {"for": purpose, "devices": len(devices), "first": sorted(devices)[:5]}
    if by:
        told["launched_by"] = by
    tx.audit(actor, "credential.used", f"credential:{name}", after=told)


async def reseal_credentials(tx: Transaction, vault: Vault, limit: int) -> int:
    """Seal at most `limit` credentials anew that are not under the current key; see `kernel.rekey.Reseal`."""
    # What is sealed begins with nine bytes of version and mark, which are twelve characters of base64.
    now = base64.b64encode(vault.beginning()).decode()
    fields = func.jsonb_each_text(CredentialRow.sealed).table_valued("key", "value")
    old = select(1).select_from(fields).where(func.left(fields.c.value, len(now)) != now).exists()
    rows = (
        await tx.session.scalars(
            select(CredentialRow).where(old).order_by(CredentialRow.id).limit(limit).with_for_update()
        )
    ).all()
    for row in rows:
        place = {"table": TABLE, "row": str(row.id)}
        row.sealed = {
            part: base64.b64encode(
                vault.seal(vault.open(base64.b64decode(value), **place, field=part), **place, field=part)
            ).decode()
            for part, value in row.sealed.items()
        }
    return len(rows)


async def require_changer(actor: Actor, tx: Transaction, name: str) -> None:
    """Return if `actor` may change the credential: NotFound if they may not see it, Refused if others depend on it."""
    await credential_named(actor, tx, name)
    if actor.may_everywhere(CREDENTIALS_SET):
        return
    places = spots(name).subquery()
    theirs = within(places.c.unit_id, actor, day_of(tx.now()), CREDENTIALS_SET)
    if theirs is None:
        return
    outside = await tx.session.scalar(select(func.count()).select_from(places).where(~theirs))
    if outside:
        raise Refused


async def is_seen(actor: Actor, tx: Transaction, name: str) -> bool:
    """Return whether `actor` may see that there is the credential `name`."""
    seen = _seen(actor, tx)
    statement = select(CredentialRow.id).where(CredentialRow.name == name)
    return await tx.session.scalar(statement if seen is None else statement.where(seen)) is not None


def spots(name: str | ColumnElement[str]) -> CompoundSelect[Any]:
    """Return the statement for the units in which the credential holds: where it is attached, or a device names it."""
    placed = select(CredentialRow.id).where(CredentialRow.name == name).scalar_subquery()
    names = or_(DeviceRow.credential == name, DeviceRow.ssh_credential == name)

    def at(statement: Select[Any]) -> Select[Any]:
        return statement.where(CredentialPlaceRow.credential_id == placed)

    of_device = select(OfficeRow.unit_id).join(DeviceRow, DeviceRow.office_id == OfficeRow.id)
    return union_all(
        at(select(CredentialPlaceRow.unit_id.label("unit_id")).where(CredentialPlaceRow.unit_id.is_not(None))),
        at(select(OfficeRow.unit_id).join(CredentialPlaceRow, CredentialPlaceRow.office_id == OfficeRow.id)),
        at(of_device.join(CredentialPlaceRow, CredentialPlaceRow.device_id == DeviceRow.id)),
        of_device.where(names),
    )


async def _held_at(tx: Transaction, name: str) -> bool:
    places = select(CredentialPlaceRow.id).join(CredentialRow, CredentialRow.id == CredentialPlaceRow.credential_id)
    return await tx.session.scalar(places.where(CredentialRow.name == name).limit(1)) is not None


def _seen(actor: Actor, tx: Transaction) -> ColumnElement[bool] | None:
    """Return the condition that a credential holds somewhere that `actor` may set some; None: they may everywhere."""
    return None if actor.may_everywhere(CREDENTIALS_SET) else reached(actor, tx, CREDENTIALS_SET)


def reached(actor: Actor, tx: Transaction, permission: Permission) -> ColumnElement[bool]:
    """Return the condition that a credential holds somewhere that `actor`, who is bounded, holds `permission`."""
    theirs = within(OfficeRow.unit_id, actor, day_of(tx.now()), permission)
    unit = within(CredentialPlaceRow.unit_id, actor, day_of(tx.now()), permission)
    assert theirs is not None  # noqa: S101 - only for who is bounded
    assert unit is not None  # noqa: S101
    of_device = select(OfficeRow.unit_id).join(DeviceRow, DeviceRow.office_id == OfficeRow.id).where(theirs)
    by_name = of_device.with_only_columns(DeviceRow.credential).union_all(
        of_device.with_only_columns(DeviceRow.ssh_credential).where(DeviceRow.ssh_credential.is_not(None))
    )
    offices = select(CredentialPlaceRow.credential_id).join(OfficeRow, OfficeRow.id == CredentialPlaceRow.office_id)
    devices = (
        select(CredentialPlaceRow.credential_id)
        .join(DeviceRow, DeviceRow.id == CredentialPlaceRow.device_id)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
    )
    placed = union_all(
        select(CredentialPlaceRow.credential_id).where(unit), offices.where(theirs), devices.where(theirs)
    )
    return or_(CredentialRow.id.in_(placed), CredentialRow.name.in_(by_name))


def _view(row: CredentialRow) -> CredentialView:
    return CredentialView(row.name, CredentialKind(row.kind), row.changed_at, row.public)
