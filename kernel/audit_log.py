"""Reads the audit log for people: a page of it, the changes of one object, all that fits a wish for an export."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Select, SelectBase, literal, select

from kernel.audit import AuditEntryRow
from kernel.db.transaction import Transaction

BATCH: Final = 500
COLUMNS: Final = (
    "at", "actor", "action", "target", "before", "after", "reason", "request_id", "id", "actor_id", "seal_no"
)  # fmt: skip
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet takes a cell for a formula (OWASP, CSV injection)."""


@dataclass(frozen=True, slots=True)
class AuditWish:
    """Which entries are wanted; what is empty counts nothing.

    Attributes:
        target: Of this object, as `device:ps-rt1`.
        actor: Done by this one, by sign-in name.
        action: Of this kind, as `device.changed`, or of all kinds that begin so, as `device.`.
        since: Not before this instant.
        until: Before this instant.
        request: Of this request.
    """

    target: str = ""
    actor: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None
    request: str = ""


async def audit_entries(
    tx: Transaction,
    wish: AuditWish = AuditWish(),
    *,
    limit: int = 50,
    before: uuid.UUID | None = None,
    targets: SelectBase | None = None,
) -> Sequence[AuditEntryRow]:
    """Return at most `limit` entries, newest first.

    Whoever calls it has made sure that the reader may read the audit log, and of what.

    Args:
        tx: The transaction.
        wish: Which of them.
        limit: Most of them.
        before: Only those older than this entry.
        targets: Only what was done to these: a statement that gives their names; None: to anything.
    """
    statement = _wanted(wish, targets).limit(limit)
    if before is not None:
        statement = statement.where(AuditEntryRow.id < before)
    return (await tx.session.scalars(statement)).all()


async def all_entries(
    tx: Transaction, wish: AuditWish, targets: SelectBase | None = None
) -> AsyncIterator[AuditEntryRow]:
    """Yield every entry that fits, newest first, in a fixed amount of memory. Access as `audit_entries` has it."""
    last: uuid.UUID | None = None
    while found := await audit_entries(tx, wish, limit=BATCH, before=last, targets=targets):
        for entry in found:
            yield entry
        last = found[-1].id
        tx.session.expunge_all()


async def is_among(tx: Transaction, target: str, targets: SelectBase | None) -> bool:
    """Return whether what was done to `target` may be read by who may read of `targets`; None: of everything."""
    return targets is None or await tx.session.scalar(select(literal(target).in_(targets))) is True


def plain(entry: AuditEntryRow) -> dict[str, Any]:
    """Return an entry as JSON has it."""
    told: dict[str, Any] = {name: getattr(entry, name) for name in COLUMNS}
    told["at"] = entry.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    for name in ("id", "actor_id"):
        told[name] = None if told[name] is None else str(told[name])
    return told


def json_line(entry: AuditEntryRow) -> str:
    """Return an entry as a line of JSON lines."""
    return json.dumps(plain(entry), ensure_ascii=False, separators=(",", ":")) + "\n"


def csv_header() -> str:
    """Return the first line of the CSV; it begins with the mark by which Excel knows UTF-8."""
    return "\ufeff" + _csv(COLUMNS)


def csv_line(entry: AuditEntryRow) -> str:
    """Return an entry as a line of CSV (RFC 4180), in which no spreadsheet finds a formula."""
    told = plain(entry)
    return _csv(_cell(told[name]) for name in COLUMNS)


def changed_fields(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[tuple[str, object | None, object | None]]:
    """Return the fields that differ with what they were and what they are; None where there is none."""
    then, now = before or {}, after or {}
    return [
        (name, then.get(name), now.get(name))
        for name in dict.fromkeys([*then, *now])
        if then.get(name) != now.get(name)
    ]


def _wanted(wish: AuditWish, targets: SelectBase | None) -> Select[AuditEntryRow]:
    row = AuditEntryRow
    statement = select(row).order_by(row.id.desc())
    if wish.target:
        statement = statement.where(row.target == wish.target)
    if wish.actor:
        statement = statement.where(row.actor == wish.actor)
    if wish.action:
        fits = row.action.startswith(wish.action, autoescape=True) if wish.action.endswith(".") else None
        statement = statement.where(row.action == wish.action if fits is None else fits)
    if wish.since is not None:
        statement = statement.where(row.at >= wish.since)
    if wish.until is not None:
        statement = statement.where(row.at < wish.until)
    if wish.request:
        statement = statement.where(row.request_id == wish.request)
    return statement if targets is None else statement.where(row.target.in_(targets))


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"'{text}" if text.startswith(FORMULA) else text


def _csv(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
