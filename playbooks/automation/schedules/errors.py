"""What can go wrong with schedules, in words for the person who makes one."""

from __future__ import annotations

from kernel.errors import BadInput, Conflict, Refused


class ScheduleNameMissing(BadInput):
    code = "schedule-name-missing"
    message = "Give the schedule a name of 1 to {most} characters, on one line."


class ScheduleZoneUnknown(BadInput):
    code = "schedule-zone-unknown"
    message = "There is no time zone {zone}. Write it as Asia/Ho_Chi_Minh."


class ScheduleNeverDue(BadInput):
    code = "schedule-never-due"
    message = "By this rule nothing would run any more: its last time has passed."


class TooManySchedules(BadInput):
    code = "schedule-too-many"
    message = "You have {most} schedules already. End one that is not needed any more."


class ScheduleOver(Conflict):
    code = "schedule-over"
    message = "This schedule has ended. Make a new one."


class ScheduleNotByAPerson(Refused):
    code = "schedule-not-by-a-person"
    message = "A schedule runs with the rights of the person who made it: sign in to make one."
