"""Reads a programme file (YAML) as lines of what it says; `docs/how-to/inventory-file.md` describes its form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from inventory import located_yaml
from inventory.exchange.cells import COLUMNS
from inventory.exchange.faults import fault
from inventory.exchange.kinds import KINDS
from inventory.exchange.spreadsheet import Said
from inventory.exchange.text_of import NAMES, Unreadable, encoding_of
from inventory.programme_file import MOST_BYTES, keyed

BESIDE: Final = frozenset({"version", "complete"})


class Programme:
    """A programme file. It is held in memory, and so is bounded: the whole country takes about 8 MB.

    Attributes:
        complete: Kinds of which it says that it holds all of them.

    Raises:
        Unreadable: It cannot be read at all.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._encoding = encoding_of(file)
        content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise Unreadable(1, fault("too-large", most=MOST_BYTES // 2**20))
        self._size = len(content)
        located, mistakes = located_yaml.read(content.decode(self._encoding).lstrip("\ufeff"))
        if located is None:
            raise Unreadable(mistakes[0].line, fault("yaml", why=mistakes[0].why))
        if str(located.content.get("version")) != "1":
            raise Unreadable(1, fault("yaml", why="the file must be a mapping that begins with version: 1"))
        complete = located.content.get("complete", [])
        if not isinstance(complete, list) or not set(map(str, complete)) <= set(COLUMNS):
            raise Unreadable(
                located.line(("complete",)), fault("not-one-of", "complete", value=complete, known=", ".join(COLUMNS))
            )
        self._located = located
        self.complete = frozenset(map(str, complete))

    @property
    def read_as(self) -> dict[str, str]:
        """Return how it was read, for people."""
        return {"encoding": NAMES[self._encoding], "delimiter": "", "kind": ""}

    @property
    def position(self) -> int:
        """Return how many bytes have been read."""
        return self._size

    def close(self) -> None:
        """Let go of the content."""
        self._located = located_yaml.Located({}, {})

    def lines(self) -> Iterator[Said]:
        """Yield what each entry says."""
        for name, things in self._located.content.items():
            if name in BESIDE:
                continue
            line = self._located.line((name,))
            if name not in KINDS:
                yield Said(line, "", name, faults=[fault("unknown-field", name)])
            elif not isinstance(things, dict):
                yield Said(line, name, faults=[fault("yaml", name, why="codes are keys of this mapping")])
            else:
                yield from (self._said(name, code, given) for code, given in things.items())

    def _said(self, kind: str, code: str, given: Any) -> Said:  # noqa: ANN401 - whatever the file holds
        said = Said(self._located.line((kind, code)), kind, code)
        if isinstance(given, dict):
            said.given = keyed(kind, code, given)
        else:
            said.faults.append(fault("yaml", code, why="what is said of one thing is a mapping"))
        return said
