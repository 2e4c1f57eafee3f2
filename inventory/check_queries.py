"""Read models of checks of services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, select, true

from inventory.access import narrow_offices
from inventory.checks import CheckKind, CheckView
from inventory.devices import POLLED
from inventory.models import CheckRow, DeviceRow, OfficeRow
from inventory.units import day_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound


async def planned_checks(actor: Actor, tx: Transaction) -> list[CheckView]:
    """Return the checks that are made, of devices that are asked: for the engine's plan only, unpaged."""
    return await _checks(actor, tx, and_(CheckRow.every_s > 0, DeviceRow.state.in_(POLLED)))


async def checks(actor: Actor, tx: Transaction, *, devices: Sequence[str] | None = None) -> list[CheckView]:
    """Return the checks that `actor` may see, by code, those set to never too; those of `devices` only, if given."""
    return await _checks(actor, tx, true() if devices is None else DeviceRow.code.in_(devices))


async def check_for(actor: Actor, code: str, tx: Transaction) -> CheckView:
    """Return the check `code`; NotFound if there is none that `actor` may see."""
    found = await _checks(actor, tx, CheckRow.code == code)
    if not found:
        raise NotFound(kind="check", code=code)
    return found[0]


async def _checks(actor: Actor, tx: Transaction, which: ColumnElement[bool]) -> list[CheckView]:
    statement = (
        select(CheckRow, DeviceRow.code)
        .join(DeviceRow, DeviceRow.id == CheckRow.device_id)
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .where(which)
        .order_by(CheckRow.code)
    )
    return [
        CheckView(
            code=row.code,
            device=device,
            kind=CheckKind(row.kind),
            place=row.place,
            every_s=row.every_s,
            port=row.port,
            **_options(row.options),
        )
        for row, device in await tx.session.execute(narrow_offices(statement, actor, day_of(tx.now())))
    ]


def _options(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()}
