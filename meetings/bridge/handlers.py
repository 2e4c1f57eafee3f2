"""What the bridge does when something happens to a meeting."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable

import structlog

from kernel.db.transaction import Database
from kernel.events.event import Event
from meetings.bridge.conferences import close_conference, open_room_of
from meetings.bridge.port import Bridge

log = structlog.get_logger()


def ender(bridge: Bridge | None) -> Callable[[Event, Database], Awaitable[None]]:
    """Return the reaction to a cancelled meeting: its room, if open, is closed for everybody in it.

    Without a bridge that can do so the room ends when it is empty, or at its booked end; nobody new gets in.
    """

    async def end(event: Event, database: Database) -> None:
        async with database.transaction() as tx:
            found = await open_room_of(uuid.UUID(event.data["meeting_id"]), tx)
        if found is None:
            return
        name, conference = found
        if bridge is None:
            log.warning("conference_stays_open", conference=conference, why="jitsi_prosody_url is not set")
            return
        await bridge.end_meeting(name)
        async with database.transaction() as tx:
            await close_conference(conference, tx)

    return end
