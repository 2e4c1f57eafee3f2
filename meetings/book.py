"""Books a meeting: every room of it or none, and two at once never both get a room."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC

from inventory.public import MEETINGS_BOOK
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.ids import new_id
from meetings.conflicts import BookingRequest, check_request
from meetings.errors import KeyReused
from meetings.events import MeetingBooked
from meetings.queries import made, meeting_for
from meetings.repository import claim_key
from meetings.reserving import NewMeeting, find_places, put_into_calendar
from meetings.views import MeetingView


async def book(request: BookingRequest, actor: Actor, tx: Transaction, *, key: str = "") -> MeetingView:
    """Book every room of `request` for its time, or none, and return the meeting.

    Args:
        request: What to book; a room named twice counts once.
        actor: Who books, and organises.
        tx: The transaction; the rooms are locked until it ends.
        key: The same key of the same actor with the same request gives the meeting that it gave before.

    Raises:
        Refused: The role may not book.
        BadTitle, NoRooms, BadTime: The request makes no sense.
        NotFound: There is no such room that `actor` may book.
        RoomTaken: Naming each room that is taken, by whose booking, and until when.
        KeyReused: The key was used for another request.
    """
    actor.require(MEETINGS_BOOK)
    meeting_id = new_id()
    # First the key: repeated after the meeting has begun, the request makes no sense any more, and its answer does.
    if key and (known := await claim_key(tx, keeper(actor), key, _print_of(request), meeting_id)) is not None:
        if known[1] != _print_of(request):
            raise KeyReused
        return await meeting_for(actor, known[0], tx)
    check_request(request, tx.now())
    places = await find_places(actor, tx, request.rooms, request.optional)
    starts_at, ends_at = request.starts_at.astimezone(UTC), request.ends_at.astimezone(UTC)
    title, meeting = request.title.strip(), NewMeeting(meeting_id, starts_at, ends_at)
    await put_into_calendar(tx, actor, [meeting], places, title=title, organiser=actor)
    rooms = sorted(place.room.code for place in places)
    tx.audit(
        actor,
        "meeting.booked",
        f"meeting:{meeting_id}",
        after={
            "title": title,
            "rooms": rooms,
            "starts_at": starts_at.isoformat(),
            "ends_at": ends_at.isoformat(),
        },
    )
    tx.emit(
        MeetingBooked(
            meeting_id=str(meeting_id),
            title=title,
            rooms=rooms,
            starts_at=starts_at.isoformat(),
            ends_at=ends_at.isoformat(),
        ),
        by=actor,
    )
    return await made(actor, meeting_id, tx)


def keeper(actor: Actor) -> str:
    """Return under whom a key is kept: two people may have the same one."""
    return str(actor.id or actor.name)


def _print_of(request: BookingRequest) -> bytes:
    """Return what tells one request from another."""
    parts = [
        request.title.strip(),
        sorted(set(request.rooms)),
        *(at.astimezone(UTC).isoformat() for at in (request.starts_at, request.ends_at)),
    ]
    if request.optional:
        parts.append(sorted(set(request.optional)))
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).digest()
