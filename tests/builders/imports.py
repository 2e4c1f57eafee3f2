"""Files on their way in and out, as the tests of imports need them: a preview, the word for it, what was refused."""

from __future__ import annotations

import io
from collections.abc import Mapping

from inventory.exchange.apply import apply_import, begin_apply
from inventory.exchange.export import csv_of
from inventory.exchange.fault_words import in_english
from inventory.exchange.preview import read_import
from inventory.exchange.receive import ImportRequest, begin_import
from inventory.exchange.views import ImportLine, ImportView, import_lines
from inventory.profiles import bundled_profiles
from kernel.actors import Actor, system
from kernel.db.transaction import Database

ADMIN = system("test")
PROFILES = bundled_profiles()


async def preview(
    database: Database, content: str | bytes, file: str = "file.csv", *, actor: Actor = ADMIN, kind: str = "",
    complete: bool = False, within: str = "",
) -> ImportView:  # fmt: skip
    """Return the preview of a file."""
    raw = content.encode() if isinstance(content, str) else content
    async with database.transaction() as tx:
        made = await begin_import(actor, tx, ImportRequest(file, len(raw), kind, complete, within))
    return await read_import(database, made.id, PROFILES, actor=actor, file=io.BytesIO(raw))


async def applied(database: Database, seen: ImportView, *, actor: Actor = ADMIN) -> ImportView:
    """Give the word for what was seen."""
    async with database.transaction() as tx:
        await begin_apply(actor, tx, seen.id, seen.token)
    return await apply_import(database, seen.id, actor=actor)


async def lines(database: Database, seen: ImportView, verdict: str | None = None) -> list[ImportLine]:
    async with database.transaction() as tx:
        return (await import_lines(ADMIN, tx, seen.id, verdict=verdict)).lines


async def refusals(database: Database, seen: ImportView) -> dict[int, list[str]]:
    """Return the lines that are refused, each with why."""
    return {one.line: [in_english(each) for each in one.faults] for one in await lines(database, seen, "refused")}


async def exported(database: Database, kind: str, language: str = "vi", **options: str) -> str:
    async with database.transaction() as tx:
        return "".join([part async for part in csv_of(ADMIN, tx, kind, language=language, **options)])


def counts(seen: ImportView) -> Mapping[str, int]:
    return {verdict: count for verdict, count in seen.counts.items() if count}
