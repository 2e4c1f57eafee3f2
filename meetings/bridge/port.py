"""What the platform asks of a conference server while meetings run. `meetings.bridge.jitsi` asks Jitsi's Prosody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RunningRoom:
    """A room that is open on the server.

    Attributes:
        name: The conference's name, without domain.
        participants: How many people are in it; the server's own focus is not counted.
        created_at: When it was opened (aware UTC).
    """

    name: str
    participants: int
    created_at: datetime


class Bridge(Protocol):
    """A conference server. Every call raises BridgeUnavailable if it does not answer as it should."""

    async def room_size(self, conference: str) -> int | None:
        """Return how many people are in the room; None if it is not open."""
        ...

    async def room_census(self) -> list[RunningRoom]:
        """Return all open rooms, by name."""
        ...

    async def end_meeting(self, conference: str) -> bool:
        """Close the room for everybody in it; return whether it was open."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
