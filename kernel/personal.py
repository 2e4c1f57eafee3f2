"""Personal data: each column that tells of a person says what for, for how long, and how the person leaves it.

A column declares it where it is made: `mapped_column(info=personal("Who took it", kept="as long as the alert"))`. From
that the list for people is made, and erasing goes through every table without knowing one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Column, ColumnElement, MetaData, String, Table, delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

KEY: Final = "personal"

Erasure = Literal["pseudonym", "empty", "row"]
"""A pseudonym in its place, nothing in its place, or the whole row goes."""


@dataclass(frozen=True, slots=True)
class Personal:
    """What a column says of itself.

    Attributes:
        purpose: What it is there for.
        kept: For how long.
        erased: What becomes of it when the person is erased.
        account: Column of the same table with the account's id; empty: the value is the sign-in name, and tells itself.
    """

    purpose: str
    kept: str
    erased: Erasure
    account: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who is erased: the account's id, its sign-in name, and what stands in the place of its name from now on."""

    account: uuid.UUID
    name: str
    pseudonym: str


def personal(purpose: str, *, kept: str, erased: Erasure = "pseudonym", account: str = "") -> dict[str, Any]:
    """Return what a column of personal data gives as its `info`."""
    return {KEY: Personal(purpose, kept, erased, account)}


def personal_columns(tables: MetaData) -> Iterator[tuple[Column[Any], Personal]]:
    """Yield every column of personal data with what it says of itself, by table and column."""
    for table in sorted(tables.tables.values(), key=lambda each: each.name):
        for column in table.columns:
            if isinstance(said := column.info.get(KEY), Personal):
                yield column, said


async def erase(person: Person, tables: MetaData, connection: AsyncConnection, *, but: Iterable[str] = ()) -> int:
    """Take `person` out of every column of personal data, except in the tables `but`; return how many rows changed."""
    changed = 0
    gone: set[str] = set()
    left_out = set(but)
    for column, said in personal_columns(tables):
        if column.table.name in left_out or column.table.name in gone:
            continue
        table = column.table
        assert isinstance(table, Table)  # noqa: S101 - columns of a MetaData belong to tables
        where = _theirs(table, column, said, person)
        if said.erased == "row":
            gone.add(table.name)
            result = await connection.execute(delete(table).where(where))
        else:
            value = person.pseudonym if said.erased == "pseudonym" else ""
            result = await connection.execute(update(table).where(where).values({column.name: value}))
        changed += result.rowcount
    return changed


def _theirs(table: Table, column: Column[Any], said: Personal, person: Person) -> ColumnElement[bool]:
    if not said.account:
        return column == person.name
    owner = table.c[said.account]
    return owner == (str(person.account) if isinstance(owner.type, String) else person.account)
