"""Puts meetings and their rooms into the calendar: every required room of every meeting, or nothing at all.

What all use cases go through that book: the rooms are locked in the order of their ids, everything goes in by one
statement, and the exclusion constraint has the last word. Only who lost asks why.
"""

from __future__ import annotations

import secrets
import string
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import Range

from inventory.public import MEETINGS_BOOK, MEETINGS_MANAGE
from kernel.actors import Actor, system
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from kernel.ids import new_id
from meetings.conflicts import room_taken
from meetings.errors import NotForYou, OverlapsItself, RoomClosed
from meetings.events import RoomsGot
from meetings.models import CONFIRMED, HELD, WAITING, MeetingRow
from meetings.opening import is_open
from meetings.readiness import first_checks
from meetings.repository import Wanted, booked_in, lock_rooms, reserve, save_checks, serve_waiting
from meetings.room_queries import rooms_by_code, seen_of
from meetings.rooms import RoomView

EVERYBODY: Final = system("calendar")
"""Reads the rooms that meetings have, whoever changes them."""

LETTERS: Final = string.ascii_lowercase + string.digits
CONFERENCE_LETTERS: Final = 20
"""About 103 bits: who has no invitation does not find the conference by trying names."""


@dataclass(frozen=True, slots=True)
class Place:
    """A room that meetings are to have; `managed` by who books it: they need nobody's agreement."""

    id: int
    room: RoomView
    required: bool
    managed: bool = False

    def during(self, starts_at: datetime, ends_at: datetime) -> Range[datetime]:
        """Return how long the room is needed for a meeting, getting ready included."""
        before, after = timedelta(minutes=self.room.before_min), timedelta(minutes=self.room.after_min)
        return Range(starts_at - before, ends_at + after, bounds="[)")


@dataclass(frozen=True, slots=True)
class NewMeeting:
    """A meeting to be made; of a series with the local time that its rule gave it."""

    id: uuid.UUID
    starts_at: datetime
    ends_at: datetime
    original: datetime | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What meetings are, beside when and where: the same for all of a series.

    Attributes:
        title: What they are about.
        organiser: Whose they are.
        booked_by: Who booked them for the organiser; None: they did it themselves.
        kind: Code of their kind; empty for none.
        held_until: Until when the rooms are only held; None: they are booked.
    """

    title: str
    organiser: Actor
    booked_by: Actor | None = None
    kind: str = ""
    held_until: datetime | None = None


async def find_places(
    actor: Actor,
    tx: Transaction,
    required: Collection[str],
    optional: Collection[str] = (),
    *,
    kept: Collection[str] = (),
) -> list[Place]:
    """Return the rooms with these codes, in the order of their names.

    Those of `kept` the meetings have already: they stay, whoever changes the rest.

    Raises:
        NotFound: Naming one that `actor` may not book.
        NotForYou: Naming one that is kept for others.
    """
    codes = [*required, *optional]
    bookable = await rooms_by_code(actor, tx, codes, MEETINGS_BOOK)
    for code in codes:
        if code not in bookable and code not in kept:
            raise NotFound(kind="room", code=code)
    found = await rooms_by_code(EVERYBODY, tx, codes)
    managed = await managed_by(actor, tx, found)
    check_kept_for(actor, [room for code, (_, room) in found.items() if code not in managed and code not in kept])
    return [Place(room_id, room, code in required, code in managed) for code, (room_id, room) in found.items()]


async def put_into_calendar(
    tx: Transaction,
    actor: Actor,
    meetings: Sequence[NewMeeting],
    places: Sequence[Place],
    about: About,
    *,
    series: uuid.UUID | None = None,
    or_wait: bool = False,
) -> None:
    """Make `meetings` with all of `places`. A place that is not required and is taken waits for its time.

    With `or_wait` required ones wait too.

    Raises:
        RoomTaken: A required room is taken: for each, by whose booking and until when. The caller rolls back.
        RoomClosed: Naming one that is closed then.
    """
    await lock_rooms(tx, [place.id for place in places])
    await make_meetings(tx, meetings, about, series=series)
    await take_places(tx, actor, meetings, places, or_wait=or_wait)
    await save_checks(tx, {meeting.id: first_checks(meeting.starts_at, tx.now()) for meeting in meetings})


async def make_meetings(
    tx: Transaction, meetings: Sequence[NewMeeting], about: About, *, series: uuid.UUID | None
) -> None:
    """Make `meetings`, as yet without a room."""
    await tx.session.execute(
        insert(MeetingRow),
        [
            {
                "id": meeting.id,
                "title": about.title,
                "conference": "".join(secrets.choice(LETTERS) for _ in range(CONFERENCE_LETTERS)),
                "organiser_id": about.organiser.id,
                "organiser": about.organiser.name,
                "booked_by_id": about.booked_by and about.booked_by.id,
                "booked_by": about.booked_by.name if about.booked_by else "",
                "kind": about.kind,
                "held_until": about.held_until,
                "starts_at": meeting.starts_at,
                "ends_at": meeting.ends_at,
                "state": "booked",
                "created_at": tx.now(),
                "version": 1,
                "series_id": series,
                "original_local": meeting.original,
            }
            for meeting in meetings
        ],
    )


async def take_places(
    tx: Transaction, actor: Actor, meetings: Sequence[NewMeeting], places: Sequence[Place], *, or_wait: bool = False
) -> None:
    """Reserve `places`, which are locked, for each of `meetings`, which are there. Raises RoomTaken, RoomClosed."""
    for place in places:
        check_open(place, meetings)
    wanted = [
        Wanted(meeting.id, place.id, place.during(meeting.starts_at, meeting.ends_at), _state(place), place.required)
        for meeting in meetings
        for place in places
    ]
    got = await reserve(tx, wanted)
    lost = [one for one in wanted if (one.meeting, one.room) not in got]
    if not or_wait and (needed := [one for one in lost if one.required]):
        raise await _why(tx, actor, needed, meetings, places)
    if lost:
        await reserve(tx, [replace(one, state=WAITING) for one in lost])


def check_kept_for(actor: Actor, rooms: Iterable[RoomView]) -> None:
    """Raise NotForYou if one of `rooms`, which `actor` does not manage, is kept for others."""
    theirs = {actor.name, *(hold.role for hold in actor.holds if MEETINGS_BOOK in hold.permissions)}
    for room in rooms:
        if room.bookable_by and not theirs & {*room.bookable_by}:
            raise NotForYou(room=room.name, whom=", ".join(room.bookable_by))


def check_open(place: Place, meetings: Iterable[NewMeeting]) -> None:
    """Raise RoomClosed if the room is closed at one of `meetings`. Who manages it may use it at any hour."""
    if place.managed or not place.room.hours:
        return
    for meeting in meetings:
        if not is_open(place.room.hours, meeting.starts_at, meeting.ends_at):
            raise RoomClosed(room=place.room.name, at=meeting.starts_at, hours=place.room.hours)


def _state(place: Place) -> int:
    """Return how a room is got: a manager needs nobody's agreement."""
    return HELD if place.room.approval and not place.managed else CONFIRMED


