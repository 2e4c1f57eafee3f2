"""What happened in the inventory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events.event import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractEnding(Fact):
    """A contract ends in so many days, and nobody was told of this end yet."""

    name: ClassVar[str] = "contract.ending"
    contract: str
    number: str
    party: str
    ends: str
    days: int
