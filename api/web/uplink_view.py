"""Decides which uplinks a list shows, and in what order. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

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


def top(codes: Collection[str], board: EngineBoard | None, by: str) -> list[UplinkLive]:
    """Return what is known of those of the uplinks `codes` with the most of `by`, at most `MOST_SHOWN` of them."""
    measured = [live for live in board.uplinks if live.uplink in codes] if board else []
    ranked = [(amount, live) for live in measured if (amount := ORDERS[by](live)) is not None]
    ranked.sort(key=lambda row: (-row[0], row[1].uplink))
    return [live for _, live in ranked[:MOST_SHOWN]]
