"""What can go wrong between a meeting and the Jitsi server, in words for who wants to join."""

from __future__ import annotations

from kernel.errors import BadInput, Refused, Unavailable, VungCaoError
from meetings.bridge.reservations import Closed


class BridgeNotSet(Unavailable):
    """Nobody can join before these settings are made."""

    code = "bridge-not-set"
    message = "The Jitsi server is not set up yet: the setting {setting} is empty."


class BridgeUnavailable(Unavailable):
    """Silence, an error of the server, or an answer that is none of Jitsi's."""

    code = "bridge-unavailable"
    message = "The Jitsi server does not answer: {why}"


class JoinTooEarly(Refused):
    """Someone who knocks too early would hold up everybody: Prosody remembers a refusal for the whole room."""

    code = "join-too-early"
    message = "This meeting can be joined from {minutes} minutes before it begins."


class JoinTooLate(VungCaoError):
    """Its room is closed, and is not opened again."""

    code = "join-too-late"
    http_status = 410
    message = "This meeting is over."


class NotAnOfficeOfTheMeeting(BadInput):
    """The quality is chosen for the link of an office: it must be one where the meeting has a room."""

    code = "not-an-office-of-the-meeting"
    message = "The office {office} has no room in this meeting."


class RoomRefused(Refused):
    """Prosody asked for a room that may not be open now; `closed` says why."""

    code = "room-refused"
    message = "There is no meeting in this room now."

    def __init__(self, closed: Closed) -> None:
        self.closed = closed
        super().__init__()
