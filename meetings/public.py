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
from meetings.cancel import cancel, cancel_following, manages, may_change
from meetings.change import Change, ChangeLine, ChangeReport, change
from meetings.check_readiness import check_readiness, look_again, run_due_checks
from meetings.conflicts import FARTHEST, BookingRequest
from meetings.day_grid import DayGrid, GridRow, day_grid
from meetings.delegation import Delegate, add_delegate, delegates, leaders, remove_delegate
from meetings.deputies import offices_to_speak_for, recall_deputy, send_deputy
from meetings.errors import (
    BadHold,
    BadTime,
    BadTitle,
    HoldOver,
    KeyReused,
    MeetingCalledOff,
    MeetingOver,
    NoCalendar,
    NoRooms,
    NotForYou,
    NotYourMeeting,
    RoomBusy,
    RoomClosed,
    RoomTaken,
    Taken,
)
from meetings.events import MeetingBooked, MeetingCancelled
from meetings.explain import Blocker, OtherRoom
from meetings.extend import run_extension
from meetings.feed import (
    busy_of,
    door_of,
    feed_made_at,
    feed_of,
    make_feed,
    make_room_feed,
    revoke_feed,
    revoke_room_feed,
    room_busy_of,
    room_feed_made_at,
    room_feed_of,
)
from meetings.find_time import Group, Hours, Wish
from meetings.followers import Bookings
from meetings.hold import confirm
from meetings.keep_rooms import answer, check_in, run_keeping, to_approve
from meetings.kinds import MeetingKind, forget_kind, kind_named, kinds, question_of, read_hours, set_kind
from meetings.kinds import written as written_hours
from meetings.load_rooms import RoomsReport, load_rooms
from meetings.office_choice import (
    OfficeChoice,
    OfficeChoicePage,
    groups_to_choose,
    office_choices,
    offices_chosen,
    offices_of_group,
)
from meetings.preview_series import PlannedMeeting, preview_series
from meetings.propose import WORKING_HOURS, Missing, ProposedTime, Risk, RiskPort, TimeQuestion, no_history, propose
from meetings.queries import (
    audited_meetings,
    held,
    in_session,
    meeting_for,
    meetings_between,
    meetings_needing,
)
from meetings.readiness import FRESH, REASONS, DeviceFacts, HealthPort, ReadinessState, Reason, UplinkFacts
from meetings.readiness_queries import meetings_in_office, readiness_of, readiness_summaries
from meetings.recurrence import OnHoliday
from meetings.risk import Hours as RiskyHours
from meetings.risk import Outage, What, risky_hours
from meetings.room_counts import room_counts
from meetings.room_queries import room_calendar, rooms, rooms_named
from meetings.rooms import Kind, RoomView
from meetings.series import calendar_of, family_of, meetings_of_series, series_for
from meetings.swaps import forget_day, official_days, set_day
from meetings.use_queries import use_by_unit, waiting
from meetings.views import (
    Deputy,
    Door,
    MeetingBrief,
    MeetingPage,
    MeetingState,
    MeetingView,
    ReadinessSummary,
    ReservationState,
    RoomMeeting,
    RoomPage,
    RoomReadiness,
    RoomUse,
    SeriesState,
    SeriesView,
    Session,
    ToApprove,
    UnitUse,
    UsePage,
    Waiting,
)
from meetings.working_days import Calendar, OfficialDay
