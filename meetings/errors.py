"""What can go wrong with meetings, in words for the person who books."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from kernel.errors import BadInput, Conflict, Refused


@dataclass(frozen=True, slots=True)
class Taken:
    """One booking that stands in the way. Its meeting is None where the reader may not see it: then it is just busy.

    Attributes:
        room: Code of the room.
        room_name: Its name.
        until: When that booking ends.
        meeting: Id of the meeting that has the room.
        title: Its title.
        organiser: Who booked it.
    """

    room: str
    room_name: str
    until: datetime
    meeting: uuid.UUID | None = None
    title: str | None = None
    organiser: str | None = None


class RoomTaken(Conflict):
    """Nothing was booked. `taken` has every booking in the way; the words name the first."""

    code = "room-taken"
    message = "Taken rooms: {count}. {room} is taken until {until} by “{title}” ({organiser}). Nothing was booked."

    def __init__(self, taken: Sequence[Taken]) -> None:
        self.taken = tuple(taken)
        first = self.taken[0]
        known = {} if first.meeting is None else {"title": first.title, "organiser": first.organiser}
        super().__init__(
            count=len({one.room for one in self.taken}),
            room=first.room_name,
            until=first.until,
            **known,
            taken=[asdict(one) for one in self.taken],
        )


class RoomBusy(RoomTaken):
    """As RoomTaken, where the reader may not see whose booking it is."""

    message = "Taken rooms: {count}. {room} is busy until {until}. Nothing was booked."


class BadTime(BadInput):
    code = "bad-time"
    message = "A meeting needs a beginning and an end, each with its time zone."


class EndsBeforeItBegins(BadTime):
    message = "A meeting ends after it begins."


class InThePast(BadTime):
    message = "This time is over. Choose a later one."


class TooLong(BadTime):
    message = "A meeting lasts at most {hours} hours."


class TooFarAhead(BadTime):
    message = "Rooms are booked at most {days} days ahead."


class BadTitle(BadInput):
    code = "bad-title"
    message = "A meeting needs a title of 1 to {most} characters, in one line."


class NoRooms(BadInput):
    code = "no-rooms"
    message = "Choose 1 to {most} rooms."


class KeyReused(Conflict):
    """The same `Idempotency-Key` with another request: one of the two is a mistake."""

    code = "key-reused"
    message = "This key was used for another booking. Take a new key for each booking."


class NotYourMeeting(Refused):
    code = "not-your-meeting"
    message = "{organiser} booked this meeting. Only they, a secretary or an administrator can cancel it."


class MeetingOver(Conflict):
    code = "meeting-over"
    message = "This meeting is over. There is nothing to cancel."
