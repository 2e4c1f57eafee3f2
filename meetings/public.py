"""What other parts may call of meetings. Everything else in this folder is its own affair."""

from meetings.book import book
from meetings.bridge.conferences import (
    Running,
    Stay,
    attendance,
    booking_for,
    close_conference,
    note_room_created,
    note_room_destroyed,
    note_stay,
    open_conference,
    read_conference,
)
from meetings.bridge.errors import (
    BridgeNotSet,
    JoinTooEarly,
    JoinTooLate,
    MeetingCalledOff,
    NotAnOfficeOfTheMeeting,
    RoomRefused,
)
from meetings.bridge.handlers import ender
from meetings.bridge.join import (
    JoinLink,
    OfficeLink,
    app_of,
    ensure_open,
    is_organiser,
    join_link,
    open_before,
)
from meetings.bridge.port import Bridge
from meetings.bridge.profiles import Quality, choose
from meetings.bridge.reservations import Booking, Closed
from meetings.cancel import cancel
from meetings.check_readiness import check_readiness, run_due_checks
from meetings.conflicts import BookingRequest
from meetings.errors import (
    BadTime,
    BadTitle,
    KeyReused,
    MeetingOver,
    NoRooms,
    NotYourMeeting,
    RoomBusy,
    RoomTaken,
    Taken,
)
from meetings.events import MeetingBooked, MeetingCancelled
from meetings.followers import Bookings
from meetings.load_rooms import RoomsReport, load_rooms
from meetings.queries import (
    audited_meetings,
    in_session,
    meeting_for,
    meetings_between,
    meetings_needing,
    readiness_of,
    rooms,
)
from meetings.readiness import FRESH, REASONS, DeviceFacts, HealthPort, ReadinessState, Reason, UplinkFacts
from meetings.rooms import RoomView
from meetings.views import MeetingBrief, MeetingPage, MeetingState, MeetingView, RoomPage, RoomReadiness, Session

__all__ = [
    "FRESH",
    "REASONS",
    "BadTime",
    "BadTitle",
    "Booking",
    "BookingRequest",
    "Bookings",
    "Bridge",
    "BridgeNotSet",
    "Closed",
    "DeviceFacts",
    "HealthPort",
    "JoinLink",
    "JoinTooEarly",
    "JoinTooLate",
    "KeyReused",
    "MeetingBooked",
    "MeetingBrief",
    "MeetingCalledOff",
    "MeetingCancelled",
    "MeetingOver",
    "MeetingPage",
    "MeetingState",
    "MeetingView",
    "NoRooms",
    "NotAnOfficeOfTheMeeting",
    "NotYourMeeting",
    "OfficeLink",
    "Quality",
    "ReadinessState",
    "Reason",
    "RoomBusy",
    "RoomPage",
    "RoomReadiness",
    "RoomRefused",
    "RoomTaken",
    "RoomView",
    "RoomsReport",
    "Running",
    "Session",
    "Stay",
    "Taken",
    "UplinkFacts",
    "app_of",
    "attendance",
    "audited_meetings",
    "book",
    "booking_for",
    "cancel",
    "check_readiness",
    "choose",
    "close_conference",
    "ender",
    "ensure_open",
    "in_session",
    "is_organiser",
    "join_link",
    "load_rooms",
    "meeting_for",
    "meetings_between",
    "meetings_needing",
    "note_room_created",
    "note_room_destroyed",
    "note_stay",
    "open_before",
    "open_conference",
    "read_conference",
    "readiness_of",
    "rooms",
    "run_due_checks",
]
