"""The JSON API on rooms and meetings: what is booked, booking and cancelling, and how ready the rooms are."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Depends, Header, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.http.deps import CurrentActor, Tx
from api.http.paging import After, Limit, Page, Search, Shape
from api.http.routes.router import api_router, problems
from inventory.public import MEETINGS_BOOK
from kernel.actors import Actor
from kernel.errors import BadInput
from meetings.public import (
    BookingRequest,
    Change,
    Kind,
    MeetingState,
    ReadinessState,
    ReservationState,
    answer,
    book,
    cancel,
    cancel_following,
    change,
    check_in,
    conference_of,
    meeting_for,
    meetings_between,
    readiness_of,
    room_calendar,
    rooms,
    to_approve,
)

router = api_router("meetings")

LISTED = timedelta(days=7)
MOST_DIGITS = 10


class Room(Shape):
    """A room of an office."""

    code: str
    name: str
    office: str
    office_name: str
    unit_name: str
    capacity: int
    devices: tuple[str, ...] = Field(description="What a meeting there needs.")
    kind: Kind = Field(description="A room, a virtual one, kit, a recorder, an interpreter or a person.")
    equipment: tuple[str, ...]
    accessible: bool = Field(description="Whether a wheelchair gets in.")
    approval: bool = Field(description="Whether its manager has to agree to each booking.")
    manager: str = Field(description="Sign-in name of who manages it.")
    manager_name: str
    hours: str = Field(description="When it can be used, as `Mo-Fr 07:30-17:00`; empty: always.")
    bookable_by: tuple[str, ...] = Field(description="Roles and sign-in names for whom it is kept; empty: everybody.")
    release_min: int = Field(description="Given back so long after the beginning if nobody checked in; 0: never.")
    before_min: int = Field(description="Minutes that it needs to get ready for a meeting.")
    after_min: int = Field(description="Minutes that it needs after one.")


class RoomUse(Shape):
    """A meeting in a room's calendar."""

    meeting: uuid.UUID
    title: str
    organiser: str
    starts_at: datetime
    ends_at: datetime
    busy_from: datetime = Field(description="Others are kept out from here, getting ready included.")
    busy_to: datetime
    state: ReservationState
    checked_in_at: datetime | None


class Reservation(Shape):
    """A room's part of a meeting."""

    room: str
    state: ReservationState = Field(
        description="`waiting`: it was taken, and is got as soon as it becomes free. `held`: its manager has to agree."
    )
    required: bool
    checked_in_at: datetime | None = Field(description="When somebody said there that they are in.")
    why: str = Field(description="Why it was given back: `denied`, `unanswered`, `no-show`; empty otherwise.")
    answer: str = Field(description="What its manager wrote when they agreed or refused.")


class Deputy(Shape):
    """Who attends for an office in the place of somebody else."""

    office: str
    office_name: str
    deputy: str
    instead_of: str


class Meeting(Shape):
    """A meeting and its rooms."""

    id: uuid.UUID
    title: str
    organiser: str = Field(description="What people call whose meeting it is.")
    booked_by: str = Field(description="Who booked it for the organiser; empty if they did it themselves.")
    kind: str = Field(description="Code of its kind; empty for none.")
    held_until: datetime | None = Field(description="The rooms are only held, until then; null: booked.")
    deputies: tuple[Deputy, ...]
    starts_at: datetime
    ends_at: datetime
    state: MeetingState
    rooms: tuple[Room, ...]
    reservations: tuple[Reservation, ...] = Field(description="What became of each room, in the order of `rooms`.")
    version: int = Field(description="Grows with each change.")
    series: uuid.UUID | None = Field(description="Of which series it is a meeting.")
    original: datetime | None = Field(description="Local time that the rule of its series gave it.")


class Booking(BaseModel):
    """All of these rooms at this time, or nothing."""

    model_config = ConfigDict(extra="forbid")

    title: str
    rooms: tuple[str, ...] = Field(description="Codes of rooms.")
    optional: tuple[str, ...] = Field((), description="Rooms that it can be without: a taken one is waited for.")
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    kind: str = Field("", max_length=63, description="Code of its kind.")
    on_behalf: str = Field("", max_length=64, description="Sign-in name of the leader whose meeting it is.")
    hold_until: AwareDatetime | None = Field(None, description="Only hold the rooms, 72 hours at most.")


class Reason(Shape):
    """Why a room is not simply ready."""

    code: str = Field(description="Stable, such as `no-uplink`.")
    fields: Mapping[str, Any] = Field(description="What it is about, such as the device.")


