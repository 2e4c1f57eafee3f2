"""What may be said of a commune or village: connectivity, electricity, disadvantaged status, and from which day on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from kernel.errors import BadInput
from kernel.sentences import Sentence

MOST_LETTERS: Final = 200


class FactKind(StrEnum):
    """What is known of a unit."""

    CONNECTIVITY = "connectivity"
    ELECTRICITY = "electricity"
    DISADVANTAGED = "disadvantaged"


NONE: Final = "none"
VALUES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        FactKind.CONNECTIVITY: (NONE, "2g", "3g", "4g", "5g", "fibre", "satellite"),
        FactKind.ELECTRICITY: (NONE, "part", "whole"),
        FactKind.DISADVANTAGED: (NONE, "area-1", "area-2", "area-3", "especially"),
    }
)
"""Connectivity has several at once. Electricity is for a part of the day or the whole. The areas are those by which
decisions of the government name communes, and `especially` is a village or commune in special difficulty."""


@dataclass(frozen=True, slots=True)
class FactWish:
    """A fact to be written down.

    Attributes:
        kind: One of `FactKind`.
        value: Of `VALUES`; of connectivity several.
        since: The day from which it is known to be so.
        source: Who says so: a report, a decision with its number, who measured.
        measured: Whether it was measured; else it was reported.
        until: First day on which a disadvantaged status holds no more; None while the decision lasts.
    """

    kind: str
    value: tuple[str, ...]
    since: date
    source: str
    measured: bool = False
    until: date | None = None


def checked(wish: FactWish, today: date) -> FactWish:
    """Return `wish` with its values in order.

    Raises:
        BadInput: What is wrong with it.
    """
    known = VALUES.get(wish.kind)
    if known is None:
        raise BadInput(what="The kind of fact", why=Sentence("choose among {known}", known=", ".join(VALUES)))
    value = tuple(one for one in known if one in wish.value)
    if not value or len(value) != len(set(wish.value)):
        raise BadInput(what="The value", why=Sentence("choose among {known}", known=", ".join(known)))
    if len(value) > 1 and wish.kind != FactKind.CONNECTIVITY:
        raise BadInput(what="The value", why="only connectivity has several at once; choose one")
    if len(value) > 1 and NONE in value:
        raise BadInput(what="The value", why="no signal stands alone")
    source = " ".join(wish.source.split())
    if not source:
        raise BadInput(what="The source", why="say who says so")
    if len(source) > MOST_LETTERS:
        raise BadInput(
            what="The source", why=Sentence("it has at most {max_length} characters", max_length=MOST_LETTERS)
        )
    if wish.until is not None and wish.kind != FactKind.DISADVANTAGED:
        raise BadInput(what="The end", why="only a disadvantaged status ends by itself; write down what holds then")
    if wish.until is not None and wish.until <= wish.since:
        raise BadInput(what="The end", why="it is not after the beginning")
    if wish.since > today and wish.kind != FactKind.DISADVANTAGED:
        raise BadInput(what="The day", why="nobody knows yet what will be then")
    return FactWish(wish.kind, value, wish.since, source, wish.measured, wish.until)