async def managed_by(actor: Actor, tx: Transaction, rooms: Mapping[str, tuple[int, RoomView]]) -> set[str]:
    """Return those of `rooms` (id and view by code) to whose bookings `actor` may agree, or refuse them."""
    own = {code for code, (_, room) in rooms.items() if actor.id is not None and room.manager == actor.name}
    if rooms and actor.may(MEETINGS_MANAGE):
        own |= (await rooms_by_code(actor, tx, list(rooms), MEETINGS_MANAGE)).keys()
    return own


async def _why(
    tx: Transaction, actor: Actor, lost: Sequence[Wanted], meetings: Sequence[NewMeeting], places: Sequence[Place]
) -> Exception:
    """Return the error that names what is in the way of each of `lost`, by meeting, then by the rooms' names."""
    ours, several = {meeting.id: meeting for meeting in meetings}, len(meetings) > 1
    codes, order = (
        {place.id: place.room.code for place in places},
        {place.room.code: n for n, place in enumerate(places)},
    )
    begins = {(codes[one.room], one.during.lower): ours[one.meeting].starts_at for one in lost}
    found = [
        replace(one, against=begins[one.room, one.against] if several and one.against else None)
        for one in await booked_in(tx, codes, lost)
        if one.meeting not in ours
    ]
    if not found:
        return OverlapsItself()
    found.sort(key=lambda one: (one.against or tx.now(), order[one.room], one.starts_at))
    names = {place.room.code: place.room.name for place in places}
    return room_taken(found, names, await seen_of(actor, found, tx))


async def hand_on(tx: Transaction, actor: Actor, rooms: Sequence[int]) -> None:
    """Give `rooms`, which are locked and were given back, to the meetings that wait for them."""
    if got := await serve_waiting(tx, rooms):
        for meeting, room in got:
            tx.audit(actor, "meeting.room-got", f"meeting:{meeting}", after={"room": room})
        tx.emit(RoomsGot(got=[(str(meeting), room) for meeting, room in got]), by=actor)


def new_meeting(starts_at: datetime, ends_at: datetime, original: datetime | None = None) -> NewMeeting:
    """Return a meeting with a new id."""
    return NewMeeting(new_id(), starts_at, ends_at, original)
