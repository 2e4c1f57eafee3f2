"""What other parts may call of meetings. Everything else in this folder is its own affair."""

from meetings.book import book
from meetings.book_series import SeriesRequest, book_series
from meetings.bridge.conferences import (
    ConferenceView,
    Running,
    Stay,
    attendance,
    booking_for,
    close_conference,
    conference_of,
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
from meetings.busy import BusyCache
from meetings.cancel import cancel, cancel_following, manages
from meetings.change import Change, ChangeReport, change
from meetings.check_readiness import check_readiness, look_again, run_due_checks
from meetings.conflicts import FARTHEST, BookingRequest
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
from meetings.explain import Blocker, OtherRoom
from meetings.extend import run_extension
from meetings.feed import feed_of, make_feed, revoke_feed
from meetings.find_time import Group, Hours, Wish
from meetings.followers import Bookings
from meetings.keep_rooms import answer, check_in, run_keeping, to_approve
from meetings.load_rooms import RoomsReport, load_rooms
from meetings.propose import WORKING_HOURS, Missing, ProposedTime, TimeQuestion, propose
from meetings.queries import (
    audited_meetings,
    in_session,
    meeting_for,
    meetings_between,
    meetings_in_office,
    meetings_needing,
    readiness_of,
    readiness_summaries,
    room_calendar,
    rooms,
    rooms_named,
    taken_between,
)
from meetings.readiness import FRESH, REASONS, DeviceFacts, HealthPort, ReadinessState, Reason, UplinkFacts
from meetings.recurrence import OnHoliday
from meetings.room_counts import room_counts
from meetings.rooms import Kind, RoomView
from meetings.series import family_of, meetings_of_series, series_for
from meetings.swaps import forget_day, official_days, set_day
from meetings.views import (
    MeetingBrief,
    MeetingPage,
    MeetingState,
    MeetingView,
    ReadinessSummary,
    ReservationState,
    RoomMeeting,
    RoomPage,
    RoomReadiness,
    SeriesState,
    SeriesView,
    Session,
    ToApprove,
)
from meetings.working_days import OfficialDay

__all__ = [
    "FARTHEST",
    "FRESH",
    "REASONS",
    "WORKING_HOURS",
    "BadTime",
    "BadTitle",
    "Blocker",
    "Booking",
    "BookingRequest",
    "Bookings",
    "Bridge",
    "BridgeNotSet",
    "BusyCache",
    "Change",
    "ChangeReport",
    "Closed",
    "ConferenceView",
    "DeviceFacts",
    "Group",
    "HealthPort",
    "Hours",
    "JoinLink",
    "JoinTooEarly",
    "JoinTooLate",
    "KeyReused",
    "Kind",
    "MeetingBooked",
    "MeetingBrief",
    "MeetingCalledOff",
    "MeetingCancelled",
    "MeetingOver",
    "MeetingPage",
    "MeetingState",
    "MeetingView",
    "Missing",
    "NoRooms",
    "NotAnOfficeOfTheMeeting",
    "NotYourMeeting",
    "OfficeLink",
    "OfficialDay",
    "OnHoliday",
    "OtherRoom",
    "ProposedTime",
    "Quality",
    "ReadinessState",
    "ReadinessSummary",
    "Reason",
    "ReservationState",
    "RoomBusy",
    "RoomMeeting",
    "RoomPage",
    "RoomReadiness",
    "RoomRefused",
    "RoomTaken",
    "RoomView",
    "RoomsReport",
    "Running",
    "SeriesRequest",
    "SeriesState",
    "SeriesView",
    "Session",
    "Stay",
    "Taken",
    "TimeQuestion",
    "ToApprove",
    "UplinkFacts",
    "Wish",
    "answer",
    "app_of",
    "attendance",
    "audited_meetings",
    "book",
    "book_series",
    "booking_for",
    "cancel",
    "cancel_following",
    "change",
    "check_in",
    "check_readiness",
    "choose",
    "close_conference",
    "conference_of",
    "ender",
    "ensure_open",
    "family_of",
    "feed_of",
    "forget_day",
    "in_session",
    "is_organiser",
    "join_link",
    "load_rooms",
    "look_again",
    "make_feed",
    "manages",
    "meeting_for",
    "meetings_between",
    "meetings_in_office",
    "meetings_needing",
    "meetings_of_series",
    "note_room_created",
    "note_room_destroyed",
    "note_stay",
    "official_days",
    "open_before",
    "open_conference",
    "propose",
    "read_conference",
    "readiness_of",
    "readiness_summaries",
    "revoke_feed",
    "room_calendar",
    "room_counts",
    "rooms",
    "rooms_named",
    "run_due_checks",
    "run_extension",
    "run_keeping",
    "series_for",
    "set_day",
    "taken_between",
    "to_approve",
]
