"""Deliveries of equipment to offices: planned, arrived, and each piece accepted with its serial number, or refused.

What is accepted goes into use at once, and is asked from then on: its first answer is the proof (`proofs.py`).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import func, select, tuple_

from inventory.access import INVENTORY_CHANGE, INVENTORY_READ, Statement, narrow_offices
from inventory.delivery_models import DeliveryItemRow, DeliveryRow
from inventory.devices import DeviceState, Role
from inventory.edit import change_device
from inventory.errors import DeliveryOver, SerialDiffers, SerialTaken
from inventory.models import DeviceRow, OfficeRow, UnitRow
from inventory.queries import office_id
from inventory.tree import below
from inventory.units import day_of
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from kernel.ids import new_id

MOST_PIECES: Final = 200
MOST_A_PAGE: Final = 200
MOST_LETTERS: Final = 500
SERIAL: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z ./_:#+-]{1,63}")
"""What makers print, and what bar codes hold."""
INSTALLABLE: Final = (DeviceState.PLANNED, DeviceState.STAGED)


class DeliveryState(StrEnum):
    """How far a delivery is."""

    PLANNED = "planned"
    ARRIVED = "arrived"
    OVER = "over"


class PieceState(StrEnum):
    """What became of a piece."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a delivery.

    Attributes:
        no: Its number in the delivery, from 1.
        device: Code of the device that it is, once it was accepted; else empty.
        serial: What was typed or scanned; else empty.
        why: Why it was refused; else empty.
        proved_at: When its device first answered after that; None until then.
    """

    no: int
    role: Role
    state: PieceState
    device: str
    serial: str
    why: str
    decided_at: datetime | None
    decided_by: str
    proved_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A delivery with its pieces.

    Attributes:
        due: The day on which it is expected; None: nobody said.
    """

    id: uuid.UUID
    office: str
    office_name: str
    state: DeliveryState
    due: date | None
    note: str
    made_at: datetime
    made_by: str
    arrived_at: datetime | None
    pieces: tuple[Piece, ...]

    @property
    def counts(self) -> Mapping[PieceState, int]:
        """Return how many pieces are in each state."""
        return {state: sum(piece.state == state for piece in self.pieces) for state in PieceState}


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """A page of deliveries, the newest first; `next_cursor` is None on the last."""

    deliveries: list[DeliveryView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device of an office that is not in use yet, and may be what has come."""

    code: str
    name: str
    role: Role
    serial: str


async def plan_delivery(
    actor: Actor, tx: Transaction, office: str, pieces: Mapping[str, int], *, due: date | None = None, note: str = ""
) -> DeliveryView:
    """Plan what is to come to an office, and return it.

    Args:
        actor: Who plans it.
        tx: The transaction.
        office: Code of the office.
        pieces: Role to number; those of 0 are left out.
        due: The day on which it is expected.
        note: Whatever else is to be known.

    Raises:
        Refused: `actor` may change nothing.
        NotFound: There is no such office where `actor` may change things.
        BadInput: What is wrong.
    """
    actor.require(INVENTORY_CHANGE)
    where = await office_id(actor, office, tx, INVENTORY_CHANGE)
    wanted = [Role(role) for role, number in sorted(_sound(pieces).items()) for _ in range(number)]
    if not 0 < len(wanted) <= MOST_PIECES:
        raise BadInput(what="The delivery", why=f"1 to {MOST_PIECES} pieces")
    row = DeliveryRow(
        id=new_id(), office_id=where, state=DeliveryState.PLANNED, due=due, note=_text(note, "The note"),
        made_at=tx.now(), made_by=actor.name,
    )  # fmt: skip
    tx.session.add(row)
    await tx.session.flush()
    tx.session.add_all(
        DeliveryItemRow(
            delivery_id=row.id, no=no, role=role, state=PieceState.WAITING, serial="", why="", decided_by=""
        )
        for no, role in enumerate(wanted, 1)
    )
    await tx.session.flush()
    after = {"office": office, "pieces": {role: number for role, number in pieces.items() if number}}
    tx.audit(actor, "delivery.planned", f"delivery:{row.id}", after={**after, "due": due and due.isoformat()})
    return await delivery_for(actor, tx, row.id)


async def deliveries(
    actor: Actor,
    tx: Transaction,
    *,
    state: str | None = None,
    office: str | None = None,
    unit: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> DeliveryPage:
    """Return a page of the deliveries to offices that `actor` may see; two statements."""
    limit, today = min(limit, MOST_A_PAGE), day_of(tx.now())
    statement = _deliveries().order_by(DeliveryRow.made_at.desc(), DeliveryRow.id.desc()).limit(limit + 1)
    if state:
        statement = statement.where(DeliveryRow.state == state)
    if office:
        statement = statement.where(OfficeRow.code == office)
    if unit:
        ids = select(UnitRow.id).where(UnitRow.code == unit)
        statement = statement.where(OfficeRow.unit_id.in_(below(ids, today)))
    if after is not None:
        at, _, which = after.partition("|")
        try:
            here = tuple_(datetime.fromisoformat(at), uuid.UUID(which))
        except ValueError:
            raise BadInput(what="The cursor", why="it is not one that this list gave") from None
        statement = statement.where(tuple_(DeliveryRow.made_at, DeliveryRow.id) < here)
    found = await _views(tx, narrow_offices(statement, actor, today))
    last = found[limit - 1] if len(found) > limit else None
    return DeliveryPage(found[:limit], f"{last.made_at.isoformat()}|{last.id}" if last else None)


async def delivery_for(
    actor: Actor, tx: Transaction, which: uuid.UUID, permission: Permission = INVENTORY_READ
) -> DeliveryView:
    """Return one delivery; NotFound if there is none to an office for which `actor` holds `permission`."""
    statement = narrow_offices(_deliveries().where(DeliveryRow.id == which), actor, day_of(tx.now()), permission)
    found = await _views(tx, statement)
    if not found:
        raise NotFound(kind="delivery", code=which)
    return found[0]


async def installable(actor: Actor, tx: Transaction, office: str) -> list[Waiting]:
    """Return the devices of `office` that are not in use yet, of those that `actor` may change."""
    statement = (
        select(DeviceRow.code, DeviceRow.name, DeviceRow.role, DeviceRow.serial)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .where(OfficeRow.code == office, DeviceRow.state.in_(INSTALLABLE))
        .order_by(DeviceRow.code)
        .limit(MOST_PIECES)
    )
    rows = await tx.session.execute(narrow_offices(statement, actor, day_of(tx.now()), INVENTORY_CHANGE))
    return [Waiting(code, name, Role(role), serial) for code, name, role, serial in rows]


async def note_arrival(actor: Actor, tx: Transaction, which: uuid.UUID) -> DeliveryView:
    """Say that a delivery has arrived, and return it.

    Raises:
        NotFound: There is none to an office where `actor` may change things.
        DeliveryOver: It has arrived already.
    """
    row = await _locked(actor, tx, which)
    if row.state != DeliveryState.PLANNED:
        raise DeliveryOver(state=row.state)
    row.state, row.arrived_at = DeliveryState.ARRIVED, tx.now()
    await tx.session.flush()
    tx.audit(actor, "delivery.arrived", f"delivery:{which}", before={"state": "planned"}, after={"state": "arrived"})
    return await delivery_for(actor, tx, which)


async def accept_piece(
    actor: Actor,
    tx: Transaction,
    which: uuid.UUID,
    no: int,
    *,
    serial: str,
    device: str = "",
    profiles: Collection[str],
) -> DeliveryView:
    """Accept a piece as a device of the office, which goes into use with this; return the delivery.

    Args:
        actor: Who accepts it.
        tx: The transaction.
        which: The delivery.
        no: Number of the piece.
        serial: As typed or scanned.
        device: Code of the device that it is; empty: the one whose serial number this is.
        profiles: Names of profiles.

    Raises:
        NotFound: There is no such delivery, piece or device where `actor` may change things.
        DeliveryOver: It has not arrived yet, or was accepted or refused already.
        SerialDiffers: The device was written down with another serial number.
        SerialTaken: Another device has this one.
        BadInput: What is wrong.
    """
    piece, office = await _waiting(actor, tx, which, no)
    serial = " ".join(serial.split())
    if not SERIAL.fullmatch(serial):
        raise BadInput(what="The serial number", why="2 to 64 letters, digits and signs as makers print them")
    same = func.lower(DeviceRow.serial) == serial.lower()
    there = (
        select(DeviceRow.code, DeviceRow.serial, DeviceRow.state)
        .where(
            DeviceRow.office_id == office, DeviceRow.role == piece.role, DeviceRow.state.in_(INSTALLABLE),
            DeviceRow.code == device if device else same,
        )
        .order_by(DeviceRow.code)
        .limit(1)
        .with_for_update()
    )  # fmt: skip
    found = (await tx.session.execute(there)).one_or_none()
    if found is None and not device:
        raise BadInput(what="The piece", why="no device of the office has this number: say which device it is")
    if found is None:
        raise NotFound(kind="device", code=device[:63])
    if found.serial and found.serial.lower() != serial.lower():
        raise SerialDiffers(device=found.code, known=found.serial)
    taken = select(DeviceRow.code).where(same, DeviceRow.code != found.code, DeviceRow.state != DeviceState.RETIRED)
    if (other := await tx.session.scalar(taken.limit(1))) is not None:
        raise SerialTaken(serial=serial, device=other)
    if found.state == DeviceState.PLANNED:
        await change_device(actor, tx, found.code, {"state": DeviceState.STAGED}, lambda _: True, profiles)
    changes = {"state": DeviceState.ACTIVE, "serial": found.serial or serial}
    await change_device(actor, tx, found.code, changes, lambda _: True, profiles)
    piece.device_id = await tx.session.scalar(select(DeviceRow.id).where(DeviceRow.code == found.code))
    piece.serial = serial
    await _decided(actor, tx, piece, PieceState.ACCEPTED)
    after = {"piece": no, "role": piece.role, "device": found.code, "serial": serial}
    tx.audit(actor, "delivery.accepted", f"delivery:{which}", after=after)
    return await delivery_for(actor, tx, which)


async def refuse_piece(actor: Actor, tx: Transaction, which: uuid.UUID, no: int, why: str) -> DeliveryView:
    """Refuse a piece and return the delivery; the device that it should have been stays as it is.

    Raises:
        NotFound: There is no such delivery or piece where `actor` may change things.
        DeliveryOver: It has not arrived yet, or was accepted or refused already.
        BadInput: No reason was given.
    """
    piece, _ = await _waiting(actor, tx, which, no)
    piece.why = _text(why, "The reason")
    if not piece.why:
        raise BadInput(what="The reason", why="say why, for who sent it")
    await _decided(actor, tx, piece, PieceState.REFUSED)
    after = {"piece": no, "role": piece.role}
    tx.audit(actor, "delivery.refused", f"delivery:{which}", after=after, reason=piece.why)
    return await delivery_for(actor, tx, which)


async def _waiting(actor: Actor, tx: Transaction, which: uuid.UUID, no: int) -> tuple[DeliveryItemRow, uuid.UUID]:
    row = await _locked(actor, tx, which)
    piece = await tx.session.get(DeliveryItemRow, (which, no)) if 0 < no <= MOST_PIECES else None
    if piece is None:
        raise NotFound(kind="piece", code=no)
    if row.state == DeliveryState.PLANNED:
        raise DeliveryOver(state=row.state)
    if piece.state != PieceState.WAITING:
        raise DeliveryOver(state=piece.state)
    return piece, row.office_id


async def _decided(actor: Actor, tx: Transaction, piece: DeliveryItemRow, state: PieceState) -> None:
    piece.state, piece.decided_at, piece.decided_by = state, tx.now(), actor.name
    await tx.session.flush()
    left = select(func.count()).where(
        DeliveryItemRow.delivery_id == piece.delivery_id, DeliveryItemRow.state == PieceState.WAITING
    )
    if not await tx.session.scalar(left):
        row = await tx.session.get_one(DeliveryRow, piece.delivery_id)
        row.state = DeliveryState.OVER
        await tx.session.flush()


async def _locked(actor: Actor, tx: Transaction, which: uuid.UUID) -> DeliveryRow:
    actor.require(INVENTORY_CHANGE)
    statement = (
        select(DeliveryRow)
        .join(OfficeRow, OfficeRow.id == DeliveryRow.office_id)
        .where(DeliveryRow.id == which)
        .with_for_update(of=DeliveryRow)
    )
    row = await tx.session.scalar(narrow_offices(statement, actor, day_of(tx.now()), INVENTORY_CHANGE))
    if row is None:
        raise NotFound(kind="delivery", code=which)
    return row


def _deliveries() -> Any:  # noqa: ANN401 - a statement of many columns
    return select(DeliveryRow, OfficeRow.code, OfficeRow.name).join(OfficeRow, OfficeRow.id == DeliveryRow.office_id)


async def _views(tx: Transaction, statement: Statement) -> list[DeliveryView]:
    rows = list(await tx.session.execute(statement.execution_options(populate_existing=True)))
    items = (
        select(DeliveryItemRow, DeviceRow.code)
        .outerjoin(DeviceRow, DeviceRow.id == DeliveryItemRow.device_id)
        .where(DeliveryItemRow.delivery_id.in_([row[0].id for row in rows]))
        .order_by(DeliveryItemRow.no)
        .execution_options(populate_existing=True)
    )
    pieces: dict[uuid.UUID, list[Piece]] = {}
    for item, device in await tx.session.execute(items):
        pieces.setdefault(item.delivery_id, []).append(
            Piece(
                item.no, Role(item.role), PieceState(item.state), device or "", item.serial, item.why,
                item.decided_at, item.decided_by, item.proved_at,
            )
        )  # fmt: skip
    return [
        DeliveryView(
            row.id, office, office_name, DeliveryState(row.state), row.due, row.note, row.made_at, row.made_by,
            row.arrived_at, tuple(pieces.get(row.id, ())),
        )
        for row, office, office_name in rows
    ]  # fmt: skip


def _sound(pieces: Mapping[str, int]) -> Mapping[str, int]:
    for role, number in pieces.items():
        if role not in set(Role) or not 0 <= number <= MOST_PIECES:
            raise BadInput(what=f"The piece {role}", why=f"a number of: {', '.join(Role)}")
    return pieces


def _text(text: str, what: str) -> str:
    text = text.strip()
    if len(text) > MOST_LETTERS:
        raise BadInput(what=what, why=f"at most {MOST_LETTERS} characters")
    return text
