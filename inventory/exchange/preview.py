"""Makes the preview of an import: what each line would add, change or remove, or why it is refused. Changes nothing.

A batch of lines is read, judged and kept in a transaction of its own, so that a million lines take no more memory than
a thousand, progress is seen by others, and a stop is heard.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, BinaryIO, Final

from sqlalchemy import Text, cast, delete, func, literal, select, text, update
from sqlalchemy.orm import aliased

from inventory.access import INVENTORY_CHANGE
from inventory.exchange.crosscheck import crosscheck
from inventory.exchange.judge import Judged, Verdict, judge
from inventory.exchange.kinds import KINDS, Present, present, usable
from inventory.exchange.models import ImportLineRow, ImportPieceRow, ImportRow
from inventory.exchange.programme import Programme
from inventory.exchange.receive import acting
from inventory.exchange.removal import removed
from inventory.exchange.rules import Surroundings, broken, placed
from inventory.exchange.spreadsheet import Said, Spreadsheet
from inventory.exchange.text_of import Unreadable
from inventory.exchange.views import CHANGES, ImportState, ImportView, view
from inventory.models import UnitPeriodRow, UnitRow, UnitSuccessionRow
from inventory.units import day_of
from kernel.actors import Actor
from kernel.db.transaction import Database, Transaction
from kernel.errors import Conflict, NotFound

BATCH: Final = 2_000
"""Lines that are judged at once: about 3 MB."""
WORTH_COUNTING: Final = 10_000
"""Lines from which on the database is told to look at them before it plans how to compare them."""
LONGEST: Final = "10min"
"""A check of a million lines against all that is there takes longer than a page may, and is one statement all the same.
"""

KEEP: Final = """
INSERT INTO data_import_line (import_id, no, line, kind, code, verdict, fields, diff, faults)
SELECT :which, no, line, kind, code, verdict, fields, diff, faults FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS row (no integer, line integer, kind text, code text, verdict text, fields jsonb, diff jsonb, faults jsonb)
"""


class ImportStopped(Conflict):
    """Somebody asked it to stop; nothing was changed."""

    code = "import-stopped"
    message = "The import was stopped. Nothing was changed."


Progress = Callable[[ImportView], Awaitable[None]]
"""Told how far an import is, after each batch."""


async def nobody(_view: ImportView) -> None:
    """Tell nobody."""


async def read_import(
    database: Database,
    which: uuid.UUID,
    profiles: Collection[str],
    *,
    actor: Actor | None = None,
    file: BinaryIO | None = None,
    tell: Progress = nobody,
) -> ImportView:
    """Read an import's file and return it with its counts; once begun anew, what an earlier attempt read is forgotten.

    Args:
        database: Where it is kept.
        which: The import.
        profiles: Names of profiles.
        actor: Who sent it; None: its maker, with what they may now of what they might then.
        file: The file; None: its pieces are put together.
        tell: Is told how far it is.

    Raises:
        ImportStopped: Somebody asked it to stop.
    """
    async with database.transaction() as tx:
        row = await _row(tx, which)
        if row.state != ImportState.READING:
            return view(row)
        who = actor or await acting(tx, row)
        who.require(INVENTORY_CHANGE)
        kind, form, complete, within = row.kind, row.form, row.complete, row.within
        around = await _surroundings(tx, who, profiles)
        await tx.session.execute(delete(ImportLineRow).where(ImportLineRow.import_id == which))
    reading = _Reading(database, which, who, around, tell)
    try:
        with tempfile.TemporaryFile() as spool:
            source = file or await _put_together(database, which, spool)
            await reading.read(source, kind, form)
        completed = (KINDS.keys() if form == "yaml" else {reading.kind}) if complete else reading.complete
        return await reading.finish(completed, within)
    except ImportStopped:
        async with database.transaction() as tx:
            await tx.session.execute(delete(ImportLineRow).where(ImportLineRow.import_id == which))
            await _set(tx, which, state=ImportState.STOPPED, over_at=tx.now(), counts={})
        raise


class _Reading:
    """One file on its way into lines."""

    def __init__(
        self, database: Database, which: uuid.UUID, actor: Actor, around: Surroundings, tell: Progress
    ) -> None:
        self._database, self._which, self._actor, self._around, self._tell = database, which, actor, around, tell
        self._no = 0
        self.kind = ""
        self.complete: Collection[str] = frozenset()

    async def read(self, file: BinaryIO, kind: str, form: str) -> None:
        """Judge and keep every line."""
        try:
            sheet = await asyncio.to_thread(_opened, file, kind, form)
        except Unreadable as error:
            await self._keep([Said(error.line, kind, faults=[error.fault])], 0, {})
            return
        self.kind = sheet.read_as["kind"]
        self.complete = sheet.complete if isinstance(sheet, Programme) else frozenset()
        try:
            lines = sheet.lines()
            while batch := await asyncio.to_thread(lambda: list(itertools.islice(lines, BATCH))):
                await self._keep(batch, sheet.position, sheet.read_as)
            await self._keep([], sheet.position, sheet.read_as)
        finally:
            sheet.close()

    async def _keep(self, batch: Sequence[Said], position: int, read_as: dict[str, str]) -> None:
        async with self._database.transaction() as tx:
            rows: list[dict[str, Any]] = []
            for name, lines in itertools.groupby(batch, key=lambda said: said.kind):
                rows += await self._judged(tx, name, list(lines))
            if rows:
                await tx.session.execute(text(KEEP), {"which": self._which, "rows": json.dumps(rows, default=str)})
            now = await _set(tx, self._which, bytes_read=position, read_as=read_as, counts={"lines": self._no})
        await self._tell(view(now))
        if now.stop_asked:
            raise ImportStopped

    async def _judged(self, tx: Transaction, name: str, lines: list[Said]) -> list[dict[str, Any]]:
        kind = KINDS.get(name)
        there: dict[str, Present] = {}
        if kind is not None:
            there = await present(self._actor, tx, kind, {said.code for said in lines if said.code})
            if name == "units":
                self._around.reorganised = await _reorganised(tx, there)
                self._note_ended(lines)
        rows = []
        for said in lines:
            self._no += 1
            judged = Judged(Verdict.REFUSED, {}, {}, tuple(said.faults))
            if kind is not None and (said.code or said.given):
                judged = self._judge(said, there.get(said.code))
            rows.append(_plain(self._no, said, judged))
        return rows

    def _judge(self, said: Said, there: Present | None) -> Judged:
        kind, now = KINDS[said.kind], None if there is None else there.fields
        given = placed(said.given, now, self._around) if said.kind == "offices" else said.given
        judged = judge(kind.entry, said.code, given, usable(said.kind, now, given), kind.dump, said.kind)
        told = {one.field for one in said.faults}
        faults = [*said.faults, *(one for one in judged.faults if one.field not in told)]
        if not faults:
            theirs = there is not None and there.theirs
            faults = list(broken(said.kind, said.code, judged, now, theirs=theirs, around=self._around))
        return Judged(Verdict.REFUSED, {}, {}, tuple(faults)) if faults else judged

    def _note_ended(self, lines: Sequence[Said]) -> None:
        for said in lines:
            heirs = said.given.get("successors")
            if said.given.get("valid_to") and isinstance(heirs, list):
                self._around.became.setdefault(said.code, frozenset(map(str, heirs)))

    async def finish(self, complete: Collection[str], within: str) -> ImportView:
        """Compare the lines with each other and with what is there, and say that the preview is ready."""
        async with self._database.transaction() as tx:
            await tx.session.execute(text(f"SET LOCAL statement_timeout = '{LONGEST}'"))
            if self._no > WORTH_COUNTING:
                await tx.session.execute(text("ANALYZE data_import_line"))
            for name in KINDS:
                if name in complete:
                    self._no += await removed(tx, self._actor, self._which, KINDS[name], within, self._no)
            await crosscheck(tx, self._actor, self._which)
            counted = select(ImportLineRow.verdict, func.count()).where(ImportLineRow.import_id == self._which)
            found = {row[0]: row[1] for row in await tx.session.execute(counted.group_by(ImportLineRow.verdict))}
            counts = {verdict.value: found.get(verdict, 0) for verdict in Verdict}
            digest = await digest_of(tx, self._which)
            now = await _set(tx, self._which, state=ImportState.READY, counts=counts, digest=digest)
        await self._tell(view(now))
        return view(now)


async def digest_of(tx: Transaction, which: uuid.UUID) -> str:
    """Return a digest of all that an import would change."""
    whole = hashlib.sha256()
    after = 0
    while True:
        statement = (
            select(ImportLineRow.no, said_by(ImportLineRow))
            .where(ImportLineRow.import_id == which, ImportLineRow.verdict.in_(CHANGES), ImportLineRow.no > after)
            .order_by(ImportLineRow.no)
            .limit(10_000)
        )
        rows = (await tx.session.execute(statement)).all()
        if not rows:
            return whole.hexdigest()[:32]
        for _, said in rows:
            whole.update(said.encode())
        after = rows[-1][0]


def said_by(line: type[ImportLineRow]) -> Any:  # noqa: ANN401 - a column of the database's own making
    """Return the column that sums up what a line would change."""
    parts = (line.kind, line.code, line.verdict, cast(line.fields, Text), cast(line.diff, Text))
    return func.md5(func.concat_ws(literal("|"), *(func.coalesce(part, "") for part in parts)))


def _opened(file: BinaryIO, kind: str, form: str) -> Spreadsheet | Programme:
    return Programme(file) if form == "yaml" else Spreadsheet(file, kind)


def _plain(no: int, said: Said, judged: Judged) -> dict[str, Any]:
    changes = judged.verdict in CHANGES
    return {
        "no": no,
        "line": said.line,
        "kind": said.kind,
        "code": said.code[:200],
        "verdict": judged.verdict,
        "fields": judged.fields if changes else None,
        "diff": judged.diff if judged.verdict is Verdict.CHANGED else None,
        "faults": [one.plain() for one in judged.faults] or None,
    }


async def _put_together(database: Database, which: uuid.UUID, spool: BinaryIO) -> BinaryIO:
    for no in itertools.count():
        async with database.transaction() as tx:
            piece = await tx.session.scalar(
                select(ImportPieceRow.content).where(ImportPieceRow.import_id == which, ImportPieceRow.no == no)
            )
        if piece is None:
            break
        await asyncio.to_thread(spool.write, piece)
    spool.seek(0)
    return spool


async def _surroundings(tx: Transaction, actor: Actor, profiles: Collection[str]) -> Surroundings:
    heir = aliased(UnitRow)
    ended = (
        select(UnitRow.code, func.array_remove(func.array_agg(heir.code), None))
        .outerjoin(UnitSuccessionRow, UnitSuccessionRow.predecessor_id == UnitRow.id)
        .outerjoin(heir, heir.id == UnitSuccessionRow.successor_id)
        .where(UnitRow.valid_to.is_not(None))
        .group_by(UnitRow.code)
    )
    became = {row[0]: frozenset(row[1]) for row in await tx.session.execute(ended)}
    return Surroundings(frozenset(profiles), actor.may_everywhere(INVENTORY_CHANGE), day_of(tx.now()), became)


async def _reorganised(tx: Transaction, there: dict[str, Present]) -> set[str]:
    statement = (
        select(UnitRow.code)
        .join(UnitPeriodRow, UnitPeriodRow.unit_id == UnitRow.id)
        .where(UnitRow.code.in_(list(there)))
        .group_by(UnitRow.code)
        .having(func.count() > 1)
    )
    return set(await tx.session.scalars(statement))


async def _row(tx: Transaction, which: uuid.UUID) -> ImportRow:
    row = await tx.session.get(ImportRow, which, populate_existing=True)
    if row is None:
        raise NotFound(kind="import", code=which)
    return row


async def _set(tx: Transaction, which: uuid.UUID, **values: Any) -> ImportRow:
    await tx.session.execute(
        update(ImportRow).where(ImportRow.id == which).values(**values).execution_options(synchronize_session=False)
    )
    return await _row(tx, which)
