"""Decides which uplinks a list shows, and in what order; and which units a reader can choose. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from inventory.public import PROVINCE, UnitView, UplinkView
from monitor.public import EngineBoard, UplinkLive

USE: Final = "use"
ORDERS: Mapping[str, Callable[[UplinkLive], float | None]] = {
    USE: lambda live: live.utilisation_ratio,
    "loss": lambda live: live.loss_ratio,
    "delay": lambda live: live.rtt_s,
    "cost": lambda live: live.poll_cost_bps,
}
"""What a list can be sorted by, the most first."""

MOST_SHOWN: Final = 50
CHOSEN_FROM: Final = frozenset({"central", PROVINCE, "district"})
"""Levels whose units stand in the choice; those below are thousands, and are reached from an office's page."""


def top(named: Iterable[UplinkView], board: EngineBoard | None, by: str) -> list[tuple[UplinkView, UplinkLive]]:
    """Return the uplinks of which `by` (one of `ORDERS`) is known, the most first, at most `MOST_SHOWN`."""
    live = {uplink.uplink: uplink for uplink in board.uplinks} if board else {}
    ranked = [
        (amount, uplink, live[uplink.code])
        for uplink in named
        if uplink.code in live and (amount := ORDERS[by](live[uplink.code])) is not None
    ]
    ranked.sort(key=lambda row: (-row[0], row[1].code))
    return [(uplink, values) for _, uplink, values in ranked[:MOST_SHOWN]]


def subtree(code: str, units: Iterable[UnitView]) -> set[str]:
    """Return the unit `code` and everything below it. `units` stand from the top level down."""
    found = {code}
    for unit in units:
        if unit.parent in found:
            found.add(unit.code)
    return found


def choices(units: Iterable[UnitView], chosen: UnitView | None) -> Sequence[UnitView]:
    """Return the units that can be chosen, with the chosen one among them."""
    return [unit for unit in units if unit.level in CHOSEN_FROM or unit == chosen]
