"""Who reacts to what: every event of the platform and its handlers, on one page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from api.glue import meetings_hurt
from inventory.public import ContractEnding, contract_teller
from kernel.channels.port import Channel
from kernel.db.transaction import Database
from kernel.delivery import Handler, Subscriptions
from kernel.events.event import Event
from meetings.public import Bridge, MeetingCancelled, ender, look_again
from monitor.public import AlertCleared, AlertOutlasted, AlertRaised, SitesSeen, teller
from playbooks.public import TELLABLE, seen_again

React = Callable[[Event, Database], Awaitable[None]]


def subscriptions(
    channels: Mapping[str, Channel], bridge: Bridge | None = None, tell_of_runs: React | None = None
) -> Subscriptions:
    """Return the handlers of each event.

    Args:
        channels: The ways out of the platform, by name.
        bridge: The conference server, if we may end meetings there.
        tell_of_runs: Tells other programs what becomes of playbooks, if there is a way to them.
    """
    tell = Handler("notify", teller(channels, meetings_hurt))
    look, again = Handler("look-at-rooms", look_again), Handler("try-again", seen_again)
    return {
        AlertRaised.name: [tell, look],
        AlertOutlasted.name: [tell],
        AlertCleared.name: [tell, look, again],
        SitesSeen.name: [again],
        ContractEnding.name: [Handler("tell-of-contract", contract_teller(channels))],
        MeetingCancelled.name: [Handler("end-conference", ender(bridge))],
        **{name: [Handler("tell-programs", tell_of_runs)] for name in TELLABLE if tell_of_runs is not None},
    }
