"""Where credentials hold: at a unit and all below it, at an office, at a device. For a device the nearest one holds.

Nearest is the device itself, then its office, its unit, and upwards, for each use apart: a commune's own community does
not hide the province's SSH key. What a device names for SNMP and SSH in the inventory is its own, and the nearest of
all, even if there is no credential of that name: to be let in by another one than was named would hide a mistake.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Subquery,
    Uuid,
    and_,
    any_,
    case,
    cast,
    delete,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert

from inventory.access import CREDENTIALS_SET, narrow_offices, within
from inventory.credential_kinds import KIND_OF, USE_OF, Credential, CredentialKind, Use
from inventory.credential_models import CredentialPlaceRow, CredentialRow
from inventory.credentials import credential_named, set_credential
from inventory.models import DeviceRow, OfficeRow, UnitAncestryRow, UnitPeriodRow, UnitRow
from inventory.repository import announce
from inventory.units import day_of
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from kernel.ids import new_id
from kernel.secrets import Vault

MISSING: Final = "missing"
"""In the place of a kind: a device names a credential that there is not."""


class PlaceKind(StrEnum):
    """Where a credential can hold."""

    UNIT = "unit"
    OFFICE = "office"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class CredentialPlace:
    """A place by its code."""

    kind: PlaceKind
    code: str

    @property
    def target(self) -> str:
        """Return what the audit log calls it."""
        return f"{self.kind}:{self.code}"


@dataclass(frozen=True, slots=True)
class Held:
    """A credential that holds for a place, or would if none were nearer.

    Attributes:
        use: What it is used for.
        name: Its name.
        kind: What it is; `MISSING` if a device names one that there is not.
        changed_at: When it was set last; None if there is none.
        place: Where it is attached, or which device names it.
        place_name: What people call that place.
        place_name_en: The same in English, where there is one.
        nearest: Whether it is the one that holds.
    """

    use: Use
    name: str
    kind: str
    changed_at: datetime | None
    place: CredentialPlace
    place_name: str
    place_name_en: str
    nearest: bool


@dataclass(frozen=True, slots=True)
class _Spot:
    """A place that was found: its ids, as far as it has them, and its name."""

    unit: uuid.UUID
    office: uuid.UUID | None = None
    device: uuid.UUID | None = None


async def attach(actor: Actor, tx: Transaction, place: CredentialPlace, name: str) -> None:
    """Let the credential hold at `place`, instead of what is there for the same use.

    Raises:
        Refused: `actor` may set no credentials.
        NotFound: There is no such place in which they may, or no such credential that they may see.
        BadInput: It is one for SSH, and the device is not let in to over SSH.
    """
    spot = await _spot(actor, tx, place)
    credential = await credential_named(actor, tx, name)
    await _attach(actor, tx, place, spot, USE_OF[credential.kind], name)


async def set_at_place(
    actor: Actor, tx: Transaction, vault: Vault, place: CredentialPlace, name: str, credential: Credential
) -> None:
    """Store a new credential and let it hold at `place`; so can do who holds nothing beyond it. Raises as both do."""
    spot = await _spot(actor, tx, place)
    await set_credential(actor, tx, vault, name, credential, new_at_place=True, only_new=True)
    await tx.session.flush()
    await _attach(actor, tx, place, spot, USE_OF[KIND_OF[type(credential)]], name)


async def _attach(actor: Actor, tx: Transaction, place: CredentialPlace, spot: _Spot, use: Use, name: str) -> None:
    if spot.device is not None and use in {Use.COMMUNITY, Use.SNMP_USER, Use.LOGIN}:
        before = await _name_at_device(tx, spot.device, use, name)
    else:
        before = await _put(tx, spot, use, name)
    if before != name:
        _note(actor, tx, place, use, before, name)
        await announce(tx)


async def detach(actor: Actor, tx: Transaction, place: CredentialPlace, use: Use) -> None:
    """Let the next one above hold at `place`.

    Raises:
        Refused: `actor` may set no credentials.
        NotFound: There is no such place in which they may, or no credential is attached to it for that use.
    """
    spot = await _spot(actor, tx, place)
    if spot.device is not None and use in {Use.COMMUNITY, Use.SNMP_USER, Use.LOGIN}:
        before = await _name_at_device(tx, spot.device, use, "")
    else:
        gone = await tx.session.scalar(
            delete(CredentialPlaceRow)
            .where(_at(spot), CredentialPlaceRow.use == str(use))
            .returning(CredentialPlaceRow.credential_id)
        )
        before = await tx.session.scalar(select(CredentialRow.name).where(CredentialRow.id == gone)) or ""
    if not before:
        raise NotFound(kind="credential", code=str(use))
    _note(actor, tx, place, use, before, "")
    await announce(tx)


async def require_place(actor: Actor, tx: Transaction, place: CredentialPlace) -> None:
    """Return if `actor` may set credentials at `place`; else Refused or NotFound."""
    await _spot(actor, tx, place)


async def credentials_at(
    actor: Actor, tx: Transaction, place: CredentialPlace, permission: Permission = CREDENTIALS_SET
) -> list[Held]:
    """Return every credential on the way from `place` to the top, by use, the nearest first.

    Raises:
        Refused: `actor` does not hold `permission` anywhere.
        NotFound: There is no such place for which they do.
    """
    spot = await _spot(actor, tx, place, permission)
    order = list(Use)
    seen: set[Use] = set()
    held = []
    for each in sorted(await _on_the_way(tx, spot), key=lambda one: (order.index(Use(one.use)), one.rank)):
        use = Use(each.use)
        held.append(_held(each, nearest=use not in seen))
        seen.add(use)
    return held


async def devices_holding(tx: Transaction, name: str) -> Sequence[uuid.UUID]:
    """Return the ids of all devices for which the credential holds, or would if none were nearer."""
    found = _candidates(_places_of_devices().subquery("place"), day_of(tx.now())).subquery("found")
    return (await tx.session.scalars(select(found.c.key).where(found.c.name == name).distinct())).all()


async def names_for_devices(
    tx: Transaction, devices: Iterable[uuid.UUID] | None = None
) -> Mapping[str, Mapping[Use, str]]:
    """Return, by the device's code, the name of the nearest credential of each use; of all devices if none are given.

    For the platform's own parts: what a person may see of it, `credentials_at` says.
    """
    day = day_of(tx.now())
    where = None if devices is None else DeviceRow.id == any_(literal(list(devices), ARRAY(Uuid)))
    places = _places_of_devices()
    spots = (places if where is None else places.where(where)).subquery("place")
    found = _candidates(spots, day).subquery("found")
    nearest = (
        select(spots.c.code, found.c.use, found.c.name)
        .join(spots, spots.c.key == found.c.key)
        .ext(distinct_on(spots.c.code, found.c.use))
        .order_by(spots.c.code, found.c.use, found.c.rank)
    )
    names: dict[str, dict[Use, str]] = {}
    for code, use, name in await tx.session.execute(nearest):
        names.setdefault(code, {})[Use(use)] = name
    return names


def _places_of_devices() -> Select[uuid.UUID, str, uuid.UUID, uuid.UUID, uuid.UUID]:
    return select(
        DeviceRow.id.label("key"),
        DeviceRow.code.label("code"),
        DeviceRow.id.label("device_id"),
        DeviceRow.office_id.label("office_id"),
        OfficeRow.unit_id.label("unit_id"),
    ).join(OfficeRow, OfficeRow.id == DeviceRow.office_id)


async def _on_the_way(tx: Transaction, spot: _Spot) -> Sequence[Any]:
    """Return the candidates of a place with what people call where each is attached."""
    day = day_of(tx.now())
    place = select(
        literal(0).label("key"),
        _uuid(spot.device).label("device_id"),
        _uuid(spot.office).label("office_id"),
        _uuid(spot.unit).label("unit_id"),
    ).subquery("place")
    found = _candidates(place, day).subquery("found")
    period = select(UnitPeriodRow).where(UnitPeriodRow.valid.contains(day)).subquery()
    statement = (
        select(
            found,
            CredentialRow.kind,
            CredentialRow.changed_at,
            func.coalesce(DeviceRow.code, OfficeRow.code, UnitRow.code).label("at_code"),
            func.coalesce(DeviceRow.name, OfficeRow.name, period.c.name, UnitRow.code).label("at_name"),
            func.coalesce(DeviceRow.name, OfficeRow.name, period.c.name_en, UnitRow.code).label("at_name_en"),
        )
        .outerjoin(CredentialRow, CredentialRow.name == found.c.name)
        .outerjoin(DeviceRow, DeviceRow.id == found.c.at_device)
        .outerjoin(OfficeRow, OfficeRow.id == found.c.at_office)
        .outerjoin(UnitRow, UnitRow.id == found.c.at_unit)
        .outerjoin(period, period.c.unit_id == UnitRow.id)
    )
    return (await tx.session.execute(statement)).all()


def _candidates(places: Subquery, day: date) -> Any:  # noqa: ANN401 - a statement of five parts
    """Return the statement for all credentials on the way from each of `places` to the top, by `rank`.

    `places` has a key, and the ids of device, office and unit; those that a place does not have are null.
    """
    nothing = cast(null(), Uuid)
    name, use = CredentialRow.name.label("name"), CredentialPlaceRow.use.label("use")
    attached = select(places.c.key, use, name).join(CredentialRow, CredentialRow.id == CredentialPlaceRow.credential_id)
    own = select(
        places.c.key,
        case((DeviceRow.snmp == "v3", str(Use.SNMP_USER)), else_=str(Use.COMMUNITY)).label("use"),
        DeviceRow.credential.label("name"),
    ).join(DeviceRow, DeviceRow.id == places.c.device_id)
    own_login = select(places.c.key, literal(str(Use.LOGIN)).label("use"), DeviceRow.ssh_credential.label("name")).join(
        DeviceRow, DeviceRow.id == places.c.device_id
    )

    def from_(rank: ColumnElement[int], unit: Any = nothing, office: Any = nothing, device: Any = nothing) -> list[Any]:  # noqa: ANN401 - columns
        return [rank.label("rank"), unit.label("at_unit"), office.label("at_office"), device.label("at_device")]

    place = CredentialPlaceRow
    return union_all(
        own.add_columns(*from_(literal(0), device=DeviceRow.id)).where(DeviceRow.credential != ""),
        own_login.add_columns(*from_(literal(0), device=DeviceRow.id)).where(DeviceRow.ssh_credential != ""),
        attached.add_columns(*from_(literal(1), device=place.device_id)).join(
            places, places.c.device_id == place.device_id
        ),
        attached.add_columns(*from_(literal(2), office=place.office_id)).join(
            places, places.c.office_id == place.office_id
        ),
        attached.add_columns(*from_(UnitAncestryRow.depth + 3, unit=place.unit_id))
        .join(
            UnitAncestryRow,
            and_(
                UnitAncestryRow.ancestor_id == place.unit_id,
                UnitAncestryRow.since <= day,
                UnitAncestryRow.until > day,
            ),
        )
        .join(places, places.c.unit_id == UnitAncestryRow.unit_id),
    )


async def _spot(
    actor: Actor, tx: Transaction, place: CredentialPlace, permission: Permission = CREDENTIALS_SET
) -> _Spot:
    day = day_of(tx.now())
    actor.require(permission)
    statement: Select[*tuple[Any, ...]]
    match place.kind:
        case PlaceKind.UNIT:
            statement = select(UnitRow.id).where(UnitRow.code == place.code)
            if (where := within(UnitRow.id, actor, day, permission)) is not None:
                statement = statement.where(where)
        case PlaceKind.OFFICE:
            office = select(OfficeRow.unit_id, OfficeRow.id).where(OfficeRow.code == place.code)
            statement = narrow_offices(office, actor, day, permission)
        case PlaceKind.DEVICE:
            device = (
                select(OfficeRow.unit_id, OfficeRow.id, DeviceRow.id)
                .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
                .where(DeviceRow.code == place.code)
            )
            statement = narrow_offices(device, actor, day, permission)
    found = (await tx.session.execute(statement)).one_or_none()
    if found is None:
        raise NotFound(kind=str(place.kind), code=place.code[:63])
    return _Spot(*found)


def _at(spot: _Spot) -> ColumnElement[bool]:
    if spot.device is not None:
        return CredentialPlaceRow.device_id == spot.device
    if spot.office is not None:
        return CredentialPlaceRow.office_id == spot.office
    return CredentialPlaceRow.unit_id == spot.unit


async def _put(tx: Transaction, spot: _Spot, use: Use, name: str) -> str:
    """Attach the credential and return the name of the one whose place it took; empty if there was none."""
    old = await tx.session.scalar(
        select(CredentialRow.name)
        .join(CredentialPlaceRow, CredentialPlaceRow.credential_id == CredentialRow.id)
        .where(_at(spot), CredentialPlaceRow.use == str(use))
        .with_for_update(of=CredentialPlaceRow)
    )
    column = "device_id" if spot.device else "office_id" if spot.office else "unit_id"
    credential = await tx.session.scalar(select(CredentialRow.id).where(CredentialRow.name == name))
    await tx.session.execute(
        insert(CredentialPlaceRow)
        .values(
            id=new_id(), credential_id=credential, use=str(use), **{column: spot.device or spot.office or spot.unit}
        )
        .on_conflict_do_update(index_elements=[column, "use"], set_={"credential_id": credential})
    )
    return old or ""


async def _name_at_device(tx: Transaction, device: uuid.UUID, use: Use, name: str) -> str:
    """Let the device itself name the credential, or none, and return which it named before."""
    row = await tx.session.get_one(DeviceRow, device, with_for_update=True)
    if use is Use.LOGIN:
        if row.ssh_credential is None:
            raise BadInput(what=f"The device {row.code}", why="it is not let in to over SSH: give it an account first")
        before, row.ssh_credential = row.ssh_credential, name
    else:
        before, row.credential = row.credential, name
    await tx.session.flush()
    return before


def _note(actor: Actor, tx: Transaction, place: CredentialPlace, use: Use, before: str, after: str) -> None:
    tx.audit(
        actor,
        "credential.attached" if after else "credential.detached",
        place.target,
        before={str(use): before} if before else None,
        after={str(use): after} if after else None,
    )


def _held(found: Any, *, nearest: bool) -> Held:  # noqa: ANN401 - a row of three tables
    kind = PlaceKind.DEVICE if found.at_device else PlaceKind.OFFICE if found.at_office else PlaceKind.UNIT
    return Held(
        use=Use(found.use),
        name=found.name,
        kind=CredentialKind(found.kind) if found.kind else MISSING,
        changed_at=found.changed_at,
        place=CredentialPlace(kind, found.at_code),
        place_name=found.at_name,
        place_name_en=found.at_name_en,
        nearest=nearest,
    )


def _uuid(value: uuid.UUID | None) -> Any:  # noqa: ANN401 - a literal of its type, or null
    return cast(null() if value is None else literal(value, Uuid), Uuid)
