"""Books a meeting: every room of it or none, and two at once never both get a room."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import UTC

from inventory.public import MEETINGS_BOOK
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.ids import new_id
from meetings.conflicts import BookingRequest, check_request
from meetings.delegation import leader_named
from meetings.errors import KeyReused
from meetings.events import MeetingBooked
from meetings.kinds import check_kind
from meetings.queries import made, meeting_for
from meetings.repository import claim_key
from meetings.reserving import About, NewMeeting, find_places, put_into_calendar
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
        BadTitle, NoRooms, BadTime, BadHold: The request makes no sense.
        NotFound: There is no such room that `actor` may book, or no such kind.
        NotForYou, RoomClosed: A room is kept for others, or closed then.
        NotTheirDelegate: `actor` may not book in that leader's name.
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
    await check_kind(request.kind, tx)
    leader = await leader_named(actor, request.on_behalf, tx) if request.on_behalf else actor
    places = await find_places(actor, tx, request.rooms, request.optional)
    starts_at, ends_at = request.starts_at.astimezone(UTC), request.ends_at.astimezone(UTC)
    title, meeting = request.title.strip(), NewMeeting(meeting_id, starts_at, ends_at)
    other = actor if leader.id != actor.id else None
    about = About(title, leader, other, request.kind, request.hold_until)
    await put_into_calendar(tx, actor, [meeting], places, about)
    booked = MeetingBooked(
        meeting_id=str(meeting_id),
        title=title,
        rooms=sorted(place.room.code for place in places),
        starts_at=starts_at.isoformat(),
        ends_at=ends_at.isoformat(),
    )
    held_until = request.hold_until and request.hold_until.isoformat()
    also = {"kind": request.kind, "organiser": leader.name if other else "", "held_until": held_until}
    what = {name: value for name, value in {**asdict(booked), **also}.items() if value and name != "meeting_id"}
    tx.audit(actor, "meeting.held" if held_until else "meeting.booked", f"meeting:{meeting_id}", after=what)
    if not held_until:
        tx.emit(booked, by=actor)
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
    until = request.hold_until
    parts += [one for one in (request.kind, request.on_behalf, until and until.astimezone(UTC).isoformat()) if one]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).digest()
