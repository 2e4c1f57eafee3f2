"""Reads a spreadsheet that was saved as text, a batch of lines at a time: its size does not matter to the memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from inventory.exchange.cells import COLUMNS, IGNORED, Column, fold, headings, read_cell
from inventory.exchange.faults import Fault, fault
from inventory.exchange.text_of import NAMES, Unreadable, encoding_of
from inventory.programme_file import KEYS, code_of

DELIMITERS: Final = (";", ",", "\t", "|")
NESTED: Final = {"devices": "ssh"}
"""Kinds whose columns `ssh_…` are the fields of one."""


@dataclass(slots=True)
class Said:
    """What one line says.

    Attributes:
        line: Number of its first line in the file, from 1.
        kind: What kind of thing it is about.
        code: Of which one; empty if it does not say.
        given: What it says of it.
        faults: What is wrong with its form.
    """

    line: int
    kind: str
    code: str = ""
    given: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Head:
    """The first line, understood."""

    kind: str
    columns: Sequence[Column | None]
    delimiter: str


class Spreadsheet:
    """A file of one kind of thing.

    Args:
        file: The file, which can be sought in.
        kind: What it holds; empty: what its columns tell.

    Attributes:
        encoding: What it is written in.
        head: What its first line says.

    Raises:
        Unreadable: It cannot be read at all.
    """

    def __init__(self, file: BinaryIO, kind: str = "") -> None:
        self.encoding = encoding_of(file)
        self._file = file
        self._text = io.TextIOWrapper(file, encoding=self.encoding, newline="")
        self._before = 0
        self.head = self._read_head(kind)
        self._ended = True
        self._reader = csv.reader(self._tracked(), delimiter=self.head.delimiter, strict=True)

    def close(self) -> None:
        """Let go of the file, without closing it."""
        self._text.detach()

    @property
    def read_as(self) -> dict[str, str]:
        """Return how it was read, for people."""
        return {"encoding": NAMES[self.encoding], "delimiter": self.head.delimiter, "kind": self.head.kind}

    @property
    def position(self) -> int:
        """Return how many bytes have been read."""
        return self._file.tell()

    def lines(self) -> Iterator[Said]:
        """Yield what each line says; after a line that cannot be read comes nothing more."""
        while True:
            line = self._before + self._reader.line_num + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Said(line, self.head.kind, faults=[_of_csv(str(error))])
                return
            if any(cell.strip() for cell in cells):
                yield self._said(line, cells)

    def _said(self, line: int, cells: list[str]) -> Said:
        said = Said(line, self.head.kind)
        columns = self.head.columns
        if any("\0" in cell for cell in cells):
            said.faults.append(fault("zero-byte"))
            return said
        if any(cell.strip() for cell in cells[len(columns) :]):
            said.faults.append(fault("too-many-cells", cells=len(cells), columns=len(columns)))
            return said
        if len(cells) < len(columns) and not self._ended:
            said.faults.append(fault("cut-off"))
        given: dict[str, Any] = {}
        for place, column in enumerate(columns):
            if column is None:
                continue
            value, wrong = read_cell(said.kind, column, cells[place] if place < len(cells) else "")
            if wrong is not None:
                said.faults.append(wrong)
            elif column.name == "code":
                said.code = value or ""
            elif not (column.keeps and value in (None, "", [])):
                given[column.name] = value
        said.given = _nested(given, NESTED.get(said.kind))
        if said.kind in KEYS:
            said.code = code_of(said.kind, given)
        return said

    def _tracked(self) -> Iterator[str]:
        """Yield the file's lines, and keep whether the last of them was ended."""
        for text in self._text:
            self._ended = text.endswith(("\n", "\r"))
            yield text

    def _read_head(self, kind: str) -> Head:
        first = ""
        while not first.strip():
            first = self._text.readline(100_000)
            self._before += 1
            if not first:
                raise Unreadable(1, fault("no-lines"))
            if first.strip().lower().startswith("sep="):  # Excel's own line, which tells Excel the delimiter
                first = ""
        # Of the signs that could part cells, it is the one by which the most headings are known.
        found = {sign: next(csv.reader([first], delimiter=sign)) for sign in DELIMITERS}
        known = {sign: max(_known(one, cells) for one in COLUMNS) for sign, cells in found.items()}
        delimiter = max(DELIMITERS, key=lambda sign: known[sign])
        cells = [cell.strip().lstrip("\ufeff") for cell in found[delimiter]]
        wanted = kind or _kind_of(cells, self._before)
        return Head(wanted, _columns(wanted, cells, self._before), delimiter)


def _known(kind: str, cells: Sequence[str]) -> int:
    return sum(1 for cell in cells if fold(cell) in headings(kind))


def _kind_of(cells: Sequence[str], line: int) -> str:
    """Return the kind of thing that has all these columns."""
    named = [cell for cell in cells if fold(cell) not in IGNORED]
    counts = {kind: _known(kind, named) for kind in COLUMNS}
    most = max(counts.values())
    best = [kind for kind, count in counts.items() if count == most]
    if len(best) > 1 and most:
        raise Unreadable(line, fault("which-kind"))
    return best[0]


def _columns(kind: str, cells: Sequence[str], line: int) -> list[Column | None]:
    known = headings(kind)
    said = ", ".join(column.name for column in COLUMNS[kind])
    columns: list[Column | None] = []
    for cell in cells:
        column = known.get(fold(cell))
        if column is None and fold(cell) not in IGNORED:
            raise Unreadable(line, fault("unknown-column", column=cell, known=said))
        if column is not None and column in columns:
            raise Unreadable(line, fault("doubled-column", column=cell))
        columns.append(column)
    while columns and columns[-1] is None:
        columns.pop()
    needed = KEYS.get(kind, ("code",))
    if missing := [name for name in needed if name not in {column.name for column in columns if column is not None}]:
        code = "no-key-column" if kind in KEYS else "no-code-column"
        raise Unreadable(line, fault(code, columns=", ".join(missing), known=said))
    return columns


def _nested(given: dict[str, Any], name: str | None) -> dict[str, Any]:
    """Return the fields with those of a nested value put together; None where nobody gave the ones that it needs."""
    if name is None:
        return given
    prefix = f"{name}_"
    inner: Mapping[str, Any] = {key.removeprefix(prefix): given[key] for key in given if key.startswith(prefix)}
    outer = {key: value for key, value in given.items() if not key.startswith(prefix)}
    if inner:
        empty = all(value in (None, "") for key, value in inner.items() if key != "port")
        # Of these, only a credential may be empty: then the nearest one holds.
        outer[name] = (
            None if empty else {key: value or ("" if key == "credential" else None) for key, value in inner.items()}
        )
    return outer


def _of_csv(why: str) -> Fault:
    if "field larger" in why:
        return fault("long-cell", most=csv.field_size_limit())
    return fault("open-quote" if "unexpected end" in why else "bad-quote")