class RoomReadiness(Shape):
    """How ready a room was when it was looked at last."""

    room: str
    room_name: str
    office: str
    office_name: str
    state: ReadinessState
    reasons: tuple[Reason, ...] = Field(description="Worst first; empty if it is ready, or was not looked at yet.")
    stage: str = Field(description="Which look it was: `booking`, `t24h`, `t60m`, `t10m`; empty before the first.")
    checked_at: datetime | None = Field(description="Null before the first look.")


class Conference(Shape):
    """How a meeting's room on the conference server is."""

    open: bool = Field(description="Whether it is open now.")
    opened_at: datetime | None = Field(description="When it was opened last; null if it never was.")
    closed_at: datetime | None = Field(description="When that ended; null while it is open.")
    present: int = Field(description="How many people are in it now.")


class ToApprove(Shape):
    """A room that is held for a meeting until its manager agrees."""

    meeting: uuid.UUID
    title: str
    organiser: str
    starts_at: datetime
    ends_at: datetime
    room: str
    room_name: str


class Answer(BaseModel):
    """Whether a meeting gets a room that is held for it."""

    model_config = ConfigDict(extra="forbid")

    agreed: bool
    reason: str = Field("", max_length=500)


class Changing(BaseModel):
    """What is to be other than it is; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = None
    starts_at: AwareDatetime | None = Field(None, description="With `following` those after it move by as much.")
    minutes: int | None = Field(None, ge=1, le=1440)
    add: tuple[str, ...] = Field((), max_length=1000, description="Codes of rooms that it gets too.")
    drop: tuple[str, ...] = Field((), max_length=1000, description="Codes of rooms that it gives back.")


class Seen(Shape):
    """A meeting as people see it."""

    title: str
    starts_at: datetime
    ends_at: datetime
    rooms: tuple[str, ...]


class ChangeLine(Shape):
    """What becomes of one meeting."""

    original: datetime | None = Field(description="Local time by which its series knows it, after the change.")
    fate: Literal["changed", "kept", "cancelled", "added"] = Field(description="`kept`: it was changed by itself.")
    before: Seen | None
    after: Seen | None


class Changed(Shape):
    """What a change changes, in the order of the meetings."""

    lines: tuple[ChangeLine, ...]
    series: uuid.UUID | None = Field(description="The series that goes on; null in a rehearsal, and of one meeting.")


def version_of(if_match: str) -> int | None:
    """Return the version that `If-Match` names; None if it names none."""
    if if_match in {"", "*"}:
        return None
    number = if_match.strip().strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < MOST_DIGITS):
        raise BadInput(what="If-Match", why="send the ETag of the meeting as you read it")
    return int(number)


async def _booker(actor: CurrentActor) -> Actor:
    """Refuse before anything that was sent is looked at: who may not book learns nothing from mistakes."""
    actor.require(MEETINGS_BOOK)
    return actor


Booker = Annotated[Actor, Depends(_booker)]
Following = Annotated[bool, Query(description="All that follow it in its series too.")]
IfMatch = Annotated[str, Header(alias="If-Match", max_length=100, description="ETag of the meeting as it was read.")]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="Anything, new for each booking: sent again with the same request, it gives the same meeting.",
    ),
]


@router.get("/rooms", summary="Rooms")
async def list_rooms(
    actor: CurrentActor, tx: Tx, query: Search = "", limit: Limit = 50, after: After = None
) -> Page[Room]:
    """In Vietnamese order of names."""
    page = await rooms(actor, tx, query=query, limit=limit, after=after)
    return Page(items=[Room.model_validate(room) for room in page.rooms], next=page.next_cursor)


@router.get("/rooms/{room}/calendar", summary="When a room is busy", responses=problems(404))
async def read_room_calendar(
    actor: CurrentActor,
    tx: Tx,
    room: str,
    start: Annotated[AwareDatetime | None, Query(description="From; left out: now.")] = None,
    end: Annotated[AwareDatetime | None, Query(description="Until; left out: a week later.")] = None,
) -> list[RoomUse]:
    """Held or booked, the first to begin first, at most 200; in between it is free."""
    start = start or tx.now()
    return [RoomUse.model_validate(use) for use in await room_calendar(actor, room, tx, start, end or start + LISTED)]


@router.get("/meetings", summary="Booked meetings")
async def list_meetings(
    actor: CurrentActor,
    tx: Tx,
    start: Annotated[AwareDatetime | None, Query(description="From; left out: now.")] = None,
    end: Annotated[AwareDatetime | None, Query(description="Until; left out: a week later.")] = None,
    *,
    mine: Annotated[bool, Query(description="Only those that you organise.")] = False,
    limit: Limit = 50,
    after: After = None,
) -> Page[Meeting]:
    """Those of which a part lies in that time, the first to begin first."""
    start = start or tx.now()
    page = await meetings_between(actor, tx, start, end or start + LISTED, mine=mine, limit=limit, after=after)
    return Page(items=[Meeting.model_validate(meeting) for meeting in page.meetings], next=page.next_cursor)


@router.post("/meetings", summary="Book a meeting", status_code=201, responses=problems(400, 404, 409))
async def book_meeting(
    actor: Booker,
    tx: Tx,
    sent: Booking,
    key: Key = "",
) -> Meeting:
    """Every room or none. `room-taken` lists in `fields.taken` each booking in the way, by whom and until when.

    With `hold_until` the rooms are kept from others until then, and given back unless somebody confirms the meeting.
    """
    request = BookingRequest(
        sent.title, sent.rooms, sent.starts_at, sent.ends_at, sent.optional, sent.kind, sent.on_behalf, sent.hold_until
    )
    return Meeting.model_validate(await book(request, actor, tx, key=key))


@router.get("/meetings/{meeting_id}", summary="One meeting", responses=problems(404))
async def read_meeting(actor: CurrentActor, tx: Tx, meeting_id: uuid.UUID, response: Response) -> Meeting:
    """Booked or cancelled. Its `ETag` is its version, for `If-Match`."""
    meeting = Meeting.model_validate(await meeting_for(actor, meeting_id, tx))
    response.headers["ETag"] = f'"{meeting.version}"'
    return meeting


@router.patch("/meetings/{meeting_id}", summary="Change a meeting", responses=problems(400, 404, 409, 412))
async def change_meeting(
    actor: Booker,
    tx: Tx,
    meeting_id: uuid.UUID,
    sent: Changing,
    *,
    following: Following = False,
    rehearse: Annotated[bool, Query(description="Only say what would change.")] = False,
    if_match: IfMatch = "",
) -> Changed:
    """Says what becomes of each meeting; a rehearsal says exactly what the change then does.

    With `following` the series ends here and another of the same family goes on. Meetings that were cancelled stay so,
    and those that were changed by themselves stay as they are.
    """
    wanted = Change(sent.title, sent.starts_at, sent.minutes, sent.add, sent.drop)
    version = version_of(if_match)
    return Changed.model_validate(
        await change(meeting_id, wanted, actor, tx, following=following, version=version, rehearse=rehearse)
    )


@router.post("/meetings/{meeting_id}/cancel", summary="Cancel a meeting", responses=problems(404, 409, 412))
async def cancel_meeting(
    actor: Booker, tx: Tx, meeting_id: uuid.UUID, *, following: Following = False, if_match: IfMatch = ""
) -> Meeting:
    """Its rooms are free at once, and go to who waits for them. Twice is as once."""
    if following:
        await cancel_following(actor, meeting_id, tx, version=version_of(if_match))
        return Meeting.model_validate(await meeting_for(actor, meeting_id, tx))
    return Meeting.model_validate(await cancel(actor, meeting_id, tx, version=version_of(if_match)))


@router.get("/approvals", summary="Rooms that wait for you to agree")
async def list_approvals(actor: CurrentActor, tx: Tx) -> list[ToApprove]:
    """The first meeting first, at most 200."""
    return [ToApprove.model_validate(one) for one in await to_approve(actor, tx)]


@router.post("/meetings/{meeting_id}/rooms/{room}/answer", summary="Agree or not", responses=problems(404, 409))
async def answer_booking(actor: CurrentActor, tx: Tx, meeting_id: uuid.UUID, room: str, sent: Answer) -> Meeting:
    """For who manages the room. Nobody's answer until the meeting begins gives it back."""
    return Meeting.model_validate(await answer(actor, meeting_id, room, tx, agreed=sent.agreed, reason=sent.reason))


@router.post("/meetings/{meeting_id}/rooms/{room}/check-in", summary="Check in", responses=problems(404, 409))
async def check_in_room(actor: Booker, tx: Tx, meeting_id: uuid.UUID, room: str) -> Meeting:
    """From half an hour before. A room that asks for it is given back if nobody does."""
    return Meeting.model_validate(await check_in(actor, meeting_id, room, tx))


@router.get("/meetings/{meeting_id}/readiness", summary="How ready a meeting's rooms are", responses=problems(404))
async def read_readiness(actor: CurrentActor, tx: Tx, meeting_id: uuid.UUID) -> list[RoomReadiness]:
    """As found when they were looked at last: at booking, a day, an hour and ten minutes before, then each minute."""
    return [RoomReadiness.model_validate(room) for room in await readiness_of(actor, meeting_id, tx)]


@router.get("/meetings/{meeting_id}/conference", summary="Whether a meeting's room is open", responses=problems(404))
async def read_conference(actor: CurrentActor, tx: Tx, meeting_id: uuid.UUID) -> Conference:
    """As the conference server told: it asks before a room is opened, and tells who comes and goes."""
    return Conference.model_validate(await conference_of(actor, meeting_id, tx))
