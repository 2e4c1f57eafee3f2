"""What can be wrong with a line of a file, as a code and its details. The words for it are in `fault_words.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as made
from typing import Any, Final

MOST_SHOWN: Final = 80
"""Letters of a wrong value that are told: who sent a whole book in one cell need not read it again."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        code: Key of `fault_words.WORDS`.
        field: Where: the name of a field; empty for the whole line.
        details: Values for the words, such as the wrong value.
    """

    code: str
    field: str = ""
    details: Mapping[str, str] = made(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"code": self.code, "field": self.field, "details": dict(self.details)}


def fault(code: str, where: str = "", /, **details: object) -> Fault:
    """Return a fault; long values are cut."""
    return Fault(code, where, {name: _short(str(value)) for name, value in details.items()})


def read(plain: Mapping[str, Any]) -> Fault:
    """Return the fault that was kept as JSON."""
    return Fault(plain["code"], plain.get("field", ""), plain.get("details", {}))


def _short(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
