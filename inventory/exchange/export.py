"""Gives out what there is in the form that is taken in: the same file again changes nothing. Secrets are no part of it.

A page of things is read at a time, so that the size of the whole does not matter to the memory.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Final

import yaml
from sqlalchemy import exists, select

from inventory.access import INVENTORY_READ
from inventory.exchange.cells import COLUMNS, Column, show_cell
from inventory.exchange.judge import ONLY_NEW
from inventory.exchange.kinds import KINDS, Found, Kind, codes_held, covered_offices
from inventory.models import OfficeRow, UnitRow
from inventory.programme_file import KEYS
from inventory.tree import below
from inventory.units import day_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput

A_PAGE: Final = 2_000
BOM: Final = "\ufeff"
"""Without it Excel takes UTF-8 for the country's old code page."""
BY_LANGUAGE: Final = {"vi": ";", "en": ","}
"""What Excel expects between cells: where a comma stands in numbers, it cannot stand between them."""


async def rows_of(
    actor: Actor, tx: Transaction, kind: Kind, *, within: str = ""
) -> AsyncIterator[list[tuple[str, dict[str, Any]]]]:
    """Yield all things of a kind that `actor` may see, in the order of their codes, a page at a time."""
    after = ""
    while True:
        statement = kind.narrow(kind.statement(), actor, day_of(tx.now()), INVENTORY_READ)
        if within:
            statement = _inside(statement, kind, within, tx)
        if after:
            statement = statement.where(kind.after(after))
        rows = (await tx.session.execute(statement.order_by(*kind.order).limit(A_PAGE))).all()
        if not rows:
            return
        found = [(row.code, kind.fields(row)) for row in rows]
        yield await _seen(actor, tx, found) if kind.name == "contracts" else found
        tx.session.expunge_all()
        after = rows[-1].code


async def csv_of(
    actor: Actor, tx: Transaction, kind: str, *, within: str = "", language: str = "vi"
) -> AsyncIterator[str]:
    """Yield a kind as a spreadsheet that Excel opens as it is meant, headings and numbers as the language has them."""
    wanted, beside = _kind(kind), ONLY_NEW - set(KEYS.get(kind, ()))
    columns = [column for column in COLUMNS[kind] if column.name not in beside]
    vietnamese = language == "vi"
    sheet = io.StringIO()
    writer = csv.writer(sheet, delimiter=BY_LANGUAGE.get(language, ","))
    writer.writerow([column.vi if vietnamese else column.en for column in columns])
    yield BOM + _taken(sheet)
    async for rows in rows_of(actor, tx, wanted, within=within):
        for code, fields in rows:
            writer.writerow([_cell(column, code, fields, vietnamese=vietnamese) for column in columns])
        yield _taken(sheet)


async def yaml_of(
    actor: Actor, tx: Transaction, kinds: Collection[str] = (), *, within: str = ""
) -> AsyncIterator[str]:
    """Yield a programme file with all kinds, or some of them."""
    yield "version: 1\n"
    for name, kind in KINDS.items():
        if kinds and name not in kinds:
            continue
        begun = False
        async for rows in rows_of(actor, tx, kind, within=within):
            if not begun:
                yield f"\n{name}:\n"
                begun = True
            said = {code: _lean(fields, KEYS.get(name, ())) for code, fields in rows}
            text = yaml.dump(said, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, width=10_000)
            yield "".join(f"  {line}\n" for line in text.splitlines())


async def _seen(
    actor: Actor, tx: Transaction, found: list[tuple[str, dict[str, Any]]]
) -> list[tuple[str, dict[str, Any]]]:
    """Return contracts with only those of the lines and devices that `actor` may see."""
    uplinks = {code for _, fields in found for code in fields["uplinks"]}
    devices = {code for _, fields in found for code in fields["devices"]}
    lines, things = await codes_held(actor, tx, uplinks, devices, INVENTORY_READ)
    return [
        (
            contract,
            {
                **fields,
                "uplinks": [code for code in fields["uplinks"] if code in lines],
                "devices": [code for code in fields["devices"] if code in things],
            },
        )
        for contract, fields in found
    ]


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise BadInput(what="The kind", why=f"choose one of: {', '.join(KINDS)}")
    return KINDS[name]


def _lean(fields: Mapping[str, Any], without: Collection[str]) -> dict[str, Any]:
    return {
        name: value
        for name, value in fields.items()
        if value is not None and value not in ([], "") and name not in without
    }


def _cell(column: Column, code: str, fields: Mapping[str, Any], *, vietnamese: bool) -> str:
    if column.name == "code":
        return code
    value = fields.get(column.name)
    if column.name.startswith("ssh_"):
        value = (fields["ssh"] or {}).get(column.name.removeprefix("ssh_"))
    return show_cell(value, column, vietnamese=vietnamese)


def _taken(sheet: io.StringIO) -> str:
    text = sheet.getvalue()
    sheet.seek(0)
    sheet.truncate()
    return text


def _inside(statement: Found, kind: Kind, unit: str, tx: Transaction) -> Found:
    places = below(select(UnitRow.id).where(UnitRow.code == unit), day_of(tx.now()))
    if kind.name in {"units", "coverage"}:
        return statement.where(UnitRow.id.in_(places))
    if kind.name == "contracts":
        return statement.where(exists(covered_offices().where(OfficeRow.unit_id.in_(places))))
    return statement.where(OfficeRow.unit_id.in_(places))
