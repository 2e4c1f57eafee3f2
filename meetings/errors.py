"""What can go wrong with meetings, in words for the person who books."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from kernel.errors import BadInput, Conflict, NotFound, Refused, VungCaoError
from kernel.recurrence import BadRule


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
        at: When the meeting that lost would have begun; None where there is only one.
    """

    room: str
    room_name: str
    until: datetime
    meeting: uuid.UUID | None = None
    title: str | None = None
    organiser: str | None = None
    at: datetime | None = None


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
            at=first.at,
            meetings=len({one.at for one in self.taken}),
            **known,
            taken=[asdict(one) for one in self.taken],
        )


class RoomBusy(RoomTaken):
    """As RoomTaken, where the reader may not see whose booking it is."""

    message = "Taken rooms: {count}. {room} is busy until {until}. Nothing was booked."


class SeriesRoomTaken(RoomTaken):
    """As RoomTaken, for a series: `taken` has every meeting of it that cannot be."""

    message = (
        "Meetings of the series without a room: {meetings}. On {at} {room} is taken until {until} by “{title}” "
        "({organiser}). Nothing was booked."
    )


class SeriesRoomBusy(SeriesRoomTaken):
    """As SeriesRoomTaken, where the reader may not see whose booking it is."""

    message = (
        "Meetings of the series without a room: {meetings}. On {at} {room} is busy until {until}. Nothing was booked."
    )


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


class NoOffices(BadInput):
    code = "no-offices"
    message = "Choose 1 to {most} offices, rooms and people."


class KeyReused(Conflict):
    """The same `Idempotency-Key` with another request: one of the two is a mistake."""

    code = "key-reused"
    message = "This key was used for another booking. Take a new key for each booking."


class NotYourMeeting(Refused):
    code = "not-your-meeting"
    message = "{organiser} booked this meeting. Only they, a secretary or an administrator can change or cancel it."


class NotTheirDelegate(Refused):
    code = "not-their-delegate"
    message = "{leader} has not named you as one who books for them. They can do so in the settings of their account."


class NotForYou(Refused):
    """The room is kept for some people; `whom` are roles and sign-in names."""

    code = "not-for-you"
    message = "{room} is booked by {whom} only. Ask who manages it."


class NotYourOffice(Refused):
    code = "not-your-office"
    message = "Only who books for {office}, or whose meeting it is, can say who attends for it."


class RoomClosed(BadInput):
    code = "room-closed"
    message = "{room} is closed at {at}. It can be used {hours}."


class BadHold(BadInput):
    code = "bad-hold"
    message = "Rooms are held for at most {hours} hours, and no longer than until {minutes} minutes before the meeting."


class HoldOver(Conflict):
    code = "hold-over"
    message = "The rooms were held until {until}, and others may have them now. Book the meeting again."


class ChangedMeanwhile(Conflict):
    """Somebody else changed it since the reader looked: the version that they named is not the one that is there."""

    code = "changed-meanwhile"
    http_status = 412
    message = "This meeting was changed meanwhile: you saw version {seen}, it is at {version}. Look at it again."


class NoSeries(BadInput):
    code = "no-series"
    message = "This meeting does not come again: there are no later ones to change with it."


class CannotMoveSeries(BadInput):
    code = "cannot-move-series"
    message = (
        "The rule {rule} cannot be moved to other days. Cancel this and the following meetings, and book a new series."
    )


class NothingToChange(BadInput):
    code = "nothing-to-change"
    message = "There is nothing to change: name a title, a time, a length or rooms."


class NotYourRoom(Refused):
    code = "not-your-room"
    message = "Only who manages {room}, a secretary or an administrator can answer this."


class NothingHeld(Conflict):
    code = "nothing-held"
    message = "{room} waits for no answer for this meeting. Look at it again."


class CheckInLater(Conflict):
    code = "check-in-later"
    message = "You can check in from {minutes} minutes before the meeting until it ends, in a room that it has."


class MeetingOver(Conflict):
    code = "meeting-over"
    message = "This meeting is over. There is nothing to change or cancel."


class MeetingCalledOff(VungCaoError):
    code = "meeting-called-off"
    http_status = 410
    message = "This meeting was cancelled."


class NoCalendar(NotFound):
    """Says nothing of what was asked: the address is a secret, and may be in nobody's log."""

    code = "no-calendar"
    message = "There is no calendar at this address. Its owner may have taken it back."


class OverlapsItself(BadRule):
    message = "The meetings of this series would overlap each other. Make them shorter, or less often."


class BadZone(BadTime):
    message = "There is no time zone {zone}. Write it as Asia/Ho_Chi_Minh."


class TooManyBookings(BadInput):
    code = "too-many-bookings"
    message = "These are {count} bookings of rooms, and one series takes at most {most}. Make it shorter, or split it."
