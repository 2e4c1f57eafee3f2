"""Puts on record what a file changed: each thing apart, so that its own page of changes tells it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ARRAY, Uuid, any_, literal
from sqlalchemy.orm import InstrumentedAttribute

from inventory.contract_models import ContractRow
from inventory.exchange.judge import difference
from inventory.exchange.kinds import KINDS, Kind
from inventory.models import CheckRow, DeviceRow, OfficeRow, UnitRow, UplinkRow
from kernel.actors import Actor
from kernel.db.transaction import Transaction

BATCH: Final = 5_000
"""Things that are read and put on record at once."""

ROWS: Final[Mapping[str, InstrumentedAttribute[uuid.UUID]]] = {
    "units": UnitRow.id, "offices": OfficeRow.id, "devices": DeviceRow.id, "uplinks": UplinkRow.id,
    "checks": CheckRow.id, "contracts": ContractRow.id,
}  # fmt: skip
"""Kinds that have an id."""

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one thing; `verb` is as the audit log has it, such as `created`."""

    code: str
    verb: str
    before: Fields | None
    after: Fields | None


def became(code: str, before: Fields | None, after: Fields) -> Change | None:
    """Return what became of a thing that is `after`; None if it is as it was."""
    if before is None:
        return Change(code, "created", None, after)
    if not (diff := difference(before, after)):
        return None
    return Change(
        code, "changed", {name: pair[0] for name, pair in diff.items()}, {name: pair[1] for name, pair in diff.items()}
    )


async def put_on_record(tx: Transaction, actor: Actor, kind: Kind, changes: Iterable[Change], reason: str) -> None:
    """Put changes of things of a kind on record."""
    rows = []
    for change in changes:
        action, target, beside = kind.noted(change.code, change.verb)
        before, after = (
            None if fields is None else {**beside, **_kept(fields)} for fields in (change.before, change.after)
        )
        rows.append((action, target, before, after))
    await tx.audit_all(actor, rows, reason=reason)


async def there(tx: Transaction, kind: Kind, codes: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return what there is of `codes`, whoever asks."""
    if not codes:
        return {}
    return {row.code: kind.fields(row) for row in await tx.session.execute(kind.statement().where(kind.named(codes)))}


async def record_touched(
    tx: Transaction,
    actor: Actor,
    name: str,
    before: Mapping[str, Fields],
    touched: Collection[uuid.UUID | str],
    reason: str,
) -> None:
    """Put on record what became of the things of a kind that were touched: by id, or by code where they have none."""
    kind = KINDS[name]
    ordered = sorted(touched, key=str)
    for start in range(0, len(ordered), BATCH):
        some = ordered[start : start + BATCH]
        if name in ROWS:
            wanted = ROWS[name] == any_(literal(list(some), ARRAY(Uuid)))
        else:
            wanted = kind.named([str(code) for code in some])
        rows = await tx.session.execute(kind.statement().where(wanted).order_by(kind.code))
        changes = (became(row.code, before.get(row.code), kind.fields(row)) for row in rows)
        await put_on_record(tx, actor, kind, (one for one in changes if one is not None), reason)


def _kept(fields: Fields) -> dict[str, Any]:
    """Return fields for the record, which is kept for years: of contacts their number only."""
    return {name: len(value or ()) if name == "contacts" else value for name, value in fields.items()}
