"""Applies an import: all that its preview showed, exactly that, or nothing.

Each batch looks again at what is there: it has to be as it was shown. What somebody has changed meanwhile ends the
whole import, and says what it was.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from sqlalchemy import Row, delete, select, text, update
from sqlalchemy.exc import IntegrityError

from inventory.access import INVENTORY_CHANGE
from inventory.exchange.judge import Verdict, difference
from inventory.exchange.kinds import KINDS, Kind, Present, present
from inventory.exchange.models import ImportLineRow, ImportPieceRow, ImportRow
from inventory.exchange.preview import LONGEST, ImportStopped, Progress, digest_of, nobody
from inventory.exchange.receive import ImportOver, acting
from inventory.exchange.record import Change, became, put_on_record
from inventory.exchange.save import remove, save, save_periods, save_units, settle_tree
from inventory.exchange.views import CHANGES, ImportState, ImportView, import_row, view
from inventory.programme_file import UnitEntry
from inventory.repository import announce
from inventory.tree_changes import hold_tree
from kernel.actors import Actor
from kernel.db.transaction import Database, Transaction
from kernel.errors import Conflict

BATCH: Final = 2_000
"""Things that are written at once."""
ONE_AFTER_THE_OTHER: Final = 7_223_001_963
"""Advisory lock of whoever applies an import."""
PLACED: Final = frozenset({"units", "offices"})
"""Kinds by which the tree is another: whoever changes these holds it."""

Line = Row[Any]


class PreviewChanged(Conflict):
    """What would be applied is not what was shown."""

    code = "preview-changed"
    message = "{what} has changed since the preview was made. Nothing was changed. Look at a new preview."


class HasRefusals(Conflict):
    """A file is taken whole or not at all."""

    code = "import-has-refusals"
    message = "Lines that cannot be taken: {count}. Mend them and send the file again: it is taken whole or not at all."


async def begin_apply(actor: Actor, tx: Transaction, which: uuid.UUID, token: str) -> ImportView:
    """Give the word for an import, of which `token` says what was shown.

    Raises:
        NotFound: There is none that `actor` may see.
        ImportOver: It is not waiting for this word.
        PreviewChanged: Something else was shown.
        HasRefusals: Lines of it cannot be taken.
    """
    row = await import_row(actor, tx, which, lock=True)
    if row.state != ImportState.READY:
        raise ImportOver(file=row.file, state=row.state)
    if row.digest != token:
        raise PreviewChanged(what=f"The import of {row.file}")
    if refused := view(row).refused:
        raise HasRefusals(count=refused)
    row.state = ImportState.APPLYING
    # Who gives the word is who acts.
    row.account_id, row.made_by = actor.id, actor.name
    await tx.session.flush()
    return view(row)


async def apply_import(
    database: Database, which: uuid.UUID, *, actor: Actor | None = None, tell: Progress = nobody
) -> ImportView:
    """Do what the import would do, in one transaction; return how it ended.

    Raises:
        ImportStopped: Somebody asked it to stop; nothing was changed.
        PreviewChanged: Something is not as it was shown; nothing was changed.
    """
    try:
        async with database.transaction() as tx:
            row = await tx.session.get(ImportRow, which)
            if row is None or row.state != ImportState.APPLYING:
                raise ImportOver(file=str(which) if row is None else row.file, state="" if row is None else row.state)
            shown, who = view(row), actor or await acting(tx, row)
            tx.session.expunge(row)
            await _Applying(database, tx, who, shown, tell).run()
    except (ImportStopped, PreviewChanged, IntegrityError) as error:
        stopped = isinstance(error, ImportStopped)
        async with database.transaction() as tx:
            state = ImportState.STOPPED if stopped else ImportState.FAILED
            await _end(tx, which, state, None if stopped else {"code": "wrong", "details": {"why": _why(error)}})
        if isinstance(error, IntegrityError):
            raise PreviewChanged(what=f"The import of {shown.file}") from error
        raise
    async with database.transaction() as tx:
        done = await tx.session.get(ImportRow, which)
    if done is None:
        raise ImportOver(file=shown.file, state="")
    await tell(view(done))
    return view(done)


class _Applying:
    """One import on its way into the inventory."""

    def __init__(self, database: Database, tx: Transaction, actor: Actor, shown: ImportView, tell: Progress) -> None:
        self._database, self._tx, self._actor, self._shown, self._tell = database, tx, actor, shown, tell
        self._which = shown.id
        self._done = 0

    async def run(self) -> None:
        tx = self._tx
        self._actor.require(INVENTORY_CHANGE)
        await tx.session.execute(text(f"SET LOCAL statement_timeout = '{LONGEST}'"))
        await tx.session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ONE_AFTER_THE_OTHER})
        if await digest_of(tx, self._which) != self._shown.token:
            raise PreviewChanged(what=f"The import of {self._shown.file}")
        statement = select(ImportLineRow.kind).where(_of(self._which)).distinct()
        kinds = set(await tx.session.scalars(statement))
        if kinds & PLACED:
            await hold_tree(tx)
        # What is removed makes room: for an address, for a contract's time.
        for name in reversed(list(KINDS)):
            if name in kinds:
                await self._remove(KINDS[name])
        for name in KINDS:
            if name in kinds:
                await self._save(KINDS[name])
        counts = {verdict.value: self._shown.counts.get(verdict, 0) for verdict in CHANGES}
        tx.audit(
            self._actor, "import.applied", f"import:{self._which}", after={"file": self._shown.file, **counts}
        )  # fmt: skip
        await announce(tx)
        await _end(tx, self._which, ImportState.APPLIED, None)

    async def _remove(self, kind: Kind) -> None:
        async for lines in _batches(self._tx, self._which, kind, (Verdict.REMOVED,)):
            there = await present(self._actor, self._tx, kind, [line.code for line in lines])
            changes = []
            for line in lines:
                now = there.get(line.code)
                if now is None or not now.theirs or not _still(line.diff, now):
                    raise PreviewChanged(what=f"{kind.one} {line.code}")
                before = dict(now.fields) if line.diff is None else {"state": line.diff["state"][0]}
                after = None if line.diff is None else {"state": line.diff["state"][1]}
                changes.append(Change(line.code, "retired" if line.diff else "removed", before, after))
            await self._record(kind, changes)
            if await remove(self._tx, kind.name, [line.code for line in lines]) != len(lines):
                raise PreviewChanged(what=f"{kind.one} {lines[0].code}")
            await self._progress(len(lines))

    async def _save(self, kind: Kind) -> None:
        touched: set[uuid.UUID] = set()
        async for lines in _batches(self._tx, self._which, kind, (Verdict.ADDED, Verdict.CHANGED)):
            await self._check(kind, lines)
            entries = {line.code: kind.entry.model_validate(line.fields) for line in lines}
            if kind.name == "units":
                await save_units(self._tx, cast("Mapping[str, UnitEntry]", entries))
            else:
                await save(self._tx, kind.name, entries, by=self._actor.name)
                await self._progress(len(lines))
        if kind.name == "units":
            async for lines in _batches(self._tx, self._which, kind, (Verdict.ADDED, Verdict.CHANGED)):
                units = {line.code: UnitEntry.model_validate(line.fields) for line in lines}
                touched |= await save_periods(self._tx, units)
                await self._progress(len(lines))
            await settle_tree(self._tx, touched)

    async def _check(self, kind: Kind, lines: Sequence[Line]) -> None:
        """Raise PreviewChanged unless everything is as it was when these lines were shown; put them on record."""
        there = await present(self._actor, self._tx, kind, [line.code for line in lines])
        changes: list[Change | None] = []
        for line in lines:
            now = there.get(line.code)
            if line.verdict == Verdict.ADDED:
                if now is not None:
                    raise PreviewChanged(what=f"{kind.one} {line.code}")
                changes.append(Change(line.code, "created", None, line.fields))
                continue
            then = {name: tuple(pair) for name, pair in line.diff.items()}
            if now is None or not now.theirs or difference(now.fields, line.fields) != then:
                raise PreviewChanged(what=f"{kind.one} {line.code}")
            changes.append(became(line.code, now.fields, line.fields))
        await self._record(kind, [one for one in changes if one is not None])

    async def _record(self, kind: Kind, changes: Sequence[Change]) -> None:
        await put_on_record(self._tx, self._actor, kind, changes, f"import {self._shown.file}")

    async def _progress(self, count: int) -> None:
        """Let the record of a batch leave the memory, and tell others how far this is; they cannot see more yet."""
        await self._tx.session.flush()
        self._tx.session.expunge_all()
        self._done += count
        async with self._database.transaction() as beside:
            row = await beside.session.get(ImportRow, self._which)
            if row is None or row.stop_asked:
                raise ImportStopped
            row.done = self._done
        await self._tell(replace(self._shown, state=ImportState.APPLYING, done=self._done))


def _still(diff: Mapping[str, Any] | None, now: Present) -> bool:
    return diff is None or all(now.fields.get(name) == pair[0] for name, pair in diff.items())


def _of(which: uuid.UUID) -> Any:  # noqa: ANN401 - a condition
    return (ImportLineRow.import_id == which) & ImportLineRow.verdict.in_(CHANGES)


async def _batches(tx: Transaction, which: uuid.UUID, kind: Kind, verdicts: Sequence[Verdict]) -> Any:  # noqa: ANN401
    after = 0
    while True:
        statement = (
            select(*ImportLineRow.__table__.columns)
            .where(
                ImportLineRow.import_id == which, ImportLineRow.kind == kind.name,
                ImportLineRow.verdict.in_(verdicts), ImportLineRow.no > after,
            )
            .order_by(ImportLineRow.no)
            .limit(BATCH)
        )  # fmt: skip
        lines = (await tx.session.execute(statement)).all()
        if not lines:
            return
        yield lines
        after = lines[-1].no


async def _end(tx: Transaction, which: uuid.UUID, state: ImportState, why: dict[str, Any] | None) -> None:
    """Say how it ended; the file itself is needed no more."""
    await tx.session.execute(delete(ImportPieceRow).where(ImportPieceRow.import_id == which))
    await tx.session.execute(
        update(ImportRow).where(ImportRow.id == which).values(state=state, over_at=tx.now(), why=why)
    )


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, Conflict) else "something was changed at the same time"
