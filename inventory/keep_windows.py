"""Sets and ends windows, lists them, and tells over which devices which of them are open."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, any_, exists, func, or_, select, true
from sqlalchemy.orm import aliased

from inventory.access import INVENTORY_CHANGE, INVENTORY_READ, narrow_offices, within
from inventory.equipment_queries import last_period, texts
from inventory.models import DeviceRow, OfficeRow, UnitAncestryRow, UnitPeriodRow, UnitRow
from inventory.tree import below
from inventory.units import day_of
from inventory.window_models import WindowRow
from inventory.windows import LONGEST, Opening, WindowKind, WindowWish, checked, openings
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from kernel.ids import new_id

MOST_A_PAGE: Final = 200
AHEAD: Final = timedelta(days=366)
MOST_TIMES: Final = 10
"""Times that a preview names."""


@dataclass(frozen=True, slots=True)
class WindowView:
    """A window as others see it; `place` names its node, `next` when it opens next or is open, None if never again."""

    id: uuid.UUID
    wish: WindowWish
    place: str
    made_by: str
    made_at: datetime
    ended_at: datetime | None
    next: Opening | None


@dataclass(frozen=True, slots=True)
class WindowPage:
    """A page of windows, the newest first; `next_cursor` is None on the last."""

    windows: list[WindowView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class WindowPreview:
    """What a window would cover: how many devices, the first of them (code, name, office's name), and when."""

    devices: int
    first: tuple[tuple[str, str, str], ...]
    times: tuple[Opening, ...]


async def add_window(actor: Actor, wish: WindowWish, tx: Transaction) -> WindowView:
    """Set a window and return it.

    Raises:
        BadInput: It cannot be so.
        NotFound: There is no such unit, office or device that `actor` may change.
    """
    wish = checked(wish)
    unit, office, device = await _node(actor, wish, tx)
    row = WindowRow(
        id=new_id(),
        kind=str(wish.kind),
        title=wish.title,
        unit_id=unit,
        office_id=office,
        device_id=device,
        zone=wish.zone,
        first_local=wish.first_local,
        minutes=wish.minutes,
        rule=wish.rule,
        made_by_id=actor.id,
        made_by=actor.name,
        made_at=tx.now(),
        ended_at=None,
    )
    tx.session.add(row)
    tx.audit(actor, "window.set", f"window:{row.id}", after=_about(wish))
    await tx.session.flush()
    return await window_for(actor, row.id, tx)


async def end_window(actor: Actor, window: uuid.UUID, tx: Transaction) -> WindowView:
    """End a window at once, for ever, and return it; again changes nothing.

    Raises:
        NotFound: There is no such window on a node that `actor` may change.
    """
    seen = await window_for(actor, window, tx, INVENTORY_CHANGE)
    row = await tx.session.get(WindowRow, window, with_for_update=True)
    if row is not None and row.ended_at is None:
        row.ended_at = tx.now()
        tx.audit(actor, "window.ended", f"window:{window}", before=_about(seen.wish))
        await tx.session.flush()
    return await window_for(actor, window, tx)


async def window_for(
    actor: Actor, window: uuid.UUID, tx: Transaction, permission: Permission = INVENTORY_READ
) -> WindowView:
    """Return one window, also one that has ended; NotFound if there is none where `actor` holds `permission`."""
    row = (await tx.session.execute(_windows(actor, tx, permission).where(WindowRow.id == window))).one_or_none()
    if row is None:
        raise NotFound(kind="window", code=window)
    return _view(*row, now=tx.now())


async def windows(actor: Actor, tx: Transaction, *, limit: int = 50, after: str | None = None) -> WindowPage:
    """Return a page of the windows that have not ended and that `actor` may see, the newest first."""
    limit = min(limit, MOST_A_PAGE)
    statement = _windows(actor, tx, INVENTORY_READ).where(WindowRow.ended_at.is_(None))
    if after is not None:
        try:
            statement = statement.where(WindowRow.id < uuid.UUID(after))
        except ValueError:
            raise BadInput(what="The cursor", why="it is not one that this list gave") from None
    rows = list(await tx.session.execute(statement.order_by(WindowRow.id.desc()).limit(limit + 1)))
    found = [_view(*row, now=tx.now()) for row in rows[:limit]]
    return WindowPage(found, str(found[-1].id) if len(rows) > limit else None)


async def window_preview(actor: Actor, wish: WindowWish, tx: Transaction, *, limit: int = 50) -> WindowPreview:
    """Return what the window would cover, of what `actor` may see; nothing is stored. Errors as `add_window`."""
    wish = checked(wish)
    unit, office, device = await _node(actor, wish, tx)
    statement = (
        select(DeviceRow.code, DeviceRow.name, OfficeRow.name, func.count().over())
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .where(_covered(unit, office, device, tx))
        .order_by(DeviceRow.code)
        .limit(limit)
    )
    rows = list(await tx.session.execute(narrow_offices(statement, actor, day_of(tx.now()))))
    times = openings(wish, tx.now(), tx.now() + AHEAD)
    return WindowPreview(
        devices=rows[0][3] if rows else 0,
        first=tuple((code, name, place) for code, name, place, _ in rows),
        times=tuple(times[:MOST_TIMES]),
    )


async def window_times(
    tx: Transaction, devices: Collection[str], start: datetime, until: datetime
) -> dict[str, list[Opening]]:
    """Return when windows over each of `devices` (codes) are open from `start` to `until`, in order; none: no entry.

    For guards and for whoever silences alerts, which ask for everybody: nothing is cut off.
    """
    today = day_of(tx.now())
    # A window that was open once is kept for ever: that one of last year is not read again for every alert.
    oldest = (start - LONGEST - timedelta(days=1)).replace(tzinfo=None)
    of_unit = exists().where(
        UnitAncestryRow.ancestor_id == WindowRow.unit_id,
        UnitAncestryRow.unit_id == OfficeRow.unit_id,
        UnitAncestryRow.since <= today,
        UnitAncestryRow.until > today,
    )
    statement = (
        select(WindowRow.id, DeviceRow.code)
        .select_from(DeviceRow)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .join(WindowRow, or_(WindowRow.device_id == DeviceRow.id, WindowRow.office_id == OfficeRow.id, of_unit))
        .where(
            DeviceRow.code == any_(texts(devices)),
            WindowRow.ended_at.is_(None),
            or_(WindowRow.rule != "", WindowRow.first_local > oldest),
        )
    )
    covered = list(await tx.session.execute(statement))
    if not covered:
        return {}
    rows = await tx.session.scalars(select(WindowRow).where(WindowRow.id.in_({window for window, _ in covered})))
    times = {row.id: at for row in rows if (at := openings(_wish(row), start, until))}
    found: dict[str, list[Opening]] = {}
    for window, code in covered:
        if window in times:
            found.setdefault(code, []).extend(times[window])
    return {code: sorted(each, key=lambda one: one.starts_at) for code, each in found.items()}


def _covered(
    unit: uuid.UUID | None, office: uuid.UUID | None, device: uuid.UUID | None, tx: Transaction
) -> ColumnElement[bool]:
    if device is not None:
        return DeviceRow.id == device
    if office is not None:
        return OfficeRow.id == office
    assert unit is not None  # noqa: S101 - the table's check
    return OfficeRow.unit_id.in_(below([unit], day_of(tx.now())))


async def _node(
    actor: Actor, wish: WindowWish, tx: Transaction
) -> tuple[uuid.UUID | None, uuid.UUID | None, uuid.UUID | None]:
    """Return the ids of the wish's unit, office and device: one of them, if `actor` may change what stands there."""
    today = day_of(tx.now())
    if wish.unit is not None:
        statement = select(UnitRow.id).where(UnitRow.code == wish.unit)
        held = within(UnitRow.id, actor, today, INVENTORY_CHANGE)
        found = await tx.session.scalar(statement if held is None else statement.where(held))
        if found is None:
            raise NotFound(kind="unit", code=wish.unit[:63])
        return found, None, None
    offices = select(OfficeRow.id).where(OfficeRow.code == wish.office)
    if wish.office is not None:
        found = await tx.session.scalar(narrow_offices(offices, actor, today, INVENTORY_CHANGE))
        if found is None:
            raise NotFound(kind="office", code=wish.office[:63])
        return None, found, None
    devices = (
        select(DeviceRow.id).join(OfficeRow, OfficeRow.id == DeviceRow.office_id).where(DeviceRow.code == wish.device)
    )
    found = await tx.session.scalar(narrow_offices(devices, actor, today, INVENTORY_CHANGE))
    if found is None:
        raise NotFound(kind="device", code=(wish.device or "")[:63])
    return None, None, found


Found = Select[WindowRow, str | None, str | None, str | None, str | None]


def _windows(actor: Actor, tx: Transaction, permission: Permission) -> Found:
    """Return the statement for windows on nodes for which `actor` holds `permission`."""
    today = day_of(tx.now())
    home = aliased(OfficeRow)
    place = func.coalesce(WindowRow.unit_id, OfficeRow.unit_id, home.unit_id)
    held = within(place, actor, today, permission)
    return (
        select(WindowRow, UnitRow.code, OfficeRow.code, DeviceRow.code, func.coalesce(
            UnitPeriodRow.name, OfficeRow.name, DeviceRow.name))
        .outerjoin(UnitRow, UnitRow.id == WindowRow.unit_id)
        .outerjoin(UnitPeriodRow, and_(WindowRow.unit_id.is_not(None), last_period()))
        .outerjoin(OfficeRow, OfficeRow.id == WindowRow.office_id)
        .outerjoin(DeviceRow, DeviceRow.id == WindowRow.device_id)
        .outerjoin(home, home.id == DeviceRow.office_id)
        .where(true() if held is None else held)
    )  # fmt: skip


def _view(
    row: WindowRow, unit: str | None, office: str | None, device: str | None, place: str | None, *, now: datetime
) -> WindowView:
    wish = _wish(row, unit, office, device)
    ahead = [] if row.ended_at else openings(wish, now, now + AHEAD)
    return WindowView(row.id, wish, place or "", row.made_by, row.made_at, row.ended_at, ahead[0] if ahead else None)


def _wish(row: WindowRow, unit: str | None = None, office: str | None = None, device: str | None = None) -> WindowWish:
    return WindowWish(
        WindowKind(row.kind), row.title, row.first_local, row.minutes, unit, office, device, row.zone, row.rule
    )


def _about(wish: WindowWish) -> dict[str, str | int | None]:
    return {
        "kind": str(wish.kind), "title": wish.title, "unit": wish.unit, "office": wish.office, "device": wish.device,
        "zone": wish.zone, "first": wish.first_local.isoformat(), "minutes": wish.minutes, "rule": wish.rule,
    }  # fmt: skip
