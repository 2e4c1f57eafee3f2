"""Decides which uplinks a list shows, and in what order. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

from monitor.public import UplinkLive

USE: Final = "use"
ORDERS: Mapping[str, Callable[[UplinkLive], float | None]] = {
    USE: lambda live: live.utilisation_ratio,
    "loss": lambda live: live.loss_ratio,
    "delay": lambda live: live.rtt_s,
    "cost": lambda live: live.poll_cost_bps,
}
"""What a list can be sorted by, the most first."""

MOST_SHOWN: Final = 50


def top(codes: Collection[str], live: Mapping[str, UplinkLive], by: str) -> list[UplinkLive]:
    """Return what is known of those of the uplinks `codes` with the most of `by`, at most `MOST_SHOWN` of them."""
    measured = [one for code, one in live.items() if code in codes]
    ranked = [(amount, one) for one in measured if (amount := ORDERS[by](one)) is not None]
    ranked.sort(key=lambda row: (-row[0], row[1].uplink))
    return [one for _, one in ranked[:MOST_SHOWN]]
