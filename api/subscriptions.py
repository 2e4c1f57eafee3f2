"""Who reacts to what: every event of the platform and its handlers, on one page."""

from __future__ import annotations

from collections.abc import Mapping

from api.glue import meetings_hurt
from inventory.public import ContractEnding, contract_teller
from kernel.channels.port import Channel
from kernel.delivery import Handler, Subscriptions
from meetings.public import Bridge, MeetingCancelled, ender, look_again
from monitor.public import AlertCleared, AlertRaised, teller


def subscriptions(channels: Mapping[str, Channel], bridge: Bridge | None = None) -> Subscriptions:
    """Return the handlers of each event.

    Args:
        channels: The ways out of the platform, by name.
        bridge: The conference server, if we may end meetings there.
    """
    tell = Handler("notify", teller(channels, meetings_hurt))
    look = Handler("look-at-rooms", look_again)
    return {
        AlertRaised.name: [tell, look],
        AlertCleared.name: [tell, look],
        ContractEnding.name: [Handler("tell-of-contract", contract_teller(channels))],
        MeetingCancelled.name: [Handler("end-conference", ender(bridge))],
    }
