"""Who reacts to what: every event of the platform and its handlers, on one page."""

from __future__ import annotations

from collections.abc import Mapping

from kernel.channels.port import Channel
from kernel.delivery import Handler, Subscriptions
from monitor.public import AlertCleared, AlertRaised, teller


def subscriptions(channels: Mapping[str, Channel]) -> Subscriptions:
    """Return the handlers of each event; `channels` are the ways out of the platform, by name."""
    tell = Handler("notify", teller(channels))
    return {
        AlertRaised.name: [tell],
        AlertCleared.name: [tell],
    }
