"""Imports as others see them: how far one is, what it would do, line by line. Each is its maker's own affair."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, select

from inventory.access import INVENTORY_CHANGE
from inventory.exchange.faults import Fault, read
from inventory.exchange.judge import Verdict
from inventory.exchange.models import ImportLineRow, ImportRow
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound

MOST_A_PAGE: Final = 500


class ImportState(StrEnum):
    """How far an import is."""

    READING = "reading"
    READY = "ready"
    APPLYING = "applying"
    APPLIED = "applied"
    FAILED = "failed"
    STOPPED = "stopped"


OPEN: Final = frozenset({ImportState.READING, ImportState.READY, ImportState.APPLYING})


@dataclass(frozen=True, slots=True)
class ImportView:
    """An import.

    Attributes:
        id: Its id.
        file: Name of the file.
        form: `csv` or `yaml`.
        kind: Kind of things in it; empty for a programme file, which may hold all.
        complete: Whether it says that what it does not name is to be removed.
        within: Code of the unit for which it is complete; empty: wherever its maker may change things.
        state: How far it is.
        bytes_total: Size of the file.
        bytes_read: How much of it has been read.
        done: How many changes have been written; they count only when all are.
        counts: Verdict to the number of lines that have it.
        read_as: `encoding`, `delimiter` and `kind`, as the file was found to be.
        why: What ended it, if it failed.
        token: Says which preview was seen: the same changes have the same token. Empty until it is ready.
        made_by: Who sent it.
        made_at: When.
        over_at: When it was applied or given up; None while it is open.
        stop_asked: Somebody has asked it to stop, and it has not yet.
    """

    id: uuid.UUID
    file: str
    form: str
    kind: str
    complete: bool
    within: str
    state: ImportState
    bytes_total: int
    bytes_read: int
    done: int
    counts: Mapping[str, int]
    read_as: Mapping[str, str]
    why: Fault | None
    token: str
    made_by: str
    made_at: datetime
    over_at: datetime | None
    stop_asked: bool

    @property
    def changes(self) -> int:
        """How many things it would add, change or remove."""
        return sum(self.counts.get(verdict, 0) for verdict in CHANGES)

    @property
    def refused(self) -> int:
        """How many of its lines cannot be taken."""
        return self.counts.get(Verdict.REFUSED, 0)

    @property
    def may_be_applied(self) -> bool:
        """Whether it waits for somebody's word."""
        return self.state is ImportState.READY and self.changes > 0 and self.refused == 0


CHANGES: Final = (Verdict.ADDED, Verdict.CHANGED, Verdict.REMOVED)


@dataclass(frozen=True, slots=True)
class ImportLine:
    """What one line of a file would do.

    Attributes:
        no: Its place in the list, from 1.
        line: Its line in the file; 0 for what the file does not name.
        kind: Kind of thing.
        code: Which one.
        verdict: What it would do.
        fields: The thing as it would be; empty where that is told by `diff`.
        diff: Field to what it is and what it would be.
        faults: Why it is refused.
    """

    no: int
    line: int
    kind: str
    code: str
    verdict: Verdict
    fields: Mapping[str, Any]
    diff: Mapping[str, Sequence[Any]]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class ImportLines:
    """A page of lines; `next_cursor` is None on the last."""

    lines: list[ImportLine]
    next_cursor: int | None


@dataclass(frozen=True, slots=True)
class ImportPage:
    """A page of imports, the newest first; `next_cursor` is None on the last."""

    imports: list[ImportView]
    next_cursor: str | None


async def import_for(actor: Actor, tx: Transaction, which: uuid.UUID) -> ImportView:
    """Return an import; NotFound if there is none that `actor` may see."""
    return view(await import_row(actor, tx, which))


async def imports(actor: Actor, tx: Transaction, *, limit: int = 50, after: str | None = None) -> ImportPage:
    """Return a page of imports that `actor` may see, the newest first."""
    actor.require(INVENTORY_CHANGE)
    limit = min(limit, MOST_A_PAGE)
    statement = _theirs(select(ImportRow), actor).order_by(ImportRow.id.desc()).limit(limit + 1)
    if after is not None:
        statement = statement.where(ImportRow.id < _cursor(after))
    rows = list(await tx.session.scalars(statement))
    return ImportPage([view(row) for row in rows[:limit]], str(rows[limit - 1].id) if len(rows) > limit else None)


async def import_lines(
    actor: Actor,
    tx: Transaction,
    which: uuid.UUID,
    *,
    verdict: str | None = None,
    limit: int = 100,
    after: int = 0,
) -> ImportLines:
    """Return a page of lines in the order of the file; of one verdict, or of all."""
    await import_row(actor, tx, which)
    limit = min(limit, MOST_A_PAGE)
    wanted = [ImportLineRow.import_id == which, ImportLineRow.no > after]
    if verdict is not None:
        wanted.append(ImportLineRow.verdict == verdict)
    rows = await tx.session.execute(
        select(*ImportLineRow.__table__.columns).where(*wanted).order_by(ImportLineRow.no).limit(limit + 1)
    )
    lines = [
        ImportLine(
            row.no, row.line, row.kind, row.code, Verdict(row.verdict), row.fields or {}, row.diff or {},
            tuple(read(one) for one in row.faults or ()),
        )
        for row in rows
    ]  # fmt: skip
    return ImportLines(lines[:limit], lines[limit - 1].no if len(lines) > limit else None)


async def import_row(actor: Actor, tx: Transaction, which: uuid.UUID, *, lock: bool = False) -> ImportRow:
    """Return the row of an import; NotFound if there is none that `actor` may see."""
    actor.require(INVENTORY_CHANGE)
    statement = _theirs(select(ImportRow).where(ImportRow.id == which), actor)
    if lock:
        statement = statement.with_for_update()
    row = await tx.session.scalar(statement)
    if row is None:
        raise NotFound(kind="import", code=which)
    return row


def view(row: ImportRow) -> ImportView:
    """Return an import as others see it."""
    return ImportView(
        id=row.id, file=row.file, form=row.form, kind=row.kind, complete=row.complete, within=row.within,
        state=ImportState(row.state), bytes_total=row.bytes_total, bytes_read=row.bytes_read, done=row.done,
        counts=row.counts, read_as=row.read_as, why=read(row.why) if row.why else None, token=row.digest,
        made_by=row.made_by, made_at=row.made_at, over_at=row.over_at, stop_asked=row.stop_asked,
    )  # fmt: skip


def _theirs(statement: Select[ImportRow], actor: Actor) -> Select[ImportRow]:
    """Leave one's own; who may change the whole tree sees all, for each may change what is theirs."""
    if actor.may_everywhere(INVENTORY_CHANGE):
        return statement
    own: ColumnElement[bool] = and_(ImportRow.account_id.is_not(None), ImportRow.account_id == actor.id)
    return statement.where(own)


def _cursor(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)
